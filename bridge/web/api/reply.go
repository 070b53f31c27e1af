package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// reply is what a call is answered with. A nil body is none.
type reply struct {
	status int
	etag   string // an edition; empty: none
	// location is the address of what was made.
	location string
	// replayed says that it was answered before.
	replayed bool
	body     any
}

// ok is the reply with a value.
func ok(body any) reply { return reply{status: http.StatusOK, body: body} }

// answered lets a call in and turns its handler into one that writes what it returns.
func (a *API) answered(handle func(*gin.Context, bridge.Person) (reply, error)) gin.HandlerFunc {
	return func(c *gin.Context) {
		p, err := a.enter(c)
		var out reply
		if err == nil {
			out, err = handle(c, p)
		}
		if err != nil {
			a.fail(c, err)
			return
		}
		out.write(c)
	}
}

func (r reply) write(c *gin.Context) {
	if r.etag != "" {
		c.Header("ETag", tag(r.etag))
	}
	if r.location != "" {
		c.Header("Location", r.location)
	}
	if r.replayed {
		c.Header("Idempotent-Replayed", "true")
	}
	if r.body == nil {
		c.Status(r.status)
		c.Writer.WriteHeaderNow()
		return
	}
	c.Header("Content-Type", "application/json")
	c.Status(r.status)
	_ = json.NewEncoder(c.Writer).Encode(r.body) // the caller is gone, or it is written
}

// secured sets the headers of every answer. There are none that let other origins in.
func secured(c *gin.Context) {
	h := c.Writer.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("X-Robots-Tag", "noindex")
}

// recovered answers a panic with a problem and logs it; the process goes on. What a panic
// quotes may be anything that was sent, so only the runtime's own words are logged.
func (a *API) recovered(c *gin.Context) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler { //nolint:errorlint // a value to compare with, by its documentation
			panic(p)
		}
		said := fmt.Sprintf("a %T", p)
		if err, ok := p.(runtime.Error); ok {
			said = err.Error()
		}
		a.cfg.Log.Error("panic in a handler of the API", "route", c.FullPath(), "panic", said, "stack", string(debug.Stack()))
		c.Abort()
		if !c.Writer.Written() {
			a.fail(c, errors.New("panic"))
		}
	}()
	c.Next()
}

// logged writes one line for a call: its route, never its path, query or token.
func (a *API) logged(c *gin.Context) {
	if !a.cfg.Log.Enabled(c, slog.LevelDebug) {
		c.Next()
		return
	}
	begin := time.Now()
	c.Next()
	a.cfg.Log.LogAttrs(context.WithoutCancel(c), slog.LevelDebug, "answered",
		slog.String("method", c.Request.Method), slog.String("route", c.FullPath()),
		slog.Int("status", c.Writer.Status()), slog.Duration("took", time.Since(begin)))
}
