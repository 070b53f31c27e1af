package web

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"runtime"
	"runtime/debug"
	"time"

	"github.com/gin-gonic/gin"
)

// Engine is what pages, console and API have in common: how they are routed, what becomes of
// a panic, and what is logged of a call.
type Engine struct {
	// TrustedProxies are the addresses or ranges whose X-Forwarded-For is believed.
	TrustedProxies []string
	// Fail answers with an error. It is called for a panic if nothing was written yet.
	Fail func(c *gin.Context, err error)
	// Log is told of panics, and at level Debug of every call: its route, never its path or
	// query, which may hold tokens or words that were searched for.
	Log *slog.Logger
	// Headers are set on every answer.
	Headers map[string]string
}

// New returns an engine of Gin that routes nothing yet.
func (e Engine) New() (*gin.Engine, error) {
	gin.SetMode(gin.ReleaseMode)
	out := gin.New()
	out.HandleMethodNotAllowed = true
	out.ContextWithFallback = true
	out.RedirectTrailingSlash = false // such a redirect would carry a token in an answer that may be cached
	out.Use(e.recovered, e.logged, WithHeaders(e.Headers))
	return out, out.SetTrustedProxies(e.TrustedProxies)
}

// recovered answers a panic and logs it; the process goes on.
func (e Engine) recovered(c *gin.Context) {
	defer func() {
		p := recover()
		if p == nil {
			return
		}
		if p == http.ErrAbortHandler { //nolint:errorlint // a value to compare with, by its documentation
			panic(p)
		}
		e.Log.Error("panic in a handler", "route", c.FullPath(), "panic", panicText(p), "stack", string(debug.Stack()))
		c.Abort()
		if !c.Writer.Written() {
			e.Fail(c, errors.New("panic"))
		}
	}()
	c.Next()
}

// panicText says what a panic was, without what it quotes, which may be anything that was
// sent. What the runtime says holds no such thing.
func panicText(p any) string {
	if err, ok := p.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("a %T", p)
}

// logged writes one line for a call.
func (e Engine) logged(c *gin.Context) {
	if !e.Log.Enabled(c, slog.LevelDebug) {
		c.Next()
		return
	}
	begin := time.Now()
	c.Next()
	e.Log.LogAttrs(context.WithoutCancel(c), slog.LevelDebug, "answered",
		slog.String("method", c.Request.Method), slog.String("route", c.FullPath()),
		slog.Int("status", c.Writer.Status()), slog.Duration("took", time.Since(begin)))
}

// PageHeaders are those of every page, with what its policy allows it to load.
func PageHeaders(contentSecurity string) map[string]string {
	return map[string]string{
		"Content-Security-Policy":    contentSecurity,
		"Referrer-Policy":            "no-referrer",
		"X-Content-Type-Options":     "nosniff",
		"Cross-Origin-Opener-Policy": "same-origin",
		"Cache-Control":              "no-store",
		"X-Robots-Tag":               "noindex",
	}
}

// WithHeaders sets headers.
func WithHeaders(headers map[string]string) gin.HandlerFunc {
	return func(c *gin.Context) {
		for name, value := range headers {
			c.Writer.Header().Set(name, value)
		}
	}
}

// SameOrigin refuses what another site's page made a browser send. origin is our own public
// address, which is named because a proxy in front may not pass on the Host it was asked for;
// empty: the Host is believed.
func SameOrigin(origin string, refuse gin.HandlerFunc) (gin.HandlerFunc, error) {
	protection := http.NewCrossOriginProtection()
	if origin != "" {
		if err := protection.AddTrustedOrigin(origin); err != nil {
			return nil, fmt.Errorf("web: the origin: %w", err)
		}
	}
	return func(c *gin.Context) {
		if protection.Check(c.Request) != nil {
			c.Abort()
			refuse(c)
		}
	}, nil
}
