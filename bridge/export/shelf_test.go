package export_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/oklog/ulid/v2"

	"keybridge/bridge"
	"keybridge/bridge/export"
	"keybridge/store/bolt"
)

// The people of the house.
var (
	vera = bridge.Person{Name: "vera", Role: bridge.Viewer}
	anna = bridge.Person{Name: "anna", Role: bridge.Approver}
	olga = bridge.Person{Name: "olga", Role: bridge.Admin, Portals: []string{"other"}}
)

// patience is longer than anything here takes.
const patience = 30 * time.Second

// house is a shelf over a real service on a real store, whose lists a test may hold up.
type house struct {
	*export.Shelf
	*testing.T
	folder  string
	service *bridge.Service
	log     bytes.Buffer

	mu      sync.Mutex
	clock   time.Time
	list    func(bridge.Filter) error // asked before every page; may be nil
	entries []bridge.Entry
	refused []bridge.Operation
}

// newHouse returns a house with requests of two portals: so many of "main" and three of "other".
func newHouse(t *testing.T, requests int, change ...func(*export.Config)) *house {
	t.Helper()
	h := &house{T: t, folder: filepath.Join(t.TempDir(), "exports"), clock: noon}
	store, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "keybridge.db"), InitialMmapSize: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	h.service, err = bridge.New(bridge.Config{
		Store: gated{store, h}, Portals: map[string]bridge.Site{"main": {}, "other": {}}, Now: h.now,
		NewID: func() bridge.ID { return bridge.ID(ulid.Make().String()) }, Page: func(bridge.ID, time.Time) string { return "" },
		Refused: func(_ bridge.Person, o bridge.Operation, _ bridge.ID) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.refused = append(h.refused, o)
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range requests {
		h.put("main", fmt.Sprintf("m%04d", i))
	}
	for i := range 3 {
		h.put("other", fmt.Sprintf("o%d", i))
	}
	cfg := export.Config{
		Folder: h.folder, Count: store.Count, Now: h.now, Log: slog.New(slog.NewTextHandler(&h.log, nil)),
		Record: func(_ context.Context, e bridge.Entry) {
			h.mu.Lock()
			defer h.mu.Unlock()
			h.entries = append(h.entries, e)
		},
	}
	for _, fn := range change {
		fn(&cfg)
	}
	if h.Shelf, err = export.New(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// gated is a store whose lists a test may hold up, or break.
type gated struct {
	*bolt.Store
	h *house
}

func (g gated) List(ctx context.Context, f bridge.Filter) (bridge.Page, error) {
	g.h.mu.Lock()
	gate := g.h.list
	g.h.mu.Unlock()
	if gate != nil {
		if err := gate(f); err != nil {
			return bridge.Page{}, err
		}
	}
	return g.Store.List(ctx, f)
}

func (h *house) now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.clock
}

func (h *house) pass(d time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.clock = h.clock.Add(d)
}

// hold makes every page after the first wait until release is called.
func (h *house) hold() (release func()) {
	gate := make(chan struct{})
	h.mu.Lock()
	defer h.mu.Unlock()
	h.list = func(f bridge.Filter) error {
		if f.After == "" {
			return nil
		}
		select {
		case <-gate:
			return nil
		case <-time.After(patience):
			return errors.New("nobody has let the list go on")
		}
	}
	return sync.OnceFunc(func() { close(gate) })
}

func (h *house) put(portal, key string) {
	h.Helper()
	c := h.service.Intake(portal, key)
	c.Applicant.Name = "Applicant of " + key
	if _, err := h.service.Accept(h.Context(), bridge.Hint{Source: "test", Portal: portal, Key: key, Intake: c}); err != nil {
		h.Fatal(err)
	}
}

func (h *house) start(p bridge.Person, as bridge.Format, f bridge.Filter) bridge.Export {
	h.Helper()
	j, err := h.Start(h.service.Desk(p), as, f)
	if err != nil {
		h.Fatal(err)
	}
	return j
}

// await is a file once it is no longer being made.
func (h *house) await(p bridge.Person, j bridge.Export) bridge.Export {
	h.Helper()
	ctx, cancel := context.WithTimeout(h.Context(), patience)
	defer cancel()
	j, err := h.Wait(ctx, p, j.ID)
	if err != nil || j.State == bridge.ExportMaking {
		h.Fatalf("the file is %q after %s: %v", j.State, patience, err)
	}
	return j
}

// until waits for something that comes by itself.
func (h *house) until(what string, is func() bool) {
	h.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			h.Fatalf("waited too long until %s", what)
		}
	}
}

