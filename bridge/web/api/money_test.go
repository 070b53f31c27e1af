package api_test

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/report"
	"keybridge/bridge/web/api"
)

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
	want := bridge.AddUp(days).In("EUR")
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
		"to=9999-12-31&from=0001-01-01&unit=month": {"query to"},
		"to=2026-01-01&from=0001-01-01&unit=month": {"query from"},
	} {
		a := h.want(http.StatusBadRequest, get("viewer", "/money?"+query))
		if diff := cmp.Diff(want, a.faults()); diff != "" {
			t.Errorf("%s: %s", query, diff)
		}
	}
	h.want(http.StatusOK, get("viewer", "/money?from=2024-01-01&unit=month"))
}
