package api_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/export"
	"keybridge/bridge/report"
	"keybridge/bridge/web/api"
)

func TestATokenIsToldWhatItMay(t *testing.T) {
	h := newHouse(t)
	for who, p := range people {
		var got struct {
			Name    string
			Role    bridge.Role
			Portals []string
			May     []bridge.Operation
		}
		a := h.want(http.StatusOK, get(strings.TrimPrefix(who, "kbt_"), "/me"))
		a.into(&got)
		may := map[bridge.Operation]bool{}
		for _, o := range got.May {
			may[o] = true
		}
		for _, o := range bridge.Operations() {
			if may[o] != (p.May(o, "") == nil) {
				t.Errorf("%s: may %q: %t", who, o, may[o])
			}
		}
		if got.Name != p.Name || got.Role != p.Role || cmp.Diff(p.Portals, got.Portals) != "" || bytes.Contains(a.body, []byte("@")) {
			t.Errorf("%s: %s", who, a.body)
		}
	}
}

func TestPortalsAreThoseOfThePersonWithTheirPlans(t *testing.T) {
	h := newHouse(t)
	type plan struct {
		Name  string
		Steps []bridge.StepKind
		Above map[string]any `json:"two_persons_above"`
	}
	var got struct {
		Portals []struct {
			Name, Title string
			Plans       []plan
		}
	}
	h.want(http.StatusOK, get("viewer", "/portals")).into(&got)
	if len(got.Portals) != 2 || got.Portals[0].Title != "portal.example" {
		t.Fatalf("%+v", got)
	}
	want := []plan{{"Weather Pro", []bridge.StepKind{bridge.Review, bridge.Paying}, map[string]any{"amount": "100.00", "currency": "EUR", "minor": 10000.0}}}
	if diff := cmp.Diff(want, got.Portals[0].Plans); diff != "" {
		t.Error(diff)
	}
	h.want(http.StatusOK, get("other", "/portals")).into(&got)
	if len(got.Portals) != 1 || got.Portals[0].Name != "other" {
		t.Errorf("olga sees %+v", got)
	}
}

