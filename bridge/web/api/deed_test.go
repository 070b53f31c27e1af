package api_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
)

// receipt is what a deed is answered with.
type receipt struct {
	Request bridge.ID
	Self    string
	Done    string
	At      time.Time
	By      bridge.Actor
	Edition string
	State   bridge.State
	Verdict bridge.Outcome
	Second  bool `json:"waits_for_second"`
}

// deeds are all of them: who may do them at least, to what they can be done, and what then
// is so of the request.
var deeds = []struct {
	name, body string
	may        bridge.Operation
	decides    bool
	to         func(*bridge.Request)
	then       func(bridge.Request) bool
}{
	{"approve", `{"why": "Known customer."}`, bridge.MayReview, true, func(*bridge.Request) {}, func(r bridge.Request) bool {
		step, _ := r.Step(bridge.Review)
		return step.State == bridge.Met && step.Mark.Why == "Known customer."
	}},
	{"decline", `{"why": "No such product."}`, bridge.MayReview, true, func(*bridge.Request) {}, func(r bridge.Request) bool {
		return r.Verdict.Outcome == bridge.Decline && r.Verdict.Mark.Why == "No such product."
	}},
	{"waive", `{"why": "Paid by bank transfer."}`, bridge.MayWaive, true, paying, func(r bridge.Request) bool {
		step, _ := r.Step(bridge.Paying)
		return step.State == bridge.Waived
	}},
	{"refund", `{"why": "A mistake.", "amount": {"amount": "12.50", "currency": "EUR"}}`, bridge.MayRefund, true, paid, func(r bridge.Request) bool {
		return r.Payment.Refund.Amount == bridge.NewAmount(1250, "EUR")
	}},
	{"end", `{"why": "The contract is over."}`, bridge.MayCancel, true, paid, func(r bridge.Request) bool {
		return r.Ended.Why == "The contract is over."
	}},
	{"ask", `{"text": "For how many calls?"}`, bridge.MayAsk, false, func(*bridge.Request) {}, func(r bridge.Request) bool {
		q, waits := r.Unanswered()
		return waits && q.Text == "For how many calls?"
	}},
	{"note", `{"text": "Called them."}`, bridge.MayNote, false, func(*bridge.Request) {}, func(r bridge.Request) bool {
		return len(r.Notes) == 1 && r.Notes[0].Text == "Called them."
	}},
	{"assign", `{"to": "rosa"}`, bridge.MayAssign, false, func(*bridge.Request) {}, func(r bridge.Request) bool { return r.Assigned == "rosa" }},
	{"retry", ``, bridge.MayRetry, false, func(r *bridge.Request) { r.Work.Failures = 9 }, func(r bridge.Request) bool { return r.Work.Failures == 0 }},
}

func TestADeedIsDoneAndAnsweredWithAReceipt(t *testing.T) {
	h := newHouse(t)
	for _, d := range deeds {
		id := h.put(d.name, d.to)
		c := post("approver", of(id)+"/"+d.name, d.body).with("If-Match", h.etag(id))
		a := h.want(http.StatusOK, c)
		r := h.get(id)
		var got receipt
		a.into(&got)
		want := receipt{
			Request: id, Self: "/api/v1" + of(id), Done: d.name, At: noon, By: bridge.Actor{Kind: bridge.ByPerson, Name: "anna"},
			Edition: r.Edition(), State: r.State(), Verdict: r.Verdict.Outcome,
		}
		if diff := cmp.Diff(want, got); diff != "" || !d.then(r) {
			t.Errorf("%s: done %t %s", d.name, d.then(r), diff)
		}
		if a.header.Get("ETag") != h.etag(id) || a.header.Get("Location") != want.Self {
			t.Errorf("%s: tag %s, location %s", d.name, a.header.Get("ETag"), a.header.Get("Location"))
		}
		entries, err := h.store.History(t.Context(), id)
		if err != nil || entries[1].Actor != want.By {
			t.Errorf("%s: by %v: %v", d.name, entries[1].Actor, err)
		}
	}
}

