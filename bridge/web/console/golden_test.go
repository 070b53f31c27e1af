package console_test

import (
	"flag"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
)

var update = flag.Bool("update", false, "write the pages as they are now to testdata")

var hashes = regexp.MustCompile(`\.[0-9a-f]{12}\.`)

// golden compares a page with the one in testdata, and checks what holds for every page.
func golden(t *testing.T, name string, status int, page *http.Response) {
	t.Helper()
	raw := textOf(t, page)
	if page.StatusCode != status {
		t.Errorf("%s: status %d, want %d", name, page.StatusCode, status)
	}
	sound(t, page.Header, raw)
	got := hashes.ReplaceAllString(raw, ".HASH.")
	file := filepath.Join("testdata", name+".html")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
		t.Errorf("%s is not as it was (-was +is):\n%s", file, diff)
	}
}

func mark(name, why string) bridge.Mark {
	return bridge.Mark{At: noon.Add(-time.Hour), By: bridge.Actor{Kind: bridge.ByPerson, Name: name}, Why: why}
}

// above makes it one that takes two persons.
func above(r *bridge.Request) { r.Terms.Second = bridge.NewAmount(2000, "EUR") }

// seconded makes it one that anna has approved.
func seconded(r *bridge.Request) {
	above(r)
	r.Seconded = []bridge.Mark{mark("anna", "a good customer")}
}

// paying makes it one that was approved, and waits for its payment.
func paying(r *bridge.Request) {
	r.Steps[0] = bridge.Step{Kind: bridge.Review, State: bridge.Met, Mark: mark("anna", "")}
	r.Steps[1].Mark.At = noon.Add(-time.Hour)
	r.Payment = bridge.Payment{Have: bridge.PaymentOpen, Checkout: bridge.Checkout{
		ID: "cs_1", For: bridge.Paying, State: bridge.CheckoutOpen, URL: "https://checkout.example/c/cs_secret", Expires: noon.Add(23 * time.Hour),
	}}
	r.Refs = []bridge.Ref{{System: "stripe", Kind: bridge.RefSession, ID: "cs_1"}}
	r.Work.Next = noon.Add(10 * time.Minute)
}

// active makes it one whose key lives and is paid.
func active(r *bridge.Request) {
	paying(r)
	r.Steps[1] = bridge.Step{Kind: bridge.Paying, State: bridge.Met, Mark: bridge.Mark{At: noon, By: bridge.Actor{Kind: bridge.ByProvider, Name: "stripe"}}}
	r.Verdict = bridge.Verdict{Outcome: bridge.Approve, Mark: r.Steps[1].Mark}
	r.Access = bridge.Access{Have: bridge.Granted, Granted: noon, Keys: []string{"hash-1"}}
	r.Payment = bridge.Payment{
		Have: bridge.Paid, Checkout: bridge.Checkout{ID: "cs_1", For: bridge.Paying, State: bridge.CheckoutComplete},
		Collected: bridge.NewAmount(4900, "EUR"), Subscribed: true, PaidUntil: noon.AddDate(0, 1, 0),
	}
	r.Refs = append(r.Refs, bridge.Ref{System: "stripe", Kind: bridge.RefSubscription, ID: "sub_1"}, bridge.Ref{System: "main", Kind: bridge.RefKey, ID: "hash-1"})
	r.Told = []bridge.Told{{Kind: bridge.TellApproved, At: noon}}
}

// attention makes it one that a person has to look at.
func attention(r *bridge.Request) {
	r.Work = bridge.Work{
		Attention: true, Failures: 9, Error: "the credentials are not accepted", Doing: "approve key", ErrorAt: noon.Add(-5 * time.Minute), Next: noon.Add(time.Hour),
	}
}

func declined(r *bridge.Request) {
	r.Verdict = bridge.Verdict{Outcome: bridge.Decline, Mark: mark("anna", "not for resale")}
	r.Steps[0] = bridge.Step{Kind: bridge.Review, State: bridge.Failed, Mark: r.Verdict.Mark}
	r.Access.Have = bridge.Gone
}

// talked makes it one about which something was written.
func talked(r *bridge.Request) {
	by := bridge.Actor{Kind: bridge.ByPerson, Name: "anna"}
	r.Notes = []bridge.Note{
		{Kind: bridge.Remark, At: noon, By: by, Text: "A customer since 2019."},
		{Kind: bridge.Question, At: noon, By: by, Text: "Will you resell it?\nAnd to whom?"},
		{Kind: bridge.Answer, At: noon, By: bridge.Actor{Kind: bridge.ByDeveloper}, Text: "No."},
		{Kind: bridge.Question, At: noon, By: by, Text: "How many devices?"},
	}
	r.Told = []bridge.Told{{Kind: bridge.TellQuestion, At: noon}, {Kind: bridge.TellQuestion, At: noon, Unsent: true}}
	r.Assigned = "otto"
}

// unread makes it one that the portal was not asked about yet.
func unread(r *bridge.Request) {
	*r = bridge.Request{Created: noon, Verdict: bridge.Verdict{Outcome: bridge.Open}}
}

func disputed(r *bridge.Request) { active(r); r.Payment.Have = bridge.Disputed }

// heldUp makes it one whose payment is disputed before its approval gave access.
func heldUp(r *bridge.Request) {
	disputed(r)
	r.Access, r.Told = bridge.Access{Have: bridge.Pending}, nil
}

