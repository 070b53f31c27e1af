package bridge_test

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"keybridge/bridge"
)

// What has to be true when all is said and done, as the far ends see it: the portal's
// keys, the provider's money, and what people were answered. The record comes into it
// only where it says what was decided.

// settle heals everything, lets time pass and ends the process. Nothing is hinted at: the
// clock alone has to bring it there.
func (s *simulation) settle() {
	s.mu.Lock()
	clear(s.faults)
	clear(s.downs)
	s.mu.Unlock()
	s.m.Lock()
	clear(s.held)
	s.lie, s.skew = "", 0
	up := s.up
	s.m.Unlock()
	if up != nil {
		up.spare()
	}
	// The longest anything is left alone is a day, and a clock was a day wrong.
	for _, d := range []time.Duration{50 * time.Hour, 25 * time.Hour, 25 * time.Hour} {
		s.doze(d)
		s.setInactive(false)
		time.Sleep(12 * time.Minute)
	}
	s.reconciled()
	s.stop()
	s.m.Lock()
	s.over = true
	s.m.Unlock()
	s.group.Wait()
}

// reconciled has the bridge itself compare everything, as it does every day: it has to find
// nothing, and what asked for a person and is gone asks for nobody any more.
func (s *simulation) reconciled() {
	p := s.process()
	if p == nil {
		s.failed("no process is up")
		return
	}
	d := p.service.Desk(bridge.Person{Name: "anna", Role: bridge.Admin})
	r, err := d.Reconcile(context.Background(), bridge.Reconciling{Since: s.began})
	for _, found := range r.Differences {
		s.failed("reconciling finds that %s: %s", found.Kind, found.Text)
	}
	if err != nil || r.Total() > len(r.Differences) || len(r.Failed) > 0 {
		s.failed("reconciling: %v, %d differences, %+v", err, r.Total(), r.Failed)
	}
	time.Sleep(time.Minute)
}

// doze lets time pass of which the process sees only the end. To look again every ten
// minutes for days at what waits would find nothing, and take most of the time there is.
func (s *simulation) doze(d time.Duration) {
	s.sleeps(true)
	s.stop()
	time.Sleep(d)
	s.sleeps(false)
	s.start()
}

// sleeps keeps any process from being started.
func (s *simulation) sleeps(yes bool) {
	s.m.Lock()
	defer s.m.Unlock()
	s.asleep = yes
}

// stop ends the process that is up in good order.
func (s *simulation) stop() {
	p := s.process()
	if p == nil {
		return
	}
	p.stop()
	<-p.ended
	s.m.Lock()
	defer s.m.Unlock()
	if s.up == p {
		s.up = nil
	}
}

// look compares everything with everything.
func (s *simulation) look() {
	ctx := context.Background()
	page, err := s.store.List(ctx, bridge.Filter{Limit: 1000})
	if err != nil {
		s.failed("cannot list: %v", err)
		return
	}
	for _, r := range page.Requests {
		c := s.course(r.Key)
		if wrong := s.wrong(r, c); wrong != "" {
			entries, _ := s.store.History(ctx, r.ID)
			s.failed("%s: request %s (%s, key %s at the portal %s, money %+v, doing %q %q), after\n%s", wrong, r.Key, r.State(),
				r.Access.Have, s.portal.get(r.Key).state, s.money(r), r.Work.Doing, r.Work.Error, lines(entries))
		}
		s.rests[r.State()]++
	}
	s.known(ctx)
	if s.log.contains(canary) {
		s.failed("personal data in the log")
	}
}

// known checks that the portal has nothing that we do not know of, and that what was
// answered is kept.
func (s *simulation) known(ctx context.Context) {
	s.mu.Lock()
	keys := map[string]bridge.AccessState{}
	for key, k := range s.portal.keys {
		keys[key] = k.state
	}
	s.mu.Unlock()
	for key, state := range keys {
		_, err := s.store.FindKey(ctx, "main", key)
		if err != nil {
			_, err = s.store.Find(ctx, bridge.Ref{System: "main", Kind: bridge.RefRequest, ID: key})
		}
		switch {
		case err != nil && s.course(key).acknowledged:
			s.failed("what was answered is not kept: %s, %s", key, state)
		case err != nil && state == bridge.Pending:
			s.failed("%s waits in the portal, and nobody knows of it", key)
		}
	}
}

// wrong says what is wrong with a request that has come to rest.
func (s *simulation) wrong(r bridge.Request, c *course) string {
	for _, look := range []func(bridge.Request, *course) string{s.wrongMoney, s.wrongAccess, s.wrongWord, s.wrongRecord, s.wrongEffort} {
		if wrong := look(r, c); wrong != "" {
			return wrong
		}
	}
	return ""
}

// wrongEffort: what is decided is delivered, or somebody is on it.
func (s *simulation) wrongEffort(r bridge.Request, _ *course) string {
	stage := r.Stage()
	over := stage == bridge.StateDeclined || stage == bridge.StateEnded
	money := s.money(r)
	switch {
	case r.Work.Attention || r.Work.Failures > 0:
		return "faults have stopped, and it still fails"
	case !over && !r.Work.Next.After(time.Now()):
		return "not over, and nobody looks again"
	case r.Access.Have != s.portal.get(r.Key).state:
		return "the record has another access than the portal"
	case r.Payment.Checkout.ID != "" && (r.Payment.Have != money.State || r.Payment.Collected != money.Collected || r.Payment.Returned != money.Returned || r.Payment.Subscribed != money.Subscribed):
		return fmt.Sprintf("the record has another payment than the provider: %s", r.Payment.Have)
	}
	if act, more := bridge.Next(r, time.Now()); more {
		return "still to be done: " + act.String()
	}
	return ""
}

