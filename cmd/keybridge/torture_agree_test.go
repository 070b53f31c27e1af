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
	"strings"
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
			what := []string{"approve", "approve", "decline"}[draw.IntN(3)]
			_ = x.order(http.MethodPost, "/v1/requests/"+string(r.ID)+"/"+what, web.RequestOrder{Why: "tortured"}, nil)
		}
		for _, r := range x.some(bridge.StateActive) {
			if r.Collected == "" || draw.IntN(40) > 0 {
				continue
			}
			what := []string{"refund", "end"}[draw.IntN(2)]
			_ = x.order(http.MethodPost, "/v1/requests/"+string(r.ID)+"/"+what, web.RequestOrder{Why: "tortured"}, nil)
		}
		time.Sleep(50 * time.Millisecond)
	}
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
	if err := x.far.heal(); err != nil {
		x.t.Fatal(err)
	}
	x.kill()
	x.start("")
}

// rest waits until nothing is left to be done. What has failed is tried again at once,
// as a person would who knows that the others are well again.
func (x *torture) rest() {
	x.t.Helper()
	deadline := time.Now().Add(2*patience + time.Duration(*tortureRequests)*10*time.Millisecond)
	for quiet := 0; quiet < 3; time.Sleep(time.Second) {
		busy, why := x.busy()
		switch {
		case busy == 0:
			quiet++
		case time.Now().After(deadline):
			x.t.Fatalf("%d requests do not come to rest; one of them: %s", busy, why)
		default:
			quiet = 0
		}
	}
}

// busy counts the requests about which something is still to be done.
func (x *torture) busy() (n int, why string) {
	for after := ""; ; {
		var page web.RequestPage
		if err := x.order(http.MethodGet, "/v1/requests?"+cursor(after).Encode(), nil, &page); err != nil {
			return 1, err.Error()
		}
		for _, r := range page.Requests {
			if r.Next == "" && r.Failures == 0 {
				continue
			}
			n++
			why = fmt.Sprintf("%s (%s): next %q, %d failures: %s %s", r.ID, r.State, r.Next, r.Failures, r.Doing, r.Error)
			if r.Failures > 0 {
				_ = x.order(http.MethodPost, "/v1/requests/"+string(r.ID)+"/retry", map[string]string{}, nil)
			}
		}
		if after = page.Next; after == "" {
			waiting, err := x.unknown()
			if err != nil {
				return 1, err.Error()
			}
			return n + len(waiting), firstText(why, fmt.Sprintf("waiting in the portal and not known here: %v", waiting))
		}
	}
}

// unknown are the key requests that wait in the portal and that the bridge has not taken
// in yet.
func (x *torture) unknown() (missing []string, err error) {
	list, err := x.far.waiting(-1)
	if err != nil {
		return nil, err
	}
	known := map[string]bool{}
	for after := ""; ; {
		var page web.RequestPage
		if err := x.order(http.MethodGet, "/v1/requests?"+cursor(after).Encode(), nil, &page); err != nil {
			return nil, err
		}
		for _, r := range page.Requests {
			known[r.Key] = true
		}
		if after = page.Next; after == "" {
			break
		}
	}
	for _, k := range list {
		if !known[k.ID] {
			missing = append(missing, k.ID)
		}
	}
	return missing, nil
}

// ledgerOf is what money says of a request, at Stripe.
type ledgerOf struct {
	paid           int // sessions
	kept, returned int64
}

// money returns what Stripe knows of each request, by the request's id.
func (x *torture) money() map[string]*ledgerOf {
	x.t.Helper()
	var sessions struct {
		Data []checkout `json:"data"`
	}
	var charges struct {
		Data []struct {
			Intent   string `json:"payment_intent"`
			Status   string `json:"status"`
			Amount   int64  `json:"amount"`
			Captured int64  `json:"amount_captured"`
			Refunded int64  `json:"amount_refunded"`
		} `json:"data"`
	}
	if err := errors.Join(x.far.objects("checkout.session", &sessions), x.far.objects("charge", &charges)); err != nil {
		x.t.Fatal(err)
	}
	all, whose := map[string]*ledgerOf{}, map[string]string{}
	for _, s := range sessions.Data {
		l := all[s.Reference]
		if l == nil {
			l = &ledgerOf{}
			all[s.Reference] = l
		}
		if s.Status == "complete" && s.Payment != "unpaid" {
			l.paid++
		}
		whose[s.Intent] = s.Reference
	}
	for _, c := range charges.Data {
		l := all[whose[c.Intent]]
		if l == nil || c.Status != "succeeded" {
			continue
		}
		l.kept += c.Captured - c.Refunded
		l.returned += c.Refunded
	}
	return all
}

