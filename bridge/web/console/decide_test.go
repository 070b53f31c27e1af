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

// everything is what there is to do, with what a form of it holds, on a request to which
// it can be done.
var everything = map[string]struct {
	change func(*bridge.Request)
	form   url.Values
	least  bridge.Role
}{
	"approve": {func(*bridge.Request) {}, url.Values{"text": {"fine"}}, bridge.Reviewer},
	"decline": {func(*bridge.Request) {}, url.Values{"text": {"not for resale"}}, bridge.Reviewer},
	"ask":     {func(*bridge.Request) {}, url.Values{"text": {"Why?"}}, bridge.Reviewer},
	"note":    {func(*bridge.Request) {}, url.Values{"text": {"Known."}}, bridge.Reviewer},
	"assign":  {func(*bridge.Request) {}, url.Values{"to": {"anna"}}, bridge.Reviewer},
	"retry":   {func(*bridge.Request) {}, url.Values{}, bridge.Reviewer},
	"waive":   {paying, url.Values{"text": {"paid by transfer"}}, bridge.Approver},
	"refund":  {active, url.Values{"text": {"goodwill"}, "amount": {"10.00"}}, bridge.Approver},
	"end":     {active, url.Values{"text": {"contract over"}}, bridge.Approver},
}

// Everything that a role may not do is not offered, and refused whoever asks for it all
// the same; in a portal that is not theirs a person finds nothing.
func TestWhatARoleMayDoIsOfferedAndNothingElseIsDone(t *testing.T) {
	for session, p := range people {
		t.Run(session, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			for do, is := range everything {
				for _, portal := range []string{"main", "other"} {
					o.refused = nil
					id := o.put(do+" in "+portal, is.change, func(r *bridge.Request) { r.Portal = portal })
					may := slices.Index(bridge.Roles, p.Role) >= slices.Index(bridge.Roles, is.least)
					t.Run(do+" in "+portal, func(t *testing.T) {
						mayTry(t, o.as(session), id, do, is.form, may, p.Reaches(portal))
					})
				}
			}
		})
	}
}

// mayTry says what has to become of one person's trying to do one thing.
func mayTry(t *testing.T, v visitor, id bridge.ID, do string, form url.Values, may, reaches bool) {
	t.Helper()
	path := "/console/requests/" + string(id)
	page := v.get(path)
	if !reaches {
		got := v.post(path+"/"+do, form)
		if page.StatusCode != http.StatusNotFound || got.StatusCode != http.StatusNotFound || v.get(path+"/"+do).StatusCode != http.StatusNotFound || v.o.get(id).Revision != 1 {
			t.Errorf("what is out of reach is shown (%d) or done (%d)", page.StatusCode, got.StatusCode)
		}
		return
	}
	if offered := offers(t, page)[do]; offered != may {
		t.Errorf("it is offered: %t, want %t", offered, may)
	}
	got := v.decide(id, do, form)
	if !may {
		if got.StatusCode != http.StatusForbidden || v.o.get(id).Revision != 1 || !strings.Contains(textOf(t, got), "You may not") || len(v.o.refused) != 1 {
			t.Errorf("it is done, or refused without a word (%d), and told of: %v", got.StatusCode, v.o.refused)
		}
		return
	}
	if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != path+"?done="+do || v.o.get(id).Revision != 2 || len(v.o.refused) > 0 {
		t.Errorf("it is not done: %d %s", got.StatusCode, textOf(t, got))
	}
	if after := v.get(path + "?done=" + do); !strings.Contains(textOf(t, after), `id="flash"`) {
		t.Error("it is not said that it was done")
	}
}

// decide posts a form, and confirms it where a page asks.
func (v visitor) decide(id bridge.ID, do string, form url.Values) *http.Response {
	v.o.t.Helper()
	path := "/console/requests/" + string(id) + "/" + do
	shown := v.post(path, form)
	if shown.StatusCode != http.StatusOK {
		return shown
	}
	return v.post(path, confirmed(v.o.t, form, shown))
}

// confirmed is a form with what a page has shown.
func confirmed(t *testing.T, form url.Values, shown *http.Response) url.Values {
	t.Helper()
	out := url.Values{"seen": {seenOn(t, shown)}}
	for name, values := range form {
		out[name] = values
	}
	return out
}

