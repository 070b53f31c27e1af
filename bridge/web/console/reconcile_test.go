package console_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
)

// farSides is a portal and a provider as a test says they are.
type farSides struct {
	bridge.Portal
	bridge.Provider
	keys    map[string]bridge.AccessState
	waits   []string
	money   map[bridge.ID]bridge.Money
	strays  []bridge.Opened
	refused bool // the provider does not let us in
}

func (f farSides) portal() bridge.Portal     { return farKeys{f.Portal, f} }
func (f farSides) provider() bridge.Provider { return farMoney{f.Provider, f} }

type farKeys struct {
	bridge.Portal
	far farSides
}

func (f farKeys) Read(_ context.Context, key string, _ bridge.Access) (bridge.KeyRequest, error) {
	return bridge.KeyRequest{State: f.far.keys[key]}, nil
}

func (f farKeys) ListPending(_ context.Context, yield func(string) error) error {
	for _, key := range f.far.waits {
		if err := yield(key); err != nil {
			return err
		}
	}
	return nil
}

type farMoney struct {
	bridge.Provider
	far farSides
}

func (f farMoney) Read(_ context.Context, r bridge.Request) (bridge.Money, error) {
	return f.far.money[r.ID], nil
}

func (f farMoney) List(_ context.Context, _ time.Time, yield func(bridge.Opened) error) error {
	if f.far.refused {
		return &bridge.Error{Kind: bridge.Refused, Msg: "the credentials are not accepted"}
	}
	for id, m := range f.far.money {
		if err := yield(bridge.Opened{Request: id, Portal: "main", Money: m}); err != nil {
			return err
		}
	}
	for _, o := range f.far.strays {
		if err := yield(o); err != nil {
			return err
		}
	}
	return nil
}

// reconcile runs one between far sides.
func (o *office) reconcile(main, other farSides) {
	o.t.Helper()
	o.next = idOf("taken in", noon)
	service, err := bridge.New(bridge.Config{
		Store: o.store, Now: o.now, NewID: func() bridge.ID { return o.next }, Settle: 1, Page: func(bridge.ID, time.Time) string { return "" },
		Portals:   map[string]bridge.Site{"main": {Portal: main.portal()}, "other": {Portal: other.portal()}},
		Providers: map[string]bridge.Provider{"stripe": main.provider(), "elsewhere": other.provider()},
	})
	if err != nil {
		o.t.Fatal(err)
	}
	if _, err := service.Desk(people["admin"]).Reconcile(o.t.Context(), bridge.Reconciling{}); err != nil {
		o.t.Fatal(err)
	}
}

// stripes has a request's money at Stripe, where one names it.
func stripes(r *bridge.Request) { r.Terms.Provider = "stripe" }

// apart is an office in which something of every sort differs.
func apart(t *testing.T) (o *office, untold bridge.ID) {
	t.Helper()
	o = newOffice(t)
	removed := o.put("removed", active, stripes)
	untold = o.put("untold", paying, stripes, func(r *bridge.Request) { r.Access.Have = bridge.Pending })
	failing := o.put("failing", paying, attention, stripes, func(r *bridge.Request) { r.Access.Have = bridge.Pending })
	o.put("suspended", active, stripes, func(r *bridge.Request) { r.Portal = "other" })
	o.put("well", active, stripes)
	paid := func(id bridge.ID) bridge.Money {
		return bridge.Money{
			State: bridge.Paid, Checkout: bridge.Checkout{ID: o.get(id).Payment.Checkout.ID, For: bridge.Paying, State: bridge.CheckoutComplete},
			Collected: bridge.NewAmount(4900, "EUR"),
		}
	}
	living := paid(removed)
	living.Subscribed, living.PaidUntil = true, noon.AddDate(0, 1, 0)
	o.reconcile(farSides{
		keys:  map[string]bridge.AccessState{"removed": bridge.Gone, "untold": bridge.Pending, "failing": bridge.Pending, "well": bridge.Granted},
		money: map[bridge.ID]bridge.Money{removed: living, untold: paid(untold), failing: paid(failing)},
		strays: []bridge.Opened{
			{Request: idOf("nobody", noon), Portal: "main", Money: bridge.Money{State: bridge.PaymentOpen, Checkout: bridge.Checkout{ID: "cs_open<b>"}}},
			{Request: idOf("nobody", noon), Money: bridge.Money{State: bridge.Paid, Checkout: bridge.Checkout{ID: "cs_paid"}, Collected: bridge.NewAmount(1200, "JPY")}},
		},
	}, farSides{keys: map[string]bridge.AccessState{"suspended": bridge.Suspended}, waits: []string{"w<9>"}, refused: true})
	return o, untold
}

func TestThePagesOfTheReconciliation(t *testing.T) {
	empty := newOffice(t)
	golden(t, "reconcile-none", http.StatusOK, empty.as("viewer").get("/console/reconcile"))
	empty.reconcile(farSides{}, farSides{})
	golden(t, "reconcile-well", http.StatusOK, empty.as("viewer").get("/console/reconcile"))
	o, untold := apart(t)
	if page := textOf(t, o.as("viewer").get("/console/reconcile")); !strings.Contains(page, `href="/console/requests/`+string(untold)+`"`) {
		t.Error("nothing leads to the request that differs")
	}
	golden(t, "reconcile", http.StatusOK, o.as("viewer").get("/console/reconcile"))
	golden(t, "reconcile-scope", http.StatusOK, o.as("other").get("/console/reconcile"))
	if got := o.as("").get("/console/reconcile"); got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/console/sign-in?next=%2Fconsole%2Freconcile" {
		t.Errorf("who is not signed in: %d to %s", got.StatusCode, got.Header.Get("Location"))
	}
}

func TestWhoSeesOnePortalSeesNothingOfTheOthersInAReconciliation(t *testing.T) {
	o, untold := apart(t)
	text := textOf(t, o.as("other").get("/console/reconcile"))
	for _, hidden := range []string{string(untold), "cs_open", "cs_paid", "portal.example", "49.00", "5 checkouts"} {
		if strings.Contains(text, hidden) {
			t.Errorf("%q is on the page of who sees one portal", hidden)
		}
	}
	if !strings.Contains(text, "w&lt;9&gt;") || !strings.Contains(text, "2 differences") {
		t.Errorf("what is about their portal is not there: %s", text)
	}
}
