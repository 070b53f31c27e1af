package sandbox

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/stripe/stripe-go/v76"
)

// kinds are the types of the events that have to do with an object, in order.
func (b *bench) kinds(id string) []string {
	var kinds []string
	for _, e := range b.EventsOf(id) {
		kinds = append(kinds, e.Type)
	}
	return kinds
}

func (b *bench) allKinds() []string {
	var kinds []string
	for _, e := range b.Events() {
		kinds = append(kinds, e.Type)
	}
	return kinds
}

func wantKinds(t *testing.T, got []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func code(err error) string {
	var e *stripe.Error
	if errors.As(err, &e) {
		return strings.TrimSpace(string(e.Type) + " " + string(e.Code))
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

func TestAOneOffPaymentTellsItsStoryInEvents(t *testing.T) {
	b := setUp(t)
	p := onceParams()
	p.CustomerCreation = stripe.String("always")
	made := b.open(p)
	b.act(made.ID, "pay", Args{"name": "Jenny Rosen"})
	wantKinds(t, b.allKinds(), "customer.created", "payment_intent.created", "charge.succeeded",
		"payment_intent.succeeded", "checkout.session.completed")
	got := b.session(made.ID)
	if got.Customer == nil || got.CustomerDetails.Email != "dev@example.com" || got.CustomerDetails.Name != "Jenny Rosen" {
		t.Errorf("who paid: %+v, %+v", got.Customer, got.CustomerDetails)
	}
}

func TestMetadataTravelFromTheIntentToTheChargeAndNoFurther(t *testing.T) {
	b := setUp(t)
	made := b.open(onceParams())
	b.act(made.ID, "pay", nil)
	get := &stripe.CheckoutSessionParams{}
	get.AddExpand("payment_intent.latest_charge")
	got := must(b.client.CheckoutSessions.Get(made.ID, get))(t)
	charge := got.PaymentIntent.LatestCharge
	if diff := cmp.Diff(map[string]string{"on": "session"}, got.Metadata); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(map[string]string{"on": "intent"}, charge.Metadata); diff != "" {
		t.Error(diff)
	}
	if !charge.Paid || !charge.Captured || charge.AmountCaptured != 2000 || charge.PaymentMethodDetails.Card.Last4 != "4242" {
		t.Errorf("the charge: %+v", charge)
	}
}

func TestADeclinedCardLeavesTheSessionOpenForAnother(t *testing.T) {
	b := setUp(t)
	made := b.open(onceParams())
	if err := b.Act(made.ID, "pay", Args{"decline": "insufficient_funds"}); !errors.Is(err, ErrDeclined) {
		t.Fatalf("got %v, want a decline", err)
	}
	first := b.session(made.ID)
	if first.Status != "open" || first.PaymentIntent == nil {
		t.Fatalf("after the decline: %+v", first)
	}
	intent := must(b.client.PaymentIntents.Get(first.PaymentIntent.ID, nil))(t)
	if intent.Status != "requires_payment_method" || intent.LastPaymentError.DeclineCode != "insufficient_funds" {
		t.Errorf("its intent: %s, %+v", intent.Status, intent.LastPaymentError)
	}
	b.act(made.ID, "pay", nil)
	if got := b.session(made.ID); got.PaymentStatus != "paid" || got.PaymentIntent.ID != intent.ID {
		t.Errorf("after the second card: %s with %s, want the same intent %s", got.PaymentStatus, got.PaymentIntent.ID, intent.ID)
	}
	wantKinds(t, b.kinds(intent.ID), "payment_intent.created", "charge.failed", "payment_intent.payment_failed",
		"charge.succeeded", "payment_intent.succeeded", "checkout.session.completed")
}

func TestOnlyAnOpenSessionExpires(t *testing.T) {
	b := setUp(t)
	open, paid := b.open(onceParams()), b.open(onceParams())
	b.act(paid.ID, "pay", nil)
	gone := must(b.client.CheckoutSessions.Expire(open.ID, nil))(t)
	if gone.Status != "expired" || gone.URL != "" {
		t.Errorf("expired: %s, %q", gone.Status, gone.URL)
	}
	for _, id := range []string{open.ID, paid.ID} {
		if _, err := b.client.CheckoutSessions.Expire(id, nil); code(err) != "invalid_request_error" {
			t.Errorf("expiring %s: %v", id, err)
		}
	}
	if err := b.Act(open.ID, "pay", nil); !errors.Is(err, ErrNotNow) {
		t.Errorf("paying an expired session: %v", err)
	}
	if b.Act(paid.ID, "pay", nil) == nil {
		t.Error("a session was paid twice")
	}
}

func TestASessionExpiresByItselfAndTakesItsIntentAlong(t *testing.T) {
	b := setUp(t)
	p := onceParams()
	p.ExpiresAt = stripe.Int64(b.Now().Add(31 * time.Minute).Unix())
	made := b.open(p)
	_ = b.Act(made.ID, "decline", nil)
	b.Advance(30 * time.Minute)
	if got := b.session(made.ID); got.Status != "open" {
		t.Fatalf("a minute before: %s", got.Status)
	}
	b.Advance(2 * time.Minute)
	got := b.session(made.ID)
	intent := must(b.client.PaymentIntents.Get(got.PaymentIntent.ID, nil))(t)
	if got.Status != "expired" || intent.Status != "canceled" {
		t.Errorf("a minute after: %s, intent %s", got.Status, intent.Status)
	}
	wantKinds(t, b.kinds(made.ID), "checkout.session.expired")
}

func manualParams() *stripe.CheckoutSessionParams {
	p := onceParams()
	p.PaymentIntentData.CaptureMethod = stripe.String("manual")
	return p
}

func TestAnAuthorisationIsCapturedOnceAndUpToWhatIsHeld(t *testing.T) {
	b := setUp(t)
	made := b.open(manualParams())
	b.act(made.ID, "pay", nil)
	held := b.session(made.ID)
	if held.Status != "complete" || held.PaymentStatus != "unpaid" {
		t.Fatalf("held: %s, %s", held.Status, held.PaymentStatus)
	}
	id := held.PaymentIntent.ID
	intent := must(b.client.PaymentIntents.Get(id, nil))(t)
	if intent.Status != "requires_capture" || intent.AmountCapturable != 2000 {
		t.Fatalf("held: %s, %d", intent.Status, intent.AmountCapturable)
	}
	if _, err := b.client.Refunds.New(&stripe.RefundParams{PaymentIntent: &id}); err == nil {
		t.Error("money that was not taken was refunded")
	}
	_, err := b.client.PaymentIntents.Capture(id, &stripe.PaymentIntentCaptureParams{AmountToCapture: stripe.Int64(2001)})
	if code(err) != "invalid_request_error amount_too_large" {
		t.Errorf("capturing too much: %v", err)
	}
	got := must(b.client.PaymentIntents.Capture(id, &stripe.PaymentIntentCaptureParams{AmountToCapture: stripe.Int64(1500)}))(t)
	if got.Status != "succeeded" || got.AmountReceived != 1500 {
		t.Errorf("captured: %s, %d", got.Status, got.AmountReceived)
	}
	if paid := b.session(made.ID); paid.PaymentStatus != "paid" {
		t.Errorf("the session is %s", paid.PaymentStatus)
	}
	_, err = b.client.PaymentIntents.Capture(id, nil)
	var refusal *stripe.Error
	if !errors.As(err, &refusal) || refusal.Code != "payment_intent_unexpected_state" || refusal.PaymentIntent.ID != id {
		t.Errorf("capturing twice: %v", err)
	}
	refund := must(b.client.Refunds.New(&stripe.RefundParams{PaymentIntent: &id}))(t)
	if refund.Amount != 1500 {
		t.Errorf("refunded %d of 1500", refund.Amount)
	}
	wantKinds(t, b.kinds(id), "payment_intent.created", "charge.succeeded", "payment_intent.amount_capturable_updated",
		"checkout.session.completed", "charge.captured", "payment_intent.succeeded", "refund.created", "charge.refunded")
}

func TestAnAuthorisationThatNobodyCapturesLapses(t *testing.T) {
	b := setUp(t)
	made := b.open(manualParams())
	b.act(made.ID, "pay", nil)
	id := b.session(made.ID).PaymentIntent.ID
	b.Advance(7*24*time.Hour - time.Hour)
	if got := must(b.client.PaymentIntents.Get(id, nil))(t); got.Status != "requires_capture" {
		t.Fatalf("an hour before: %s", got.Status)
	}
	b.Advance(2 * time.Hour)
	got := must(b.client.PaymentIntents.Get(id, nil))(t)
	if got.Status != "canceled" || got.CancellationReason != "automatic" {
		t.Errorf("after a week: %s, %s", got.Status, got.CancellationReason)
	}
	if _, err := b.client.PaymentIntents.Capture(id, nil); code(err) != "invalid_request_error payment_intent_unexpected_state" {
		t.Errorf("capturing what lapsed: %v", err)
	}
}

func TestAnAuthorisationCanBeVoidedOnce(t *testing.T) {
	b := setUp(t)
	made := b.open(manualParams())
	b.act(made.ID, "pay", nil)
	id := b.session(made.ID).PaymentIntent.ID
	got := must(b.client.PaymentIntents.Cancel(id, &stripe.PaymentIntentCancelParams{CancellationReason: stripe.String("duplicate")}))(t)
	if got.Status != "canceled" || got.CancellationReason != "duplicate" || got.AmountCapturable != 0 {
		t.Errorf("voided: %+v", got)
	}
	if _, err := b.client.PaymentIntents.Cancel(id, nil); code(err) != "invalid_request_error payment_intent_unexpected_state" {
		t.Errorf("voiding twice: %v", err)
	}
}

func TestASetupSavesACardWithoutACharge(t *testing.T) {
	b := setUp(t)
	made := b.open(setupParams())
	if made.PaymentStatus != "no_payment_required" || made.SetupIntent == nil {
		t.Fatalf("a new setup session: %+v", made)
	}
	if err := b.Act(made.ID, "decline", nil); !errors.Is(err, ErrDeclined) {
		t.Fatal(err)
	}
	if got := b.session(made.ID); got.Status != "open" {
		t.Fatalf("after a decline: %s", got.Status)
	}
	b.act(made.ID, "pay", nil)
	get := &stripe.SetupIntentParams{}
	get.AddExpand("payment_method")
	got := must(b.client.SetupIntents.Get(made.SetupIntent.ID, get))(t)
	if got.Status != "succeeded" || got.PaymentMethod.Card.Last4 != "4242" || got.Metadata["on"] != "setup" {
		t.Errorf("the setup: %+v", got)
	}
	if done := b.session(made.ID); done.Status != "complete" || done.PaymentStatus != "no_payment_required" {
		t.Errorf("the session: %s, %s", done.Status, done.PaymentStatus)
	}
	wantKinds(t, b.allKinds(), "setup_intent.created", "setup_intent.setup_failed", "setup_intent.succeeded", "checkout.session.completed")
	if _, err := b.client.SetupIntents.Cancel(made.SetupIntent.ID, nil); code(err) != "invalid_request_error setup_intent_unexpected_state" {
		t.Errorf("cancelling what succeeded: %v", err)
	}
}

func TestADelayedPaymentCompletesUnpaidAndIsSettledLater(t *testing.T) {
	for name, walk := range map[string]struct {
		action, payment, intent string
		last                    string
	}{
		"the bank pays":    {"settle", "paid", "succeeded", "checkout.session.async_payment_succeeded"},
		"the bank refuses": {"fail", "unpaid", "requires_payment_method", "checkout.session.async_payment_failed"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t)
			made := b.open(onceParams())
			b.act(made.ID, "pay_later", nil)
			pending := b.session(made.ID)
			intent := must(b.client.PaymentIntents.Get(pending.PaymentIntent.ID, nil))(t)
			if pending.Status != "complete" || pending.PaymentStatus != "unpaid" || intent.Status != "processing" {
				t.Fatalf("on its way: %s, %s, intent %s", pending.Status, pending.PaymentStatus, intent.Status)
			}
			b.act(made.ID, walk.action, nil)
			got := b.session(made.ID)
			intent = must(b.client.PaymentIntents.Get(intent.ID, nil))(t)
			if got.Status != "complete" || string(got.PaymentStatus) != walk.payment || string(intent.Status) != walk.intent {
				t.Errorf("settled: %s, %s, intent %s", got.Status, got.PaymentStatus, intent.Status)
			}
			wantKinds(t, b.kinds(made.ID), "checkout.session.completed", walk.last)
			if b.Act(made.ID, walk.action, nil) == nil {
				t.Error("the bank answered twice")
			}
		})
	}
}

func TestARefundGivesBackAtMostWhatWasTaken(t *testing.T) {
	b := setUp(t)
	made := b.open(onceParams())
	b.act(made.ID, "pay", nil)
	intent := b.session(made.ID).PaymentIntent.ID
	part := must(b.client.Refunds.New(&stripe.RefundParams{
		PaymentIntent: &intent, Amount: stripe.Int64(500), Reason: stripe.String("requested_by_customer"),
		Metadata: map[string]string{"why": "half"},
	}))(t)
	charge := must(b.client.Charges.Get(part.Charge.ID, nil))(t)
	if charge.AmountRefunded != 500 || charge.Refunded {
		t.Errorf("in part: %d, %v", charge.AmountRefunded, charge.Refunded)
	}
	if _, err := b.client.Refunds.New(&stripe.RefundParams{Charge: &charge.ID, Amount: stripe.Int64(1501)}); err == nil {
		t.Error("more was given back than was taken")
	}
	rest := must(b.client.Refunds.New(&stripe.RefundParams{Charge: &charge.ID}))(t)
	if charge = must(b.client.Charges.Get(charge.ID, nil))(t); rest.Amount != 1500 || !charge.Refunded {
		t.Errorf("the rest: %d, %v", rest.Amount, charge.Refunded)
	}
	if _, err := b.client.Refunds.New(&stripe.RefundParams{Charge: &charge.ID}); code(err) != "invalid_request_error charge_already_refunded" {
		t.Errorf("a third refund: %v", err)
	}
	list := b.client.Refunds.List(&stripe.RefundListParams{PaymentIntent: &intent})
	var ids []string
	for list.Next() {
		ids = append(ids, list.Refund().ID)
	}
	if diff := cmp.Diff([]string{rest.ID, part.ID}, ids); diff != "" {
		t.Error(diff)
	}
}

func TestADisputeStopsRefundsAndAnInquiryDoesNot(t *testing.T) {
	for name, walk := range map[string]struct {
		actions    []string
		refundable bool
		status     string
	}{
		"needs a response":            {[]string{"dispute"}, false, "needs_response"},
		"lost":                        {[]string{"dispute", "lose"}, false, "lost"},
		"won":                         {[]string{"dispute", "win"}, true, "won"},
		"inquiry":                     {[]string{"inquire"}, true, "warning_needs_response"},
		"inquiry that became one":     {[]string{"inquire", "dispute"}, false, "needs_response"},
		"inquiry that came to naught": {[]string{"inquire", "win"}, true, "warning_closed"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t)
			made := b.open(onceParams())
			b.act(made.ID, "pay", nil)
			for _, action := range walk.actions {
				b.act(made.ID, action, nil)
			}
			intent := b.session(made.ID).PaymentIntent.ID
			list := b.client.Disputes.List(&stripe.DisputeListParams{PaymentIntent: &intent})
			if !list.Next() || string(list.Dispute().Status) != walk.status {
				t.Fatalf("the dispute: %+v, want %s", list.Dispute(), walk.status)
			}
			_, err := b.client.Refunds.New(&stripe.RefundParams{PaymentIntent: &intent})
			if walk.refundable && err != nil || !walk.refundable && code(err) != "invalid_request_error charge_disputed" {
				t.Errorf("refunding: %v", err)
			}
		})
	}
}