func overdue(r *bridge.Request) {
	active(r)
	r.Payment.Have, r.Payment.OverdueSince, r.Payment.Why = bridge.Overdue, noon.Add(-time.Hour), "the card was declined"
}

func refunding(r *bridge.Request) {
	active(r)
	r.Payment.Refund = bridge.Refund{Amount: bridge.NewAmount(1000, "EUR"), Mark: mark("anna", "goodwill")}
}

func ended(r *bridge.Request) {
	active(r)
	r.Ended, r.Access.Have = mark("anna", "contract over"), bridge.Gone
	r.Payment.Have, r.Payment.Subscribed = bridge.PaymentEnded, false
}

func inactive(r *bridge.Request) { active(r); r.Access.Inactive = noon }

// states are the pages of one request, by who looks at it.
var states = map[string]struct {
	as     string
	change func(*bridge.Request)
}{
	"reviewing":                {"approver", func(*bridge.Request) {}},
	"reviewing-viewer":         {"viewer", func(*bridge.Request) {}},
	"reviewing-reviewer":       {"reviewer", func(*bridge.Request) {}},
	"reviewing-above":          {"reviewer", above},
	"reviewing-other-currency": {"reviewer", func(r *bridge.Request) { r.Terms.Second = bridge.NewAmount(100, "USD") }},
	"reviewing-seconded":       {"second", seconded},
	"reviewing-yourself":       {"approver", seconded},
	"reviewing-not-above":      {"reviewer", seconded},
	"reviewing-own":            {"approver", func(r *bridge.Request) { r.Applicant.Email = "Anna@House.example" }},
	"reviewing-unplanned":      {"approver", func(r *bridge.Request) { r.Terms.Why, r.Terms.Lines = "no plan is configured for policy \"x\"", nil }},
	"talked":                   {"approver", talked},
	"received":                 {"approver", unread},
	"paying":                   {"approver", paying},
	"attention":                {"reviewer", func(r *bridge.Request) { paying(r); attention(r) }},
	"attention-viewer":         {"viewer", func(r *bridge.Request) { paying(r); attention(r) }},
	"active":                   {"approver", active},
	"active-viewer":            {"viewer", active},
	"inactive":                 {"approver", inactive},
	"overdue":                  {"approver", overdue},
	"disputed":                 {"approver", disputed},
	"held-up":                  {"reviewer", heldUp},
	"refunding":                {"approver", refunding},
	"declined":                 {"approver", declined},
	"ended":                    {"approver", ended},
}

func TestThePageOfOneRequestInEveryState(t *testing.T) {
	o := newOffice(t)
	for name, is := range states {
		t.Run(name, func(t *testing.T) {
			id := o.put("key-"+name, is.change)
			golden(t, "request-"+name, http.StatusOK, o.as(is.as).get("/console/requests/"+string(id)))
		})
	}
}

// confirmations are the pages that say what follows.
var confirmations = map[string]struct {
	do     string
	as     string
	change func(*bridge.Request)
	form   url.Values // nil: it was asked for with GET
	status int
}{
	"approve":           {"approve", "approver", func(*bridge.Request) {}, nil, 200},
	"approve-first":     {"approve", "approver", above, nil, 200},
	"approve-second":    {"approve", "second", seconded, nil, 200},
	"approve-by-itself": {"approve", "approver", func(r *bridge.Request) { r.Terms.Lines, r.Terms.Steps, r.Steps = nil, r.Terms.Steps[:1], r.Steps[:1] }, nil, 200},
	"decline":           {"decline", "reviewer", func(*bridge.Request) {}, nil, 200},
	"decline-paying":    {"decline", "reviewer", paying, nil, 200},
	"decline-held-up":   {"decline", "reviewer", heldUp, nil, 200},
	"decline-unread":    {"decline", "reviewer", unread, nil, 200},
	"decline-empty":     {"decline", "reviewer", func(*bridge.Request) {}, url.Values{"text": {"  "}}, 400},
	"ask":               {"ask", "reviewer", func(*bridge.Request) {}, nil, 200},
	"ask-unmailed":      {"ask", "reviewer", func(r *bridge.Request) { r.Terms.Tell = nil }, nil, 200},
	"waive":             {"waive", "approver", paying, nil, 200},
	"refund":            {"refund", "approver", active, nil, 200},
	"refund-part":       {"refund", "approver", active, url.Values{"amount": {"10.5"}, "text": {"goodwill"}}, 200},
	"refund-too-much":   {"refund", "approver", active, url.Values{"amount": {"49.01"}, "text": {"goodwill"}}, 400},
	"refund-commas":     {"refund", "approver", active, url.Values{"amount": {"10,50"}, "text": {"goodwill"}}, 400},
	"end":               {"end", "approver", active, nil, 200},
	"approve-changed":   {"approve", "approver", func(*bridge.Request) {}, url.Values{"seen": {"something else"}, "text": {"as agreed"}}, 200},
}

func TestThePageThatSaysWhatADeedLeadsTo(t *testing.T) {
	o := newOffice(t)
	for name, is := range confirmations {
		t.Run(name, func(t *testing.T) {
			path := "/console/requests/" + string(o.put("key-"+name, is.change)) + "/" + is.do
			if is.form == nil {
				golden(t, "confirm-"+name, is.status, o.as(is.as).get(path))
				return
			}
			if is.status == http.StatusBadRequest && !is.form.Has("amount") {
				is.form.Set("seen", seenOn(t, o.as(is.as).get(path)))
			}
			golden(t, "confirm-"+name, is.status, o.as(is.as).post(path, is.form))
		})
	}
}