// moving reports money of which the bank has not said the last word.
func moving(m bridge.Money) bool {
	return m.State == bridge.Disputed || m.State == bridge.Processing
}

// wrongMoney: one kept payment for a request, and none that is not meant to be.
func (s *simulation) wrongMoney(r bridge.Request, _ *course) string {
	tills, m := s.bank.see(r)
	var kept int64
	var payments, live int
	for _, t := range tills {
		kept += t.kept()
		if t.kept() > 0 {
			payments++
		}
		if t.open() {
			live++
		}
		if t.money.Checkout.ID != r.Payment.Checkout.ID && (t.open() || t.money.Subscribed || t.money.State == bridge.Held) {
			return "the provider has a checkout that nobody knows of"
		}
	}
	switch {
	case live > 1 || s.bank.twice[r.ID] && !s.astray:
		return "two checkouts are open"
	case payments > 1:
		return fmt.Sprintf("%d payments were kept", payments)
	case kept < 0:
		return "more went back than came in"
	case r.Verdict.Outcome == bridge.Decline && kept > 0 && !moving(m):
		return "declined with money kept"
	case r.Verdict.Outcome == bridge.Decline && m.Subscribed, !r.Ended.At.IsZero() && m.Subscribed:
		return "over, with a subscription that goes on"
	case r.Verdict.Outcome != bridge.Open && live > 0:
		return "decided with a checkout open"
	case r.Verdict.Outcome != bridge.Open && m.State == bridge.Held:
		return "decided with money held"
	case r.Payment.Refund.Amount.Minor > 0 && !moving(m) && m.Collected.Minor > 0:
		return "a person's refund was not made"
	}
	return ""
}

// wrongAccess: money and access agree.
func (s *simulation) wrongAccess(r bridge.Request, c *course) string {
	key, m := s.portal.get(r.Key), s.money(r)
	has := key.state == bridge.Granted || key.state == bridge.Suspended
	kept := m.Collected.Minor - m.Returned.Minor
	asked := slices.Contains(r.Terms.Steps, payment) && !c.admin && !c.free
	switch {
	case key.issued > 1:
		return fmt.Sprintf("%d keys were issued", key.issued)
	case r.Verdict.Outcome == bridge.Decline && key.state != bridge.Gone:
		return "declined, and the portal does not know"
	case r.Verdict.Outcome == bridge.Approve && key.state == bridge.Pending && m.State != bridge.Disputed && m.State != bridge.Overdue:
		return "approved, and the portal does not know"
	case has && r.Verdict.Outcome == bridge.Open:
		return "granted with nothing decided"
	case r.Verdict.Outcome == bridge.Approve && kept > 0 && !has && r.Ended.At.IsZero() && !moving(m) && m.State != bridge.Overdue:
		return "paid with no access and no refund"
	case !r.Ended.At.IsZero() && has:
		return "ended with a key that works"
	case has && key.state != r.Want(time.Now()).Access:
		return fmt.Sprintf("wanted %s", r.Want(time.Now()).Access)
	case key.state == bridge.Granted && asked && (m.State == bridge.NoPayment || m.State == bridge.PaymentOpen || m.State == bridge.Processing):
		return "granted, and nothing was paid"
	case key.state == bridge.Granted && m.State == bridge.PaymentEnded && m.PaidUntil.Before(time.Now()):
		return "granted after the time that was paid for"
	}
	return ""
}

// wrongWord: what a person was told was done, and only one was told so.
func (s *simulation) wrongWord(r bridge.Request, c *course) string {
	review, _ := r.Step(review)
	switch {
	case c.declined > 0 && r.Verdict.Outcome != bridge.Decline:
		return "somebody was told that it is declined"
	case c.approved > 0 && review.State != bridge.Met && len(r.Seconded) == 0:
		return "somebody was told that it is approved"
	case c.declined > 1:
		return fmt.Sprintf("%d were told that they had declined it", c.declined)
	case c.approved > 1 && c.plan != "large" || c.approved > 2:
		return fmt.Sprintf("%d were told that they had approved it", c.approved)
	}
	told := slices.ContainsFunc(r.Told, func(t bridge.Told) bool { return t.Kind == bridge.TellDeclined })
	if r.Stage() == bridge.StateDeclined && r.Applicant.Email != "" && !told {
		return "declined, and the applicant was not told"
	}
	return ""
}

// wrongRecord: the history is whole and says nothing personal, and who is forgotten is.
func (s *simulation) wrongRecord(r bridge.Request, _ *course) string {
	entries, err := s.store.History(context.Background(), r.ID)
	if err == nil {
		err = bridge.VerifyHistory(entries, r.Head)
	}
	switch {
	case err != nil:
		return err.Error()
	case strings.Contains(lines(entries), canary):
		return "personal data in the history"
	case r.Forgotten.IsZero():
		return ""
	}
	b, err := json.Marshal(r)
	if err != nil {
		return err.Error()
	}
	if strings.Contains(string(b), canary) {
		return "forgotten, and still there"
	}
	return ""
}