// rows are the key requests in a person's file.
func (h *house) rows(p bridge.Person, j bridge.Export) (keys []string) {
	h.Helper()
	file, j, err := h.Open(p, j.ID)
	if err != nil {
		h.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	raw, err := io.ReadAll(file)
	if err != nil || int64(len(raw)) != j.Size {
		h.Fatalf("%d bytes of %d, %v", len(raw), j.Size, err)
	}
	lines := linesOf(h.T, raw)
	for _, line := range lines[1:] {
		keys = append(keys, record(lines[0], line)["Key request"])
	}
	return keys
}

// files are the names of what lies in the folder.
func (h *house) files() (names []string) {
	h.Helper()
	all, err := os.ReadDir(h.folder)
	if err != nil {
		h.Fatal(err)
	}
	for _, f := range all {
		names = append(names, f.Name())
	}
	return names
}

func (h *house) wantKind(err error, want bridge.Kind) {
	h.Helper()
	if bridge.KindOf(err) != want {
		h.Errorf("%v, which is %q: want %q", err, bridge.KindOf(err), want)
	}
}

func TestAFileHasEveryRequestThatFitsOnceAndInOrder(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 450) // more than two pages
	j := h.start(vera, bridge.CSV, bridge.Filter{Portal: "main", Oldest: true, After: "not looked at", Limit: 7})
	j = h.await(vera, j)
	var want []string
	for i := range 450 {
		want = append(want, fmt.Sprintf("m%04d", i))
	}
	if diff := cmp.Diff(want, h.rows(vera, j)); diff != "" || j.State != bridge.ExportReady || j.Rows != 450 || j.Of != 450 || j.More {
		t.Errorf("%+v (-want +got):\n%s", j, diff)
	}
	if j.Name() != "requests-20260314-120000.csv" {
		t.Errorf("it is called %s", j.Name())
	}
	sheet := h.await(vera, h.start(vera, bridge.XLSX, bridge.Filter{Portal: "other"}))
	file, _, err := h.Open(vera, sheet.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	raw, err := io.ReadAll(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, rows := book(t, raw); len(rows) != 4 || sheet.Rows != 3 {
		t.Errorf("the sheet has %d lines for %d rows", len(rows), sheet.Rows)
	}
}

func TestThatAListWasTakenAwayIsKeptWithItsFilterAndItsRows(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 2)
	h.await(vera, h.start(vera, bridge.CSV, bridge.Filter{Portal: "main", Words: []string{"m0001"}}))
	want := []bridge.Entry{{
		At: noon, Actor: vera.Actor(), What: bridge.WhatExported, Before: "portal main, 1 word searched for", After: "1 row as csv",
	}}
	if diff := cmp.Diff(want, h.entries); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestWhatAPersonMayNotSeeIsNotInTheirFile(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 5)
	j := h.await(olga, h.start(olga, bridge.CSV, bridge.Filter{}))
	if got := h.rows(olga, j); len(got) != 3 || slices.ContainsFunc(got, func(k string) bool { return k[0] != 'o' }) || j.Of != 3 {
		t.Errorf("olga has taken away %v, of %d", got, j.Of)
	}
	_, err := h.Start(h.service.Desk(olga), bridge.CSV, bridge.Filter{Portal: "main"})
	h.wantKind(err, bridge.NotFound)
	_, err = h.Start(h.service.Desk(bridge.Person{Name: "nobody"}), bridge.CSV, bridge.Filter{})
	h.wantKind(err, bridge.Denied)
	if want := []bridge.Operation{bridge.MayExport, bridge.MayExport}; !slices.Equal(h.refused, want) {
		t.Errorf("told of %v, want %v", h.refused, want)
	}
	_, err = h.Start(h.service.Desk(anna), "pdf", bridge.Filter{})
	h.wantKind(err, bridge.Invalid)
}

func TestAFileIsForWhoMadeItAndForNobodyElse(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1)
	j := h.await(vera, h.start(vera, bridge.CSV, bridge.Filter{}))
	more := vera
	more.Role = bridge.Admin
	fewer := vera
	fewer.Portals = []string{"other"}
	for name, p := range map[string]bridge.Person{"somebody else": anna, "another role": more, "fewer portals": fewer} {
		_, _, err := h.Open(p, j.ID)
		h.wantKind(err, bridge.NotFound)
		h.wantKind(h.Remove(p, j.ID), bridge.NotFound)
		_, err = h.Wait(t.Context(), p, j.ID)
		h.wantKind(err, bridge.NotFound)
		if len(h.Exports(p)) > 0 {
			t.Errorf("%s sees vera's file", name)
		}
	}
	if got := h.Exports(vera); len(got) != 1 || got[0] != j {
		t.Errorf("vera has %+v", got)
	}
	path := filepath.Join(h.folder, h.files()[0])
	for place, want := range map[string]fs.FileMode{path: 0o600, h.folder: fs.ModeDir | 0o700} {
		if is, err := os.Stat(place); err != nil || is.Mode() != want {
			t.Errorf("%s is %s, %v: want %s", place, is.Mode(), err, want)
		}
	}
}

