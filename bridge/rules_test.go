package bridge_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
)

// noon is the moment at which these tests look.
var noon = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

const testID = bridge.ID("01JZZZZZZZZZZZZZZZZZZZZZZZ")

// request is a request that was read as pending; change makes it what a test needs.
func request(change ...func(*bridge.Request)) bridge.Request {
	r := bridge.Request{
		ID: testID, Portal: "main", Key: "k1", Verdict: bridge.Verdict{Outcome: bridge.Open},
		Access: bridge.Access{Have: bridge.Pending}, Terms: bridge.Terms{Provider: "stripe"},
	}
	for _, fn := range change {
		fn(&r)
	}
	return r
}

func waiting(kinds ...bridge.StepKind) func(*bridge.Request) {
	return func(r *bridge.Request) {
		for _, kind := range kinds {
			r.Terms.Steps = append(r.Terms.Steps, kind)
			r.Steps = append(r.Steps, bridge.Step{Kind: kind, State: bridge.Waiting})
		}
	}
}

// since says how long the turn of the steps has come.
func since(d time.Duration) func(*bridge.Request) {
	return func(r *bridge.Request) {
		for i := range r.Steps {
			r.Steps[i].Mark.At = noon.Add(-d)
		}
	}
}

// came says how long ago the browser came.
func came(d time.Duration) func(*bridge.Request) {
	return func(r *bridge.Request) { r.Arrival = bridge.Arrival{Trust: bridge.Bare, At: noon.Add(-d)} }
}

// mailed is a request whose portal leads nobody here.
func mailed(r *bridge.Request) { r.Terms.Mailed = true }

// inactive is a request whose applicant's account is deactivated.
func inactive(r *bridge.Request) { r.Access.Inactive = noon }

func patience(d time.Duration) func(*bridge.Request) {
	return func(r *bridge.Request) { r.Terms.Patience = d }
}

func reminds(d time.Duration) func(*bridge.Request) {
	return func(r *bridge.Request) { r.Terms.Remind = d }
}

// tells are the messages that the applicant is sent.
func tells(kinds ...bridge.MessageKind) func(*bridge.Request) {
	return func(r *bridge.Request) {
		r.Terms.Tell, r.Applicant.Email = kinds, "applicant@example.com"
	}
}

func verdict(o bridge.Outcome) func(*bridge.Request) {
	return func(r *bridge.Request) { r.Verdict.Outcome = o }
}

// approved is a request whose key works.
func approved(r *bridge.Request) {
	r.Verdict.Outcome = bridge.Approve
	r.Access.Have, r.Access.Granted = bridge.Granted, noon.Add(-time.Hour)
}

func have(a bridge.AccessState) func(*bridge.Request) {
	return func(r *bridge.Request) { r.Access.Have = a }
}

func money(p bridge.PaymentState) func(*bridge.Request) {
	return func(r *bridge.Request) { r.Payment.Have = p }
}

func collected(minor, returned int64) func(*bridge.Request) {
	return func(r *bridge.Request) {
		r.Payment.Collected, r.Payment.Returned = bridge.NewAmount(minor, "eur"), bridge.NewAmount(returned, "eur")
	}
}

func checkout(s bridge.CheckoutState, step bridge.StepKind) func(*bridge.Request) {
	return func(r *bridge.Request) {
		r.Payment.Checkout = bridge.Checkout{ID: "cs_1", For: step, State: s}
		if s == bridge.CheckoutOpen {
			r.Payment.Have, r.Payment.Checkout.Expires = bridge.PaymentOpen, noon.Add(time.Hour)
		}
	}
}

func subscribed(r *bridge.Request) { r.Payment.Subscribed = true }

func arrived(r *bridge.Request) { r.Arrival.Trust = bridge.Bare }

func ended(r *bridge.Request) { r.Ended = bridge.Mark{At: noon} }

func with(fn func(*bridge.Request)) func(*bridge.Request) { return fn }

func overdue(since time.Duration) func(*bridge.Request) {
	return func(r *bridge.Request) {
		r.Terms.Grace = 24 * time.Hour
		r.Payment.Have, r.Payment.OverdueSince = bridge.Overdue, noon.Add(-since)
	}
}

