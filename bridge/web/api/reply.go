package api

import (
	"encoding/json"
	"net/http"

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

// headers are those of every answer. There are none that let other origins in.
var headers = map[string]string{
	"Cache-Control":                "no-store",
	"Content-Security-Policy":      "default-src 'none'; frame-ancestors 'none'",
	"Cross-Origin-Resource-Policy": "same-origin",
	"Referrer-Policy":              "no-referrer",
	"X-Content-Type-Options":       "nosniff",
	"X-Robots-Tag":                 "noindex",
}
