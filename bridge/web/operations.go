package web

import (
	"context"
	"net/http"
	"sync/atomic"
	"time"

	"keybridge/bridge"
)

// Operations answers health and metrics, on a listener that the public does not
// reach.
type Operations struct {
	Metrics *Metrics
	// Ready says why the bridge cannot take anything in; nil when it can. Called on
	// every /readyz.
	Ready func(context.Context) error

	stopping atomic.Bool
}

// Stop makes /readyz answer that the bridge is going, so that nothing new is sent.
func (o *Operations) Stop() { o.stopping.Store(true) }

// ServeHTTP answers /healthz, /readyz and /metrics.
func (o *Operations) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/healthz":
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	case "/readyz":
		o.ready(w, r)
	case "/metrics":
		o.Metrics.handler.ServeHTTP(w, r)
	default:
		writeProblem(w, &bridge.Error{Kind: bridge.NotFound, Msg: "Here are /healthz, /readyz and /metrics."})
	}
}

func (o *Operations) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	err := o.Ready(ctx)
	if o.stopping.Load() {
		err = &bridge.Error{Kind: bridge.Unavailable, Msg: "the bridge is stopping"}
	}
	if err != nil {
		w.Header().Set("Retry-After", "5")
		writeProblem(w, &bridge.Error{Kind: bridge.Unavailable, Msg: bridge.Explain(err), Err: err})
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"status": "ready"})
}
