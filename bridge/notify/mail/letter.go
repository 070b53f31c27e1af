package mail

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"keybridge/bridge"
)

// Letter is everything a template may use. It holds words, ready to be shown: every
// text of somebody else's is one line (Question, Reason and Reasons may have several), cut to a
// bearable length and without characters that nobody sees. A template sees nothing
// else of a request, so that no key, credential or checkout can get into a mail.
//
// The comments are the reference of Variables: each begins with the field's name.
type Letter struct {
	// Kind is what the mail is about: start, reminder, question, approve, reject, suspend,
	// resume or end.
	Kind string
	// Subject is the mail's subject. It is empty while the subject itself is written.
	Subject string
	// Service is the name of this service, as it is configured.
	Service string
	// Portal is the name of the portal where the key was asked for.
	Portal string
	// Home is the address of the portal's page for developers. Empty where none is configured.
	Home string
	// Page is the address of the applicant's own page, where they pay and see how the
	// request stands. Whoever has it is taken to be them, so it belongs into mails to them
	// only. Empty where there is none.
	Page string
	// Contact is where to ask, as people write it: an e-mail address or a web address. Empty
	// where none is configured.
	Contact string
	// ContactLink is where a link to Contact leads.
	ContactLink string
	// Request is the request's id, for whoever asks about it.
	Request string
	// Name is the applicant's name. Empty where none is known, or where a mail program could
	// take it for a link.
	Name string
	// App is the applicant's app. Empty as Name is.
	App string
	// Plan is the name of the plan asked for; several are joined by " + ". Empty where none
	// is known.
	Plan string
	// Amount is what the first payment comes to, before tax and promotions. Empty for what
	// is free, or where it is not known.
	Amount string
	// Interval is how often it is paid. Empty for once, or where the prices differ in it.
	Interval string
	// Prices are the single prices, each with Name, Amount and Interval. None for what is
	// free.
	Prices []Price
	// Tax is true when tax may be added at the checkout.
	Tax bool
	// TrialDays is how many days are free at first. 0: none.
	TrialDays int
	// Held is true when a payment is only authorised at first, and taken once the request is
	// approved.
	Held bool
	// Review is true when a person still has to look at the request.
	Review bool
	// Step is what the applicant has to do, or did not do in time: payment or validation (of
	// a card, without a charge). Empty where it is neither.
	Step string
	// Until is when the time for it is over, in the configured time zone. Empty where
	// nothing waits for the applicant.
	Until string
	// Cause is why, in one word. Of reject: applicant (cancelled by them), person, time,
	// account (deactivated), portal or payment. Of suspend: overdue, disputed, refunded,
	// account (deactivated) or portal. Of end: subscription, person, refunded, disputed or portal.
	// Empty for the other kinds.
	Cause string
	// Reason is what the person who declined the request wrote to the applicant. Empty where
	// nothing was written, or where no person decided.
	Reason string
	// Question is what a person of the house asks the applicant, who answers on Page. Who
	// asks is in no mail. Empty where no question waits for an answer.
	Question string
	// Paid is what was received: for a subscription, for its latest period. Empty where
	// nothing was.
	Paid string
	// Returned is what of it was given back. Empty where nothing was.
	Returned string
	// PaidUntil is the day until which it is paid. Empty for what is paid once, or is free.
	PaidUntil string
	// Renews is true when it is paid again by itself after PaidUntil.
	Renews bool
	// Trial is true while the free trial lasts.
	Trial bool
	// KeyDelivery is where the portal gives out the key: mail (it mails the key), link (it
	// mails a link to generate the key) or portal (it shows the key).
	KeyDelivery string
	// NewKey is true when access that was resumed has another key than before.
	NewKey bool
	// Reasons are what the applicant wrote into the portal's form, each with Field and Text,
	// by the fields' names. The built-in mails do not show them: anybody may have written
	// them.
	Reasons []Answer
}

// Price is one line of what is paid.
type Price struct {
	// Name is the line's text, Amount what one interval costs ("€49.00") and Interval
	// how often ("every month", empty for once).
	Name, Amount, Interval string
}

// Answer is what the applicant wrote into one field of the portal's form.
type Answer struct{ Field, Text string }

// letter puts a message into words.
func (n *Notifier) letter(m bridge.Message) Letter {
	r, zone := m.Request, n.cfg.Zone
	portal := n.portal(r.Portal)
	l := Letter{
		Kind: string(m.Kind), Service: n.cfg.Service,
		Portal: portal.Title, Home: portal.Home, KeyDelivery: string(portal.KeyDelivery),
		Page: m.Page, Until: timeInWords(m.Until, zone),
		Contact: strings.TrimPrefix(n.cfg.Contact, "mailto:"), ContactLink: n.cfg.Contact,
		Request: line(string(r.ID), 40), Name: chosen(r.Applicant.Name, 80), App: chosen(r.Applicant.App, 80),
		Plan:  line(r.Terms.Plan, 150),
		Step:  stepOf(r),
		Cause: causeOf(m.Kind, r), Reason: reasonOf(r), Reasons: answers(r.Asked.Reasons),
		Question: questionOf(r),
	}
	l.price(r.Terms)
	l.money(r, zone)
	_, l.NewKey = r.Ref(bridge.RefRequest)
	if review, ok := r.Step(bridge.Review); ok {
		l.Review = review.State == bridge.Waiting
	}
	return l
}

