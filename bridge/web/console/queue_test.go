package console_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web/console"
)

// shelf puts one request for each thing that a queue can show.
func shelf(o *office) {
	o.put("q1", func(*bridge.Request) {})
	o.put("q2", seconded, func(r *bridge.Request) { r.Created = noon.Add(-3 * time.Hour) })
	o.put("q3", paying, attention, func(r *bridge.Request) { r.Created = noon.Add(-20 * time.Minute) })
	o.put("q4", talked, func(r *bridge.Request) {
		r.Created, r.Applicant = noon.AddDate(0, 0, -40), bridge.Applicant{Email: "only@mail.example"}
		r.Terms.Lines = append(r.Terms.Lines, bridge.Price{Name: "Setup", Amount: bridge.NewAmount(10000, "EUR")})
	})
	o.put("q5", unread, func(r *bridge.Request) { r.Created = noon.Add(-10 * time.Second) })
	o.put("q6", active, func(r *bridge.Request) {
		r.Created, r.Terms.Lines[0] = noon.Add(-2*time.Hour), bridge.Price{Name: "Weather JP", Amount: bridge.NewAmount(1200, "JPY")}
	})
	o.put("q7", func(r *bridge.Request) {
		r.Created, r.Portal, r.Terms.Lines, r.Asked.Reasons = noon.Add(-4*time.Hour), "other", nil, nil
	})
}

func TestThePagesOfTheQueue(t *testing.T) {
	o := newOffice(t, func(cfg *console.Config) {
		cfg.Count = func(_ context.Context, f bridge.Filter, most int) (int, bool, error) {
			return map[bridge.Tag]int{bridge.TagWaits: most, bridge.TagAttention: 1}[f.Tags[0]], f.Tags[0] == bridge.TagWaits, nil
		}
	})
	golden(t, "queue-empty", http.StatusOK, o.as("approver").get("/console/"))
	golden(t, "queue-empty-filter", http.StatusOK, o.as("viewer").get("/console/?state=active"))
	shelf(o)
	for name, is := range map[string]struct {
		as, query string
		status    int
	}{
		"queue-all":     {"approver", "?show=all", 200},
		"queue-scope":   {"other", "?show=all", 200},
		"queue-state":   {"viewer", "?show=all&state=active&portal=main", 200},
		"queue-mistake": {"viewer", "?show=all&state=x&currency=EURO&age=x&q=rain", 400},
		"queue-amounts": {"viewer", "?show=attention&currency=jpy&least=1.5&most=x", 400},
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, name, is.status, o.as(is.as).get("/console/"+is.query))
		})
	}
}