func TestAFraudWarningNamesItsCharge(t *testing.T) {
	b := setUp(t)
	made := b.open(onceParams())
	b.act(made.ID, "pay", nil)
	b.act(made.ID, "warn", nil)
	list := b.client.RadarEarlyFraudWarnings.List(nil)
	if !list.Next() || !list.RadarEarlyFraudWarning().Actionable {
		t.Fatal("there is no warning to act on")
	}
	id := list.RadarEarlyFraudWarning().Charge.ID
	if _, err := b.client.Refunds.New(&stripe.RefundParams{Charge: &id}); err != nil {
		t.Fatal(err)
	}
	if got := must(b.client.RadarEarlyFraudWarnings.Get(list.RadarEarlyFraudWarning().ID, nil))(t); got.Actionable {
		t.Error("there is nothing left to act on, and the warning says there is")
	}
}

// subscribe pays a monthly subscription and gives its id.
func (b *bench) subscribe(p *stripe.CheckoutSessionParams, args Args) (session, sub string) {
	b.t.Helper()
	made := b.open(p)
	b.act(made.ID, "pay", args)
	return made.ID, b.session(made.ID).Subscription.ID
}

func (b *bench) subscription(id string) *stripe.Subscription {
	b.t.Helper()
	get := &stripe.SubscriptionParams{}
	get.AddExpand("latest_invoice.payment_intent")
	return must(b.client.Subscriptions.Get(id, get))(b.t)
}

