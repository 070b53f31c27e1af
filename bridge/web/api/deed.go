package api

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// order is what a program says with a deed. Each takes what it needs.
type order struct {
	Why    string        `json:"why,omitempty"`
	Text   string        `json:"text,omitempty"`
	To     string        `json:"to,omitempty"`
	Amount bridge.Amount `json:"amount,omitzero"`
}

// deed is something that is done to a request. It is POST /requests/{id}/{kind}.
type deed struct {
	kind bridge.DeedKind
	// decides says that it is about what was seen, and takes If-Match.
	decides bool
	// takes are the members of its body, needs those that may not be left out.
	takes func(*order) members
	needs []string
}

// deeds are all of them: those that the console offers.
func deeds() []deed {
	reason := func(o *order) members { return members{"why": filled(&o.Why)} }
	words := func(o *order) members { return members{"text": filled(&o.Text)} }
	return []deed{
		{kind: bridge.DoApprove, decides: true, takes: func(o *order) members { return members{"why": text(&o.Why)} }},
		{kind: bridge.DoDecline, decides: true, takes: reason, needs: []string{"why"}},
		{kind: bridge.DoWaive, decides: true, takes: reason, needs: []string{"why"}},
		{
			kind: bridge.DoRefund, decides: true, needs: []string{"amount", "why"},
			takes: func(o *order) members { return members{"amount": amount(&o.Amount), "why": filled(&o.Why)} },
		},
		{kind: bridge.DoEnd, decides: true, takes: reason, needs: []string{"why"}},
		{kind: bridge.DoAsk, takes: words, needs: []string{"text"}},
		{kind: bridge.DoNote, takes: words, needs: []string{"text"}},
		{kind: bridge.DoAssign, takes: func(o *order) members { return members{"to": text(&o.To)} }, needs: []string{"to"}},
		{kind: bridge.DoRetry, takes: func(*order) members { return nil }},
	}
}

// of is the deed that a program orders.
func (d deed) of(o order) bridge.Deed {
	return bridge.Deed{Kind: d.kind, Text: cmp.Or(o.Why, o.Text), To: o.To, Amount: o.Amount}
}

// receipt says what was done, and where the request stood right after it. Nothing in it is
// personal, so that it can be kept.
type receipt struct {
	Request bridge.ID `json:"request"`
	Self    string    `json:"self"`
	// Done is the name of the deed, or "create".
	Done    string         `json:"done"`
	At      time.Time      `json:"at"`
	By      bridge.Actor   `json:"by"`
	Edition string         `json:"edition"`
	State   bridge.State   `json:"state"`
	Verdict bridge.Outcome `json:"verdict"`
	// Second says that it is the first of two approvals, and that the other is waited for.
	Second bool `json:"waits_for_second"`
}

// receipted is the reply to a write that was done.
func (a *API) receipted(status int, done string, p bridge.Person, r bridge.Request) reply {
	step, waits := r.Current()
	self := Base + "/requests/" + string(r.ID)
	return reply{status: status, etag: r.Edition(), location: self, body: receipt{
		Request: r.ID, Self: self, Done: done, At: a.cfg.Now().UTC(), By: p.Actor(), Edition: r.Edition(),
		State: r.State(), Verdict: r.Verdict.Outcome,
		Second: waits && step.Kind == bridge.Review && r.Verdict.Outcome == bridge.Open && len(r.Seconded) > 0,
	}}
}

// does answers a deed.
func (a *API) does(d deed) func(*gin.Context, bridge.Person) (reply, error) {
	return func(c *gin.Context, p bridge.Person) (reply, error) {
		if _, err := readQuery(c); err != nil {
			return reply{}, err
		}
		r, err := a.on(c, p)
		if err != nil {
			return reply{}, err
		}
		if barred := p.May(d.kind.Operation(), r.Portal); barred != nil {
			_ = a.cfg.Service.Desk(p).Do(c.Request.Context(), r.ID, bridge.Deed{Kind: d.kind}) // is refused there as well, and recorded
			return reply{}, barred
		}
		o, err := a.readOrder(c, d, p)
		if err != nil {
			return reply{}, err
		}
		edition := seen(c.Request.Header.Values("If-Match"), r.Edition())
		if d.decides && edition == "" {
			return reply{}, errUnseen
		}
		return a.once(c, p, string(d.kind)+" "+string(r.ID), o, func(ctx context.Context, key string) (reply, error) {
			desk := a.cfg.Service.Desk(p).Once(key).Seen(edition)
			if err := desk.Do(ctx, r.ID, d.of(o)); err != nil {
				return reply{}, err
			}
			now, err := desk.Get(ctx, r.ID)
			if err != nil {
				return reply{}, &bridge.Error{Kind: bridge.Unavailable, Msg: "It was done, and how the request stands cannot be read. Look at it in a moment.", Err: err}
			}
			return a.receipted(http.StatusOK, string(d.kind), p, now), nil
		})
	}
}

// readOrder reads the body of a deed.
func (a *API) readOrder(c *gin.Context, d deed, p bridge.Person) (order, error) {
	sent, err := readObject(c)
	if err != nil {
		return order{}, err
	}
	var o order
	faults := append(d.takes(&o).read("", sent), missing("", sent, d.needs...)...)
	if len(faults) > 0 {
		return o, wrong(faults...)
	}
	if o.To == "" || o.To == p.Name {
		return o, nil
	}
	known, err := a.knows(c.Request.Context(), o.To)
	if err == nil && !known {
		err = wrong(inBody("to", "Nobody here is called that."))
	}
	return o, err
}

// knows reports whether somebody of that name works here.
func (a *API) knows(ctx context.Context, name string) (bool, error) {
	if a.cfg.People == nil {
		return false, nil
	}
	all, err := a.cfg.People(ctx)
	return slices.Contains(all, name), err
}
