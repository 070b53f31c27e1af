package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web/console"
)

// happened writes entries into the house's chain, a minute apart.
func (b *till) happened(entries ...bridge.Entry) {
	b.t.Helper()
	for _, e := range entries {
		e.At = b.now()
		if err := b.store.Record(b.t.Context(), e); err != nil {
			b.t.Fatal(err)
		}
		b.wait(time.Minute)
	}
}

// crowd writes many entries, a minute apart, and some of them at once, so that their order
// and their times differ by up to hours.
func (b *till) crowd(n int, entry func(i int) bridge.Entry) {
	b.t.Helper()
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			e := entry(i)
			e.At = noon.Add(time.Duration(i) * time.Minute)
			if err := b.store.Record(context.WithoutCancel(b.t.Context()), e); err != nil {
				b.t.Error(err)
			}
		})
		if i%200 == 199 {
			all.Wait()
		}
	}
	all.Wait()
	b.wait(time.Duration(n) * time.Minute)
}

func by(name string) bridge.Actor { return bridge.Actor{Kind: bridge.ByPerson, Name: name} }

// aDay is what happens in the house.
func aDay(id bridge.ID) []bridge.Entry {
	return []bridge.Entry{
		{Actor: by("anna"), What: bridge.WhatSignedIn, After: "in"},
		{Actor: by("anna"), What: bridge.WhatViewed, Request: id},
		{Actor: by("vera"), What: bridge.WhatRefused, Request: id, After: "approve and decline"},
		{Actor: by("<b>eve"), What: bridge.WhatSignedIn, After: "refused", Why: "the \"password\" is <i>not</i> right"},
		{Actor: by("adam"), What: bridge.WhatPerson, Before: "reviewer", After: "approver", Why: "rosa"},
		{Actor: by("adam"), What: bridge.WhatViewed, Request: "javascript:alert(1)"},
	}
}

func TestThePagesOfTheAudit(t *testing.T) {
	wrong := ""
	b := newTill(t, func(cfg *console.Config) {
		cfg.Ledger = func(context.Context) (console.Ledger, error) {
			l := console.Ledger{
				Verified: noon.Add(-time.Hour), Entries: 1234567, Wrong: wrong, Signed: noon.Add(-2 * time.Hour), Count: 1234000,
				Hash: strings.Repeat("ab", 32), Key: "ed25519:AAAA",
			}
			switch wrong {
			case "none":
				return console.Ledger{}, nil
			case "unread":
				return console.Ledger{}, errors.New("disk")
			}
			return l, nil
		}
	})
	golden(t, "audit-empty", http.StatusOK, b.as("admin").get("/console/audit"))
	id := b.put("key")
	b.happened(aDay(id)...)
	golden(t, "audit", http.StatusOK, b.as("admin").get("/console/audit"))
	golden(t, "audit-filter", http.StatusOK, b.as("admin").get("/console/audit?who=anna&what=viewed&request="+string(id)+"&from=2026-03-14&to=2026-03-14"))
	golden(t, "audit-nothing", http.StatusOK, b.as("admin").get("/console/audit?who=nobody"))
	golden(t, "audit-mistake", http.StatusBadRequest, b.as("admin").get("/console/audit?request=x&from=14.3.&to=2026-13-01"))
	golden(t, "audit-denied", http.StatusForbidden, b.as("approver").get("/console/audit"))
	for name, is := range map[string]string{"audit-unverified": "none", "audit-wrong": "entry 7 of the house was altered", "audit-unread": "unread"} {
		wrong = is
		golden(t, name, http.StatusOK, b.as("admin").get("/console/audit?what=exported"))
	}
	if !slices.Contains(b.refused, "anna may not read the audit") {
		t.Errorf("refused is %v", b.refused)
	}
}

// An admin of some portals would see from the entries what goes on in the others.
func TestTheAuditIsForAdminsOfAllPortals(t *testing.T) {
	b := newTill(t)
	golden(t, "audit-scope", http.StatusForbidden, b.as("other").get("/console/audit"))
	if !slices.Contains(b.refused, "olga may not read the audit") {
		t.Errorf("refused is %v", b.refused)
	}
}

func TestWhatIsMissingOrDamagedInTheAuditIsShown(t *testing.T) {
	b := newTill(t)
	b.happened(aDay(b.put("key"))...)
	b.worn.entry, b.worn.missing = 4, 2
	golden(t, "audit-damaged", http.StatusOK, b.as("admin").get("/console/audit?who=anna"))
}

var rowHeads = regexp.MustCompile(`<tr><th scope="row">(\d+)</th>`)

// seqs are the entries on a page of the audit.
func seqs(t *testing.T, page string) (all []int) {
	t.Helper()
	for _, found := range rowHeads.FindAllStringSubmatch(page, -1) {
		n, err := strconv.Atoi(found[1])
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, n)
	}
	return all
}