func TestASubscriptionStartsPaid(t *testing.T) {
	b := setUp(t)
	session, id := b.subscribe(monthlyParams(), nil)
	sub := b.subscription(id)
	if sub.Status != "active" || sub.Metadata["on"] != "subscription" || sub.Customer == nil {
		t.Fatalf("the subscription: %+v", sub)
	}
	in := sub.LatestInvoice
	if in.Status != "paid" || in.BillingReason != "subscription_create" || in.AmountPaid != 1500 ||
		in.SubscriptionDetails.Metadata["on"] != "subscription" || in.Charge == nil || in.PaymentIntent.Status != "succeeded" {
		t.Errorf("its invoice: %+v", in)
	}
	if got := b.session(session); got.PaymentStatus != "paid" || got.Invoice.ID != in.ID || got.PaymentIntent != nil {
		t.Errorf("its session: %s, %+v, %+v", got.PaymentStatus, got.Invoice, got.PaymentIntent)
	}
	wantKinds(t, b.allKinds(), "customer.created", "payment_method.attached", "customer.subscription.created",
		"invoice.created", "invoice.finalized", "payment_intent.created", "charge.succeeded",
		"payment_intent.succeeded", "invoice.paid", "invoice.payment_succeeded", "customer.subscription.updated",
		"checkout.session.completed")
}