// portal is what is configured for a portal, with the defaults.
func (n *Notifier) portal(name string) Portal {
	p := n.cfg.Portals[name]
	p.Title = line(cmp.Or(p.Title, name), 80)
	p.KeyDelivery = cmp.Or(p.KeyDelivery, bridge.MailsKey)
	return p
}

// price says what the terms cost.
func (l *Letter) price(t bridge.Terms) {
	l.Tax, l.TrialDays = t.Tax, t.TrialDays
	if total, ok := t.Total(); ok && total.Minor > 0 {
		l.Amount = amountInWords(total)
	}
	for i, p := range t.Lines {
		price := Price{line(p.Name, 150), amountInWords(p.Amount), intervalInWords(p.Interval)}
		if i == 0 {
			l.Interval = price.Interval
		} else if price.Interval != l.Interval {
			l.Interval = ""
		}
		if price.Amount != "" {
			l.Prices = append(l.Prices, price)
		}
	}
}

// money says what was paid and given back.
func (l *Letter) money(r bridge.Request, zone *time.Location) {
	p := r.Payment
	if p.Collected.Minor > 0 && (p.Have != bridge.Held && p.Have != bridge.Processing) {
		l.Paid = amountInWords(p.Collected)
	}
	if p.Returned.Minor > 0 {
		l.Returned = amountInWords(p.Returned)
	}
	l.PaidUntil = dayInWords(p.PaidUntil, zone)
	l.Renews = p.Subscribed && p.CancelsAt.IsZero() && l.PaidUntil != ""
	l.Trial = p.Have == bridge.Trialing
	l.Held = p.Have == bridge.Held || r.Terms.Hold && l.Paid == ""
}

// stepOf is the applicant's step that waits, or the one that failed.
func stepOf(r bridge.Request) string {
	step, waits := r.Current()
	if i := slices.IndexFunc(r.Steps, func(s bridge.Step) bool { return s.State == bridge.Failed }); i >= 0 {
		step, waits = r.Steps[i], true
	}
	if !waits || step.Kind == bridge.Review {
		return ""
	}
	return string(step.Kind)
}

// reasonOf is the reason that is fit for the applicant: what a person wrote when they
// declined. What keybridge notes itself is said by the template in better words.
func reasonOf(r bridge.Request) string {
	if r.Verdict.Outcome != bridge.Decline || r.Verdict.Mark.By.Kind != bridge.ByPerson {
		return ""
	}
	return paragraph(r.Verdict.Mark.Why, 2000)
}

// questionOf is the question that waits for the applicant's answer, in full. One that
// was left behind by a decision waits no more.
func questionOf(r bridge.Request) string {
	question, waits := r.Unanswered()
	if !waits || r.Verdict.Outcome != bridge.Open {
		return ""
	}
	return paragraph(question.Text, bridge.LongestNote)
}

// causeOf says why in one word.
func causeOf(kind bridge.MessageKind, r bridge.Request) string {
	have := r.Payment.Have
	switch kind {
	case bridge.TellDeclined:
		by := r.Verdict.Mark.By.Kind
		if by == bridge.ByClock && !r.Access.Inactive.IsZero() && stepOf(r) == "" {
			return "account"
		}
		return map[bridge.ActorKind]string{
			bridge.ByDeveloper: "applicant", bridge.ByPerson: "person", bridge.ByClock: "time",
			bridge.ByPortal: "portal", bridge.ByProvider: "payment",
		}[by]
	case bridge.TellSuspended:
		switch {
		case !r.Access.Inactive.IsZero():
			return "account"
		case !r.Access.Stopped.At.IsZero():
			return "portal"
		case have == bridge.Disputed || have == bridge.Refunded:
			return string(have)
		}
		return "overdue"
	case bridge.TellEnded:
		switch {
		case r.Ended.By.Kind == bridge.ByPortal:
			return "portal"
		case r.Ended.By.Kind == bridge.ByPerson:
			return "person"
		case have == bridge.Disputed || have == bridge.Refunded:
			return string(have)
		}
		return "subscription"
	}
	return ""
}

// answers are the applicant's reasons in an order that stays, at most 20 of them.
func answers(reasons map[string]string) (out []Answer) {
	for field, text := range sorted(reasons) {
		if len(out) == 20 {
			break
		}
		out = append(out, Answer{line(field, 80), paragraph(text, 500)})
	}
	return out
}