func TestWantIsTheTableOfTheDesign(t *testing.T) {
	for name, one := range map[string]struct {
		r    bridge.Request
		want bridge.Want
	}{
		"open, a review waits":           {request(waiting(review)), bridge.Want{Access: bridge.Pending, Payment: bridge.WantNothing}},
		"open, a validation waits":       {request(waiting(validation, review)), bridge.Want{Access: bridge.Pending, Payment: bridge.WantOpen, For: validation}},
		"open, a payment waits":          {request(waiting(payment)), bridge.Want{Access: bridge.Pending, Payment: bridge.WantOpen, For: payment}},
		"open, paid and a review waits":  {request(waiting(review), money(bridge.Paid)), bridge.Want{Access: bridge.Pending, Payment: bridge.WantNothing}},
		"declined, nothing paid":         {request(verdict(bridge.Decline)), bridge.Want{Access: bridge.Gone, Payment: bridge.WantReturned}},
		"declined, paid":                 {request(verdict(bridge.Decline), money(bridge.Paid)), bridge.Want{Access: bridge.Gone, Payment: bridge.WantReturned}},
		"approved, no payment asked for": {request(verdict(bridge.Approve)), bridge.Want{Access: bridge.Granted, Payment: bridge.WantSettled}},
		"ended":                          {request(approved, ended, money(bridge.Paid)), bridge.Want{Access: bridge.Gone, Payment: bridge.WantCancelled}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := one.r.Want(noon); got != one.want {
				t.Errorf("%+v, want %+v", got, one.want)
			}
		})
	}
}

func TestAccessThatAnApprovalEarns(t *testing.T) {
	policy := func(refunded, disputed bridge.Policy) func(*bridge.Request) {
		return func(r *bridge.Request) { r.Terms.Refunded, r.Terms.Disputed = refunded, disputed }
	}
	until := func(d time.Duration) func(*bridge.Request) {
		return func(r *bridge.Request) { r.Payment.PaidUntil = noon.Add(d) }
	}
	stopped := func(r *bridge.Request) { r.Access.Stopped.At = noon }
	ungranted := func(r *bridge.Request) { r.Access.Have, r.Access.Granted = bridge.Pending, time.Time{} }
	for name, one := range map[string]struct {
		change []func(*bridge.Request)
		want   bridge.AccessState
	}{
		"paid":                                  {fns(money(bridge.Paid)), bridge.Granted},
		"trialing":                              {fns(money(bridge.Trialing)), bridge.Granted},
		"invoiced":                              {fns(money(bridge.Invoiced)), bridge.Granted},
		"held":                                  {fns(money(bridge.Held)), bridge.Granted},
		"waived":                                {fns(money("")), bridge.Granted},
		"overdue, the last moment of grace":     {fns(overdue(24*time.Hour - 1)), bridge.Granted},
		"overdue, grace is over":                {fns(overdue(24 * time.Hour)), bridge.Suspended},
		"overdue, no grace":                     {fns(overdue(0), with(func(r *bridge.Request) { r.Terms.Grace = 0 })), bridge.Suspended},
		"overdue past grace, never granted":     {fns(overdue(25*time.Hour), ungranted), bridge.Pending},
		"refunded, by default":                  {fns(money(bridge.Refunded)), bridge.Gone},
		"refunded, keep":                        {fns(money(bridge.Refunded), policy(bridge.Keep, "")), bridge.Granted},
		"refunded, suspend":                     {fns(money(bridge.Refunded), policy(bridge.Suspend, "")), bridge.Suspended},
		"refunded, revoke":                      {fns(money(bridge.Refunded), policy(bridge.Revoke, "")), bridge.Gone},
		"disputed, by default":                  {fns(money(bridge.Disputed)), bridge.Suspended},
		"disputed, keep":                        {fns(money(bridge.Disputed), policy("", bridge.Keep)), bridge.Granted},
		"disputed, suspend":                     {fns(money(bridge.Disputed), policy("", bridge.Suspend)), bridge.Suspended},
		"disputed, revoke":                      {fns(money(bridge.Disputed), policy("", bridge.Revoke)), bridge.Gone},
		"disputed, never granted":               {fns(money(bridge.Disputed), ungranted), bridge.Pending},
		"ended, in the paid period":             {fns(money(bridge.PaymentEnded), until(1)), bridge.Granted},
		"ended, at the end of the paid period":  {fns(money(bridge.PaymentEnded), until(0)), bridge.Gone},
		"ended, nothing was ever paid":          {fns(money(bridge.PaymentEnded)), bridge.Gone},
		"paid, stopped by the portal's admin":   {fns(money(bridge.Paid), stopped), bridge.Suspended},
		"refunded, stopped by the admin before": {fns(money(bridge.Refunded), stopped), bridge.Gone},
	} {
		t.Run(name, func(t *testing.T) {
			r := request(append(fns(approved), one.change...)...)
			if got := r.Want(noon); got.Access != one.want || got.Payment != bridge.WantSettled {
				t.Errorf("%+v, want %s", got, one.want)
			}
		})
	}
}

