package console_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"keybridge/bridge"
)

// A page that asks whether anything is new is answered without the request, and not
// recorded, until there is.
func TestLookingAgainIsRecordedWhenSomethingIsShown(t *testing.T) {
	o := newOffice(t)
	id := o.put("k")
	path := "/console/requests/" + string(id)
	edition := func(page *http.Response) string {
		_, after, _ := strings.Cut(textOf(t, page), `data-edition="`)
		text, _, _ := strings.Cut(after, `"`)
		return strings.ReplaceAll(text, "&#34;", `"`)
	}
	shown := edition(o.as("approver").get(path))
	ask := func() *http.Response {
		return o.as("approver").send(http.MethodGet, path, nil, http.Header{"If-None-Match": {shown}})
	}
	for range 3 {
		if got := ask(); got.StatusCode != http.StatusNotModified || textOf(t, got) != "" || len(o.entries) != 1 {
			t.Fatalf("%d %q, recorded %v", got.StatusCode, textOf(t, got), o.entries)
		}
	}
	// The worker notes something for itself, which is no entry of the history.
	_, err := o.store.Update(t.Context(), id, func(c *bridge.Change) error { c.Work.Error = "the portal is away"; return nil })
	if err != nil {
		t.Fatal(err)
	}
	got := ask()
	if text := textOf(t, got); got.StatusCode != http.StatusOK || !strings.Contains(text, "the portal is away") || len(o.entries) != 2 || edition(got) == shown {
		t.Errorf("%d, recorded %v: %s", got.StatusCode, o.entries, text)
	}
	if got := o.as("other").send(http.MethodGet, path, nil, http.Header{"If-None-Match": {edition(got)}}); got.StatusCode != http.StatusNotFound {
		t.Errorf("who may not see it: %d", got.StatusCode)
	}
}

func TestARequestsPageKeepsItselfFreshAndWhatIsTyped(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	id := b.o.put("k")
	b.signIn("anna")
	b.open("/console/requests/" + string(id))
	b.do(chromedp.Focus("#note-text"))
	b.press("half a")
	b.again()
	if got := b.o.as("second").decide(id, "decline", map[string][]string{"text": {"not for resale"}}); got.StatusCode != http.StatusSeeOther {
		t.Fatal(got.StatusCode)
	}
	b.again()
	b.sees(`document.querySelector(".history").innerText.includes("not for resale") && document.querySelector(".head").innerText.includes("Declining")`)
	if got := b.look(`document.getElementById("note-text").value + "|" + document.activeElement.id + "|" + (document.getElementById("approve") === null)`); got != "half a|note-text|true" {
		t.Errorf("the page has %q", got)
	}
	if n := len(b.o.viewed(id)); n != 2 {
		t.Errorf("%d views are recorded: want one of what was opened, and one of what was new", n)
	}
	b.press(" word")
	if got := b.look(`document.getElementById("note-text").value`); got != "half a word" {
		t.Errorf("typing goes on into %q", got)
	}
	// What was chosen and not sent stays; the focus on what is offered comes back to it.
	other := b.o.put("other")
	b.open("/console/requests/" + string(other))
	b.look(`document.getElementById("to").value = "rosa"`)
	b.do(chromedp.Focus("#decline"))
	if err := b.o.service.Desk(people["second"]).Do(t.Context(), other, bridge.Deed{Kind: bridge.DoAssign, To: "otto"}); err != nil {
		t.Fatal(err)
	}
	if err := b.o.service.Desk(people["second"]).Do(t.Context(), other, bridge.Deed{Kind: bridge.DoNote, Text: "A customer since 2019."}); err != nil {
		t.Fatal(err)
	}
	b.again()
	b.sees(`document.body.innerText.includes("A customer since 2019.")`)
	if got := b.look(`document.getElementById("to").value + "|" + document.activeElement.id`); got != "rosa|decline" {
		t.Errorf("the page has %q", got)
	}
}