func TestAMonthKeepsItsDayWhereTheMonthHasIt(t *testing.T) {
	day := func(s string) int64 { return must(time.Parse("2006-01-02", s))(t).Unix() }
	for _, c := range []struct{ from, anchor, interval, want string }{
		{"2026-01-31", "2026-01-31", "month", "2026-02-28"},
		{"2026-02-28", "2026-01-31", "month", "2026-03-31"},
		{"2024-01-30", "2024-01-30", "month", "2024-02-29"},
		{"2024-02-29", "2024-02-29", "year", "2025-02-28"},
		{"2026-12-15", "2026-12-15", "month", "2027-01-15"},
		{"2026-12-30", "2026-12-30", "week", "2027-01-06"},
		{"2026-02-28", "2026-02-28", "day", "2026-03-01"},
	} {
		if got := after(day(c.from), day(c.anchor), c.interval, 1); got != day(c.want) {
			t.Errorf("a %s after %s is %s, want %s", c.interval, c.from, time.Unix(got, 0).UTC().Format("2006-01-02"), c.want)
		}
	}
}

func TestASubscriptionRenewsByTheClock(t *testing.T) {
	b := setUp(t)
	_, id := b.subscribe(monthlyParams(), nil)
	was := b.subscription(id)
	b.Advance(70 * 24 * time.Hour)
	sub := b.subscription(id)
	if sub.Status != "active" || sub.CurrentPeriodStart <= was.CurrentPeriodStart || sub.CurrentPeriodEnd < b.Now().Unix() {
		t.Errorf("after ten weeks: %s, %d to %d", sub.Status, sub.CurrentPeriodStart, sub.CurrentPeriodEnd)
	}
	list := b.client.Invoices.List(&stripe.InvoiceListParams{Subscription: &id})
	var reasons []string
	for list.Next() {
		reasons = append(reasons, string(list.Invoice().BillingReason))
	}
	if diff := cmp.Diff([]string{"subscription_cycle", "subscription_cycle", "subscription_create"}, reasons); diff != "" {
		t.Error(diff)
	}
}