// offers are the deeds that a page offers.
func offers(t *testing.T, page *http.Response) map[string]bool {
	t.Helper()
	root, err := html.Parse(strings.NewReader(textOf(t, page)))
	if err != nil {
		t.Fatal(err)
	}
	found := map[string]bool{}
	for n := range root.Descendants() {
		link := attribute(n, "href") + attribute(n, "action")
		if i := strings.LastIndexByte(link, '/'); strings.HasPrefix(link, "/console/requests/") && len(link) > 45 {
			found[link[i+1:]] = true
		}
	}
	return found
}

func TestWhatWasNotShownIsNotDone(t *testing.T) {
	o := newOffice(t)
	anna := o.as("approver")
	id := o.put("k")
	path := "/console/requests/" + string(id) + "/approve"
	old := confirmed(t, nil, anna.get(path))
	// Between looking and confirming the plan's second person became necessary.
	_, err := o.store.Update(t.Context(), id, func(c *bridge.Change) error { above(&c.Request); return nil })
	if err != nil {
		t.Fatal(err)
	}
	again := anna.post(path, old)
	if text := textOf(t, again); again.StatusCode != http.StatusOK || !strings.Contains(text, `id="changed"`) || len(o.get(id).Seconded) > 0 {
		t.Fatalf("%d: %s", again.StatusCode, text)
	}
	if got := anna.post(path, confirmed(t, nil, again)); got.StatusCode != http.StatusSeeOther || len(o.get(id).Seconded) != 1 {
		t.Errorf("%d", got.StatusCode)
	}
	refund := o.put("r", active)
	shown := o.as("approver").get("/console/requests/" + string(refund) + "/refund")
	got := o.as("approver").post("/console/requests/"+string(refund)+"/refund", confirmed(t, url.Values{"amount": {"5.00"}, "text": {"x"}}, shown))
	if got.StatusCode != http.StatusOK || !strings.Contains(textOf(t, got), "EUR 5.00 go back") || o.get(refund).Payment.Refund.Amount.Minor != 0 {
		t.Errorf("an amount was given back (%d) that was not shown", got.StatusCode)
	}
}

// An address that somebody has made up does not make a page say what is not so.
func TestThePageSaysOnlyOfWhatWasDoneThatItWas(t *testing.T) {
	o := newOffice(t)
	for do, is := range everything {
		path := "/console/requests/" + string(o.put(do, is.change)) + "?done="
		for _, say := range []string{do, "nothing", "<b>"} {
			said := strings.Contains(textOf(t, o.as("approver").get(path+say)), `id="flash"`)
			harmless := do == "note" || do == "assign" || do == "retry" // may be said of anything
			if said && (!harmless || say != do) {
				t.Errorf("it is said of %q that it was done", say)
			}
		}
	}
}

func TestTwoPersonsApproveWhatIsAbove(t *testing.T) {
	o := newOffice(t)
	id := o.put("k", above)
	path := "/console/requests/" + string(id)
	if got := o.as("reviewer").decide(id, "approve", url.Values{"text": {"looks good"}}); got.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d", got.StatusCode)
	}
	golden(t, "second-after-first", 200, o.as("reviewer").get(path+"?done=approve"))
	golden(t, "second-asked", 200, o.as("second").get(path))
	golden(t, "second-by-same", 403, o.as("reviewer").decide(id, "approve", nil))
	if got := o.as("second").decide(id, "approve", nil); got.StatusCode != http.StatusSeeOther {
		t.Fatalf("%d", got.StatusCode)
	}
	golden(t, "second-done", 200, o.as("second").get(path+"?done=approve"))
}

func TestWhoComesSecondIsToldWhoWasFirst(t *testing.T) {
	o := newOffice(t)
	id := o.put("k")
	path := "/console/requests/" + string(id)
	shown := confirmed(t, url.Values{"text": {"too late"}}, o.as("second").get(path+"/decline"))
	o.as("approver").decide(id, "decline", url.Values{"text": {"not for resale"}})
	golden(t, "error-second", 409, o.as("second").post(path+"/decline", shown))
	golden(t, "error-second-look", 409, o.as("second").get(path+"/approve"))
	if r := o.get(id); r.Verdict.Mark.By.Name != "anna" || r.Verdict.Mark.Why != "not for resale" {
		t.Errorf("the verdict is %+v", r.Verdict)
	}
}