func TestTheAuditIsReadFromItsBeginningToItsEnd(t *testing.T) {
	h := newHouse(t)
	for i := range 5 {
		err := h.store.Record(t.Context(), bridge.Entry{At: noon, Actor: bridge.Actor{Kind: bridge.ByPerson, Name: "rosa"}, What: bridge.WhatViewed, After: fmt.Sprint(i)})
		if err != nil {
			t.Fatal(err)
		}
	}
	var all []bridge.Entry
	pages := 0
	for path := "/audit?limit=2"; path != ""; pages++ {
		var p struct {
			Entries []bridge.Entry
			Next    string
		}
		h.want(http.StatusOK, get("admin", path)).into(&p)
		all = append(all, p.Entries...)
		path = strings.TrimPrefix(p.Next, api.Base)
	}
	end, err := h.store.HouseEnd(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got, err := (bridge.Head{}).Verify(all); err != nil || got != end || pages != 3 {
		t.Errorf("%d entries on %d pages, to %d of %d: %v", len(all), pages, got.Seq, end.Seq, err)
	}
}

func TestTheReportHasTheNumbersOfTheSheets(t *testing.T) {
	h := newHouse(t)
	sheets, err := report.New(report.Config{Store: h.store})
	if err != nil {
		t.Fatal(err)
	}
	h.remake(func(cfg *api.Config) { cfg.Report = sheets })
	for i, portal := range []string{"main", "main", "other"} {
		h.takes(fmt.Sprint("k", i), portal, int64(1250*(i+1)))
	}
	if err := sheets.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	days, err := sheets.Between(t.Context(), noon.AddDate(0, 0, -6), noon, []string{"main"})
	if err != nil {
		t.Fatal(err)
	}
	want := report.Sum(days).In("EUR")
	var got struct {
		From, To, Unit string
		Portals        []string
		Counted        struct{ Behind bool }
		Total          struct {
			Money []struct {
				Plan     string
				In, Back struct {
					Amount, Currency string
					Minor            int64
				}
				Payments int
			}
		}
		Parts []struct{ From, To string }
	}
	h.want(http.StatusOK, get("viewer", "/money?from=2026-03-08&to=2026-03-14&unit=week&portal=main")).into(&got)
	line := got.Total.Money[0]
	if line.In.Minor != want.In || line.Payments != want.Payments || line.Payments != 2 || line.In.Amount != "37.50" || line.In.Currency != "EUR" || got.Counted.Behind {
		t.Errorf("money %+v, the sheets say %+v", line, want)
	}
	if diff := cmp.Diff([]struct{ From, To string }{{"2026-03-08", "2026-03-08"}, {"2026-03-09", "2026-03-14"}}, got.Parts); diff != "" {
		t.Errorf("a week begins on Monday: %s", diff)
	}
	got.Total.Money = nil
	h.want(http.StatusOK, get("other", "/money")).into(&got)
	if line := got.Total.Money[0]; line.In.Minor != 3750 || len(got.Total.Money) != 1 || cmp.Diff([]string{"other"}, got.Portals) != "" {
		t.Errorf("olga sees %+v of %v", got.Total.Money, got.Portals)
	}
}

// takes lets a payment come in for a new request.
func (h *house) takes(key, portal string, minor int64) {
	h.t.Helper()
	id := h.put(key, func(r *bridge.Request) { r.Portal = portal }, paying)
	amount := bridge.NewAmount(minor, "EUR")
	_, err := h.store.Update(h.t.Context(), id, func(c *bridge.Change) error {
		head, e := c.Head.Next(bridge.Entry{
			Request: id, At: noon, Actor: bridge.Actor{Kind: bridge.ByProvider, Name: "stripe"}, What: bridge.WhatPayment,
			Before: "open", After: "paid", Why: "received " + amount.String(),
		})
		c.Head, c.Entries = head, append(c.Entries, e)
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
}

func TestASpanThatIsNoneIsRefusedByName(t *testing.T) {
	h := newHouse(t)
	sheets, err := report.New(report.Config{Store: h.store})
	if err != nil {
		t.Fatal(err)
	}
	h.remake(func(cfg *api.Config) { cfg.Report = sheets })
	for query, want := range map[string][]string{
		"from=2026-03-15":                          {"query from"},
		"from=2026-02-30":                          {"query from"},
		"to=tomorrow&unit=hour":                    {"query to", "query unit"},
		"from=2000-01-01":                          {"query from"},
		"from=2024-01-01":                          {"query unit"},
		"span=year":                                {"query span"},
		"from=2026-03-01&from=2026-03-02":          {"query from"},
		"to=9999-12-31&from=0001-01-01&unit=month": {"query from"},
	} {
		a := h.want(http.StatusBadRequest, get("viewer", "/money?"+query))
		if diff := cmp.Diff(want, a.faults()); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	h.want(http.StatusOK, get("viewer", "/money?from=2024-01-01&unit=month"))
}

// shelved is a house whose lists can be taken away.
func shelved(t *testing.T) *house {
	t.Helper()
	shelf, err := export.New(export.Config{Folder: filepath.Join(t.TempDir(), "exports")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shelf.Close() })
	h := newHouse(t)
	h.remake(func(cfg *api.Config) { cfg.Shelf = shelf })
	return h
}

// file is how far one has come.
type file struct {
	ID, Self, State, File string
	Rows                  int
}

// made waits until a file is made.
func (h *house) made(who string, f file) file {
	h.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); f.State == "making"; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatal("the file is not made")
		}
		h.want(http.StatusOK, get(who, strings.TrimPrefix(f.Self, api.Base))).into(&f)
	}
	return f
}

func TestAListIsTakenAwayAsAFile(t *testing.T) {
	h := shelved(t)
	for i := range 3 {
		h.put(fmt.Sprint("k", i), func(r *bridge.Request) { r.Applicant.Name = "=1+1" })
	}
	h.put("alive", paid)
	c := post("viewer", "/exports", `{"as": "csv", "filter": {"show": "all", "state": "reviewing"}}`).with("Idempotency-Key", "k")
	first := h.want(http.StatusAccepted, c)
	var f file
	first.into(&f)
	if first.header.Get("Location") != f.Self || f.Self != api.Base+"/exports/"+f.ID {
		t.Errorf("it is at %s: %+v", first.header.Get("Location"), f)
	}
	if again := h.want(http.StatusAccepted, c); again.header.Get("Location") != f.Self || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("a repetition makes another: %s", again.body)
	}
	f = h.made("viewer", f)
	if f.State != "ready" || f.Rows != 3 || f.File != f.Self+"/file" {
		t.Fatalf("%+v", f)
	}
	a := h.want(http.StatusOK, get("viewer", strings.TrimPrefix(f.File, api.Base)))
	rows, err := csv.NewReader(bytes.NewReader(a.body)).ReadAll()
	if err != nil || len(rows) != 4 || !bytes.Contains(a.body, []byte("'=1+1")) {
		t.Errorf("%d rows: %v", len(rows), err)
	}
	if got := a.header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment; filename=requests-") {
		t.Errorf("it is called %s", got)
	}
	for _, path := range []string{f.Self, f.File} {
		h.want(http.StatusNotFound, get("admin", strings.TrimPrefix(path, api.Base))) // it is vera's
	}
}

func TestAFileIsRefusedByNameAndByScope(t *testing.T) {
	h := shelved(t)
	for body, want := range map[string]string{
		`{}`:                             "400 [body as]",
		`{"as": "pdf"}`:                  "400 [body as]",
		`{"as": "csv", "filter": "all"}`: "400 [body filter]",
		`{"as": "csv", "filter": {"show": "some", "colour": "red", "limit": "5"}}`: "400 [body filter.colour body filter.limit body filter.show]",
		`{"as": "csv", "filter": {"age": 7}}`:                                      "400 [body filter]",
	} {
		a := h.send(post("viewer", "/exports", body))
		if got := fmt.Sprint(a.status, " ", a.faults()); got != want {
			t.Errorf("%s: %s", body, got)
		}
	}
	h.want(http.StatusNotFound, post("other", "/exports", `{"as": "csv", "filter": {"portal": "main"}}`))
	h.put("k")
	var f file
	h.want(http.StatusAccepted, post("other", "/exports", `{"as": "xlsx", "filter": {"show": "all"}}`)).into(&f)
	if f = h.made("other", f); f.Rows != 0 {
		t.Errorf("olga takes away %d requests", f.Rows)
	}
	h.want(http.StatusOK, get("other", strings.TrimPrefix(f.File, api.Base)))
}
