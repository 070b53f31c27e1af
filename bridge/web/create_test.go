package web_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

func TestOperatorsMakeKeyRequests(t *testing.T) {
	o, g := newOperator(t)
	var orders []web.CreateOrder
	o.Create = func(ctx context.Context, order web.CreateOrder) (bridge.Request, error) {
		orders = append(orders, order)
		if order.Portal != "main" {
			return bridge.Request{}, &bridge.Error{Kind: bridge.NotFound, Msg: "There is no portal " + order.Portal + " here."}
		}
		g.put(func(r *bridge.Request) { r.Key = "made" })
		return g.service.GetKey(ctx, "main", "made")
	}
	made := told[web.RequestView](t, o, 201, "POST", "/v1/requests", `{
		"portal": "main", "developer": " dev@example.com ", "plan": "Weather Pro", "policies": ["p"], "portal_plan": "gold",
		"app": "Maps", "reasons": {"Why": "a sale"}, "waive": "paid by invoice 17", "by": "anna"}`)
	if made.ID != idOf("made") || made.State != bridge.StatePaying {
		t.Errorf("it is answered %+v", made)
	}
	told[web.RequestView](t, o, 201, "POST", "/v1/requests", `{"portal":"main","developer":"42","policies":["p"]}`)
	if no := told[map[string]any](t, o, 404, "POST", "/v1/requests", `{"portal":"other","developer":"42","plan":"x"}`); no["detail"] != "There is no portal other here." {
		t.Errorf("it says %v", no)
	}
	want := []web.CreateOrder{
		{Portal: "main", Developer: "dev@example.com", Plan: "Weather Pro", Policies: []string{"p"}, PortalPlan: "gold",
			App: "Maps", Reasons: map[string]string{"Why": "a sale"}, Waive: "paid by invoice 17", By: "anna"},
		{Portal: "main", Developer: "42", Policies: []string{"p"}, By: "operator"},
		{Portal: "other", Developer: "42", Plan: "x", By: "operator"},
	}
	if diff := cmp.Diff(want, orders); diff != "" {
		t.Errorf("the orders are not as they were sent (-want +got):\n%s", diff)
	}
}

func TestAnOrderThatIsNotCompleteMakesNothing(t *testing.T) {
	o, _ := newOperator(t)
	const good = `{"portal":"main","developer":"42","plan":"x"}`
	if no := told[map[string]any](t, o, 501, "POST", "/v1/requests", good); !strings.Contains(fmt.Sprint(no["detail"]), "no portal is configured") {
		t.Errorf("where nothing can be made it says %v", no)
	}
	o.Create = func(_ context.Context, order web.CreateOrder) (bridge.Request, error) {
		t.Errorf("%+v is made", order)
		return bridge.Request{}, nil
	}
	for body, word := range map[string]string{
		``:                                   "portal",
		`{}`:                                 "portal",
		`{"developer":"42","plan":"x"}`:      "portal",
		`{"portal":" ","developer":"42"}`:    "portal",
		`{"portal":"main","plan":"x"}`:       "developer",
		`{"portal":"main","developer":"42"}`: "plan or policies",
		`{"portal":"main","developer":"42","plan":"x","by":"anna@example.com"}`:                 "e-mail",
		`{"portal":"main","developer":"42","plan":"x","by":"` + strings.Repeat("a", 101) + `"}`: "100 bytes",
		`{"portal":"main","developer":"42","polices":["p"]}`:                                    `"polices"`,
		`{"portal":"main","developer":"42","policies":"p"}`:                                     "JSON",
		good + good: "more than one",
	} {
		if no := told[map[string]any](t, o, 400, "POST", "/v1/requests", body); !strings.Contains(fmt.Sprint(no["detail"]), word) {
			t.Errorf("%s is answered %v", body, no["detail"])
		}
	}
}
