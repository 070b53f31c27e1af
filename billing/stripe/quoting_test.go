package stripe_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"keybridge/billing/stripe"
	"keybridge/billing/stripe/sandbox"
	"keybridge/bridge"
	"keybridge/bridge/quotetest"
)

// spoils are the ways in which Stripe says what nobody may read.
var spoils = map[string]quotetest.Spoil{
	"in an error of no type":     says(http.StatusBadRequest, `{"error":"`+quotetest.Text+`"}`),
	"in a refusal of the key":    says(http.StatusUnauthorized, failing("invalid_request_error", "")),
	"in a missing permission":    says(http.StatusForbidden, failing("invalid_request_error", "")),
	"in what it does not find":   says(http.StatusNotFound, failing("invalid_request_error", "resource_missing")),
	"in what it does not accept": says(http.StatusBadRequest, failing("invalid_request_error", "parameter_unknown")).Throughout(),
	"in words of no API":         says(http.StatusBadRequest, failing(quotetest.Text, quotetest.Text)).Throughout(),
	"in a declined card":         says(http.StatusPaymentRequired, failing("card_error", "card_declined")),
	"in a conflict":              says(http.StatusConflict, failing("idempotency_error", "idempotency_key_in_use")),
	"in a wish for patience":     says(http.StatusTooManyRequests, failing("invalid_request_error", "rate_limit")),
	"in a fault of its own":      says(http.StatusInternalServerError, failing("api_error", "")),
	"in members of another kind": says(http.StatusOK, strings.ReplaceAll(
		`{"id":["it"],"object":"it","data":"it","amount":"it","metadata":"it","client_secret":"it"}`, `"it"`, `"`+quotetest.Text+`"`)).Throughout(),
}

func says(status int, body string) quotetest.Spoil {
	return quotetest.Says(status, "application/json", body)
}

// failing is an error of Stripe's with what nobody may read in every member that has a text.
func failing(kind, code string) string {
	return fmt.Sprintf(`{"error":{"type":%q,"code":%q,`, kind, code) + strings.ReplaceAll(
		`"message":"it","decline_code":"it","param":"it","doc_url":"it","charge":"it","payment_intent":{"id":"it","client_secret":"it","receipt_email":"it"}}}`,
		`"it"`, `"`+quotetest.Text+`"`)
}

// shop is a sandbox, and a provider that nothing spoils.
type shop struct {
	*testing.T
	far   *sandbox.Server
	clean *stripe.Provider
	made  int
}

// opened opens a checkout, and has it paid where that is said.
func (s *shop) opened(terms bridge.Terms, paid bool) bridge.Request {
	s.Helper()
	o := s.order(terms)
	m, err := s.clean.Open(s.Context(), o)
	if err == nil && paid {
		act(s.T, s.far, m.Checkout.ID, "pay")
		m, err = s.clean.Read(s.Context(), seen(o, m))
	}
	if err != nil {
		s.Fatal(err)
	}
	return seen(o, m)
}

func (s *shop) order(terms bridge.Terms) bridge.Order {
	s.made++
	return orderOf(bridge.ID(fmt.Sprintf("01J%023d", s.made)), bridge.Paying, terms, s.far.Now())
}

func held() bridge.Terms {
	held := terms("")
	held.Hold = true
	return held
}