func fns(f ...func(*bridge.Request)) []func(*bridge.Request) { return f }

func TestNextDoesTheMostUrgentThing(t *testing.T) {
	action := func(k bridge.ActionKind) bridge.Action { return bridge.Action{Kind: k} }
	lost := func(r *bridge.Request) {
		r.Work.Attempts = map[bridge.ActionKind]bridge.Attempt{bridge.OpenCheckout: {First: noon, For: payment}}
	}
	told := func(kinds ...bridge.MessageKind) func(*bridge.Request) {
		return func(r *bridge.Request) {
			for _, kind := range kinds {
				r.Told = append(r.Told, bridge.Told{Kind: kind})
			}
		}
	}
	refund := func(minor int64) bridge.Action {
		return bridge.Action{Kind: bridge.RefundPayment, Amount: bridge.NewAmount(minor, "eur")}
	}
	for name, one := range map[string]struct {
		r    bridge.Request
		want bridge.Action // zero: nothing
	}{
		"nothing before the portal was read": {request(have(bridge.Unread), verdict(bridge.Decline)), bridge.Action{}},
		"nothing while it is doubted that the key is there": {
			request(approved, money(bridge.Refunded), with(func(r *bridge.Request) { r.Access.Missing = noon })), bridge.Action{},
		},
		"a checkout for the step that waits": {
			request(arrived, waiting(validation, payment), since(0)), bridge.Action{Kind: bridge.OpenCheckout, For: validation},
		},
		"no checkout while a browser may still come": {request(waiting(payment), since(3*time.Second-1)), bridge.Action{}},
		"but one when none has come": {
			request(waiting(payment), since(3*time.Second)), bridge.Action{Kind: bridge.OpenCheckout, For: payment},
		},
		"or at once where no browser comes": {
			request(waiting(payment), since(0), mailed), bridge.Action{Kind: bridge.OpenCheckout, For: payment},
		},
		"a new checkout for one that is over": {
			request(arrived, waiting(payment), since(0), checkout(bridge.CheckoutExpired, payment), money(bridge.NoPayment)),
			bridge.Action{Kind: bridge.OpenCheckout, For: payment},
		},
		"no second checkout beside an open one":     {request(waiting(payment), checkout(bridge.CheckoutOpen, payment)), bridge.Action{}},
		"no checkout while the money is on its way": {request(waiting(payment), money(bridge.Processing)), bridge.Action{}},
		"no checkout while the payment is disputed": {request(waiting(payment), money(bridge.Disputed)), bridge.Action{}},
		"no checkout while a review waits":          {request(waiting(review, payment)), bridge.Action{}},
		"a checkout of another step is closed first": {
			request(waiting(payment), checkout(bridge.CheckoutOpen, validation)), action(bridge.ExpireCheckout),
		},
		"a checkout is closed before the portal is told of a decline": {
			request(verdict(bridge.Decline), checkout(bridge.CheckoutOpen, payment)), action(bridge.ExpireCheckout),
		},
		"a lost checkout is found before anything else, when none is wanted": {
			request(verdict(bridge.Decline), lost), bridge.Action{Kind: bridge.OpenCheckout, For: payment},
		},
		"a held payment is taken before the key is approved": {
			request(verdict(bridge.Approve), money(bridge.Held)), action(bridge.CapturePayment),
		},
		"an approval":                             {request(verdict(bridge.Approve), money(bridge.Paid)), action(bridge.ApproveKey)},
		"a decline":                               {request(verdict(bridge.Decline)), action(bridge.DeclineKey)},
		"a decline goes before the refund":        {request(verdict(bridge.Decline), money(bridge.Paid), collected(5, 0)), action(bridge.DeclineKey)},
		"a declined key that the admin approved":  {request(verdict(bridge.Decline), have(bridge.Granted)), action(bridge.RevokeKey)},
		"an overdue key is suspended":             {request(approved, overdue(25*time.Hour)), action(bridge.SuspendKey)},
		"an overdue key in grace is left":         {request(approved, overdue(time.Hour)), bridge.Action{}},
		"a paid key is resumed":                   {request(approved, have(bridge.Suspended), money(bridge.Paid)), action(bridge.ResumeKey)},
		"a suspended key whose money went back":   {request(approved, have(bridge.Suspended), money(bridge.Refunded)), action(bridge.RevokeKey)},
		"a hold of a declined request is let go":  {request(verdict(bridge.Decline), have(bridge.Gone), money(bridge.Held)), action(bridge.VoidPayment)},
		"an invoice of a declined request is too": {request(verdict(bridge.Decline), have(bridge.Gone), money(bridge.Invoiced)), action(bridge.VoidPayment)},
		"an overdue invoice is too":               {request(verdict(bridge.Decline), have(bridge.Gone), money(bridge.Overdue)), action(bridge.VoidPayment)},
		"an invoice of an ended key stays owed":   {request(approved, ended, have(bridge.Gone), money(bridge.Invoiced)), bridge.Action{}},
		"a subscription ends before the refund":   {request(verdict(bridge.Decline), have(bridge.Gone), money(bridge.Paid), subscribed, collected(5, 0)), action(bridge.CancelPayment)},
		"what was paid for a declined request":    {request(verdict(bridge.Decline), have(bridge.Gone), money(bridge.Paid), collected(5, 2)), refund(3)},
		"no refund of a disputed payment":         {request(verdict(bridge.Decline), have(bridge.Gone), money(bridge.Disputed), collected(5, 0)), bridge.Action{}},
		"a subscription ends with the key":        {request(approved, ended, have(bridge.Gone), money(bridge.Paid), subscribed, collected(5, 0)), action(bridge.CancelPayment)},
		"what was paid for the time used stays":   {request(approved, ended, have(bridge.Gone), money(bridge.PaymentEnded), collected(5, 0)), bridge.Action{}},
		"a person's refund": {
			request(approved, money(bridge.Paid), collected(5, 1), with(func(r *bridge.Request) { r.Payment.Refund.Amount = bridge.NewAmount(3, "eur") })), refund(2),
		},
		"a person's refund of more than there is": {
			request(approved, money(bridge.Paid), collected(5, 1), with(func(r *bridge.Request) { r.Payment.Refund.Amount = bridge.NewAmount(9, "eur") })), refund(4),
		},
		"nothing to tell where nothing is told": {request(approved), bridge.Action{}},
		"an approval is told":                   {request(approved, tells(bridge.TellApproved)), bridge.Action{Kind: bridge.Tell, Message: bridge.TellApproved}},
		"an approval is told once":              {request(approved, tells(bridge.TellApproved), told(bridge.TellApproved)), bridge.Action{}},
		"a resumed key is told as such": {
			request(approved, tells(bridge.TellApproved, bridge.TellSuspended, bridge.TellResumed), told(bridge.TellApproved, bridge.TellSuspended)),
			bridge.Action{Kind: bridge.Tell, Message: bridge.TellResumed},
		},
		"a checkout that nobody came for is told": {
			request(waiting(payment), since(time.Minute), checkout(bridge.CheckoutOpen, payment), tells(bridge.TellStart)),
			bridge.Action{Kind: bridge.Tell, Message: bridge.TellStart, For: payment},
		},
		"a checkout is not told while the browser may still come": {
			request(waiting(payment), since(time.Minute-time.Second), checkout(bridge.CheckoutOpen, payment), tells(bridge.TellStart)),
			bridge.Action{},
		},
		"a checkout is told at once where no browser comes": {
			request(waiting(payment), since(0), mailed, checkout(bridge.CheckoutOpen, payment), tells(bridge.TellStart)),
			bridge.Action{Kind: bridge.Tell, Message: bridge.TellStart, For: payment},
		},
		"a checkout of a later step is told to who left long ago": {
			request(came(16*time.Minute), waiting(payment), since(0), checkout(bridge.CheckoutOpen, payment), tells(bridge.TellStart)),
			bridge.Action{Kind: bridge.Tell, Message: bridge.TellStart, For: payment},
		},
		"a checkout of a later step is not told to who is still here": {
			request(came(14*time.Minute), waiting(payment), since(0), checkout(bridge.CheckoutOpen, payment), tells(bridge.TellStart)),
			bridge.Action{},
		},
		"each step is told": {
			request(mailed, waiting(payment), since(0), checkout(bridge.CheckoutOpen, payment), tells(bridge.TellStart),
				with(func(r *bridge.Request) { r.Told = []bridge.Told{{Kind: bridge.TellStart, For: validation}} })),
			bridge.Action{Kind: bridge.Tell, Message: bridge.TellStart, For: payment},
		},
		"nobody is told of a checkout that is not open yet": {
			request(mailed, waiting(payment), since(0), tells(bridge.TellStart)), bridge.Action{Kind: bridge.OpenCheckout, For: payment},
		},
		"the time is nearly over": {
			request(came(0), waiting(payment), since(6*24*time.Hour), checkout(bridge.CheckoutOpen, payment), tells(bridge.TellReminder), reminds(24*time.Hour)),
			bridge.Action{Kind: bridge.Tell, Message: bridge.TellReminder, For: payment},
		},
		"the time is not nearly over": {
			request(came(0), waiting(payment), since(6*24*time.Hour-time.Second), checkout(bridge.CheckoutOpen, payment), tells(bridge.TellReminder), reminds(24*time.Hour)),
			bridge.Action{},
		},
		"a short time is nearly over when half of it is": {
			request(came(0), waiting(payment), since(time.Hour), checkout(bridge.CheckoutOpen, payment), tells(bridge.TellReminder), reminds(24*time.Hour), patience(2*time.Hour)),
			bridge.Action{Kind: bridge.Tell, Message: bridge.TellReminder, For: payment},
		},
		"who has no address is told nothing": {
			request(approved, tells(bridge.TellApproved), with(func(r *bridge.Request) { r.Applicant.Email = "" })), bridge.Action{},
		},
		"nothing is asked of a deactivated account": {
			request(waiting(payment), since(time.Minute), inactive), bridge.Action{},
		},
		"a checkout of a deactivated account is closed": {
			request(waiting(payment), since(time.Minute), checkout(bridge.CheckoutOpen, payment), inactive), action(bridge.ExpireCheckout),
		},
		"the key of a deactivated account is suspended":         {request(approved, inactive), action(bridge.SuspendKey)},
		"no key is issued to a deactivated account":             {request(verdict(bridge.Approve), inactive), bridge.Action{}},
		"the key of an account that is active again is resumed": {request(approved, have(bridge.Suspended)), action(bridge.ResumeKey)},
		"what was refunded before it was seen does not go on beside another checkout": {
			request(arrived, waiting(payment), since(0), checkout(bridge.CheckoutComplete, payment), money(bridge.Refunded), collected(5, 5), subscribed),
			action(bridge.CancelPayment),
		},
		"what ended before it was seen is given back before it is asked for again": {
			request(arrived, waiting(payment), since(0), checkout(bridge.CheckoutComplete, payment), money(bridge.PaymentEnded), collected(5, 1)),
			refund(4),
		},
		"what has ended and was given back is asked for again": {
			request(arrived, waiting(payment), since(0), checkout(bridge.CheckoutComplete, payment), money(bridge.PaymentEnded), collected(5, 5)),
			bridge.Action{Kind: bridge.OpenCheckout, For: payment},
		},
		"a checkout is not told to a browser that is here": {
			request(waiting(payment), checkout(bridge.CheckoutOpen, payment), tells(bridge.TellStart), since(0), came(0)),
			bridge.Action{},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := bridge.Next(one.r, noon)
			if ok != (one.want.Kind != "") || ok && got != one.want {
				t.Errorf("%q %v, want %q", got, ok, one.want)
			}
		})
	}
}

