package console_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/web/console"
)

// What the page that asks for a confirmation says is what is done then: the calls that
// are foreseen are those that the worker makes, in their order.
func TestWhatIsForeseenIsWhatHappens(t *testing.T) {
	approver := people["approver"]
	for name, is := range map[string]struct {
		policy string
		// before are the states waited for, between which the applicant pays.
		before []bridge.State
		do     string
		amount string
		then   bridge.State
		want   []string
	}{
		"a review that is all": {"reviewed", []bridge.State{bridge.StateReviewing}, "approve", "", bridge.StateActive,
			[]string{"approve key", "tell applicant: approve"}},
		"a review before a payment": {"both", []bridge.State{bridge.StateReviewing}, "approve", "", bridge.StatePaying,
			[]string{"open checkout for payment"}},
		"a review of what is held": {"held", []bridge.State{bridge.StatePaying, bridge.StateReviewing}, "approve", "", bridge.StateActive,
			[]string{"capture payment", "approve key", "tell applicant: approve"}},
		"a decline of what is held": {"held", []bridge.State{bridge.StatePaying, bridge.StateReviewing}, "decline", "", bridge.StateDeclined,
			[]string{"decline key", "void payment", "tell applicant: reject"}},
		"a decline while a checkout is open": {"once", []bridge.State{bridge.StatePaying}, "decline", "", bridge.StateDeclined,
			[]string{"expire checkout", "decline key", "tell applicant: reject"}},
		"a decline after a card was checked": {"checked", []bridge.State{bridge.StateValidating, bridge.StateReviewing}, "decline", "", bridge.StateDeclined,
			[]string{"decline key", "tell applicant: reject"}},
		"a waiver": {"once", []bridge.State{bridge.StatePaying}, "waive", "", bridge.StateActive,
			[]string{"expire checkout", "approve key", "tell applicant: approve"}},
		"a waiver before a review": {"checked", []bridge.State{bridge.StateValidating}, "waive", "", bridge.StateReviewing,
			[]string{"expire checkout"}},
		"a refund of everything": {"once", []bridge.State{bridge.StatePaying, bridge.StateActive}, "refund", "19.00", bridge.StateEnded,
			[]string{"refund payment of 19.00 EUR", "revoke key", "tell applicant: end"}},
		"a refund of everything, access kept": {"keep", []bridge.State{bridge.StatePaying, bridge.StateActive}, "refund", "19", bridge.StateActive,
			[]string{"refund payment of 19.00 EUR"}},
		"a refund of everything, access suspended": {"suspend", []bridge.State{bridge.StatePaying, bridge.StateActive}, "refund", "19", bridge.StateSuspended,
			[]string{"refund payment of 19.00 EUR", "suspend key", "tell applicant: suspend"}},
		"a refund of a part": {"once", []bridge.State{bridge.StatePaying, bridge.StateActive}, "refund", "0.01", bridge.StateActive,
			[]string{"refund payment of 0.01 EUR"}},
		"a refund of a subscription": {"monthly", []bridge.State{bridge.StatePaying, bridge.StateActive}, "refund", "9.00", bridge.StateEnded,
			[]string{"refund payment of 9.00 EUR", "revoke key", "cancel subscription", "tell applicant: end"}},
		"an end": {"monthly", []bridge.State{bridge.StatePaying, bridge.StateActive}, "end", "", bridge.StateEnded,
			[]string{"revoke key", "cancel subscription", "tell applicant: end"}},
		"a question": {"reviewed", []bridge.State{bridge.StateReviewing}, "ask", "", bridge.StateReviewing,
			[]string{"tell applicant: question"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			id := w.ask(is.policy)
			for i, state := range is.before {
				if i > 0 {
					w.pays(id)
				}
				w.until(id, state)
			}
			before := len(w.actions(id))
			said := console.Foresee(is.do, approver, w.get(id), "as agreed", is.amount, time.Now())
			if diff := cmp.Diff(is.want, said); diff != "" {
				t.Errorf("foreseen (-want +got):\n%s", diff)
			}
			got := w.as("approver").decide(id, is.do, url.Values{"text": {"as agreed"}, "amount": {is.amount}})
			if got.StatusCode != http.StatusSeeOther {
				t.Fatalf("%d: %s", got.StatusCode, textOf(t, got))
			}
			w.until(id, is.then)
			if diff := cmp.Diff(said, w.actions(id)[before:]); diff != "" {
				t.Errorf("done (-foreseen +done):\n%s", diff)
			}
		})
	}
}

// A request that was never read leads to nothing that could be foreseen, and so does one
// for which everything is done.
func TestNothingIsForeseenWhereNothingIsKnown(t *testing.T) {
	r := asked()
	unread(&r)
	if said := console.Foresee("decline", people["approver"], r, "x", "", noon); len(said) > 0 {
		t.Errorf("foreseen were %v", said)
	}
}

// Looking ahead is done on a copy.
func TestForeseeingChangesNothing(t *testing.T) {
	for name, change := range map[string]func(*bridge.Request){"review": func(*bridge.Request) {}, "active": active, "attention": attention} {
		r := asked()
		change(&r)
		before := r.Clone()
		for _, do := range []string{"approve", "decline", "ask", "waive", "refund", "end"} {
			console.Foresee(do, people["approver"], r, "x", "10.00", noon)
		}
		if diff := cmp.Diff(before, r); diff != "" {
			t.Errorf("%s (-before +after):\n%s", name, diff)
		}
	}
}
