package mail

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"keybridge/bridge"
)

// Digest is the mail to finance: what waits for a person.
type Digest struct {
	// At is when it is written. Its day, in its own time zone, is what the mail is
	// about: each address has one Message-ID a day.
	At time.Time
	// To are bare addresses. Each gets a mail of its own, so that one that is refused
	// does not take it from the others.
	To []string
	// Requests are looked through for those that wait for a review or need
	// attention; the others are passed over. In any order.
	Requests []bridge.Request
}

// longestList is how many lines a list of the digest has at most.
const longestList = 50

// sheet is what the digest's templates are filled in with.
type sheet struct {
	Subject, Service, Console, Day string
	Portals                        []section
	// Reviews and Attention are how many wait in all portals.
	Reviews, Attention int
}

func (s sheet) titled(subject string) titled {
	s.Subject = subject
	return s
}

// section is what waits in one portal.
type section struct {
	Title              string
	Reviews, Attention list
}

// list is the requests of one sort, the oldest first.
type list struct {
	Lines []entry
	// All is how many there are, More how many have no line.
	All, More int
	// Totals are the sums of all, one for each currency.
	Totals []string
}

// entry is one request.
type entry struct {
	Who, Plan, Prices, Age, Request string
	// Held is true where the payment is authorised already.
	Held bool
	// Why is why a person has to look: a plan that nobody configured.
	Why string
	// Doing and Error are what failed last, in words.
	Doing, Error string
}

// SendDigest mails the digest. Nothing waits: nothing is sent. It may be repeated:
// each address gets the same Message-ID all day. The error joins those of all
// addresses and names none of them; see Send for the kinds.
func (n *Notifier) SendDigest(ctx context.Context, d Digest) error {
	s := n.sheet(d)
	if s.Reviews+s.Attention == 0 {
		return nil
	}
	w, err := n.digest.write(s)
	if err != nil {
		return err
	}
	var errs []error
	for _, to := range d.To {
		errs = append(errs, n.sendDigest(ctx, d.At, to, w))
	}
	return errors.Join(errs...)
}

// PreviewDigest writes the digest as SendDigest would, and sends nothing.
func (n *Notifier) PreviewDigest(d Digest) (subject, text, html string, err error) {
	w, err := n.digest.write(n.sheet(d))
	return w.subject, w.text, w.html, err
}

func (n *Notifier) sendDigest(ctx context.Context, at time.Time, to string, w written) error {
	to, err := recipient(to)
	if err != nil {
		return &bridge.Error{Kind: bridge.Invalid, Msg: "An address of the digest is not an e-mail address"}
	}
	e, err := n.address(to)
	if err != nil {
		return err
	}
	whose := sha256.Sum256([]byte(strings.ToLower(to)))
	id := "digest-" + at.Format(time.DateOnly) + "-" + hex.EncodeToString(whose[:8])
	mail, err := compose(e, id, at, w)
	if err != nil {
		return err
	}
	return n.deliver(ctx, e, mail)
}

// sheet puts what waits into words.
func (n *Notifier) sheet(d Digest) sheet {
	s := sheet{Service: n.cfg.Service, Console: n.cfg.Console, Day: d.At.Format("Monday 2 January 2006")}
	byPortal := map[string][]bridge.Request{}
	for _, r := range d.Requests {
		if r.State() == bridge.StateReviewing || r.State() == bridge.StateNeedsAttention {
			byPortal[r.Portal] = append(byPortal[r.Portal], r)
		}
	}
	for name, requests := range sorted(byPortal) {
		slices.SortFunc(requests, func(a, b bridge.Request) int {
			return cmp.Or(since(a).Compare(since(b)), strings.Compare(string(a.ID), string(b.ID)))
		})
		part := section{Title: n.portal(name).Title}
		part.Reviews = listOf(requests, bridge.StateReviewing, d.At)
		part.Attention = listOf(requests, bridge.StateNeedsAttention, d.At)
		s.Reviews += part.Reviews.All
		s.Attention += part.Attention.All
		s.Portals = append(s.Portals, part)
	}
	return s
}

// since is from when on a request waits for its review; for one that needs attention,
// when it was asked.
func since(r bridge.Request) time.Time {
	if step, _ := r.Current(); r.State() == bridge.StateReviewing && !step.Mark.At.IsZero() {
		return step.Mark.At
	}
	return r.Created
}

// listOf makes the list of those in a state.
func listOf(requests []bridge.Request, state bridge.State, at time.Time) (l list) {
	sums := map[string]int64{}
	for _, r := range requests {
		if r.State() != state {
			continue
		}
		if l.All++; len(l.Lines) < longestList {
			l.Lines = append(l.Lines, entryOf(r, at))
		}
		for _, p := range r.Terms.Lines {
			sums[p.Amount.Currency] += p.Amount.Minor
		}
	}
	l.More = l.All - len(l.Lines)
	for currency, minor := range sorted(sums) {
		if currency != "" {
			l.Totals = append(l.Totals, amountInWords(bridge.Amount{Minor: minor, Currency: currency}))
		}
	}
	return l
}

func entryOf(r bridge.Request, at time.Time) entry {
	e := entry{
		Who: who(r.Applicant), Plan: line(r.Terms.Plan, 100), Age: ageInWords(at.Sub(since(r))),
		Request: line(string(r.ID), 40), Held: r.Payment.Have == bridge.Held, Why: line(r.Terms.Why, 200),
	}
	var prices []string
	for _, p := range r.Terms.Lines {
		if amount := amountInWords(p.Amount); amount != "" {
			prices = append(prices, strings.TrimSpace(amount+" "+intervalInWords(p.Interval)))
		}
	}
	e.Prices = shorten(strings.Join(prices, " and "), 200)
	if r.Work.Attention {
		e.Doing, e.Error = line(r.Work.Doing, 60), line(r.Work.Error, 300)
	}
	return e
}

// who names the applicant for those whose job it is to know: never by the address.
func who(a bridge.Applicant) string {
	name, organisation := line(a.Name, 80), line(a.Organisation, 80)
	switch {
	case name != "" && organisation != "":
		return name + ", " + organisation
	case name+organisation != "":
		return name + organisation
	case a.App != "":
		return "app " + line(a.App, 80)
	}
	return "somebody without a name"
}

// ageInWords says how long something waits, as exactly as anybody cares.
func ageInWords(d time.Duration) string {
	hours := int(d.Hours())
	switch {
	case hours < 1:
		return "less than an hour"
	case hours == 1:
		return "1 hour"
	case hours < 48:
		return fmt.Sprintf("%d hours", hours)
	}
	return fmt.Sprintf("%d days", hours/24)
}

// parseDigest makes the digest's templates. They are for the house, and no folder
// replaces them.
func parseDigest() (letters, error) {
	var texts [3]source
	for i, name := range []string{"digest.subject.txt", "digest.txt", "digest.html"} {
		text, err := builtIn.ReadFile("templates/" + name)
		if err != nil {
			return letters{}, err
		}
		texts[i] = source{"built-in " + name, string(text)}
	}
	var l letters
	errs := make([]error, 3)
	l.subject, errs[0] = parseText(texts[0])
	l.text, errs[1] = parseText(texts[1])
	l.html, errs[2] = parseHTML(texts[2], source{"nothing", ""})
	return l, errors.Join(errs...)
}
