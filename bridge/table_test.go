package bridge_test

import (
	"strings"
	"testing"

	"keybridge/bridge"
)

// The rows of the design's table have to be in it, whatever else is.
func TestRulesTableSaysWhatTheDesignSays(t *testing.T) {
	table := bridge.RulesTable()
	t.Log("\n" + table)
	row := func(request, payment string) string {
		t.Helper()
		for line := range strings.Lines(table) {
			cells := strings.Split(strings.Trim(line, "|\n"), "|")
			if strings.TrimSpace(cells[0]) != request {
				continue
			}
			for one := range strings.SplitSeq(cells[1], " · ") {
				if one = strings.TrimSpace(one); one == payment || one == "any" {
					return strings.TrimSpace(cells[2])
				}
			}
		}
		t.Fatalf("no row for %q, %q", request, payment)
		return ""
	}
	for _, one := range []struct{ request, payment, access string }{
		{"open, a review waits", "any", "pending"},
		{"open, a card validation waits", "any", "pending"},
		{"open, a payment waits", "any", "pending"},
		{"declined", "any", "gone"},
		{"ended: its key is gone", "any", "gone"},
		{"approved", "not asked for", "granted"},
		{"approved", "paid", "granted"},
		{"approved", "in a trial", "granted"},
		{"approved", "invoiced", "granted"},
		{"approved", "overdue, within grace", "granted"},
		{"approved", "overdue, past grace", "suspended"},
		{"approved", "disputed, terms say keep", "granted"},
		{"approved", "disputed, terms say suspend or nothing", "suspended"},
		{"approved", "disputed, terms say revoke", "gone"},
		{"approved", "refunded in full, terms say keep", "granted"},
		{"approved", "refunded in full, terms say suspend", "suspended"},
		{"approved", "refunded in full, terms say revoke or nothing", "gone"},
		{"approved", "subscription ended, within the time paid for", "granted"},
		{"approved", "subscription ended, the time paid for is over", "gone"},
		{"approved, and never had access yet", "overdue, past grace", "pending"},
		{"approved, suspended by the portal's admin", "paid", "suspended"},
	} {
		if got := row(one.request, one.payment); got != one.access {
			t.Errorf("%s, payment %s: %s, want %s", one.request, one.payment, got, one.access)
		}
	}
	if again := bridge.RulesTable(); again != table {
		t.Error("a second table differs from the first")
	}
}