func TestAFailedRenewalFallsBehindAndCatchesUp(t *testing.T) {
	b := setUp(t)
	_, id := b.subscribe(monthlyParams(), nil)
	b.act(id, "miss", nil)
	sub := b.subscription(id)
	if sub.Status != "past_due" || sub.LatestInvoice.Status != "open" || sub.LatestInvoice.NextPaymentAttempt == 0 ||
		sub.LatestInvoice.PaymentIntent.Status != "requires_payment_method" {
		t.Fatalf("behind: %s, %+v", sub.Status, sub.LatestInvoice)
	}
	b.act(id, "retry", nil)
	if sub = b.subscription(id); sub.Status != "active" || sub.LatestInvoice.Status != "paid" || sub.LatestInvoice.AttemptCount != 2 {
		t.Errorf("caught up: %s, %+v", sub.Status, sub.LatestInvoice)
	}
	kinds := b.kinds(id)
	for _, kind := range []string{"invoice.payment_failed", "customer.subscription.updated", "invoice.paid"} {
		if !slices.Contains(kinds, kind) {
			t.Errorf("there was no %s among %v", kind, kinds)
		}
	}
}

func TestAfterTheLastRetryASubscriptionEndsAsTheAccountIsSet(t *testing.T) {
	for _, end := range []string{"canceled", "unpaid", "past_due"} {
		t.Run(end, func(t *testing.T) {
			b := setUp(t, func(c *Config) { c.AfterRetries = end })
			_, id := b.subscribe(monthlyParams(), Args{"later": "generic_decline"})
			if got := b.subscription(id).Status; got != "active" {
				t.Fatalf("at first: %s", got)
			}
			b.Advance(31 * 24 * time.Hour)
			if got := b.subscription(id).Status; got != "past_due" {
				t.Fatalf("after the renewal: %s", got)
			}
			b.Advance(16 * 24 * time.Hour)
			sub := b.subscription(id)
			if string(sub.Status) != end || sub.LatestInvoice.AttemptCount != 4 {
				t.Errorf("after all retries: %s after %d attempts", sub.Status, sub.LatestInvoice.AttemptCount)
			}
			if end == "canceled" && sub.CancellationDetails.Reason != "payment_failed" {
				t.Errorf("ended for %s", sub.CancellationDetails.Reason)
			}
		})
	}
}

