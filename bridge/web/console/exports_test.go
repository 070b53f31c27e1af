package console_test

import (
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web/console"
)

// exported asks for a list, and returns the page of exports once the file is made.
func (v visitor) exported(as, query string) *http.Response {
	v.o.t.Helper()
	got := v.post("/console/exports", url.Values{"as": {as}, "query": {query}})
	if got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/console/exports" {
		v.o.t.Fatalf("%d %s", got.StatusCode, textOf(v.o.t, got))
	}
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if page := v.get("/console/exports"); !strings.Contains(textOf(v.o.t, page), "Being made") {
			return page
		}
	}
	v.o.t.Fatal("the file is never made")
	return nil
}

func TestThePagesOfExports(t *testing.T) {
	o := newOffice(t)
	shelf(o)
	vera := o.as("viewer")
	golden(t, "exports-empty", 200, vera.get("/console/exports"))
	golden(t, "exports-ready", 200, vera.exported("csv", "show=all"))
	vera.exported("xlsx", "portal=other&q=weather")
	golden(t, "exports-two", 200, vera.get("/console/exports"))
	golden(t, "exports-format", 400, vera.post("/console/exports", url.Values{"as": {"pdf"}}))
	golden(t, "exports-mistake", 400, vera.post("/console/exports", url.Values{"as": {"csv"}, "query": {"least=x&currency=EUR"}}))
	golden(t, "exports-gone", 404, vera.get("/console/exports/NOTHING"))
}

func TestWhatIsExportedIsWhatTheListShows(t *testing.T) {
	o := newOffice(t)
	shelf(o)
	query := "show=attention"
	shown := rowsOf(t, o.as("viewer").get("/console/?"+query))
	link := linkOf(t, o.as("viewer").exported("csv", query), "file-FILE1")
	got := o.as("viewer").get(link)
	text := textOf(t, got)
	for name, want := range map[string]string{
		"Content-Disposition": "attachment; filename=requests-20260314-120000.csv", "Content-Type": "text/csv; charset=utf-8; header=present",
		"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff",
	} {
		if got.Header.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.Header.Get(name), want)
		}
	}
	if lines := strings.Split(strings.TrimSpace(text), "\r\n"); got.StatusCode != http.StatusOK || len(lines) != 1+len(shown) || !strings.Contains(lines[1], shown[0]) {
		t.Errorf("%d: shown are %v, exported %s", got.StatusCode, shown, text)
	}
	head := o.as("viewer").send(http.MethodHead, link, nil, nil)
	if head.StatusCode != http.StatusOK || textOf(t, head) != "" || head.Header.Get("Content-Length") != fmt.Sprint(len(text)) {
		t.Errorf("HEAD: %d, %s bytes of %d", head.StatusCode, head.Header.Get("Content-Length"), len(text))
	}
	want := bridge.Entry{At: noon, Actor: people["viewer"].Actor(), What: bridge.WhatExported, Before: "needs attention", After: "1 row as csv"}
	if !slices.Contains(o.entries, want) {
		t.Errorf("the audit has %v", o.entries)
	}
}

func TestAFileIsGivenToNobodyElse(t *testing.T) {
	o := newOffice(t)
	shelf(o)
	link := linkOf(t, o.as("viewer").exported("csv", "show=all"), "file-FILE1")
	for _, who := range []string{"approver", "admin", "other"} {
		if got := o.as(who).get(link); got.StatusCode != http.StatusNotFound || strings.Contains(textOf(t, got), "Dana") {
			t.Errorf("%s gets it: %d", who, got.StatusCode)
		}
		if got := o.as(who).post(link+"/remove", nil); got.StatusCode != http.StatusSeeOther {
			t.Errorf("%s: %d", who, got.StatusCode)
		}
	}
	if got := o.as("").get(link); got.StatusCode != http.StatusSeeOther || got.Header.Get("Location") != "/console/sign-in" {
		t.Errorf("nobody gets it: %d to %s", got.StatusCode, got.Header.Get("Location"))
	}
	if got := o.as("").get("/console/exports"); got.Header.Get("Location") != "/console/sign-in?next=%2Fconsole%2Fexports" {
		t.Errorf("who signs in is led to %s", got.Header.Get("Location"))
	}
	if got := o.as("viewer").get(link); got.StatusCode != http.StatusOK {
		t.Fatalf("after others have tried to remove it: %d", got.StatusCode)
	}
	o.as("viewer").post(link+"/remove", nil)
	if got := o.as("viewer").get(link); got.StatusCode != http.StatusNotFound {
		t.Errorf("after it was removed: %d", got.StatusCode)
	}
	if got := o.as("viewer").post(link+"/remove", nil); got.StatusCode != http.StatusSeeOther {
		t.Errorf("removed twice: %d", got.StatusCode)
	}
	far := linkOf(t, o.as("other").exported("csv", "show=all"), "file-FILE2")
	if text := textOf(t, o.as("other").get(far)); strings.Count(text, "\r\n") != 2 || strings.Contains(text, ",main,") {
		t.Errorf("olga, who sees one portal, has taken away %s", text)
	}
}

// While a file is made the page says how far it has come, and looks again by itself, with
// a script and without.
func TestThePageFollowsAFileThatIsMade(t *testing.T) {
	o := newOffice(t)
	for i := range 210 {
		o.put(fmt.Sprintf("k%03d", i))
	}
	gate := make(chan struct{})
	o.gate = func() {
		select {
		case <-gate:
		case <-time.After(30 * time.Second):
		}
	}
	vera := o.as("viewer")
	vera.post("/console/exports", url.Values{"as": {"csv"}, "query": {"show=all"}})
	made := func(files int) {
		page := ""
		for end := time.Now().Add(30 * time.Second); strings.Count(page, "200 of about 210 requests") < files && time.Now().Before(end); {
			page = textOf(t, vera.get("/console/exports"))
		}
	}
	made(1)
	golden(t, "exports-making", 200, vera.get("/console/exports"))
	golden(t, "exports-still", 200, vera.get("/console/exports?still=1"))
	golden(t, "exports-not-ready", 409, vera.get("/console/exports/FILE1"))
	vera.post("/console/exports", url.Values{"as": {"csv"}, "query": {"show=all"}})
	made(2)
	golden(t, "exports-limited", 429, vera.post("/console/exports", url.Values{"as": {"csv"}, "query": {"show=all"}}))
	vera.post("/console/exports/FILE1/remove", nil)
	golden(t, "exports-cancelled", 200, vera.get("/console/exports"))
	close(gate)
}

func TestWithoutAShelfNothingIsOffered(t *testing.T) {
	o := newOffice(t, func(cfg *console.Config) { cfg.Shelf, cfg.Views = nil, nil })
	for _, got := range []*http.Response{
		o.as("viewer").get("/console/exports"), o.as("viewer").get("/console/exports/X"), o.as("viewer").post("/console/exports", url.Values{"as": {"csv"}}),
		o.as("viewer").post("/console/exports/X/remove", nil), o.as("viewer").post("/console/views", url.Values{"name": {"x"}}),
		o.as("viewer").post("/console/views/remove", url.Values{"name": {"x"}}),
	} {
		if _, err := io.Copy(io.Discard, got.Body); err != nil || got.StatusCode != http.StatusNotFound {
			t.Errorf("%d, %v", got.StatusCode, err)
		}
	}
	if page := textOf(t, o.as("viewer").get("/console/")); strings.Contains(page, "export-csv") || strings.Contains(page, "view-save") {
		t.Error("the queue offers what is not there")
	}
}
