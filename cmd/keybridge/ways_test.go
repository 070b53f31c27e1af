package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	mailsandbox "keybridge/bridge/notify/mail/sandbox"
	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
)

// The ways in and the ways to decide, walked with both portals in one bridge. What
// differs between the portals is said once, in far; the ways are the same.

// far is one of the two portals as its developers and its admin see it.
type far struct {
	*stand
	portal string
	email  string // of the developer, who nobody else of the test is
}

// The plans of a test of the ways, by the name they have in the tests.
const (
	free     = "free"
	paid     = "paid"
	reviewed = "reviewed"
)

// eachPortal runs a way with each of a stand's portals, all at once.
func eachPortal(t *testing.T, s *stand, way func(t *testing.T, f *far)) {
	besideEachOther(t, map[string]string{"Classic": demoPortal, "Enterprise": demoEnterprise}, func(t *testing.T, portal string) {
		name := strings.ToLower(regexp.MustCompile(`\W+`).ReplaceAllString(t.Name(), "-"))
		way(t, &far{stand: s.in(t), portal: portal, email: name[max(0, len(name)-50):] + "@example.com"})
	})
}

// file files a key request as the portal's form or cart does, and returns the id it has
// there.
func (f *far) file(plan string) string {
	f.t.Helper()
	if f.portal == demoPortal {
		policy := map[string]string{free: tyksandbox.FreePolicy, paid: tyksandbox.PaidPolicy, reviewed: tyksandbox.ReviewedPolicy}[plan]
		return f.ask(f.email, policy).ID
	}
	of := map[string]int{free: tyksandbox.FreePlan, paid: tyksandbox.PaidPlan, reviewed: tyksandbox.ReviewedPlan}[plan]
	a, err := f.Enterprise.CreateAccessRequest(tyksandbox.AccessAsk{
		Email: f.email, Products: []int{tyksandbox.ForecastProduct, tyksandbox.HistoryProduct}, Plan: of,
	})
	if err != nil {
		f.t.Fatal(err)
	}
	return strconv.Itoa(a.ID)
}

// link is where the portal's own page leads the developer on to.
func (f *far) link(key string) string {
	f.t.Helper()
	if f.portal == demoPortal {
		return f.url + "/handoff/" + demoPortal + "?key_request_id=" + key
	}
	to, err := f.Enterprise.ThemeLink(number(f.t, key))
	if err != nil {
		f.t.Fatal(err)
	}
	return to
}