func TestUntilIsTheNextThingThatTimeChanges(t *testing.T) {
	for name, one := range map[string]struct {
		r    bridge.Request
		want time.Duration // from noon; 0: not at all
	}{
		"declined":                    {request(verdict(bridge.Decline), have(bridge.Gone)), 0},
		"ended":                       {request(approved, ended, have(bridge.Gone)), 0},
		"undecided":                   {request(waiting(review)), 10 * time.Minute},
		"active":                      {request(approved), 24 * time.Hour},
		"a deactivated account":       {request(verdict(bridge.Approve), inactive, patience(time.Minute)), time.Minute},
		"an applicant is written to":  {request(waiting(payment), since(30*time.Second), tells(bridge.TellStart)), 30 * time.Second},
		"an applicant is reminded":    {request(came(0), waiting(payment), since(0), patience(8*time.Minute), reminds(time.Minute), tells(bridge.TellReminder)), 7 * time.Minute},
		"on its way":                  {request(verdict(bridge.Approve)), time.Hour},
		"declining, money in dispute": {request(verdict(bridge.Decline), have(bridge.Gone), money(bridge.Disputed), collected(5, 0)), time.Hour},
		"patience runs out":           {request(waiting(payment), since(bridge.DefaultPatience-time.Minute)), time.Minute},
		"patience of its own":         {request(arrived, waiting(payment), since(0), with(func(r *bridge.Request) { r.Terms.Patience = 2 * time.Minute })), 2 * time.Minute},
		"a browser may still come":    {request(waiting(payment), since(time.Second)), 2 * time.Second},
		"nobody hurries a reviewer":   {request(waiting(review), since(bridge.DefaultPatience-time.Minute)), 10 * time.Minute},
		"a checkout closes":           {request(waiting(payment), checkout(bridge.CheckoutOpen, payment), with(func(r *bridge.Request) { r.Payment.Checkout.Expires = noon.Add(time.Minute) })), time.Minute + time.Second},
		"grace runs out":              {request(approved, overdue(23*time.Hour)), time.Hour},
		"grace is over already":       {request(approved, have(bridge.Suspended), overdue(25*time.Hour)), 24 * time.Hour},
		"a paid period ends":          {request(approved, money(bridge.PaymentEnded), with(func(r *bridge.Request) { r.Payment.PaidUntil = noon.Add(time.Minute) })), time.Minute + time.Second},
		"a key is missing":            {request(approved, with(func(r *bridge.Request) { r.Access.Missing = noon })), 20 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			var want time.Time
			if one.want != 0 {
				want = noon.Add(one.want)
			}
			if got := bridge.Until(one.r, noon); !got.Equal(want) {
				t.Errorf("%s, want %s", got.Sub(noon), one.want)
			}
		})
	}
}