func TestARenewalMayNeedTheCustomer(t *testing.T) {
	b := setUp(t)
	_, id := b.subscribe(monthlyParams(), nil)
	b.act(id, "require_action", nil)
	if !slices.Contains(b.kinds(id), "invoice.payment_action_required") || b.subscription(id).Status != "past_due" {
		t.Errorf("the customer was not asked for: %v", b.kinds(id))
	}
}

func trialParams() *stripe.CheckoutSessionParams {
	p := monthlyParams()
	p.SubscriptionData.TrialPeriodDays = stripe.Int64(14)
	return p
}

func TestATrialIsFreeAndThenPaid(t *testing.T) {
	b := setUp(t)
	session, id := b.subscribe(trialParams(), nil)
	sub := b.subscription(id)
	if got := b.session(session); got.PaymentStatus != "no_payment_required" || got.AmountTotal != 0 {
		t.Errorf("the session: %s, %d", got.PaymentStatus, got.AmountTotal)
	}
	if sub.Status != "trialing" || sub.TrialEnd != sub.CurrentPeriodEnd || sub.LatestInvoice.AmountDue != 0 || sub.LatestInvoice.Status != "paid" {
		t.Fatalf("on trial: %s, %+v", sub.Status, sub.LatestInvoice)
	}
	b.Advance(12 * 24 * time.Hour)
	if !slices.Contains(b.kinds(id), "customer.subscription.trial_will_end") {
		t.Error("the end of the trial was not announced")
	}
	b.Advance(3 * 24 * time.Hour)
	sub = b.subscription(id)
	if sub.Status != "active" || sub.LatestInvoice.AmountPaid != 1500 || sub.LatestInvoice.BillingReason != "subscription_cycle" {
		t.Errorf("after the trial: %s, %+v", sub.Status, sub.LatestInvoice)
	}
	if want := after(sub.CurrentPeriodStart, sub.BillingCycleAnchor, "month", 1); sub.CurrentPeriodEnd != want {
		t.Errorf("the first paid period ends %d, want %d", sub.CurrentPeriodEnd, want)
	}
}

func TestATrialWithoutACardEndsAsItWasSet(t *testing.T) {
	for behaviour, want := range map[string]string{"cancel": "canceled", "pause": "paused", "create_invoice": "past_due"} {
		t.Run(behaviour, func(t *testing.T) {
			b := setUp(t)
			p := trialParams()
			p.PaymentMethodCollection = stripe.String("if_required")
			p.SubscriptionData.TrialSettings = &stripe.CheckoutSessionSubscriptionDataTrialSettingsParams{
				EndBehavior: &stripe.CheckoutSessionSubscriptionDataTrialSettingsEndBehaviorParams{MissingPaymentMethod: &behaviour},
			}
			_, id := b.subscribe(p, Args{"method": "none"})
			if err := b.Act(id, "end_trial", nil); err != nil && !errors.Is(err, ErrDeclined) {
				t.Fatal(err)
			}
			if got := b.subscription(id).Status; string(got) != want {
				t.Errorf("%s, want %s", got, want)
			}
		})
	}
}