func TestWhoWaitsSeesHowFarItHasCome(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 210)
	release := h.hold()
	j := h.start(vera, bridge.CSV, bridge.Filter{})
	h.until("the first page is written", func() bool { return h.Exports(vera)[0].Rows == 200 })
	if got := h.Exports(vera)[0]; got.State != bridge.ExportMaking || got.Of != 213 || got.More {
		t.Errorf("it stands at %+v", got)
	}
	_, _, err := h.Open(vera, j.ID)
	h.wantKind(err, bridge.Conflict)
	release()
	if j = h.await(vera, j); j.State != bridge.ExportReady || j.Rows != 213 {
		t.Errorf("it ends as %+v", j)
	}
}

// A client that is slow, or never comes, holds up nobody's writing: between two pages of
// the list nothing of the store is held.
func TestTheStoreIsFreeWhileAFileIsMade(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 210)
	release := h.hold()
	j := h.start(vera, bridge.CSV, bridge.Filter{Portal: "main", Oldest: true})
	h.until("the first page is written", func() bool { return h.Exports(vera)[0].Rows == 200 })
	for i := range 50 {
		h.put("main", fmt.Sprintf("n%04d", i))
	}
	release()
	keys := h.rows(vera, h.await(vera, j))
	unique := slices.Compact(slices.Sorted(slices.Values(keys)))
	if len(unique) != len(keys) || len(keys) < 210 {
		t.Errorf("%d rows, %d of them different", len(keys), len(unique))
	}
}

func TestWhatIsCancelledLeavesNothing(t *testing.T) {
	t.Parallel()
	for _, as := range bridge.Formats {
		h := newHouse(t, 210)
		release := h.hold()
		j := h.start(vera, as, bridge.Filter{})
		h.until("the first page is written", func() bool { return h.Exports(vera)[0].Rows == 200 })
		if err := h.Remove(vera, j.ID); err != nil {
			t.Fatal(err)
		}
		release()
		if j = h.await(vera, j); j.State != bridge.ExportCancelled || len(h.files()) > 0 || len(h.entries) > 0 {
			t.Errorf("%+v, files %v, entries %v", j, h.files(), h.entries)
		}
		if err := h.Remove(vera, j.ID); err != nil || len(h.Exports(vera)) > 0 {
			t.Errorf("taken off the shelf: %v, %v", err, h.Exports(vera))
		}
	}
}