func TestStateSaysWhereARequestStands(t *testing.T) {
	later := func(r *bridge.Request) { r.Payment.CancelsAt = noon.Add(time.Hour) }
	for name, one := range map[string]struct {
		r    bridge.Request
		want bridge.State
	}{
		"unread":                               {request(have(bridge.Unread)), bridge.StateReceived},
		"read, and nothing waits yet":          {request(), bridge.StateReceived},
		"validating":                           {request(waiting(validation, review)), bridge.StateValidating},
		"reviewing":                            {request(waiting(review, payment)), bridge.StateReviewing},
		"paying":                               {request(waiting(payment)), bridge.StatePaying},
		"approving":                            {request(verdict(bridge.Approve)), bridge.StateApproving},
		"active":                               {request(approved, money(bridge.Paid)), bridge.StateActive},
		"overdue":                              {request(approved, money(bridge.Overdue)), bridge.StateOverdue},
		"suspended":                            {request(approved, have(bridge.Suspended), money(bridge.Overdue)), bridge.StateSuspended},
		"cancelled for later":                  {request(approved, money(bridge.Paid), later), bridge.StateEnding},
		"its subscription ended":               {request(approved, money(bridge.PaymentEnded)), bridge.StateEnding},
		"ended, its subscription not yet":      {request(approved, ended, have(bridge.Gone), subscribed), bridge.StateEnding},
		"ended":                                {request(approved, ended, have(bridge.Gone), collected(5, 0)), bridge.StateEnded},
		"declined, the portal not told":        {request(verdict(bridge.Decline)), bridge.StateDeclining},
		"declined, a checkout open":            {request(verdict(bridge.Decline), have(bridge.Gone), checkout(bridge.CheckoutOpen, payment)), bridge.StateDeclining},
		"declined, money on its way":           {request(verdict(bridge.Decline), have(bridge.Gone), money(bridge.Processing)), bridge.StateDeclining},
		"declined, money held":                 {request(verdict(bridge.Decline), have(bridge.Gone), money(bridge.Held)), bridge.StateDeclining},
		"declined, money here":                 {request(verdict(bridge.Decline), have(bridge.Gone), money(bridge.Paid), collected(5, 4)), bridge.StateDeclining},
		"declined, an invoice out":             {request(verdict(bridge.Decline), have(bridge.Gone), money(bridge.Invoiced)), bridge.StateDeclining},
		"declined, money went back":            {request(verdict(bridge.Decline), have(bridge.Gone), money(bridge.Refunded), collected(5, 5)), bridge.StateDeclined},
		"needs attention, whatever else it is": {request(approved, with(func(r *bridge.Request) { r.Work.Attention = true })), bridge.StateNeedsAttention},
	} {
		t.Run(name, func(t *testing.T) {
			if got := one.r.State(); got != one.want {
				t.Errorf("%q, want %q", got, one.want)
			}
		})
	}
}