// viewed are the entries that say that somebody has looked at a request.
func (o *office) viewed(id bridge.ID) (all []bridge.Entry) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, e := range o.entries {
		if e.Request == id && e.What == bridge.WhatViewed {
			all = append(all, e)
		}
	}
	return all
}

func TestManyAreDecidedByKeyboard(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	var ids []bridge.ID
	for i, name := range []string{"First", "Second", "Third"} {
		ids = append(ids, b.o.put(name, named(name), func(r *bridge.Request) { r.Created = noon.Add(time.Duration(i-9) * time.Hour) }))
	}
	b.signIn("anna")
	b.press("j", "x", "j", "x", "j", "x", "x")
	const ticks = `[...document.querySelectorAll("#list input:checked")].map((box) => box.value).join() + " " + document.getElementById("bulk-says").textContent`
	want := string(ids[0]+","+ids[1]) + " With the 2 ticked:"
	if got := b.look(ticks); got != want {
		t.Fatalf("ticked are %q, want %q", got, want)
	}
	b.o.put("new", named("New"))
	b.again()
	b.sees(`document.querySelectorAll("tr[data-request]").length === 4`)
	if got := b.look(ticks); got != want {
		t.Errorf("after the list was read anew ticked are %q", got)
	}
	b.shoot("queue-ticked")
	b.do(chromedp.EmulateViewport(1200, 900))
	b.do(chromedp.Focus("#bulk-decline"))
	b.press(kb.Enter)
	b.sees(`document.getElementById("confirm") !== null && ` + ready)
	b.narrow("bulk-decline")
	b.do(chromedp.Focus("#text"))
	b.press("closed", kb.Tab, kb.Enter)
	b.sees(`document.getElementById("flash") !== null && document.getElementById("flash").textContent === "2 requests declined."`)
	b.narrow("bulk-done")
	for i, id := range ids {
		if got := b.o.get(id).Verdict; (got.Outcome == bridge.Decline && got.Mark.Why == "closed") != (i < 2) {
			t.Errorf("request %d: %+v", i, got)
		}
	}
	b.do(chromedp.Click("#on"))
	b.sees(`document.querySelectorAll("tr[data-request]").length === 2 && ` + ready)
	b.do(chromedp.Click("#bulk-all"))
	b.sees(`document.getElementById("bulk-says").textContent === "With the 2 ticked:"`)
	b.do(chromedp.Click("#bulk-all"))
	b.sees(`document.getElementById("bulk-says").textContent === "With those ticked:"`)
}

func TestAnExportIsFollowedToItsEnd(t *testing.T) {
	t.Parallel()
	b := openTab(t)
	for i := range 210 {
		b.o.put(string(rune('a'+i/26)) + string(rune('a'+i%26)))
	}
	gate := make(chan struct{})
	var left int
	b.o.gate = func() {
		if left++; left > 1 {
			return
		}
		select {
		case <-gate:
		case <-time.After(30 * time.Second):
		}
	}
	b.signIn("vera")
	b.open("/console/?show=all")
	b.do(chromedp.Click("#export-xlsx"))
	b.sees(`location.pathname === "/console/exports" && document.querySelector("progress") !== null && document.querySelector("progress").value === 200`)
	b.narrow("exports-making")
	b.do(chromedp.Focus("#remove-FILE1"))
	close(gate)
	b.sees(`document.getElementById("file-FILE1") !== null`)
	if got := b.look(`document.activeElement.id + "|" + document.getElementById("live-says").textContent + "|" + document.getElementById("live-label").hidden`); got != "remove-FILE1|requests-20260314-120000.xlsx is ready.|true" {
		t.Errorf("the page has %q", got)
	}
	b.narrow("exports-ready")
}

// narrow looks at the page that is open on a narrow screen, and keeps pictures.
func (b *tab) narrow(name string) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(320, 640))
	b.fits(name)
	b.shoot(name)
	b.do(chromedp.EmulateViewport(1200, 900))
}