func TestAListThatBreaksOffSaysSoAndLeavesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 210)
	for name, c := range map[string]struct {
		list func(bridge.Filter) error
		want string
	}{
		"a store that fails":  {func(bridge.Filter) error { return errors.New("disk gone") }, "Something went wrong on our side."},
		"one that says why":   {func(bridge.Filter) error { return &bridge.Error{Kind: bridge.Unavailable, Msg: "Try again."} }, "Try again."},
		"one that falls over": {func(bridge.Filter) error { panic("dana@applicant.example") }, "Something went wrong on our side."},
	} {
		h.mu.Lock()
		h.list = func(f bridge.Filter) error {
			if f.After == "" {
				return nil
			}
			return c.list(f)
		}
		h.mu.Unlock()
		j := h.await(vera, h.start(vera, bridge.CSV, bridge.Filter{}))
		if j.State != bridge.ExportFailed || !strings.HasPrefix(j.Problem, c.want) || len(h.files()) > 0 {
			t.Errorf("%s: %+v, files %v", name, j, h.files())
		}
	}
	if len(h.entries) > 0 || strings.Contains(h.log.String(), "applicant.example") || strings.Count(h.log.String(), "could not be exported") != 3 {
		t.Errorf("entries %v, log %s", h.entries, h.log.String())
	}
}

func TestAListThatIsTooLongIsRefusedAndNotCutOff(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*export.Config){
		"more than 40 rows":   func(c *export.Config) { c.MostRows = 40 },
		"larger than 0 MiB":   func(c *export.Config) { c.MostBytes = 2000 },
		"":                    func(c *export.Config) { c.MostRows = 43 },
		"more than 42 rows. ": func(c *export.Config) { c.MostRows = 42 },
	} {
		h := newHouse(t, 40, change)
		j := h.await(vera, h.start(vera, bridge.CSV, bridge.Filter{}))
		if !strings.Contains(j.Problem, want) || (j.State == bridge.ExportReady) != (want == "") || j.State != bridge.ExportReady && len(h.files()) > 0 {
			t.Errorf("%q: %+v, files %v", want, j, h.files())
		}
	}
}

func TestOnlyAFewAreMadeAtOnce(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 210)
	release := h.hold()
	var jobs []bridge.Export
	for range 2 {
		jobs = append(jobs, h.start(vera, bridge.CSV, bridge.Filter{}))
	}
	_, err := h.Start(h.service.Desk(vera), bridge.CSV, bridge.Filter{})
	h.wantKind(err, bridge.Limited)
	for range 2 {
		h.start(anna, bridge.CSV, bridge.Filter{})
	}
	_, err = h.Start(h.service.Desk(bridge.Person{Name: "otto", Role: bridge.Viewer}), bridge.CSV, bridge.Filter{})
	h.wantKind(err, bridge.Limited)
	release()
	for _, j := range jobs {
		if j = h.await(vera, j); j.State != bridge.ExportReady {
			t.Errorf("%+v", j)
		}
	}
	h.start(vera, bridge.CSV, bridge.Filter{})
}

func TestTheOldestFileGoesWhereAPersonHasTooMany(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1, func(c *export.Config) { c.Kept = 3 })
	var ids []string
	for range 5 {
		j := h.await(vera, h.start(vera, bridge.CSV, bridge.Filter{}))
		ids = append([]string{j.ID}, ids...)
	}
	var got []string
	for _, j := range h.Exports(vera) {
		got = append(got, j.ID)
	}
	if !slices.Equal(got, ids[:3]) || len(h.files()) != 3 {
		t.Errorf("vera has %v of %v, and there are %v", got, ids, h.files())
	}
}

func TestAFileGoesWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1)
	j := h.await(vera, h.start(vera, bridge.CSV, bridge.Filter{}))
	h.pass(time.Hour - time.Millisecond)
	h.rows(vera, j)
	h.pass(time.Millisecond) // whatever timers do, nobody gets it any more
	_, _, err := h.Open(vera, j.ID)
	h.wantKind(err, bridge.NotFound)

	h = newHouse(t, 1, func(c *export.Config) { c.Keep = 50 * time.Millisecond })
	j = h.start(vera, bridge.CSV, bridge.Filter{})
	h.until("it is removed", func() bool { return len(h.Exports(vera)) == 0 && len(h.files()) == 0 })
	_, _, err = h.Open(vera, j.ID)
	h.wantKind(err, bridge.NotFound)
}