func TestASubscriptionIsCancelledNowOrAtPeriodEnd(t *testing.T) {
	b := setUp(t)
	_, now := b.subscribe(monthlyParams(), nil)
	got := must(b.client.Subscriptions.Cancel(now, &stripe.SubscriptionCancelParams{Prorate: stripe.Bool(true), InvoiceNow: stripe.Bool(true)}))(t)
	if got.Status != "canceled" || got.EndedAt == 0 || got.CancellationDetails.Reason != "cancellation_requested" {
		t.Errorf("now: %+v", got)
	}
	if credit := b.subscription(now).LatestInvoice; credit.Total >= 0 || credit.AmountDue != 0 {
		t.Errorf("what was not used was not credited: %+v", credit)
	}
	if _, err := b.client.Subscriptions.Cancel(now, nil); code(err) != "invalid_request_error resource_missing" {
		t.Errorf("cancelling twice: %v", err)
	}
	_, later := b.subscribe(monthlyParams(), nil)
	ending := must(b.client.Subscriptions.Update(later, &stripe.SubscriptionParams{CancelAtPeriodEnd: stripe.Bool(true)}))(t)
	if !ending.CancelAtPeriodEnd || ending.CancelAt != ending.CurrentPeriodEnd || ending.Status != "active" {
		t.Errorf("ending: %+v", ending)
	}
	b.Advance(32 * 24 * time.Hour)
	if ended := b.subscription(later); ended.Status != "canceled" {
		t.Errorf("after its period: %s", ended.Status)
	}
	kinds := b.kinds(later)
	if kinds[len(kinds)-1] != "customer.subscription.deleted" {
		t.Errorf("its last event: %v", kinds)
	}
}

func TestADelayedFirstPaymentLeavesTheSubscriptionIncomplete(t *testing.T) {
	for name, walk := range map[string]struct {
		action, status string
		wait           time.Duration
	}{
		"the bank pays":              {"settle", "active", 0},
		"the bank refuses":           {"fail", "incomplete", 0},
		"refused, and a day is over": {"fail", "incomplete_expired", 24 * time.Hour},
		"a day over, then refused":   {"", "incomplete", 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t)
			made := b.open(monthlyParams())
			b.act(made.ID, "pay_later", nil)
			got := b.session(made.ID)
			if sub := b.subscription(got.Subscription.ID); sub.Status != "incomplete" || got.PaymentStatus != "unpaid" {
				t.Fatalf("on its way: %s, %s", sub.Status, got.PaymentStatus)
			}
			if walk.action != "" {
				b.act(made.ID, walk.action, nil)
			}
			b.Advance(walk.wait)
			if sub := b.subscription(got.Subscription.ID); string(sub.Status) != walk.status {
				t.Errorf("%s, want %s", sub.Status, walk.status)
			}
		})
	}
}

func TestAPausedSubscriptionMakesNoInvoicesUntilItIsResumed(t *testing.T) {
	b := setUp(t)
	_, id := b.subscribe(monthlyParams(), nil)
	b.act(id, "pause", nil)
	b.Advance(40 * 24 * time.Hour)
	if n := len(b.Objects("invoice")); n != 1 {
		t.Errorf("%d invoices while paused", n)
	}
	got := must(b.client.Subscriptions.Resume(id, &stripe.SubscriptionResumeParams{}))(t)
	if got.Status != "active" || got.CurrentPeriodEnd < b.Now().Unix() {
		t.Errorf("resumed: %+v", got)
	}
	kinds := b.kinds(id)
	if !slices.Contains(kinds, "customer.subscription.paused") || !slices.Contains(kinds, "customer.subscription.resumed") {
		t.Errorf("events: %v", kinds)
	}
}

func TestAnOpenInvoiceCanBePaidByTheAPI(t *testing.T) {
	b := setUp(t)
	_, id := b.subscribe(monthlyParams(), nil)
	b.act(id, "miss", nil)
	b.act(id, "card_fails", Args{"decline": "expired_card"})
	in := b.subscription(id).LatestInvoice.ID
	if _, err := b.client.Invoices.Pay(in, nil); code(err) != "card_error expired_card" {
		t.Errorf("with a bad card: %v", err)
	}
	b.act(id, "card_fails", nil)
	if got := must(b.client.Invoices.Pay(in, nil))(t); got.Status != "paid" {
		t.Errorf("with a good one: %s", got.Status)
	}
	if _, err := b.client.Invoices.Pay(in, nil); err == nil {
		t.Error("it was paid twice")
	}
}

func TestAReceiptIsMadeWhereItWasAskedFor(t *testing.T) {
	b := setUp(t)
	p := onceParams()
	p.InvoiceCreation = &stripe.CheckoutSessionInvoiceCreationParams{Enabled: stripe.Bool(true)}
	made := b.open(p)
	b.act(made.ID, "pay", nil)
	get := &stripe.CheckoutSessionParams{}
	get.AddExpand("invoice")
	if got := must(b.client.CheckoutSessions.Get(made.ID, get))(t); got.Invoice == nil || got.Invoice.Status != "paid" || got.Invoice.Total != 2000 {
		t.Errorf("the receipt: %+v", got.Invoice)
	}
}