func TestADecisionIsAboutTheEditionThatWasSeen(t *testing.T) {
	for _, d := range deeds {
		h := newHouse(t)
		id := h.put("k", d.to)
		before := h.etag(id)
		c := post("approver", of(id)+"/"+d.name, d.body)
		if !d.decides {
			h.want(http.StatusPreconditionFailed, c.with("If-Match", `"1-0000000000000000"`))
			h.want(http.StatusOK, c.with("If-Match", "*"))
			continue
		}
		if a := h.want(http.StatusPreconditionRequired, c); a.problem().Type != "urn:keybridge:problem:precondition-required" {
			t.Errorf("%s: %s", d.name, a.body)
		}
		h.want(http.StatusPreconditionRequired, c.with("If-Match", "*"))
		for _, other := range []string{`"1-0000000000000000"`, "W/" + before, "nothing of the kind", `"a", "b"`, h.get(id).Edition() + `"`} {
			if a := h.want(http.StatusPreconditionFailed, c.with("If-Match", other)); a.problem().Type != "urn:keybridge:problem:moved" {
				t.Errorf("%s: %s", d.name, a.body)
			}
		}
		h.want(http.StatusOK, post("reviewer", of(id)+"/note", `{"text": "Wait!"}`))
		h.want(http.StatusPreconditionFailed, c.with("If-Match", before))
		if r := h.get(id); d.then(r) || len(r.Notes) != 1 {
			t.Errorf("%s was done to what was not seen", d.name)
		}
		h.want(http.StatusOK, c.with("If-Match", before+", "+h.etag(id)))
		if !d.then(h.get(id)) {
			t.Errorf("%s was not done", d.name)
		}
	}
}

func TestTwoWhoDecideAtOnceAreOneWhoDecidesAndOneWhoIsTold(t *testing.T) {
	h := newHouse(t)
	id := h.put("k")
	tag := h.etag(id)
	answers := make(chan int, 2)
	for _, c := range []call{post("reviewer", of(id)+"/approve", ``), post("second", of(id)+"/decline", `{"why": "No."}`)} {
		go func() { answers <- h.send(c.with("If-Match", tag)).status }()
	}
	var got []int
	for range 2 {
		select {
		case status := <-answers:
			got = append(got, status)
		case <-time.After(20 * time.Second):
			t.Fatal("no answer")
		}
	}
	slices.Sort(got)
	if diff := cmp.Diff([]int{http.StatusOK, http.StatusPreconditionFailed}, got); diff != "" {
		t.Error(diff)
	}
}

func TestTheFirstOfTwoApprovalsSaysThatItWaits(t *testing.T) {
	h := newHouse(t)
	id := h.put("k", above)
	var got receipt
	h.want(http.StatusOK, post("reviewer", of(id)+"/approve", ``).with("If-Match", h.etag(id))).into(&got)
	if !got.Second || got.Verdict != bridge.Open || got.State != bridge.StateReviewing {
		t.Errorf("after the first it is %+v", got)
	}
	if a := h.want(http.StatusForbidden, post("reviewer", of(id)+"/approve", ``).with("If-Match", h.etag(id))); a.problem().Type != "urn:keybridge:problem:denied" {
		t.Errorf("the same person again: %s", a.body)
	}
	h.want(http.StatusOK, get("viewer", of(id))) // shows who approved first
	got = receipt{}
	h.want(http.StatusOK, post("second", of(id)+"/approve", ``).with("If-Match", h.etag(id))).into(&got)
	if got.Second || got.State != bridge.StatePaying {
		t.Errorf("after the second it is %+v", got)
	}
}

func TestNobodyApprovesWhatTheyAskedFor(t *testing.T) {
	h := newHouse(t)
	id := h.put("k", func(r *bridge.Request) { r.Applicant.Email = "Anna@House.example" })
	a := h.want(http.StatusForbidden, post("approver", of(id)+"/approve", ``).with("If-Match", h.etag(id)))
	if told := h.told(); len(told) != 1 || told[0].ID != id || strings.Contains(strings.ToLower(string(a.body)), "house.example") {
		t.Errorf("told %v, answered %s", told, a.body)
	}
}