// Of many who confirm at once one wins, and each of the others is told who.
func TestOneOfManyWins(t *testing.T) {
	o := newOffice(t)
	id := o.put("k")
	path := "/console/requests/" + string(id) + "/approve"
	shown := confirmed(t, nil, o.as("approver").get(path))
	var all sync.WaitGroup
	var mu sync.Mutex
	count := map[int]int{}
	for i := range 12 {
		who := []string{"approver", "second", "reviewer"}[i%3]
		all.Go(func() {
			got := o.as(who).post(path, shown)
			mu.Lock()
			defer mu.Unlock()
			count[got.StatusCode]++
			if got.StatusCode == http.StatusConflict && !strings.Contains(textOf(t, got), "by person ") {
				t.Error("who came second is not told who was first")
			}
		})
	}
	all.Wait()
	if count[303] != 1 || count[409] != 11 {
		t.Errorf("statuses %v", count)
	}
}

func TestWhatCannotBeDoneSaysWhy(t *testing.T) {
	o := newOffice(t)
	for name, is := range map[string]struct {
		do     string
		change func(*bridge.Request)
		want   string
	}{
		"approve what is not reviewed": {"approve", func(r *bridge.Request) { paying(r); r.Steps[0].State = bridge.Waived }, "does not wait for a review"},
		"approve what was reviewed":    {"approve", paying, "already reviewed, by person anna"},
		"ask twice":                    {"ask", talked, "waits for its answer"},
		"waive a review":               {"waive", func(*bridge.Request) {}, "does not wait for the applicant"},
		"refund nothing":               {"refund", paying, "no money"},
		"refund twice":                 {"refund", refunding, "already decided"},
		"refund in dispute":            {"refund", disputed, "in dispute"},
		"end what never was":           {"end", paying, "no key"},
		"end what is over":             {"end", ended, "no key"},
		"decline what was decided":     {"decline", active, "already decided: approve, by provider stripe"},
	} {
		t.Run(name, func(t *testing.T) {
			id := o.put(name, is.change)
			path := "/console/requests/" + string(id) + "/" + is.do
			for _, got := range []*http.Response{o.as("approver").get(path), o.as("approver").post(path, url.Values{"text": {"x"}, "amount": {"1"}, "seen": {"x"}})} {
				text := textOf(t, got)
				if got.StatusCode != http.StatusConflict || !strings.Contains(text, is.want) || !strings.Contains(text, `id="back" href="/console/requests/`+string(id)+`"`) {
					t.Errorf("%d: %s", got.StatusCode, text)
				}
			}
			if o.get(id).Revision != 1 {
				t.Error("something was done")
			}
		})
	}
}

func TestWhatIsTypedWrongIsKept(t *testing.T) {
	o := newOffice(t)
	anna := o.as("approver")
	id := o.put("k", talked)
	path := "/console/requests/" + string(id)
	golden(t, "request-note-empty", 400, anna.post(path+"/note", url.Values{"text": {"  \n"}}))
	long := strings.Repeat("é", bridge.LongestNote)
	if got := anna.post(path+"/note", url.Values{"text": {long}}); got.StatusCode != http.StatusBadRequest || !strings.Contains(textOf(t, got), long) {
		t.Errorf("%d, and what was typed is lost", got.StatusCode)
	}
	if got := anna.post(path+"/decline", url.Values{"text": {long}, "seen": {"x"}}); got.StatusCode != http.StatusBadRequest || !strings.Contains(textOf(t, got), long) {
		t.Errorf("%d, and what was typed is lost", got.StatusCode)
	}
	if got := anna.post(path+"/assign", url.Values{"to": {"nobody known"}}); got.StatusCode != http.StatusBadRequest || o.get(id).Assigned != "otto" {
		t.Errorf("%d, assigned to %q", got.StatusCode, o.get(id).Assigned)
	}
	golden(t, "error-too-long", 413, anna.post(path+"/note", url.Values{"text": {strings.Repeat("x", 70<<10)}}))
	if got := anna.post(path+"/assign", url.Values{"to": {""}}); got.StatusCode != http.StatusSeeOther || o.get(id).Assigned != "" {
		t.Errorf("%d, assigned to %q", got.StatusCode, o.get(id).Assigned)
	}
}