func TestADiscountTakesOffWhatItSays(t *testing.T) {
	for name, c := range map[string]struct {
		percent     float64
		off         int64
		total       int64
		status      string
		quantity    int64
		wantFailure string
	}{
		"a quarter":           {percent: 25, total: 1500, status: "paid", quantity: 1},
		"a third of three":    {percent: 33.33, total: 4000, status: "paid", quantity: 3},
		"an amount":           {off: 300, total: 1700, status: "paid", quantity: 1},
		"everything":          {percent: 100, total: 0, status: "no_payment_required", quantity: 1},
		"too much to be left": {off: 1999, quantity: 1, wantFailure: "invalid_request_error amount_too_small"},
	} {
		t.Run(name, func(t *testing.T) {
			b := setUp(t)
			want := &stripe.CouponParams{Duration: stripe.String("once")}
			if c.off > 0 {
				want.AmountOff, want.Currency = &c.off, stripe.String("eur")
			} else {
				want.PercentOff = &c.percent
			}
			coupon := must(b.client.Coupons.New(want))(t)
			p := onceParams()
			p.LineItems[0].Quantity = &c.quantity
			p.Discounts = []*stripe.CheckoutSessionDiscountParams{{Coupon: &coupon.ID}}
			made, err := b.client.CheckoutSessions.New(p)
			if code(err) != c.wantFailure {
				t.Fatalf("got %v, want %q", err, c.wantFailure)
			}
			if err != nil {
				return
			}
			b.act(made.ID, "pay", nil)
			if got := b.session(made.ID); got.AmountTotal != c.total || string(got.PaymentStatus) != c.status {
				t.Errorf("%d, %s; want %d, %s", got.AmountTotal, got.PaymentStatus, c.total, c.status)
			}
		})
	}
}

func TestActSaysWhatItDoesNotKnow(t *testing.T) {
	b := setUp(t)
	made := b.open(onceParams())
	if err := b.Act("cs_unknown", "pay", nil); !errors.Is(err, ErrUnknown) {
		t.Errorf("an unknown id: %v", err)
	}
	if err := b.Act(made.ID, "dance", nil); !errors.Is(err, ErrUnknown) || !strings.Contains(err.Error(), "pay_later") {
		t.Errorf("an unknown action: %v", err)
	}
	for _, action := range actionNames() {
		if action == "pay" || action == "decline" || action == "pay_later" || action == "expire" {
			continue
		}
		if err := b.Act(made.ID, action, nil); !errors.Is(err, ErrNotNow) {
			t.Errorf("%s on an open session: %v, want ErrNotNow", action, err)
		}
	}
}

func TestABankDebitRenewsAndIsSettledEachTime(t *testing.T) {
	for action, want := range map[string]string{"settle": "active", "fail": "past_due"} {
		t.Run(action, func(t *testing.T) {
			b := setUp(t)
			made := b.open(monthlyParams())
			b.act(made.ID, "pay_later", nil)
			b.act(made.ID, "settle", nil)
			id := b.session(made.ID).Subscription.ID
			b.act(id, "renew", nil)
			sub := b.subscription(id)
			if sub.Status != "active" || sub.LatestInvoice.Status != "open" || sub.LatestInvoice.PaymentIntent.Status != "processing" {
				t.Fatalf("on its way: %s, invoice %s", sub.Status, sub.LatestInvoice.Status)
			}
			b.act(id, action, nil)
			if sub = b.subscription(id); string(sub.Status) != want {
				t.Errorf("%s, want %s", sub.Status, want)
			}
			if err := b.Act(id, action, nil); !errors.Is(err, ErrNotNow) {
				t.Errorf("a second answer of the bank: %v", err)
			}
		})
	}
}

func TestADebitCannotBeHeld(t *testing.T) {
	b := setUp(t)
	p := manualParams()
	p.PaymentMethodTypes = []*string{stripe.String("card"), stripe.String("sepa_debit")}
	made := b.open(p)
	if err := b.Act(made.ID, "pay_later", nil); !errors.Is(err, ErrNotNow) {
		t.Errorf("got %v", err)
	}
	b.act(made.ID, "pay", nil)
}