// TestACloneSharesNothing fills every member of a request, those that are added one day as
// well: stores give out copies of one that they keep.
func TestACloneSharesNothing(t *testing.T) {
	var r bridge.Request
	fill(reflect.ValueOf(&r).Elem())
	c := r.Clone()
	if diff := cmp.Diff(r, c); diff != "" {
		t.Errorf("a clone is another (-want +got):\n%s", diff)
	}
	shared(t, "Request", reflect.ValueOf(r), reflect.ValueOf(c))
}

// fill sets everything that a value can hold to something, slices and maps to one element.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1_800_000_000, 0).UTC()))
			return
		}
		for i := range v.NumField() {
			fill(v.Field(i))
		}
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.String:
		v.SetString("x")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(1)
	case reflect.Uint8, reflect.Uint64:
		v.SetUint(1)
	default:
		panic("a request has a " + v.Type().String() + ": say how it is filled, and whether Clone copies it")
	}
}

// shared reports what two values share.
func shared(t *testing.T, at string, a, b reflect.Value) {
	t.Helper()
	switch a.Kind() {
	case reflect.Struct:
		for i := range a.NumField() {
			if a.Type() != reflect.TypeFor[time.Time]() {
				shared(t, at+"."+a.Type().Field(i).Name, a.Field(i), b.Field(i))
			}
		}
	case reflect.Slice, reflect.Map, reflect.Pointer:
		if a.Pointer() == b.Pointer() {
			t.Errorf("%s is shared", at)
		}
		switch a.Kind() {
		case reflect.Slice:
			shared(t, at+"[0]", a.Index(0), b.Index(0))
		case reflect.Map:
			for _, k := range a.MapKeys() {
				shared(t, at+"[]", a.MapIndex(k), b.MapIndex(k))
			}
		default:
			shared(t, at, a.Elem(), b.Elem())
		}
	}
}

func TestOnlyAULIDIsAnID(t *testing.T) {
	for text, want := range map[string]bool{
		"01HF7YAT00ABCDEFGHJKMNPQRS":  true,
		"7ZZZZZZZZZZZZZZZZZZZZZZZZZ":  true,
		"8ZZZZZZZZZZZZZZZZZZZZZZZZZ":  false, // does not fit 128 bits
		"01hf7yat00abcdefghjkmnpqrs":  false,
		"01HF7YAT00ABCDEFGHJKMNPQRI":  false,
		"01HF7YAT00ABCDEFGHJKMNPQR":   false,
		"01HF7YAT00ABCDEFGHJKMNPQRSS": false,
		"":                            false,
	} {
		if id, ok := bridge.ParseID(text); ok != want || ok && string(id) != text {
			t.Errorf("%q: %q %v, want %v", text, id, ok, want)
		}
		if _, ok := bridge.ParseID([]byte(text)); ok != want {
			t.Errorf("%q as bytes: %v, want %v", text, ok, want)
		}
	}
}