func TestWhatCannotBeDoneNowIsAConflict(t *testing.T) {
	h := newHouse(t)
	id := h.put("k")
	for deed, body := range map[string]string{
		"waive": `{"why": "x"}`, "refund": `{"why": "x", "amount": {"amount": "1", "currency": "EUR"}}`, "end": `{"why": "x"}`,
	} {
		a := h.send(post("approver", of(id)+"/"+deed, body).with("If-Match", h.etag(id)))
		if deed == "refund" && a.status == http.StatusBadRequest {
			continue // there is no amount that could be given back
		}
		if a.status != http.StatusConflict {
			t.Errorf("%s: %d %s", deed, a.status, a.body)
		}
	}
	h.want(http.StatusOK, post("approver", of(id)+"/decline", `{"why": "No."}`).with("If-Match", h.etag(id)))
	a := h.want(http.StatusConflict, post("second", of(id)+"/approve", ``).with("If-Match", h.etag(id)))
	if !strings.Contains(a.problem().Detail, "person anna") {
		t.Errorf("who was first is not said: %s", a.body)
	}
}

func TestABodyIsReadStrictlyAndEveryFaultNamed(t *testing.T) {
	h := newHouse(t)
	id := h.put("k", paid)
	deep := strings.Repeat(`{"amount":`, 5) + `1` + strings.Repeat(`}`, 5)
	for body, want := range map[string]struct {
		deed   string
		status int
		faults []string
	}{
		`{"why": "x", "wy": "y", "amount": {"amount": "1", "currency": "EUR"}}`: {"refund", 400, []string{"body wy"}},
		`{"Why": "x"}`:                  {"decline", 400, []string{"body Why", "body why"}},
		`{}`:                            {"refund", 400, []string{"body amount", "body why"}},
		`{"why": "  ", "amount": 12.5}`: {"refund", 400, []string{"body amount", "body why"}},
		`{"why": "x", "amount": {"amount": 12.5, "unit": "EUR"}}`:                     {"refund", 400, []string{"body amount.amount", "body amount.unit", "body amount.currency"}},
		`{"why": "x", "amount": {"amount": "12.505", "currency": "EUR"}}`:             {"refund", 400, []string{"body amount.amount"}},
		`{"why": "x", "amount": {"amount": "12.50", "currency": "EUR", "minor": 12}}`: {"refund", 400, []string{"body amount.minor"}},
		`{"why": "x", "amount": {"amount": "12.50", "currency": "eur"}}`:              {"refund", 400, []string{"body amount.currency"}},
		`{"why": "x", "amount": {"amount": "-1", "currency": "EUR"}}`:                 {"refund", 400, []string{"body amount.amount"}},
		`{"why": "x", "amount": {"amount": "49.01", "currency": "EUR"}}`:              {"refund", 400, nil},
		`{"why": "x", "amount": {"amount": "12.50", "currency": "USD"}}`:              {"refund", 400, nil},
		`{"why": "x", "amount": null}`:                                                {"refund", 400, []string{"body amount"}},
		`{"text": 7}`:                                                                 {"note", 400, []string{"body text"}},
		`{"text": null}`:                                                              {"note", 400, []string{"body text"}},
		`{"text": ""}`:                                                                {"note", 400, []string{"body text"}},
		`{"text": "` + strings.Repeat("é", 2001) + `"}`:                               {"note", 400, []string{"body text"}},
		`{"to": "mallory"}`:                                                           {"assign", 400, []string{"body to"}},
		`{"why": "x"}`:                                                                {"retry", 400, []string{"body why"}},
		`{"text": "a", "text": "b"}`:                                                  {"note", 400, nil},
		`{"text": "a"} {}`:                                                            {"note", 400, nil},
		`{"text": "a"`:                                                                {"note", 400, nil},
		`["text"]`:                                                                    {"note", 400, nil},
		`null`:                                                                        {"note", 400, nil},
		"{\"text\": \"\xff\"}":                                                        {"note", 400, nil},
		deep:                                                                          {"note", 400, nil},
		`{"text": "` + strings.Repeat("x", 64<<10) + `"}`:                             {"note", 413, nil},
	} {
		a := h.send(post("approver", of(id)+"/"+want.deed, body).with("If-Match", h.etag(id)))
		if a.status != want.status {
			t.Errorf("%.80s: %d %s", body, a.status, a.body)
			continue
		}
		if diff := cmp.Diff(want.faults, a.faults()); diff != "" {
			t.Errorf("%.80s: %s", body, diff)
		}
	}
	if r := h.get(id); len(r.Notes) > 0 || r.Payment.Refund.Amount.Minor != 0 || r.Assigned != "" {
		t.Error("something was done all the same")
	}
}

