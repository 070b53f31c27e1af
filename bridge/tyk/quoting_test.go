package tyk_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"keybridge/bridge"
	"keybridge/bridge/portaltest"
	"keybridge/bridge/quotetest"
	"keybridge/bridge/tyk"
	"keybridge/bridge/tyk/sandbox"
)

// spoils are the ways in which a portal says what nobody may read.
var spoils = map[string]quotetest.Spoil{
	"in an error under 200":      refuses(http.StatusOK, quotetest.Text).Throughout(),
	"in a refusal":               refuses(http.StatusForbidden, "not authorised: "+quotetest.Text),
	"in what it does not find":   refuses(http.StatusNotFound, "the key "+quotetest.Text+" does not exist"),
	"in a policy it does not":    refuses(http.StatusBadRequest, "policy "+quotetest.Text+" not found"),
	"in what was decided":        refuses(http.StatusBadRequest, quotetest.Text+" is already approved"),
	"in what cannot be done":     refuses(http.StatusUnprocessableEntity, quotetest.Text).Throughout(),
	"in what is behind it":       refuses(http.StatusInternalServerError, "redis: "+quotetest.Text+": connection refused"),
	"in a wish for patience":     refuses(http.StatusTooManyRequests, quotetest.Text),
	"in members of another kind": answers(`{"Status":{"of":"it"},"ID":["it"],"Data":"it","Model":"it","id":{"x":"it"}}`),
	"in a list":                  answers(`["it",{"ID":"it"}]`),
}

// refuses is an error in every form that Tyk's products give it.
func refuses(status int, message string) quotetest.Spoil {
	return quotetest.Says(status, "application/json", strings.ReplaceAll(`{"Status":"Error","Message":"it","errors":["it"],"error":"it","Meta":"it"}`, `"it"`, `"`+message+`"`))
}

// answers is an answer that is none of those that are asked for, to every call.
func answers(body string) quotetest.Spoil {
	return quotetest.Says(http.StatusOK, "application/json", strings.ReplaceAll(body, `"it"`, `"`+quotetest.Text+`"`)).Throughout()
}

// portCalls are those of the port, each on what it is made for.
var portCalls = map[string]func(t *testing.T, s portaltest.Stand) func(context.Context, bridge.Portal) error{
	"read": func(t *testing.T, s portaltest.Stand) func(context.Context, bridge.Portal) error {
		return on(s.Ask(t, s.Policies[0]), bridge.Access{}, bridge.Portal.Read)
	},
	"read what is granted": func(t *testing.T, s portaltest.Stand) func(context.Context, bridge.Portal) error {
		key, known := grantedBy(t, s)
		return on(key, known, bridge.Portal.Read)
	},
	"approve": func(t *testing.T, s portaltest.Stand) func(context.Context, bridge.Portal) error {
		return on(s.Ask(t, s.Policies[0]), bridge.Access{Have: bridge.Pending}, bridge.Portal.Approve)
	},
	"decline": func(t *testing.T, s portaltest.Stand) func(context.Context, bridge.Portal) error {
		key := s.Ask(t, s.Policies[0])
		return func(ctx context.Context, p bridge.Portal) error {
			_, err := p.Decline(ctx, key, bridge.Access{Have: bridge.Pending}, "no")
			return err
		}
	},
	"suspend": func(t *testing.T, s portaltest.Stand) func(context.Context, bridge.Portal) error {
		key, known := grantedBy(t, s)
		return on(key, known, bridge.Portal.Suspend)
	},
	"resume": func(t *testing.T, s portaltest.Stand) func(context.Context, bridge.Portal) error {
		key, known := grantedBy(t, s)
		facts, err := s.Portal.Suspend(t.Context(), key, known)
		if err != nil {
			t.Fatal(err)
		}
		return on(key, bridge.Access{Have: facts.State, Keys: facts.Keys}, bridge.Portal.Resume)
	},
	"revoke": func(t *testing.T, s portaltest.Stand) func(context.Context, bridge.Portal) error {
		key, known := grantedBy(t, s)
		return on(key, known, bridge.Portal.Revoke)
	},
	"create": func(_ *testing.T, s portaltest.Stand) func(context.Context, bridge.Portal) error {
		return func(ctx context.Context, p bridge.Portal) error {
			_, err := p.Create(ctx, bridge.Asking{Developer: s.Applicant.Email, Policies: s.Policies[:1], Plan: s.Plan})
			return err
		}
	},
	"list pending": func(t *testing.T, s portaltest.Stand) func(context.Context, bridge.Portal) error {
		s.Ask(t, s.Policies[0])
		return func(ctx context.Context, p bridge.Portal) error {
			return p.ListPending(ctx, func(string) error { return nil })
		}
	},
}

func on(key string, known bridge.Access, call func(bridge.Portal, context.Context, string, bridge.Access) (bridge.KeyRequest, error)) func(context.Context, bridge.Portal) error {
	return func(ctx context.Context, p bridge.Portal) error {
		_, err := call(p, ctx, key, known)
		return err
	}
}

func grantedBy(t *testing.T, s portaltest.Stand) (key string, known bridge.Access) {
	t.Helper()
	key = s.Ask(t, s.Policies[0])
	facts, err := s.Portal.Approve(t.Context(), key, bridge.Access{Have: bridge.Pending})
	if err != nil {
		t.Fatal(err)
	}
	return key, bridge.Access{Have: facts.State, Keys: facts.Keys}
}

// TestNoErrorAndNoLineOfTheLogQuotesAPortal spoils every answer of every call that an adapter makes, one at a time.
func TestNoErrorAndNoLineOfTheLogQuotesAPortal(t *testing.T) {
	for product, start := range map[string]func(t *testing.T) (portaltest.Stand, *quotetest.FarEnd, bridge.Portal){
		"classic": func(t *testing.T) (s portaltest.Stand, far *quotetest.FarEnd, p bridge.Portal) {
			f := newFarEnd(t, sandbox.DefaultSettings())
			p = f.client(t, func(c *tyk.Config) { far = quotetest.Before(t, c.URL); c.URL = far.URL })
			return f.stand(t), far, p
		},
		"enterprise": func(t *testing.T) (s portaltest.Stand, far *quotetest.FarEnd, p bridge.Portal) {
			f := newEnterpriseEnd(t, sandbox.EnterpriseConfig{})
			p = f.client(t, func(c *tyk.EnterpriseConfig) { far = quotetest.Before(t, c.URL); c.URL = far.URL })
			return f.stand(t), far, p
		},
	} {
		for name, prepare := range portCalls {
			t.Run(product+" "+name, func(t *testing.T) {
				t.Parallel()
				s, far, p := start(t)
				far.Search(t, quotetest.Search{
					Spoils: spoils,
					Prepare: func() func(context.Context) error {
						call := prepare(t, s)
						return func(ctx context.Context) error { return call(ctx, p) }
					},
					Polls: name == "resume", // until there are credentials
					Log:   s.Log,
				})
			})
		}
	}
}