// portCalls are those of the port, each on what it is made for.
var portCalls = map[string]func(s *shop) func(context.Context, *stripe.Provider) error{
	"quote": func(*shop) func(context.Context, *stripe.Provider) error {
		return func(ctx context.Context, p *stripe.Provider) error {
			_, err := p.Quote(ctx, bridge.Price{Name: "Gold", Ref: "price_gold"})
			return err
		}
	},
	"quote by a lookup key": func(*shop) func(context.Context, *stripe.Provider) error {
		return func(ctx context.Context, p *stripe.Provider) error {
			_, err := p.Quote(ctx, bridge.Price{Name: "Gold", Lookup: "gold"})
			return err
		}
	},
	"open": func(s *shop) func(context.Context, *stripe.Provider) error {
		o := s.order(terms("month"))
		return func(ctx context.Context, p *stripe.Provider) error { _, err := p.Open(ctx, o); return err }
	},
	"open after an attempt": func(s *shop) func(context.Context, *stripe.Provider) error {
		o := s.order(terms(""))
		o.Since = o.At.Add(-time.Minute)
		return func(ctx context.Context, p *stripe.Provider) error { _, err := p.Open(ctx, o); return err }
	},
	"read": func(s *shop) func(context.Context, *stripe.Provider) error {
		r := s.opened(terms(""), true)
		return func(ctx context.Context, p *stripe.Provider) error { _, err := p.Read(ctx, r); return err }
	},
	"read a subscription": func(s *shop) func(context.Context, *stripe.Provider) error {
		r := s.opened(terms("month"), true)
		return func(ctx context.Context, p *stripe.Provider) error { _, err := p.Read(ctx, r); return err }
	},
	"expire": func(s *shop) func(context.Context, *stripe.Provider) error {
		r := s.opened(terms(""), false)
		return func(ctx context.Context, p *stripe.Provider) error {
			_, err := p.Expire(ctx, r, "e"+string(r.ID))
			return err
		}
	},
	"capture": func(s *shop) func(context.Context, *stripe.Provider) error {
		r := s.opened(held(), true)
		return func(ctx context.Context, p *stripe.Provider) error {
			_, err := p.Capture(ctx, r, "c"+string(r.ID))
			return err
		}
	},
	"void": func(s *shop) func(context.Context, *stripe.Provider) error {
		r := s.opened(held(), true)
		return func(ctx context.Context, p *stripe.Provider) error {
			_, err := p.Void(ctx, r, "v"+string(r.ID))
			return err
		}
	},
	"refund": func(s *shop) func(context.Context, *stripe.Provider) error {
		r := s.opened(terms(""), true)
		return func(ctx context.Context, p *stripe.Provider) error {
			_, err := p.Refund(ctx, r, bridge.NewAmount(100, "EUR"), "r"+string(r.ID))
			return err
		}
	},
	"cancel": func(s *shop) func(context.Context, *stripe.Provider) error {
		r := s.opened(terms("month"), true)
		return func(ctx context.Context, p *stripe.Provider) error {
			_, err := p.Cancel(ctx, r, "n"+string(r.ID))
			return err
		}
	},
	"list missed events": func(s *shop) func(context.Context, *stripe.Provider) error {
		s.opened(terms(""), true)
		return func(ctx context.Context, p *stripe.Provider) error {
			return p.Missed(ctx, s.far.Now().Add(-time.Hour), func(bridge.Hint) error { return nil })
		}
	},
	"list checkouts": func(s *shop) func(context.Context, *stripe.Provider) error {
		s.opened(terms(""), true)
		return func(ctx context.Context, p *stripe.Provider) error {
			return p.List(ctx, s.far.Now().Add(-time.Hour), func(bridge.Opened) error { return nil })
		}
	},
}

// TestNoErrorAndNoLineOfTheLogQuotesStripe spoils every answer of every call that the provider makes, one at a time.
func TestNoErrorAndNoLineOfTheLogQuotesStripe(t *testing.T) {
	for name, prepare := range portCalls {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			far, address := farEnd(t)
			before := quotetest.Before(t, address)
			var log bytes.Buffer
			p := provider(t, far, before.URL, func(c *stripe.Config) {
				c.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			})
			s := &shop{T: t, far: far, clean: provider(t, far, address, nil)}
			before.Search(t, quotetest.Search{
				Spoils: spoils,
				Prepare: func() func(context.Context) error {
					call := prepare(s)
					return func(ctx context.Context) error { return call(ctx, p) }
				},
				Log: log.String,
			})
		})
	}
}
