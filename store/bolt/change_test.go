package bolt

import (
	"testing"
	"time"

	"keybridge/bridge"
)

// TestAChangeIsSeenWhateverTheTextsAreLike changes a request whose texts look like the
// members of a record between which nothing is compared.
func TestAChangeIsSeenWhateverTheTextsAreLike(t *testing.T) {
	const trap = `,"updated":"x","revision":1,"applicant":{"id":"y"},`
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	base := bridge.Request{
		ID: testID(1), Portal: "main" + trap, Key: "key" + trap, Created: now, Updated: now, Revision: 3,
		Applicant: bridge.Applicant{Name: trap}, Asked: bridge.Asked{Reasons: map[string]string{trap: trap}},
	}
	for name, c := range map[string]struct {
		change func(*bridge.Request)
		same   bool
	}{
		"nothing":                {func(*bridge.Request) {}, true},
		"updated and revision":   {func(r *bridge.Request) { r.Updated, r.Revision = now.Add(time.Hour), 4 }, true},
		"created":                {func(r *bridge.Request) { r.Created = now.Add(time.Hour) }, false},
		"what stands before":     {func(r *bridge.Request) { r.Key += trap }, false},
		"the applicant":          {func(r *bridge.Request) { r.Applicant.ID = "z" }, false},
		"a reason":               {func(r *bridge.Request) { r.Asked.Reasons = map[string]string{trap: trap + trap} }, false},
		"the last of the record": {func(r *bridge.Request) { r.Head.Seq++ }, false},
	} {
		r := base.Clone()
		c.change(&r)
		before, err := seal(base)
		if err != nil {
			t.Fatal(err)
		}
		after, err := seal(r)
		if err != nil {
			t.Fatal(err)
		}
		if got := sameBut(before, after); got != c.same {
			t.Errorf("%s: taken to be the same: %t, want %t", name, got, c.same)
		}
	}
}
