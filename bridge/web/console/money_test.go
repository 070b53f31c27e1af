package console_test

import (
	"net/http"
	"testing"
)

func TestThePagesOfMoney(t *testing.T) {
	b := newTill(t)
	golden(t, "money-empty", http.StatusOK, b.as("viewer").get("/console/money"))
	b.month()
	for name, is := range map[string]struct {
		as, query string
		status    int
	}{
		"money":         {"viewer", "", 200},
		"money-week":    {"viewer", "?span=7d", 200},
		"money-year":    {"approver", "?span=12m&portal=main", 200},
		"money-days":    {"approver", "?from=2026-03-01&to=2026-03-03", 200},
		"money-scope":   {"other", "?span=30d", 200},
		"money-mistake": {"viewer", "?from=2026-03-x&to=2026-02-30&portal=other", 400},
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, name, is.status, b.as(is.as).get("/console/money"+is.query))
		})
	}
}