func TestNobodyApprovesWhatTheyAskedFor(t *testing.T) {
	o := newOffice(t)
	made := o.put("made", func(r *bridge.Request) { r.Maker = people["approver"].Actor() })
	asked := o.put("asked", paying, func(r *bridge.Request) { r.Applicant.Email = "ANNA@house.example" })
	for id, do := range map[bridge.ID]string{made: "approve", asked: "waive"} {
		page := o.as("approver").get("/console/requests/" + string(id))
		got := o.as("approver").decide(id, do, url.Values{"text": {"x"}})
		if offers(t, page)[do] || got.StatusCode != http.StatusForbidden || o.get(id).Revision != 1 {
			t.Errorf("%s of one's own: %d", do, got.StatusCode)
		}
	}
	if want := []string{"anna may not approve and decline", "anna may not waive payments"}; !slices.Equal(slices.Sorted(slices.Values(o.refused)), want) {
		t.Errorf("told of %v", o.refused)
	}
}

func TestThePagesOfErrorsLeadOn(t *testing.T) {
	o := newOffice(t)
	id := o.put("k")
	anna := o.as("approver")
	for name, is := range map[string]struct {
		status int
		got    *http.Response
	}{
		"error-nothing":    {404, anna.get("/console/nothing")},
		"error-no-request": {404, anna.get("/console/requests/" + string(idOf("none", noon)))},
		"error-no-id":      {404, anna.get("/console/requests/x")},
		"error-no-deed":    {404, anna.post("/console/requests/"+string(id)+"/delete", url.Values{})},
		"error-unreadable": {400, anna.send(http.MethodPost, "/console/requests/"+string(id)+"/note", nil, http.Header{
			"Sec-Fetch-Site": {"same-origin"}, "Content-Type": {"application/x-www-form-urlencoded; x=%; y"}})},
		"error-method":     {405, anna.send(http.MethodPut, "/console/", nil, http.Header{"Sec-Fetch-Site": {"same-origin"}})},
		"error-denied":     {403, o.as("viewer").post("/console/requests/"+string(id)+"/approve", url.Values{})},
		"error-denied-get": {403, o.as("reviewer").get("/console/requests/" + string(o.put("a", active)) + "/refund")},
	} {
		golden(t, name, is.status, is.got)
	}
	if got := anna.get("/console"); got.Header.Get("Location") != "/console/" {
		t.Errorf("/console leads to %q", got.Header.Get("Location"))
	}
	if got := anna.get("/console/requests/" + string(id) + "/note"); got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/console/requests/"+string(id) {
		t.Errorf("a note that is looked at leads to %q", got.Header.Get("Location"))
	}
}

const hostile = `<script>alert(1)</script>"' onload=x {{.Service}} javascript:alert(1)` + "\u202e\u05d0\u05d1\u05d2 &amp;</textarea></title><img src=x onerror=y>"

// hostileRequest is one in which whatever somebody outside can write is hostile.
func hostileRequest(r *bridge.Request) {
	talked(r)
	attention(r)
	r.Applicant = bridge.Applicant{ID: hostile, Email: hostile, Name: hostile, Organisation: hostile, App: hostile}
	r.Asked = bridge.Asked{Policies: []string{hostile}, Plan: hostile, Entry: hostile, Reasons: map[string]string{hostile: hostile}, At: noon}
	r.Terms.Plan, r.Terms.Lines[0].Name, r.Terms.Why = hostile, hostile, hostile
	r.Notes[2].Text, r.Notes[3].Text = hostile, hostile
	r.Work.Error, r.Payment.Why = hostile, hostile
	r.Refs = []bridge.Ref{{System: "stripe", Kind: bridge.RefSession, ID: "x" + `"><script>alert(1)</script>`}}
}

