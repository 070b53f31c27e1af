package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"keybridge/bridge"
)

// tickedForm is what the queue sends when requests are ticked.
func tickedForm(do string, ids ...bridge.ID) url.Values {
	form := url.Values{"do": {do}, "from": {"/console/?show=all&portal=main"}}
	for _, id := range ids {
		form.Add("id", string(id))
	}
	return form
}

// shownForm is what the page sends that says what will happen.
func shownForm(t *testing.T, page *http.Response, text string) url.Values {
	t.Helper()
	root, err := html.Parse(strings.NewReader(textOf(t, page)))
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"text": {text}}
	for n := range root.Descendants() {
		if n.Data == "input" && attribute(n, "type") == "hidden" {
			form.Add(attribute(n, "name"), attribute(n, "value"))
		}
	}
	if len(form["seen"]) == 0 {
		t.Fatalf("the page (%d) asks for no confirmation", page.StatusCode)
	}
	return form
}

// many puts one request for each thing that can become of one among many.
func many(o *office) []bridge.ID {
	before := func(hours int) func(*bridge.Request) {
		return func(r *bridge.Request) { r.Created = noon.Add(-time.Duration(hours) * time.Hour) }
	}
	return []bridge.ID{
		o.put("plain", before(9)),
		o.put("above", above, before(8)),
		o.put("seconded", named("Ben"), seconded, before(7)),
		o.put("own", named("Anna"), func(r *bridge.Request) { r.Maker = people["approver"].Actor() }, before(6)),
		o.put("paying", named("Cyn"), paying, before(5)),
		o.put("declined", named("Dan"), declined, before(4)),
		o.put("unread", unread),
		"01KKNT00000000000000000009",
	}
}

func TestThePagesOfManyAtOnce(t *testing.T) {
	o := newOffice(t)
	ids := many(o)
	anna, otto := o.as("approver"), o.as("second")
	golden(t, "bulk-approve", 200, anna.post("/console/bulk", tickedForm("approve", ids...)))
	golden(t, "bulk-decline", 200, anna.post("/console/bulk", tickedForm("decline", ids...)))
	golden(t, "bulk-nothing", 200, anna.post("/console/bulk", tickedForm("approve", ids[3:6]...)))
	golden(t, "bulk-none", 400, anna.post("/console/bulk", tickedForm("approve")))
	golden(t, "bulk-decline-empty", 400, anna.post("/console/bulk", shownForm(t, anna.post("/console/bulk", tickedForm("decline", ids[:2]...)), " \n")))

	shown := shownForm(t, otto.post("/console/bulk", tickedForm("approve", ids...)), "all known")
	if err := o.service.Desk(people["approver"]).Do(t.Context(), ids[0], bridge.Deed{Kind: bridge.DoDecline, Text: "not for resale"}); err != nil {
		t.Fatal(err)
	}
	golden(t, "bulk-done", 200, otto.post("/console/bulk", shown))
	for id, want := range map[bridge.ID]bridge.StepState{ids[2]: bridge.Met, ids[3]: bridge.Met, ids[0]: bridge.Failed, ids[1]: bridge.Waiting} {
		if step, _ := o.get(id).Step(bridge.Review); step.State != want {
			t.Errorf("the review of %s is %s, want %s", o.get(id).Key, step.State, want)
		}
	}
	if r := o.get(ids[0]); r.Verdict.Mark.By.Name != "anna" {
		t.Errorf("what had moved on was decided again: %+v", r.Verdict)
	}
}

func TestManyAreDeclinedForOneReason(t *testing.T) {
	o := newOffice(t)
	ids := many(o)[:5]
	rosa := o.as("reviewer")
	got := rosa.post("/console/bulk", shownForm(t, rosa.post("/console/bulk", tickedForm("decline", ids...)), "closed for good"))
	if got.StatusCode != http.StatusOK || !strings.Contains(textOf(t, got), "5 requests declined.") {
		t.Fatalf("%d: %s", got.StatusCode, textOf(t, got))
	}
	for _, id := range ids {
		if r := o.get(id); r.Verdict.Outcome != bridge.Decline || r.Verdict.Mark.Why != "closed for good" || r.Revision != 2 {
			t.Errorf("%s: %+v", r.Key, r.Verdict)
		}
	}
}

// Sent twice, because a browser was impatient or somebody pressed reload, the form does
// nothing the second time, and says what the first did.
func TestRepeatingAFormDoesNothingTwice(t *testing.T) {
	for do, want := range map[string]string{
		"approve": "1 request approved. 1 approval kept until a second person&#39;s.", "decline": "2 requests declined.",
	} {
		t.Run(do, func(t *testing.T) {
			o := newOffice(t)
			ids := []bridge.ID{o.put("plain"), o.put("above", above)}
			rosa := o.as("reviewer")
			form := shownForm(t, rosa.post("/console/bulk", tickedForm(do, ids...)), "as agreed")
			first := textOf(t, rosa.post("/console/bulk", form))
			for range 3 {
				if again := textOf(t, rosa.post("/console/bulk", form)); again != first {
					t.Fatalf("the repetition says\n%s\ninstead of\n%s", again, first)
				}
			}
			if !strings.Contains(first, want) {
				t.Error(first)
			}
			for _, id := range ids {
				entries, err := o.service.History(t.Context(), id)
				if r := o.get(id); err != nil || r.Revision != 2 || len(entries) > 4 || len(r.Seconded) > 1 {
					t.Errorf("%s was changed %d times, %d entries, %v", r.Key, r.Revision-1, len(entries), err)
				}
			}
			if len(o.refused) > 0 {
				t.Errorf("told of %v", o.refused)
			}
		})
	}
}