func number(t testing.TB, key string) int {
	t.Helper()
	n, err := strconv.Atoi(key)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// adminApproves and adminDeclines are the portal's own admin; a Classic Portal's
// deletes what they decline.
func (f *far) adminApproves(key string) {
	f.t.Helper()
	var err error
	if f.portal == demoPortal {
		err = f.Portal.Approve(key)
	} else {
		err = f.Enterprise.Approve(number(f.t, key))
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *far) adminDeclines(key string) {
	f.t.Helper()
	var err error
	if f.portal == demoPortal {
		err = f.Portal.Decline(key)
	} else {
		err = f.Enterprise.Reject(number(f.t, key))
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

func (f *far) adminDeletes(key string) {
	f.t.Helper()
	if f.portal == demoPortal {
		f.adminDeclines(key)
	} else if err := f.Enterprise.DeleteAccessRequest(number(f.t, key)); err != nil {
		f.t.Fatal(err)
	}
}

// refuseApprovals makes the portal fail at every approval until its faults are cleared.
func (f *far) refuseApprovals() {
	f.t.Helper()
	fault := tyksandbox.Fault{Method: http.MethodPut, Kind: tyksandbox.ErrorBefore}
	var err error
	if f.portal == demoPortal {
		_, err = f.Portal.Fault(fault)
	} else {
		_, err = f.Enterprise.Fault(fault)
	}
	if err != nil {
		f.t.Fatal(err)
	}
}

// keys is how many keys (credentials) the developer has.
func (f *far) keys() int {
	f.t.Helper()
	if f.portal == demoPortal {
		return f.keysOf(f.email)
	}
	n := 0
	user, _ := f.Enterprise.User(f.email)
	for _, a := range f.Enterprise.AccessRequests() {
		if a.UserID == user.ID {
			n += len(a.Credentials)
		}
	}
	return n
}

// known returns the record of a key request; the zero one where there is none yet.
func (f *far) known(key string) bridge.Request {
	r, err := f.bridge.service.GetKey(f.t.Context(), f.portal, key)
	if err != nil && bridge.KindOf(err) != bridge.NotFound {
		f.t.Fatal(err)
	}
	return r
}

// comesTo waits until a request is in a state, and returns it.
func (f *far) comesTo(key string, want bridge.State) bridge.Request {
	f.t.Helper()
	var r bridge.Request
	await(f.t, fmt.Sprintf("the request to be %q", want), func() bool {
		r = f.known(key)
		return r.Stage() == want
	}, func() string { return fmt.Sprintf("it is %q: %s %s", r.State(), r.Work.Doing, r.Work.Error) })
	return r
}

// opens waits until a request can be paid, and returns the session.
func (f *far) opens(key string) checkout {
	f.t.Helper()
	var id string
	await(f.t, "an open checkout", func() bool {
		now := f.known(key).Payment.Checkout
		id = now.ID
		return now.State == bridge.CheckoutOpen
	}, func() string {
		r := f.known(key)
		return fmt.Sprintf("it is %q: %s %s", r.State(), r.Work.Doing, r.Work.Error)
	})
	return f.checkout(id)
}

// told waits until the developer was mailed the messages, in this order, each once, and
// returns the last mail.
func (f *far) told(kinds ...bridge.MessageKind) mailsandbox.Mail {
	f.t.Helper()
	var got []string
	var mails []mailsandbox.Mail
	want := make([]string, 0, len(kinds))
	for _, kind := range kinds {
		want = append(want, string(kind))
	}
	await(f.t, fmt.Sprintf("the developer to be told %q", want), func() bool {
		got = nil
		mails = f.Mail.Mails(mailsandbox.Filter{To: f.email})
		slices.SortFunc(mails, func(a, b mailsandbox.Mail) int { return a.Number - b.Number })
		for _, m := range mails {
			got = append(got, kindOf(m))
		}
		return len(got) >= len(want)
	}, func() string { return fmt.Sprintf("told %q", got) })
	if !slices.Equal(got, want) {
		f.t.Fatalf("the developer was told %q, want %q", got, want)
	}
	return mails[len(mails)-1]
}

// kindOf is what a mail is about: its Message-ID says so.
func kindOf(m mailsandbox.Mail) string {
	_, kind, _ := strings.Cut(m.MessageID, "_tell-")
	kind, _, _ = strings.Cut(kind, "_")
	return kind
}

// payFromMail pays as somebody who has nothing but the mail they were sent.
func (f *far) payFromMail(m mailsandbox.Mail) {
	f.t.Helper()
	page := slices.IndexFunc(m.Links, func(link string) bool { return strings.HasPrefix(link, f.url+"/r/") })
	if page < 0 {
		f.t.Fatalf("no link to the page in the mail, but %q", m.Links)
	}
	v := browse(f.t)
	if err := v.open(m.Links[page]); err != nil {
		f.t.Fatal(err)
	}
	button := find(v.page, "checkout")
	if button == nil {
		f.t.Fatalf("the page says %q, and has no way to pay", text(find(v.page, "title")))
	}
	if err := v.open(attribute(button, "href")); err != nil {
		f.t.Fatal(err)
	}
	if err := v.submit("pay", map[string]string{"email": f.email}); err != nil {
		f.t.Fatal(err)
	}
	if v.at.Host != strings.TrimPrefix(f.url, "http://") {
		f.t.Errorf("the checkout led back to %s", v.at.Host)
	}
}

// wantPaidOnce checks money and access of a request that was paid for.
func (f *far) wantPaidOnce(key string) {
	f.t.Helper()
	if n := f.keys(); n != 1 {
		f.t.Errorf("the developer has %d keys, want one", n)
	}
	paid := slices.DeleteFunc(f.checkouts(f.known(key).ID), func(c checkout) bool { return c.Payment != "paid" })
	if len(paid) != 1 {
		f.t.Errorf("%d checkouts were paid, want one", len(paid))
	}
}

// bothPlans are the plans of the tests of the ways.
func bothPlans() []string {
	return append(of(freePlan, paidPlan, reviewedPlan), partnerFree, partnerPaid, partnerReviewed)
}

// mailedStand is a stand whose portals lead no browsers to the bridge.
func mailedStand(t *testing.T, change func(*choice)) *stand {
	// A stand may wait for other tests for longer than it is usual between two polls.
	c := choice{both: true, plans: bothPlans(), handoff: "{}", poll: "24h"}
	if change != nil {
		change(&c)
	}
	return startStand(t, c)
}

func TestBothPortalsRedirectBrowsers(t *testing.T) {
	t.Parallel()
	s := startStand(t, choice{both: true, plans: bothPlans(), enterprise: bareHandoff})
	settings := s.Enterprise.Settings()
	settings.ThemeLink = s.url + "/handoff/" + demoEnterprise
	if err := s.Enterprise.SetSettings(settings); err != nil {
		t.Fatal(err)
	}
	eachPortal(t, s, func(t *testing.T, f *far) {
		key := f.file(paid)
		v := browse(t)
		if err := v.open(f.link(key)); err != nil {
			t.Fatal(err)
		}
		await(t, "the checkout", func() bool {
			if find(v.page, "pay") != nil {
				return true
			}
			if err := v.refresh(); err != nil {
				t.Fatal(err)
			}
			return false
		}, func() string { return "the page says " + text(find(v.page, "title")) })
		if err := v.submit("pay", map[string]string{"email": f.email}); err != nil {
			t.Fatal(err)
		}
		f.comesTo(key, bridge.StateActive)
		f.wantPaidOnce(key)
		f.told(bridge.TellApproved) // who came by themselves is not told to come
	})
}

func TestBothPortalsTellByWebhookAndTheApplicantPaysFromTheMail(t *testing.T) {
	t.Parallel()
	eachPortal(t, mailedStand(t, nil), func(t *testing.T, f *far) {
		key := f.file(paid)
		f.payFromMail(f.told(bridge.TellStart))
		r := f.comesTo(key, bridge.StateActive)
		f.wantPaidOnce(key)
		f.told(bridge.TellStart, bridge.TellApproved)
		if r.Arrival.Trust != bridge.Untold || f.opensFor(r) != f.email {
			t.Errorf("arrival %q, the checkout names %q", r.Arrival.Trust, f.opensFor(r))
		}
	})
}

// opensFor is whom the last checkout of a request names.
func (f *far) opensFor(r bridge.Request) string {
	return f.checkout(r.Payment.Checkout.ID).CustomerEmail
}

// holdAllWebhooks loses the webhooks of both portals.
func (s *stand) holdAllWebhooks() {
	s.t.Helper()
	classic, enterprise := s.Portal.Settings(), s.Enterprise.Settings()
	classic.HoldWebhooks, enterprise.HoldWebhooks = true, true
	if err := s.Portal.SetSettings(classic); err != nil {
		s.t.Fatal(err)
	}
	if err := s.Enterprise.SetSettings(enterprise); err != nil {
		s.t.Fatal(err)
	}
}

func TestBothPortalsAreAskedForWhatNobodyToldOf(t *testing.T) {
	t.Parallel()
	s := mailedStand(t, func(c *choice) { c.poll = "10s" })
	s.holdAllWebhooks()
	eachPortal(t, s, func(_ *testing.T, f *far) {
		key := f.file(paid)
		f.payFromMail(f.told(bridge.TellStart))
		f.comesTo(key, bridge.StateActive)
		f.wantPaidOnce(key)
	})
}

func TestALongListOfWhatWaitsIsReadToItsEnd(t *testing.T) {
	t.Parallel()
	s := mailedStand(t, func(c *choice) { c.plans = append(of(reviewedPlan), partnerReviewed) })
	s.holdAllWebhooks()
	if err := s.stopBridge(); err != nil {
		t.Fatal(err)
	}
	keys := map[string][]string{}
	eachPortal(t, s, func(_ *testing.T, f *far) {
		all := make([]string, 0, 45) // more than two pages of either portal
		for range cap(all) {
			all = append(all, f.file(reviewed))
		}
		s.log.mu.Lock()
		keys[f.portal] = all
		s.log.mu.Unlock()
	})
	s.resumeBridge()
	eachPortal(t, s, func(_ *testing.T, f *far) {
		for _, key := range keys[f.portal] {
			f.comesTo(key, bridge.StateReviewing)
		}
	})
}

func TestTheAdminOfEitherPortalDecidesWhileACheckoutIsOpen(t *testing.T) {
	t.Parallel()
	s := mailedStand(t, nil)
	eachPortal(t, s, func(t *testing.T, f *far) {
		t.Run("approves", func(t *testing.T) {
			f := &far{stand: f.in(t), portal: f.portal, email: "yes-" + f.email}
			key := f.file(paid)
			open := f.opens(key)
			f.told(bridge.TellStart)
			f.adminApproves(key)
			f.seesSoon(key)
			r := f.comesTo(key, bridge.StateActive)
			step, _ := r.Step(bridge.Paying)
			await(t, "the checkout to be closed", func() bool { return f.checkout(open.ID).Status == "expired" }, nil)
			if step.State != bridge.Waived || f.keys() != 1 {
				t.Errorf("step %s, %d keys", step.State, f.keys())
			}
			f.told(bridge.TellStart, bridge.TellApproved)
		})
		t.Run("declines", func(t *testing.T) {
			f := &far{stand: f.in(t), portal: f.portal, email: "no-" + f.email}
			key := f.file(paid)
			open := f.opens(key)
			f.told(bridge.TellStart)
			f.adminDeclines(key)
			f.seesSoon(key)
			f.comesTo(key, bridge.StateDeclined)
			if c := f.checkout(open.ID); c.Status != "expired" || f.keys() != 0 {
				t.Errorf("checkout %s, %d keys", c.Status, f.keys())
			}
			f.told(bridge.TellStart, bridge.TellDeclined)
		})
	})
}

// seesSoon has the request looked at where its portal does not tell of what its admin
// did: a Classic Portal sends no webhook about that.
func (f *far) seesSoon(key string) {
	f.t.Helper()
	if f.portal == demoPortal {
		f.operate("requests", "retry", string(f.known(key).ID))
	}
}

// TestFaultPaidAndDeleted: a request that is deleted in its portal after the payment is
// refunded.
func TestFaultPaidAndDeleted(t *testing.T) {
	t.Parallel()
	eachPortal(t, mailedStand(t, nil), func(t *testing.T, f *far) {
		key := f.file(paid)
		open := f.opens(key)
		f.refuseApprovals()
		f.act(open.ID, "pay", nil)
		f.comesTo(key, bridge.StateApproving)
		f.adminDeletes(key)
		r := f.comesTo(key, bridge.StateDeclined)
		if r.Payment.Have != bridge.Refunded || f.keys() != 0 || r.Verdict.Mark.Why != "withdrawn in the portal" {
			t.Errorf("payment %s, %d keys, %q", r.Payment.Have, f.keys(), r.Verdict.Mark.Why)
		}
		f.told(bridge.TellStart, bridge.TellDeclined)
	})
}

func TestAFreePlanIsApprovedInBothPortals(t *testing.T) {
	t.Parallel()
	s := mailedStand(t, nil)
	if err := s.Enterprise.SetAutoApprove(tyksandbox.FreePlan, false); err != nil {
		t.Fatal(err)
	}
	eachPortal(t, s, func(t *testing.T, f *far) {
		key := f.file(free)
		r := f.comesTo(key, bridge.StateActive)
		if f.keys() != 1 || r.Verdict.Mark.Why != "the plan asks for nothing more" {
			t.Errorf("%d keys, %q", f.keys(), r.Verdict.Mark.Why)
		}
		f.told(bridge.TellApproved)
	})
}

// TestWhatThePortalApprovesByItselfIsKnownAsThat is a plan that approves automatically.
func TestWhatThePortalApprovesByItselfIsKnownAsThat(t *testing.T) {
	t.Parallel()
	s := mailedStand(t, nil)
	f := &far{stand: s, portal: demoEnterprise, email: "auto@example.com"}
	r := f.comesTo(f.file(free), bridge.StateActive)
	if f.keys() != 1 || r.Verdict.Outcome != bridge.Approve {
		t.Errorf("%d keys, %+v", f.keys(), r.Verdict)
	}
}

func TestAReviewIsDoneInKeybridgeForBothPortals(t *testing.T) {
	t.Parallel()
	eachPortal(t, mailedStand(t, nil), func(t *testing.T, f *far) {
		yes := f.file(reviewed)
		f.operate("requests", "approve", string(f.comesTo(yes, bridge.StateReviewing).ID))
		f.comesTo(yes, bridge.StateActive)
		f.told(bridge.TellApproved)
		f = &far{stand: f.stand, portal: f.portal, email: "no-" + f.email}
		no := f.file(reviewed)
		f.operate("requests", "decline", "--why", "The forecast is for sailors only.", string(f.comesTo(no, bridge.StateReviewing).ID))
		f.comesTo(no, bridge.StateDeclined)
		if m := f.told(bridge.TellDeclined); !strings.Contains(m.Text, "The forecast is for sailors only.") {
			t.Errorf("the reason does not reach the applicant:\n%s", m.Text)
		}
		if f.keys() != 0 {
			t.Errorf("%d keys", f.keys())
		}
	})
}

func TestADisputeSuspendsTheKeyUntilItIsWonInBothPortals(t *testing.T) {
	t.Parallel()
	eachPortal(t, mailedStand(t, nil), func(t *testing.T, f *far) {
		key := f.file(paid)
		open := f.opens(key)
		f.told(bridge.TellStart)
		f.act(open.ID, "pay", nil)
		r := f.comesTo(key, bridge.StateActive)
		f.told(bridge.TellStart, bridge.TellApproved)
		charge, _ := r.Ref(bridge.RefCharge)
		f.act(charge.ID, "dispute", nil)
		f.comesTo(key, bridge.StateSuspended)
		f.told(bridge.TellStart, bridge.TellApproved, bridge.TellSuspended)
		f.act(charge.ID, "win", nil)
		f.comesTo(key, bridge.StateActive)
		f.told(bridge.TellStart, bridge.TellApproved, bridge.TellSuspended, bridge.TellResumed)
		if f.keys() != 1 {
			t.Errorf("the developer has %d keys, want one", f.keys())
		}
		f.wantOneRequest(r)
	})
}

// wantOneRequest checks that the developer has this request and no other.
func (f *far) wantOneRequest(r bridge.Request) {
	f.t.Helper()
	page, err := f.bridge.service.List(context.WithoutCancel(f.t.Context()), bridge.Filter{Portal: f.portal, Applicant: r.Applicant.ID})
	if err != nil || len(page.Requests) != 1 || page.Requests[0].ID != r.ID {
		f.t.Errorf("the developer has %d requests, %v; want one", len(page.Requests), err)
	}
}

func TestADeveloperWhoseAccountIsDeactivatedIsSuspended(t *testing.T) {
	t.Parallel()
	f := &far{stand: mailedStand(t, nil), portal: demoEnterprise, email: "away@example.com"}
	key := f.file(reviewed)
	r := f.comesTo(key, bridge.StateReviewing)
	f.operate("requests", "approve", string(r.ID))
	f.comesTo(key, bridge.StateActive)
	if err := f.Enterprise.Deactivate(f.email); err != nil {
		t.Fatal(err)
	}
	f.comesTo(key, bridge.StateSuspended)
	if f.keys() != 0 {
		t.Errorf("%d credentials are left", f.keys())
	}
	if err := f.Enterprise.Activate(f.email); err != nil {
		t.Fatal(err)
	}
	f.comesTo(key, bridge.StateActive)
	f.told(bridge.TellApproved, bridge.TellSuspended, bridge.TellResumed)
	f.wantOneRequest(r)
}

func TestAPersonMakesAKeyRequestForADeveloperOfEitherPortal(t *testing.T) {
	t.Parallel()
	eachPortal(t, mailedStand(t, nil), func(t *testing.T, f *far) {
		f.account()
		plan := map[string][]string{demoPortal: {"--plan", "Weather Pro"}, demoEnterprise: {"--plan", "Partner Paid", "--policy", "1"}}[f.portal]
		make := func(more ...string) bridge.Request {
			args := slices.Concat([]string{"requests", "create", "--portal", f.portal, "--developer", f.email, "--by", "anna", "--json"}, plan, more)
			var r struct{ Key string }
			if err := json.Unmarshal([]byte(f.operate(args...)), &r); err != nil {
				t.Fatal(err)
			}
			return f.known(r.Key)
		}
		first := make()
		f.payFromMail(f.told(bridge.TellStart))
		f.comesTo(first.Key, bridge.StateActive)
		f.wantPaidOnce(first.Key)
		second := make("--settled", "Invoice 2026-17 was paid.")
		r := f.comesTo(second.Key, bridge.StateActive)
		if step, _ := r.Step(bridge.Paying); step.State != bridge.Waived || step.Mark.By.Name != "anna" || len(f.checkouts(r.ID)) != 0 {
			t.Errorf("step %+v, %d checkouts", step, len(f.checkouts(r.ID)))
		}
	})
}

// account makes the developer known to the portal.
func (f *far) account() {
	f.t.Helper()
	var err error
	if f.portal == demoPortal {
		_, err = f.Portal.AddDeveloper(tyksandbox.Developer{Email: f.email, Password: "a-password"})
	} else {
		_, err = f.Enterprise.AddUser(tyksandbox.User{
			Email: f.email, Password: "a-password", First: "Dora", Last: "Developer", Apps: []tyksandbox.App{{Name: "Kite"}},
		})
	}
	if err != nil {
		f.t.Fatal(err)
	}
}