func TestWhatStrangersWriteIsTextAndNothingElse(t *testing.T) {
	o := newOffice(t)
	id := o.put("hostile", hostileRequest)
	path := "/console/requests/" + string(id)
	anna := o.as("approver")
	if got := anna.post(path+"/note", url.Values{"text": {hostile}}); got.StatusCode != http.StatusSeeOther {
		t.Fatal(got.StatusCode)
	}
	query := url.Values{"show": {"all"}, "q": {hostile}, "plan": {hostile}, "assigned": {hostile}, "portal": {hostile}, "currency": {hostile}, "state": {hostile}}
	for name, page := range map[string]*http.Response{
		"the request": anna.get(path), "the queue": anna.get("/console/?show=all"), "the filter": anna.get("/console/?" + query.Encode()),
		"the confirmation": anna.post(path+"/decline", url.Values{"text": {hostile}}),
		"signing in":       o.as("").post("/console/sign-in", url.Values{"name": {hostile}, "password": {"x"}, "next": {hostile}}),
	} {
		text := textOf(t, page)
		if name == "the request" {
			golden(t, "request-hostile", 200, page)
		}
		root, err := html.Parse(strings.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		shown := false
		for n := range root.Descendants() {
			shown = shown || strings.Contains(n.Data, "alert(1)") || strings.Contains(attribute(n, "value"), "alert(1)")
			if n.Data == "img" && attribute(n, "src") == "x" || n.Data == "script" && n.FirstChild != nil {
				t.Errorf("%s: what was written became part of the page", name)
			}
			if n.Type == html.TextNode && strings.Contains(n.Data, "\u202e") && !isolated(n) {
				t.Errorf("%s: <%s> does not isolate the direction of what a stranger wrote", name, n.Parent.Data)
			}
		}
		if !shown {
			t.Errorf("%s shows nothing hostile: this would find nothing", name)
		}
	}
}

// isolated reports whether the direction of a text ends with its element: dir=auto
// isolates, and so do <bdi>, a title, an option and a field of text.
func isolated(n *html.Node) bool {
	for p := n.Parent; p != nil; p = p.Parent {
		if attribute(p, "dir") == "auto" || slices.Contains([]string{"bdi", "title", "option", "textarea"}, p.Data) {
			return true
		}
	}
	return false
}

func TestABrokenHistoryIsShownAndSaidToBeBroken(t *testing.T) {
	o := newOffice(t)
	id := o.put("k")
	o.as("approver").decide(id, "note", url.Values{"text": {"x"}})
	path := "/console/requests/" + string(id)
	if text := textOf(t, o.as("viewer").get(path)); strings.Contains(text, `id="broken"`) {
		t.Fatal("a history that is whole is said to be broken")
	}
	for name, alter := range map[string]func([]bridge.Entry) []bridge.Entry{
		"altered": func(all []bridge.Entry) []bridge.Entry { all[1].Actor.Name = "nobody"; return all },
		"removed": func(all []bridge.Entry) []bridge.Entry { return all[1:] },
		"cut":     func(all []bridge.Entry) []bridge.Entry { return all[:1] },
		"gone":    func([]bridge.Entry) []bridge.Entry { return nil },
	} {
		o.alter = alter
		golden(t, "request-broken-"+name, 200, o.as("viewer").get(path))
	}
	if strings.Count(o.log.String(), "cannot be relied on") != 4 {
		t.Error("it is not logged")
	}
}

func TestWhoLookedAtARequestIsRecorded(t *testing.T) {
	o := newOffice(t)
	id := o.put("k")
	o.as("viewer").get("/console/requests/" + string(id))
	o.as("other").get("/console/requests/" + string(id)) // sees nothing
	want := bridge.Entry{Request: id, At: noon, Actor: bridge.Actor{Kind: bridge.ByPerson, Name: "vera"}, What: bridge.WhatViewed}
	if len(o.entries) != 1 || o.entries[0] != want {
		t.Errorf("recorded were %+v", o.entries)
	}
}

func TestNothingPersonalIsLogged(t *testing.T) {
	o := newOffice(t)
	id := o.put("k")
	for _, path := range []string{"/console/?q=dana", "/console/requests/" + string(id), "/console/requests/" + string(id) + "/decline", "/console/requests/x?q=dana"} {
		o.as("approver").get(path)
	}
	o.as("approver").decide(id, "decline", url.Values{"text": {"dana is not welcome"}})
	log := o.log.String()
	if !strings.Contains(log, "/console/requests/:id/:do") {
		t.Fatal("the log holds no line of a page: this would find nothing")
	}
	if strings.Contains(strings.ToLower(log), "dana") || strings.Contains(log, "approver") {
		t.Errorf("the log holds what is personal, or a session: %s", log)
	}
}

func TestMoneyThatIsThereIsGivenBackOnce(t *testing.T) {
	o := newOffice(t)
	id := o.put("k", active)
	for i, want := range []int{303, 409} {
		got := o.as("approver").decide(id, "refund", url.Values{"amount": {"10.00"}, "text": {fmt.Sprint("try ", i)}})
		if got.StatusCode != want {
			t.Errorf("try %d: %d", i, got.StatusCode)
		}
	}
	refund := o.get(id).Payment.Refund
	if refund.Amount != bridge.NewAmount(1000, "EUR") || refund.Mark.Why != "try 0" || !refund.Mark.At.Equal(noon.Truncate(time.Second)) {
		t.Errorf("the order is %+v", refund)
	}
}