func TestABodyIsJSON(t *testing.T) {
	h := newHouse(t)
	id := h.put("k")
	for kind, want := range map[string]int{
		"application/json": 200, "application/json; charset=UTF-8": 200, "application/json; charset=latin1": 415,
		"application/x-www-form-urlencoded": 415, "text/plain": 415, "application/problem+json": 415, "": 415, ";": 415,
	} {
		c := post("reviewer", of(id)+"/note", `{"text": "x"}`)
		c.header = http.Header{"Content-Type": {kind}}
		if a := h.send(c); a.status != want {
			t.Errorf("%q: %d %s", kind, a.status, a.body)
		}
	}
}

func TestACreatedKeyRequestIsMadeInThePortal(t *testing.T) {
	h := newHouse(t)
	h.next = "01JPA2B3C4D5E6F7G8H9JKMNPQ"
	body := `{"portal": "main", "developer": "dana@applicant.example", "plan": "Weather Pro", "app": "Rainradar", "reasons": {"Order": "4711"}, "waive": "Invoice 7"}`
	a := h.want(http.StatusCreated, post("approver", "/requests", body))
	var got receipt
	a.into(&got)
	asked := bridge.Asking{Developer: "dana@applicant.example", Policies: []string{"pro"}, App: "Rainradar", Reasons: map[string]string{"Order": "4711"}}
	if diff := cmp.Diff([]bridge.Asking{asked}, h.portal.made); diff != "" {
		t.Error(diff)
	}
	r := h.get(got.Request)
	if a.header.Get("Location") != "/api/v1"+of(r.ID) || r.Key != "made-1" || r.Maker.Name != "anna" || r.Waived.Why != "Invoice 7" {
		t.Errorf("made %+v, at %s", r, a.header.Get("Location"))
	}
}

func TestACreationThatCannotBeSaysWhy(t *testing.T) {
	h := newHouse(t)
	for body, want := range map[string]string{
		`{}`:                                   "400 [body portal body developer]",
		`{"portal": "main", "developer": "d"}`: "400 [body plan]",
		`{"portal": "main", "developer": "d", "plan": "Gold"}`:                   "400 []",
		`{"portal": "main", "developer": "d", "policies": "pro"}`:                "400 [body policies]",
		`{"portal": "main", "developer": "d", "policies": [null]}`:               "400 [body policies]",
		`{"portal": "main", "developer": "d", "plan": "x", "reasons": {"a": 1}}`: "400 [body reasons]",
		`{"portal": "main", "developer": "d", "plan": "x", "by": "somebody"}`:    "400 [body by]",
		`{"portal": "nowhere", "developer": "d", "plan": "Weather Pro"}`:         "404 []",
	} {
		a := h.send(post("approver", "/requests", body))
		if got := fmt.Sprint(a.status, " ", a.faults()); got != want {
			t.Errorf("%s: %s %s", body, got, a.body)
		}
	}
	for kind, want := range map[bridge.Kind]int{bridge.NotFound: 404, bridge.Refused: 502, bridge.Unavailable: 503, bridge.Limited: 429, bridge.Internal: 500} {
		h.portal.fails = &bridge.Error{Kind: kind, Msg: "The portal says no."}
		h.want(want, post("approver", "/requests", `{"portal": "main", "developer": "d", "plan": "Weather Pro"}`))
	}
}