// compare compares what the portal, Stripe and the store say, with the bridge dead.
func (x *torture) compare() {
	x.t.Helper()
	x.kill()
	store, err := bolt.Open(bolt.Config{Path: filepath.Join(x.folder, "data", storeFile)})
	if err != nil {
		x.t.Fatal(err)
	}
	defer func() { _ = store.Close() }()
	keys, _, err := x.far.developers()
	if err != nil {
		x.t.Fatal(err)
	}
	money := x.money()
	states, decisions, paid := map[bridge.State]int{}, 0, 0
	seen := map[string]bool{}
	for after := ""; ; {
		page, err := store.List(x.t.Context(), bridge.Filter{After: after, Limit: 1000})
		if err != nil {
			x.t.Fatal(err)
		}
		for _, r := range page.Requests {
			seen[r.Applicant.Email] = true
			states[r.State()]++
			m := money[string(r.ID)]
			if m == nil {
				m = &ledgerOf{}
			}
			paid += m.paid
			if r.Verdict.Outcome != bridge.Open {
				decisions++
			}
			x.agree(r, keys[r.Applicant.Email], m)
		}
		if after = page.Next; after == "" {
			break
		}
	}
	for email, n := range keys {
		if n > 0 && !seen[email] && strings.HasPrefix(email, "dev") && n > 1 {
			x.t.Errorf("%s has %d keys and no request here", email, n)
		}
	}
	answered := x.wantAnswered(store)
	kills := 0
	for _, n := range x.deaths {
		kills += n
	}
	x.t.Logf("%d kills, %d requests filed, %d here, %d answered hints of the provider, %d verdicts, %d paid sessions, states %v",
		kills, x.filed.Load(), len(seen), answered, decisions, paid, states)
	for _, name := range slices.Sorted(maps.Keys(x.deaths)) {
		x.t.Logf("%6d kills %s", x.deaths[name], name)
	}
}

// agree checks one request against the far ends: at most one key and one payment (I2),
// everything decided is delivered (I3), money and access agree (I5).
func (x *torture) agree(r bridge.Request, keys int, m *ledgerOf) {
	wrong := func(format string, args ...any) {
		x.t.Errorf("%s (%s, key request %s of %s, %s): %s", r.ID, r.State(), r.Key, r.Applicant.Email, r.Terms.Plan, fmt.Sprintf(format, args...))
	}
	if keys > 1 {
		wrong("%d keys", keys)
	}
	if m.paid > 1 {
		wrong("%d paid sessions", m.paid)
	}
	given := r.Verdict.Mark.By.Kind == bridge.ByPortal // by the portal's own admin, who asks for no money
	ended := !r.Ended.At.IsZero()                      // by a person, who keeps what was paid
	switch priced := len(r.Terms.Lines) > 0; {
	case priced && keys > 0 && m.kept == 0 && !given:
		wrong("there is a key, and nothing is kept")
	case keys == 0 && m.kept > 0 && !ended:
		wrong("%d is kept, and there is no key", m.kept)
	}
	if granted := r.Access.Have == bridge.Granted; granted != (keys > 0) {
		wrong("here it is %q, and there are %d keys", r.Access.Have, keys)
	}
	if want := r.Want(time.Now()).Access; r.Verdict.Outcome == bridge.Approve && want == bridge.Granted && keys == 0 {
		wrong("approved, and there is no key")
	}
}

// wantAnswered checks that every event of the provider that was answered with 2xx is
// known here (I1): offered once more, it is a duplicate.
func (x *torture) wantAnswered(store *bolt.Store) (n int) {
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
		n++
		h.At = time.Now()
		if a, err := store.Accept(x.t.Context(), h, nil); err != nil || !a.Duplicate {
			x.t.Errorf("the event %s was answered with 2xx and is not known here (%v)", id, err)
		}
	}
	return n
}