var earlier = regexp.MustCompile(`rel="next" href="([^"]+)"`)

func TestThePagesOfTheAuditShowEachEntryOnceAndTheNewestFirst(t *testing.T) {
	b := newTill(t)
	const days = 4
	b.crowd(days*24*60, func(i int) bridge.Entry {
		return bridge.Entry{Actor: by([]string{"anna", "otto"}[i%2]), What: bridge.WhatViewed, After: fmt.Sprint(i)}
	})
	for query, want := range map[string]int{"": 5760, "?who=otto": 2880, "?from=2026-03-15&to=2026-03-15": 1440, "?to=2026-03-14": 720, "?from=2026-03-18": 720, "?from=2026-03-19": 0} {
		var got []int
		for address := "/console/audit" + query; address != ""; {
			page := textOf(t, b.as("admin").get(address))
			got = append(got, seqs(t, page)...)
			address = ""
			if next := earlier.FindStringSubmatch(page); next != nil {
				address = strings.ReplaceAll(next[1], "&amp;", "&")
			}
		}
		if !slices.IsSortedFunc(got, func(a, b int) int { return b - a }) || len(slices.Compact(got)) != want {
			t.Errorf("%q: %d entries, want %d", query, len(got), want)
		}
	}
}

func TestAnEarlierPageStaysWhereItIsWhileEntriesAreAdded(t *testing.T) {
	b := newTill(t)
	b.crowd(60, func(int) bridge.Entry { return bridge.Entry{Actor: by("anna"), What: bridge.WhatViewed} })
	before := seqs(t, textOf(t, b.as("admin").get("/console/audit?before=11")))
	b.happened(aDay("")...)
	after := seqs(t, textOf(t, b.as("admin").get("/console/audit?before=11")))
	if !slices.Equal(before, after) || len(before) != 10 || before[0] != 10 {
		t.Errorf("%v became %v", before, after)
	}
}

func TestTheAuditIsTakenAwayAsJSONLines(t *testing.T) {
	b := newTill(t)
	names := []string{"anna", "vera", "eve"}
	b.crowd(1800, func(i int) bridge.Entry {
		return bridge.Entry{Actor: by(names[i%3]), What: bridge.WhatViewed, Why: "<&>"}
	})
	read := func(address string) (entries []bridge.Entry) {
		t.Helper()
		got := b.as("admin").get(address)
		if got.StatusCode != http.StatusOK || got.Header.Get("Content-Type") != "application/jsonl; charset=utf-8" ||
			!strings.HasPrefix(got.Header.Get("Content-Disposition"), `attachment; filename="audit-2026-03-15.jsonl"`) {
			t.Fatalf("%d %v", got.StatusCode, got.Header)
		}
		for line := range strings.Lines(textOf(t, got)) {
			var e bridge.Entry
			if err := json.Unmarshal([]byte(line), &e); err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			entries = append(entries, e)
		}
		return entries
	}
	all := read("/console/audit/entries.jsonl")
	if head, err := (bridge.Head{}).Verify(all); err != nil || head.Seq != 1800 {
		t.Errorf("what was taken is a chain of %d: %v", head.Seq, err)
	}
	if some := read("/console/audit/entries.jsonl?who=vera"); len(some) != 600 || some[0].Actor.Name != "vera" {
		t.Errorf("%d entries of vera", len(some))
	}
	end, err := b.store.House(t.Context(), 1800, 10)
	if err != nil || len(end) != 2 || end[0].Entry.What != bridge.WhatExported || end[0].Entry.Actor != by("adam") || end[0].Entry.After != "the audit up to entry 1800" {
		t.Errorf("of the downloads is written down: %+v %v", end, err)
	}
	for session, want := range map[string]int{"approver": 403, "viewer": 403, "other": 403, "": 303} {
		if got := b.as(session).get("/console/audit/entries.jsonl"); got.StatusCode != want {
			t.Errorf("%q gets %d", session, got.StatusCode)
		}
	}
	if got := b.as("admin").get("/console/audit/entries.jsonl?from=x"); got.StatusCode != http.StatusBadRequest {
		t.Errorf("a filter that cannot be understood: %d", got.StatusCode)
	}
}

// A file that ends early must not look whole.
func TestADownloadOfADamagedAuditIsBrokenOff(t *testing.T) {
	b := newTill(t)
	b.crowd(600, func(int) bridge.Entry { return bridge.Entry{Actor: by("anna"), What: bridge.WhatViewed} })
	b.worn.entry = 555
	defer func() {
		if p := recover(); p != http.ErrAbortHandler { //nolint:errorlint // a value to compare with, by its documentation
			t.Errorf("the connection is not cut, but %v", p)
		}
		if !strings.Contains(b.log.String(), "a download of the audit was broken off") {
			t.Error("the log does not say so")
		}
	}()
	b.as("admin").get("/console/audit/entries.jsonl")
	t.Error("it ended as if it were whole")
}
