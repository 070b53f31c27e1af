package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web"
	"keybridge/store/bolt"
	"keybridge/webhooks"
)

// order asks the bridge for something on its operator's socket, as the commands do.
func (x *torture) order(method, path string, body, into any) error {
	ctx, cancel := context.WithTimeout(x.t.Context(), patience)
	defer cancel()
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://operator"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	answer, err := askSocket(filepath.Join(x.folder, "data", socketFile), req)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // read to its end, or of no use
	if answer.StatusCode >= 300 || into == nil {
		return statusError(answer)
	}
	return json.NewDecoder(answer.Body).Decode(into)
}

// statusError is what an answer says went wrong; nil for a good one.
func statusError(answer *http.Response) error {
	why, err := io.ReadAll(io.LimitReader(answer.Body, 1<<10))
	if answer.StatusCode >= 300 {
		err = fmt.Errorf("%s: %s", answer.Status, why)
	}
	return err
}

// finance decides what is to be reviewed, and gives some money back.
func (x *torture) finance(draw *rand.Rand, stop <-chan struct{}) {
	for !over(stop) {
		for _, r := range x.some(bridge.StateReviewing) {
			x.says(r.ID, []string{"approve", "approve", "decline"}[draw.IntN(3)])
		}
		for _, r := range x.some(bridge.StateActive) {
			if r.Collected != "" && draw.IntN(15) == 0 {
				x.says(r.ID, []string{"refund", "end"}[draw.IntN(2)])
			}
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// says gives a person's word about a request. The bridge may be dead, or somebody faster.
func (x *torture) says(id bridge.ID, what string) {
	if x.order(http.MethodPost, "/v1/requests/"+string(id)+"/"+what, web.RequestOrder{Why: "tortured"}, nil) == nil {
		x.did("a person's " + what)
	}
}

// seasons are what time brings to subscriptions whose keys were granted: they renew, or the
// card fails and is tried again, or given up; some are cancelled, at once or for the end of
// what is paid for.
func (x *torture) seasons(draw *rand.Rand, stop <-chan struct{}) {
	for !over(stop) {
		for _, r := range x.some(bridge.StateActive) {
			x.turns(r, []string{"renew", "renew", "miss", "miss", "miss", "cancel", "cancel_later"}, draw.IntN(25))
		}
		for _, r := range x.some(bridge.StateSuspended) {
			x.turns(r, []string{"retry", "retry", "retry", "give_up"}, draw.IntN(8))
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// turns has a subscription take one of several turns; none where n is more than there are.
func (x *torture) turns(r web.RequestView, turns []string, n int) {
	if id := newest(r, bridge.RefSubscription); id != "" && n < len(turns) && x.far.act(id, turns[n]) == nil {
		x.did("subscription: " + turns[n])
	}
}

// banks are those of the cardholders: they dispute what was paid for keys that work, once or
// for a period, and decide about most of it later, for either side.
func (x *torture) banks(draw *rand.Rand, stop <-chan struct{}) {
	var open []string // charges
	for !over(stop) {
		for _, r := range x.some(bridge.StateActive) {
			if id := newest(r, bridge.RefCharge); id != "" && draw.IntN(8) == 0 && x.far.act(id, "dispute") == nil {
				x.did("dispute: open")
				open = append(open, id)
			}
		}
		open = slices.DeleteFunc(open, func(id string) bool {
			how := []string{"win", "lose"}[draw.IntN(2)]
			decided := draw.IntN(20) == 0 && x.far.act(id, how) == nil
			if decided {
				x.did("dispute: " + how)
			}
			return decided
		})
		time.Sleep(50 * time.Millisecond)
	}
}

// newest is the newest id of a kind that leads to a request; empty where there is none.
func newest(r web.RequestView, kind bridge.RefKind) string {
	for _, ref := range slices.Backward(r.Refs) {
		if ref.Kind == kind {
			return ref.ID
		}
	}
	return ""
}

// some are the newest requests in a state; none while the bridge is dead.
func (x *torture) some(state bridge.State) []web.RequestView {
	var page web.RequestPage
	_ = x.order(http.MethodGet, "/v1/requests?limit=20&state="+url.QueryEscape(string(state)), nil, &page)
	return page.Requests
}

// heal ends the faults and the killing.
func (x *torture) heal() {
	x.t.Helper()
	err := x.far.healed(x.far.place.Stripe)
	for _, p := range x.portals {
		err = errors.Join(err, p.heal())
	}
	if err != nil {
		x.t.Fatal(err)
	}
	x.kill()
	x.start("")
}

// rest waits until nothing is left to be done.
func (x *torture) rest() {
	x.t.Helper()
	deadline := time.Now().Add(2*patience + time.Duration(*tortureRequests)*10*time.Millisecond)
	for quiet := 0; quiet < 3; time.Sleep(time.Second) {
		busy, id, why := x.busy()
		switch {
		case busy == 0:
			quiet++
		case time.Now().After(deadline):
			x.history(x.opened(), id)
			x.t.Fatalf("%d requests do not come to rest; one of them: %s %s", busy, id, why)
		default:
			quiet = 0
		}
	}
}

// busy counts the requests about which something is still to be done, and says of one what
// that is.
func (x *torture) busy() (n int, one bridge.ID, why string) {
	views, err := x.looks(false)
	if err != nil {
		return 1, "", err.Error()
	}
	known := map[keyAt]bool{}
	for after := ""; ; {
		var page web.RequestPage
		if err := x.order(http.MethodGet, "/v1/requests?"+cursor(after).Encode(), nil, &page); err != nil {
			return 1, "", err.Error()
		}
		for _, r := range page.Requests {
			known[keyAt{r.Portal, r.Key}] = true
			if left := x.left(r, views[r.Portal]); left != "" {
				n++
				one, why = r.ID, fmt.Sprintf("(%s, key request %s at %s): %s", r.State, r.Key, r.Portal, left)
			}
		}
		if after = page.Next; after == "" {
			break
		}
	}
	for portal, v := range views {
		for id, waits := range v.waits {
			if k := (keyAt{portal, id}); waits && !known[k] {
				n++
				why = fmt.Sprintf("%s waits there and is not known here", k)
			}
		}
	}
	return n, one, why
}

// left says what is still to be done about a request. What has failed is tried again at
// once, as a person would who knows that the others are well again; so is what a portal's
// admin did, of which nobody may have told: else the clock would find it, within a day.
func (x *torture) left(r web.RequestView, v portalView) string {
	apart, doubted := x.apart(r, v), inDoubt(r)
	if apart != "" && (!doubted || x.hasty) || r.Failures > 0 {
		_ = x.order(http.MethodPost, "/v1/requests/"+string(r.ID)+"/retry", map[string]string{}, nil) // the next look sees whether it was heard
	}
	switch {
	case r.Next != "" || r.Failures > 0:
		return fmt.Sprintf("next %q, %d failures: %s %s", r.Next, r.Failures, r.Doing, r.Error)
	case doubted && x.hasty:
		return ""
	case doubted:
		return "it is looked at once more in a moment"
	}
	return apart
}

// apart says how a request differs from what the portal says; empty where it does not. What
// nobody filed was made to give keys anew, and those are the other request's: the comparison
// looks at such.
func (x *torture) apart(r web.RequestView, v portalView) string {
	email, filed := x.emailOf(r)
	waits, has := v.waits[r.Key], filed && v.rings[email].keys > 0
	have := bridge.AccessState(r.Access.Have)
	switch {
	case have == bridge.Unread:
		return "it was not read yet"
	case have == bridge.Pending && !waits:
		return "it does not wait in the portal any more"
	case have == bridge.Granted && !has:
		return "its key is gone in the portal"
	case have == bridge.Gone && (waits || has):
		return "it is there in the portal"
	}
	return ""
}

// inDoubt reports that one reading did not find a request, and that another one is to come.
// Until then nothing is wanted of it, whatever is left to be done.
func inDoubt(r web.RequestView) bool {
	left := time.Until(r.Due)
	return r.Failures == 0 && left > 0 && left <= 20*time.Second
}

// emailOf is whose request it is, by what was filed: one that was gone before it was read
// does not say.
func (x *torture) emailOf(r web.RequestView) (email string, filed bool) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if f := x.filed[keyAt{r.Portal, r.Key}]; f != nil {
		return f.email, true
	}
	return r.Applicant.Email, false
}

// looks says how everything stands in the portals; see portalEnd.
func (x *torture) looks(closely bool) (map[string]portalView, error) {
	views := map[string]portalView{}
	for name, p := range x.portals {
		v, err := p.looks(closely)
		if err != nil {
			return nil, err
		}
		views[name] = v
	}
	return views, nil
}

// opened kills the bridge and opens its store.
func (x *torture) opened() *bolt.Store {
	x.t.Helper()
	x.kill()
	store, err := bolt.Open(bolt.Config{Path: filepath.Join(x.folder, "data", storeFile)})
	if err != nil {
		x.t.Fatal(err)
	}
	x.t.Cleanup(func() { _ = store.Close() }) // it was only read
	return store
}

// compare compares what the portals, Stripe and the store say, with the bridge dead.
func (x *torture) compare() {
	x.t.Helper()
	store := x.opened()
	views, err := x.looks(true)
	if err != nil {
		x.t.Fatal(err)
	}
	known, money := x.known(store), x.money()
	states, decisions, paid := map[bridge.State]int{}, 0, 0
	for _, r := range known {
		m := money[string(r.ID)]
		if m == nil {
			m = &ledgerOf{}
		}
		delete(money, string(r.ID))
		states[r.State()]++
		paid += m.paid
		if r.Verdict.Outcome != bridge.Open {
			decisions++
		}
		if x.agree(r, views[r.Portal], m) > 0 {
			x.history(store, r.ID)
		}
	}
	for id, m := range money {
		if m.alive() {
			x.t.Errorf("there is money of a request %q that is not known here: %+v", id, *m)
		}
	}
	answered, nameless := x.wantAnswered(store)
	kills := 0
	for _, n := range x.deaths {
		kills += n
	}
	x.t.Logf("%d kills, %d requests filed, %d here, %d answered hints of the provider and %d that name no request and led nowhere then, %d verdicts, %d paid sessions, states %v",
		kills, len(x.filed), len(known), answered, nameless, decisions, paid, states)
	x.account(known, views, x.dropped(store))
	x.tally("killed", x.deaths)
	x.tally("done", x.acts)
}

// known are all requests of the store.
func (x *torture) known(store *bolt.Store) map[keyAt]bridge.Request {
	x.t.Helper()
	all := map[keyAt]bridge.Request{}
	for after := ""; ; {
		page, err := store.List(x.t.Context(), bridge.Filter{After: after, Limit: 1000})
		if err != nil {
			x.t.Fatal(err)
		}
		for _, r := range page.Requests {
			all[keyAt{r.Portal, r.Key}] = r
		}
		if after = page.Next; after == "" {
			return all
		}
	}
}

// tally logs counts.
func (x *torture) tally(what string, counts map[string]int) {
	for _, name := range slices.Sorted(maps.Keys(counts)) {
		x.t.Logf("%6d %s: %s", counts[name], what, name)
	}
}

// agree checks one request against the far ends: at most one key and one payment (I2),
// everything decided is delivered (I3), money and access agree (I5). It counts what disagrees.
func (x *torture) agree(r bridge.Request, v portalView, m *ledgerOf) (disagreements int) {
	f := x.filed[keyAt{r.Portal, r.Key}]
	if f == nil && isLeftover(r) {
		x.did("left of keys given anew: gone in the portal when it was first read")
		return 0
	}
	if f == nil {
		x.t.Errorf("%s (%s) is of a key request that nobody filed: %s at %s", r.ID, r.State(), r.Key, r.Portal)
		return 1
	}
	has, waits := v.rings[f.email], v.waits[r.Key]
	all := slices.Concat(tooMany(has, m), disagreeInAccess(r, waits, has), disagreeInMoney(r, has, m))
	if x.hasty && !r.Access.Missing.IsZero() && !waits && has.keys == 0 {
		x.did("left in doubt, because the run is short")
		all = tooMany(has, m)
	}
	for _, wrong := range all {
		x.t.Errorf("%s (%s, key request %s of %s at %s, %s, %d keys, %+v): %s", r.ID, r.State(), r.Key, f.email, r.Portal, f.name, has.keys, *m, wrong)
	}
	return len(all)
}

// history logs what is written of a request.
func (x *torture) history(store *bolt.Store, id bridge.ID) {
	entries, err := store.History(x.t.Context(), id)
	if err != nil {
		x.t.Error(err)
	}
	for _, e := range entries {
		x.t.Logf("%s %s: %s: %s: %q, %q, %s", id, e.At.Format("15:04:05.000"), e.Actor, e.What, e.Before, e.After, e.Why)
	}
}

// wrongs are what is wrong, in words.
type wrongs []string

func (w *wrongs) say(so bool, what string) {
	if so {
		*w = append(*w, what)
	}
}

// tooMany says of what there is more than one, which can never be.
func tooMany(has ring, m *ledgerOf) (all wrongs) {
	all.say(has.keys > 1, "there is more than one key")
	all.say(m.paid > 1, "it was paid more than once")
	all.say(m.lives > 1, "more than one subscription goes on")
	all.say(m.open > 1, "more than one checkout is open")
	return all
}

// disagreeInAccess says what is wrong between a request and its portal.
func disagreeInAccess(r bridge.Request, waits bool, has ring) (all wrongs) {
	have, want := r.Access.Have, r.Want(time.Now()).Access
	all.say(r.Work.Attention || r.Work.Failures > 0, "nothing goes wrong any more, and it still fails")
	all.say(have == bridge.Granted && has.work != 1, "granted here, and no key works")
	all.say(have != bridge.Granted && has.work > 0, fmt.Sprintf("%q here, and a key works", have))
	all.say((have == bridge.Pending || have == bridge.Gone) && has.keys > 0, fmt.Sprintf("%q here, and there is a key", have))
	all.say((have == bridge.Pending) != waits, fmt.Sprintf("%q here, and whether it waits in the portal: %t", have, waits))
	all.say(have != want, fmt.Sprintf("%q here, and wanted %q", have, want))
	return all
}

// disagreeInMoney says what is wrong between a request's money and its access.
func disagreeInMoney(r bridge.Request, has ring, m *ledgerOf) (all wrongs) {
	given := r.Verdict.Mark.By.Kind == bridge.ByPortal // by the portal's own admin, who asks for no money
	ended := !r.Ended.At.IsZero()                      // then what was paid for the time used stays
	declined := r.Verdict.Outcome == bridge.Decline
	priced := len(r.Terms.Lines) > 0
	disputed := m.contested > 0 // then a bank decides about what is kept
	all.say(r.Verdict.Outcome != bridge.Open && m.open > 0, "decided, and a checkout is open")
	all.say((declined || ended) && m.lives > 0, "over, and a subscription goes on")
	all.say(m.lives > 0 && !r.Payment.Subscribed, "a subscription goes on that is not known here")
	all.say(declined && m.kept > 0 && !disputed, "declined, and money is kept")
	all.say(has.keys > 0 && priced && m.kept == 0 && m.owes == 0 && !disputed && !given, "there is a key, and nothing is kept or owed")
	all.say(has.work > 0 && m.owes > 0, "the key works, and its payment is overdue")
	all.say(has.work > 0 && disputed, "the key works, and its payment is disputed")
	all.say((r.Payment.Have == bridge.Disputed) != disputed, fmt.Sprintf("%q here, and whether a bank disputes it: %t", r.Payment.Have, disputed))
	all.say(has.keys == 0 && m.kept > 0 && !ended && r.Access.Have != bridge.Suspended && (!declined || !disputed), "money is kept, and there is no key")
	return all
}

// wantAnswered checks that every event of the provider that was answered with 2xx and names
// a request is known here (I1): offered once more, it is a duplicate. One that names none,
// because Stripe's own object has no metadata of ours, leads here by an id that may not have
// been known yet. Then it is not kept, for others tell of the same; what they told of is
// seen in the money.
func (x *torture) wantAnswered(store *bolt.Store) (kept, nameless int) {
	x.t.Helper()
	answered, err := x.far.answered()
	if err != nil {
		x.t.Fatal(err)
	}
	for id, body := range answered {
		h, known, err := webhooks.StripeHint(stripeProvider, body)
		if err != nil {
			x.t.Fatal(err)
		}
		if !known {
			continue // nobody listens to those
		}
		h.At = time.Now()
		a, err := store.Accept(x.t.Context(), h, nil)
		switch {
		case err != nil || !a.Duplicate && h.Request != "":
			x.t.Errorf("the event %s (%s) was answered with 2xx and is not known here (%v)", id, h.What, err)
		case a.Duplicate:
			kept++
		default:
			nameless++
		}
	}
	return kept, nameless
}
