package sandbox

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"time"
)

// Endpoint is where webhooks are delivered to.
type Endpoint struct {
	// URL is posted to; http or https.
	URL string
	// Secret signs; empty = one is made ("whsec_…").
	Secret string
	// APIVersion is the version events are written in; empty = 2023-10-16. From
	// "2025-03-31" on, invoices and subscriptions have their newer shape.
	APIVersion string
	// Events are the types that are sent, "*" (or none named) for all.
	Events []string
	// Disabled stops deliveries.
	Disabled bool
}

// hook is an endpoint as the sandbox keeps it.
type hook struct {
	Endpoint
	id       string
	created  int64
	about    string
	metadata map[string]string
	retiring string    // the secret before the last roll
	until    time.Time // when it stops to sign
}

func (h *hook) key() string { return h.id }
func (h *hook) made() int64 { return h.created }

func (h *hook) wants(kind string) bool {
	return !h.Disabled && (slices.Contains(h.Events, "*") || slices.Contains(h.Events, kind))
}

// sign makes the Stripe-Signature header: HMAC-SHA256 over "t.payload", once
// for each secret that is valid. Source: https://stripe.com/docs/webhooks/signatures
func (h *hook) sign(at time.Time, payload []byte) string {
	t := at.Unix()
	header := fmt.Sprintf("t=%d,v1=%s", t, signature(h.Secret, t, payload))
	if h.retiring != "" && at.Before(h.until) {
		header += ",v1=" + signature(h.retiring, t, payload)
	}
	return header
}

func signature(secret string, t int64, payload []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(strconv.AppendInt(nil, t, 10))
	mac.Write([]byte{'.'})
	mac.Write(payload)
	return hex.EncodeToString(mac.Sum(nil))
}

func (h *hook) render(*ledger) object {
	status := "enabled"
	if h.Disabled {
		status = "disabled"
	}
	return object{
		"id": h.id, "object": "webhook_endpoint", "api_version": h.APIVersion, "application": nil,
		"created": h.created, "description": orNull(h.about), "enabled_events": asList(h.Events), "livemode": false,
		"metadata": h.metadata, "status": status, "url": h.URL,
	}
}

// AddEndpoint makes a webhook endpoint known and returns its id and its secret.
// It panics when the address is none.
func (s *Server) AddEndpoint(e Endpoint) (id, secret string) {
	at, err := url.Parse(e.URL)
	if err != nil || at.Host == "" {
		panic("stripe sandbox: the address of a webhook endpoint is none: " + e.URL)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	h := s.ledger.newHook(e)
	s.courier.know(*h)
	return h.id, h.Secret
}

func (l *ledger) newHook(e Endpoint) *hook {
	h := &hook{Endpoint: e, id: l.id("we_1", 23), created: l.unix(), metadata: map[string]string{}}
	if h.Secret == "" {
		h.Secret = l.id("whsec_", 32)
	}
	if h.APIVersion == "" {
		h.APIVersion = apiVersion
	}
	if len(h.Events) == 0 {
		h.Events = []string{"*"}
	}
	l.hooks.add(h)
	return h
}

// RollSecret gives an endpoint a new secret and returns it. For the overlap, by
// the clock of signatures, both secrets sign; Stripe allows up to 24 h.
func (s *Server) RollSecret(id string, overlap time.Duration) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	h, ok := s.ledger.hooks.get(id)
	if !ok {
		return "", fmt.Errorf("no such webhook endpoint: %s", id)
	}
	h.retiring, h.until = h.Secret, s.cfg.Now().Add(overlap)
	h.Secret = s.ledger.id("whsec_", 32)
	s.courier.know(*h)
	return h.Secret, nil
}

func (s *Server) hookCalls() []call {
	const id = "/v1/webhook_endpoints/{webhook_endpoint}"
	bare := pagesWithout("created")
	return []call{
		{"POST", "/v1/webhook_endpoints", answers().with(shape{
			"url": address().must(), "enabled_events": listOf(text(200), 500).must(), "api_version": text(60),
			"description": text(5000).canUnset(), "metadata": metadata(),
		}), "webhook_endpoint", s.createHook},
		{"GET", "/v1/webhook_endpoints", bare, "list:webhook_endpoint", func(t *turn) (object, *problem) {
			return page(t, t.hooks, t.hooks.along("", ""), func(h *hook) bool { return !h.gone() })
		}},
		{"GET", id, answers(), "webhook_endpoint", readHook},
		{"POST", id, answers().with(shape{
			"url": address(), "enabled_events": listOf(text(200), 500), "disabled": yesNo(),
			"description": text(5000).canUnset(), "metadata": metadata(),
		}), "webhook_endpoint", s.updateHook},
		{"DELETE", id, shape{}, "webhook_endpoint", s.deleteHook},
	}
}

// gone endpoints stay on the shelf, so that cursors go on to work.
func (h *hook) gone() bool { return h.URL == "" }

func (t *turn) hook() (*hook, *problem) {
	h, ok := t.hooks.get(t.path("webhook_endpoint"))
	if !ok || h.gone() {
		return nil, missing("webhook endpoint", t.path("webhook_endpoint"), "webhook_endpoint", 404)
	}
	return h, nil
}

func (s *Server) createHook(t *turn) (object, *problem) {
	h := t.newHook(Endpoint{
		URL: t.in.text("url"), Events: t.in.texts("enabled_events"), APIVersion: t.in.text("api_version"),
	})
	h.about, h.metadata = t.in.text("description"), t.in.metadataOver(nil)
	s.courier.know(*h)
	made := h.render(t.ledger)
	made["secret"] = h.Secret // told once, when the endpoint is made
	return made, nil
}

func readHook(t *turn) (object, *problem) {
	h, wrong := t.hook()
	if wrong != nil {
		return nil, wrong
	}
	return h.render(t.ledger), nil
}

func (s *Server) updateHook(t *turn) (object, *problem) {
	h, wrong := t.hook()
	if wrong != nil {
		return nil, wrong
	}
	in := t.in
	if in.has("url") {
		h.URL = in.text("url")
	}
	if in.has("enabled_events") {
		h.Events = in.texts("enabled_events")
	}
	if in.has("disabled") {
		h.Disabled = in.flag("disabled")
	}
	if in.has("description") {
		h.about = in.text("description")
	}
	if in.has("metadata") {
		h.metadata = in.metadataOver(h.metadata)
	}
	s.courier.know(*h)
	return h.render(t.ledger), nil
}

func (s *Server) deleteHook(t *turn) (object, *problem) {
	h, wrong := t.hook()
	if wrong != nil {
		return nil, wrong
	}
	h.URL = ""
	s.courier.forget(h.id)
	return object{"id": h.id, "object": "webhook_endpoint", "deleted": true}, nil
}

// pagesWithout is what a list takes that lacks one of the usual parameters.
func pagesWithout(names ...string) shape {
	all := pages()
	for _, name := range names {
		delete(all, name)
	}
	return all
}