func TestNothingIsLeftWhenTheShelfIsClosedOrItsProcessDied(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 210)
	h.await(vera, h.start(vera, bridge.CSV, bridge.Filter{}))
	release := h.hold()
	h.start(vera, bridge.XLSX, bridge.Filter{})
	h.until("the first page is written", func() bool { return h.Exports(vera)[0].Rows == 200 })
	release()
	if err := h.Close(); err != nil || len(h.files()) > 0 {
		t.Errorf("%v; left are %v", err, h.files())
	}
	_, err := h.Start(h.service.Desk(vera), bridge.CSV, bridge.Filter{})
	h.wantKind(err, bridge.Unavailable)

	for _, name := range []string{"export-ABC", "excelize-123", "keep.me"} {
		if err := os.WriteFile(filepath.Join(h.folder, name), []byte("x"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	again, err := export.New(export.Config{Folder: h.folder})
	if err != nil {
		t.Fatal(err)
	}
	if got := h.files(); !slices.Equal(got, []string{"keep.me"}) {
		t.Errorf("left are %v", got)
	}
	if err := again.Close(); err != nil {
		t.Error(err)
	}
	if _, err := export.New(export.Config{}); err == nil {
		t.Error("a shelf without a folder")
	}
}

func TestAFileThatIsBeingReadIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	h := newHouse(t, 1)
	j := h.await(vera, h.start(vera, bridge.CSV, bridge.Filter{}))
	file, _, err := h.Open(vera, j.ID)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	if err := h.Remove(vera, j.ID); err != nil {
		t.Fatal(err)
	}
	if raw, err := io.ReadAll(file); err != nil || int64(len(raw)) != j.Size {
		t.Errorf("%d bytes of %d, %v", len(raw), j.Size, err)
	}
}

func TestAFilterIsToldWithoutAWordThatWasSearchedFor(t *testing.T) {
	t.Parallel()
	for want, f := range map[string]bridge.Filter{
		"all requests":               {},
		"state active, portal main":  {State: bridge.StateActive, Portal: "main"},
		"portals main and other":     {Portals: []string{"main", "other"}},
		"portal main, one applicant": {Portal: "main", Applicant: "dev-7"},
		"waiting for a person":       {Tags: []bridge.Tag{bridge.TagWaits}},
		"needs attention, 3 words searched for": {
			Tags: []bridge.Tag{bridge.TagAttention, bridge.TagWord("dana")}, Words: []string{"dana", "doe"},
		},
		"plan Weather/Pro, assigned to anna": {Tags: []bridge.Tag{bridge.TagPlan("Weather/Pro"), bridge.TagAssigned("anna")}},
		"currency EUR, from 10.00 EUR, up to 20.00 EUR": {
			Tags: []bridge.Tag{bridge.TagCurrency("EUR")}, Least: bridge.NewAmount(1000, "EUR"), Most: bridge.NewAmount(2000, "EUR"),
		},
		"created from 2026-03-14T12:00:00Z, created before 2026-03-14T13:00:00Z": {From: noon, Before: noon.Add(time.Hour)},
	} {
		if got := export.Asked(f); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Each ends with the first error, and when its reader has enough.
func TestEachReadsNoMoreThanIsAskedFor(t *testing.T) {
	t.Parallel()
	pages := 0
	list := func(_ context.Context, f bridge.Filter) (bridge.Page, error) {
		pages++
		return bridge.Page{Requests: make([]bridge.Request, f.Limit), Next: "more"}, nil
	}
	n := 0
	for _, err := range export.Each(t.Context(), list, bridge.Filter{}) {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n == 250 {
			break
		}
	}
	if pages != 2 {
		t.Errorf("%d pages were read for %d requests", pages, n)
	}
	ended, end := context.WithCancel(t.Context())
	end()
	var errs []error
	for _, err := range export.Each(ended, list, bridge.Filter{}) {
		errs = append(errs, err)
	}
	if diff := cmp.Diff([]error{context.Canceled}, errs, cmpopts.EquateErrors()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
