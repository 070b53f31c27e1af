package web

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"keybridge/bridge"
)

// Operations answers health and metrics, on a listener that the public does not
// reach.
type Operations struct {
	Metrics *Metrics
	// Checks says of everything that the bridge needs whether it is there. Called on
	// every /readyz; it may take two seconds.
	Checks func(context.Context) []Check

	stopping atomic.Bool
}

// Check is one thing that the bridge needs.
type Check struct {
	// Name is short: "store", "disk", "portal main".
	Name   string      `json:"name"`
	Status CheckStatus `json:"status"`
	// Says what is wrong, in a sentence for people. Empty: nothing is.
	Says string `json:"says,omitempty"`
}

// CheckStatus says what a check means for the bridge.
type CheckStatus string

// What a check may come to.
const (
	CheckOK CheckStatus = "ok"
	// CheckWarning: somebody should look at it, and everything can be taken in.
	CheckWarning CheckStatus = "warning"
	// CheckFailing: because of it nothing can be taken in.
	CheckFailing CheckStatus = "failing"
)

// Stop makes /readyz answer that the bridge is going, so that nothing new is sent.
func (o *Operations) Stop() { o.stopping.Store(true) }

// ServeHTTP answers /livez (also as /healthz), /readyz and /metrics.
func (o *Operations) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/livez", "/healthz":
		writeJSON(w, http.StatusOK, map[string]string{"status": "ok"})
	case "/readyz":
		o.ready(w, r)
	case "/metrics":
		o.Metrics.handler.ServeHTTP(w, r)
	default:
		writeProblem(w, &bridge.Error{Kind: bridge.NotFound, Msg: "Here are /livez, /readyz and /metrics."})
	}
}

// ready answers 200 or 503, with every check. Who asks for text/plain is told in words.
func (o *Operations) ready(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	checks := o.Checks(ctx)
	if o.stopping.Load() {
		checks = append(checks, Check{Name: "bridge", Status: CheckFailing, Says: "The bridge is stopping."})
	}
	wrong := why(checks)
	status := http.StatusOK
	if wrong != "" {
		status = http.StatusServiceUnavailable
		w.Header().Set("Retry-After", "5")
	}
	accept := r.Header.Get("Accept")
	switch {
	case strings.Contains(accept, "text/plain") && !strings.Contains(accept, "json"):
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		w.WriteHeader(status)
		_, _ = io.WriteString(w, inWords(wrong == "", checks)) // the caller is gone, or it is written
	case wrong != "":
		writeTyped(w, status, "application/problem+json", unready{problem{"about:blank", "Not ready", status, wrong}, checks})
	default:
		writeJSON(w, status, readiness{"ready", checks})
	}
}

// readiness is what a program is told of a bridge that is ready.
type readiness struct {
	Status string  `json:"status"`
	Checks []Check `json:"checks"`
}

// unready is the problem document of one that is not.
type unready struct {
	problem
	Checks []Check `json:"checks"`
}

// why is everything because of which the bridge is not ready.
func why(checks []Check) string {
	var says []string
	for _, c := range checks {
		if c.Status == CheckFailing {
			says = append(says, cmp.Or(c.Says, c.Name))
		}
	}
	return strings.Join(says, " ")
}

// inWords tells a person how everything is, a line each.
func inWords(ready bool, checks []Check) string {
	var out strings.Builder
	if !ready {
		out.WriteString("not ")
	}
	out.WriteString("ready\n")
	for _, c := range checks {
		out.WriteString(strings.TrimSpace(fmt.Sprintf("%s: %s. %s", c.Name, c.Status, c.Says)) + "\n")
	}
	return out.String()
}