func TestOfTwoWhoDecideManyAtOnceEachRequestHasOneDecision(t *testing.T) {
	o := newOffice(t)
	var ids []bridge.ID
	for i := range 10 {
		ids = append(ids, o.put(fmt.Sprintf("k%d", i)))
	}
	forms := map[string]url.Values{}
	for who, do := range map[string]string{"approver": "approve", "second": "decline"} {
		forms[who] = shownForm(t, o.as(who).post("/console/bulk", tickedForm(do, ids...)), "by "+who)
	}
	var both sync.WaitGroup
	pages := make([]string, 2)
	for i, who := range []string{"approver", "second"} {
		both.Go(func() { pages[i] = textOf(t, o.as(who).post("/console/bulk", forms[who])) })
	}
	both.Wait()
	all := strings.Join(pages, "")
	if n := strings.Count(all, ">Approved.<") + strings.Count(all, ">Declined.<"); n != 10 {
		t.Errorf("%d of 10 requests were decided", n)
	}
	if n := strings.Count(all, "has changed since you looked at it"); n != 10 {
		t.Errorf("%d of 10 losers are told", n)
	}
	for _, id := range ids {
		if r := o.get(id); r.Revision != 2 {
			t.Errorf("%s was changed %d times", r.Key, r.Revision-1)
		}
	}
}

// The pages offer and take only what a person may do, whatever a form says.
func TestManyAtOnceIsNoWayAround(t *testing.T) {
	o := newOffice(t)
	own := o.put("own", func(r *bridge.Request) { r.Maker = people["approver"].Actor() })
	far := o.put("far")
	edition := func(id bridge.ID) string { return string(id) + " " + o.get(id).Edition() }
	if got := o.as("viewer").post("/console/bulk", tickedForm("decline", far)); got.StatusCode != http.StatusForbidden {
		t.Errorf("a viewer: %d", got.StatusCode)
	}
	if page := textOf(t, o.as("viewer").get("/console/")); strings.Contains(page, `id="bulk"`) || strings.Contains(page, `form="bulk"`) {
		t.Error("a viewer is offered to decide")
	}
	for who, id := range map[string]bridge.ID{"approver": own, "other": far} {
		got := o.as(who).post("/console/bulk", url.Values{"do": {"approve"}, "seen": {edition(id)}})
		if text := textOf(t, got); got.StatusCode != http.StatusOK || !strings.Contains(text, "0 requests approved. 1 request left out.") || who == "other" && strings.Contains(text, "Dana") {
			t.Errorf("%s: %d %s", who, got.StatusCode, text)
		}
	}
	if want := []string{"vera may not approve and decline", "anna may not approve and decline", "olga may not see requests"}; !slices.Equal(slices.Sorted(slices.Values(o.refused)), slices.Sorted(slices.Values(want))) {
		t.Errorf("told of %v", o.refused)
	}
	for _, id := range []bridge.ID{own, far} {
		if o.get(id).Revision != 1 {
			t.Errorf("%s was changed", o.get(id).Key)
		}
	}
}

func TestWhatCannotBeReadIsNotDecided(t *testing.T) {
	o := newOffice(t)
	id := o.put("k")
	full := func(n int) (ids []bridge.ID) {
		for i := range n {
			ids = append(ids, idOf(fmt.Sprint(i), noon))
		}
		return ids
	}
	for name, is := range map[string]struct {
		form   url.Values
		status int
		says   string
	}{
		"no deed":            {tickedForm("", id), 404, "no page"},
		"a deed for one":     {tickedForm("refund", id), 404, "no page"},
		"no request":         {tickedForm("approve"), 400, "Nothing is ticked"},
		"what is no id":      {tickedForm("approve", "<script>"), 400, "cannot be read"},
		"too many":           {tickedForm("approve", full(51)...), 400, "At most 50"},
		"as many as fit":     {tickedForm("approve", full(50)...), 200, "Nothing here can be approved"},
		"the same twice":     {tickedForm("approve", id, id), 200, "Approve 1 request<"},
		"no edition":         {url.Values{"do": {"approve"}, "seen": {string(id)}}, 200, "0 requests approved."},
		"another edition":    {url.Values{"do": {"approve"}, "seen": {string(id) + " 1-x"}}, 200, "has changed since"},
		"a way out":          {url.Values{"do": {"approve"}, "id": {string(id)}, "from": {"https://evil.example/console/"}}, 200, `id="back" href="/console/"`},
		"a reason too long":  {url.Values{"do": {"approve"}, "seen": {string(id) + " " + o.get(id).Edition()}, "text": {strings.Repeat("x", 4001)}}, 400, "too long"},
		"what has an escape": {url.Values{"do": {"approve"}, "id": {string(id)}, "text": {"</textarea><script>"}}, 200, "&lt;/textarea&gt;&lt;script&gt;"},
	} {
		got := o.as("approver").post("/console/bulk", is.form)
		if text := textOf(t, got); got.StatusCode != is.status || !strings.Contains(text, is.says) {
			t.Errorf("%s: %d %s", name, got.StatusCode, text)
		}
	}
	if got := o.as("approver").get("/console/bulk"); got.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("asked for: %d", got.StatusCode)
	}
	if o.get(id).Revision != 1 {
		t.Error("something was done")
	}
}
