package mail_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/notify/mail"
	"keybridge/bridge/notify/mail/sandbox"
)

// review is a request that waits for a review since some time before noon.
func review(id, name, organisation string, waits time.Duration, prices ...bridge.Price) bridge.Request {
	return bridge.Request{
		ID: bridge.ID("01JPA7Q5WZ00000000000000" + id), Portal: "sample", Created: noon.Add(-waits - time.Hour),
		Applicant: bridge.Applicant{Email: "private@example.com", Name: name, Organisation: organisation},
		Terms:     bridge.Terms{Plan: "Weather Pro", Lines: prices},
		Steps:     []bridge.Step{{Kind: bridge.Review, State: bridge.Waiting, Mark: bridge.Mark{At: noon.Add(-waits)}}},
		Verdict:   bridge.Verdict{Outcome: bridge.Open},
		Access:    bridge.Access{Have: bridge.Pending},
	}
}

func price(minor int64, currency, unit string) bridge.Price {
	return bridge.Price{Name: "Weather Pro", Amount: bridge.NewAmount(minor, currency), Interval: bridge.Interval{Unit: unit}}
}

// stuck is a request that needs attention.
func stuck(id, name string, age time.Duration, doing, problem string) bridge.Request {
	r := review(id, name, "", age, price(4900, "EUR", "month"))
	r.Steps, r.Verdict.Outcome = nil, bridge.Approve
	r.Work = bridge.Work{Attention: true, Doing: doing, Error: problem}
	return r
}

// waiting is a morning at finance.
func waiting() []bridge.Request {
	held := review("H0", "Grace Hopper", "Navy", 3*time.Hour, price(100000, "JPY", ""))
	held.Payment.Have = bridge.Held
	unplanned := review("U0", "", "", 30*time.Minute)
	unplanned.Terms = bridge.Terms{Why: `no plan is configured for policy "gold"`}
	unplanned.Applicant.App = "Weather map"
	other := review("P0", "", "Analytical Engines", 12*24*time.Hour, price(4900, "EUR", "month"), price(10000, "EUR", ""))
	other.Portal = "partners"
	done := review("D0", "Nobody", "", time.Hour, price(999999, "EUR", ""))
	done.Steps[0].State = bridge.Met
	return []bridge.Request{
		review("A0", "Ada Lovelace", "Analytical Engines", 26*time.Hour, price(4900, "EUR", "month")),
		held, unplanned, other, done,
		review("B0", "Charles Babbage", "", 100*24*time.Hour, price(104900, "EUR", "year")),
		stuck("S0", "Joan Clarke", 5*time.Hour, "approve key", "The portal does not know this policy."),
	}
}

func TestTheDigestSaysWhatWaitsTheOldestFirst(t *testing.T) {
	n := quiet(t)
	subject, text, html, err := n.PreviewDigest(mail.Digest{At: noon, Requests: waiting()})
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "digest.txt", "Subject: "+subject+"\n\n"+text)
	golden(t, "digest.html", html)
	for _, place := range []string{text, html} {
		if strings.Contains(place, "private@") || strings.Contains(place, "Nobody") {
			t.Errorf("it has an address or what does not wait:\n%s", place)
		}
	}
	harmless(t, html)
}

func TestTheDigestOfOneIsInTheSingular(t *testing.T) {
	n := quiet(t, func(c *mail.Config) { c.Console = "" })
	for want, request := range map[string]bridge.Request{
		"1 to review: Weather keys, Saturday 14 March 2026":       waiting()[0],
		"1 needs attention: Weather keys, Saturday 14 March 2026": waiting()[6],
	} {
		subject, text, html, err := n.PreviewDigest(mail.Digest{At: noon, Requests: []bridge.Request{request}})
		if err != nil || subject != want {
			t.Errorf("%q, %v", subject, err)
		}
		if strings.Contains(html, "console") || strings.Contains(text, "more") {
			t.Errorf("%s\n%s", text, html)
		}
	}
}

func TestALongDigestIsCutAndStillCountsAndAddsUpEverything(t *testing.T) {
	var requests []bridge.Request
	for i := range 60 {
		requests = append(requests, review(fmt.Sprintf("%02d", i), fmt.Sprintf("Applicant %02d", i), "", time.Duration(i+1)*24*time.Hour, price(100, "EUR", ""), price(1, "USD", ""), price(1, "JPY", ""), price(1, "CHF", ""), price(1, "GBP", "")))
	}
	_, text, html, err := quiet(t).PreviewDigest(mail.Digest{At: noon, Requests: requests})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"To review (60)", "and 10 more", "Together: CHF\u00a00.60; €60.00; £0.60; ¥60; $0.60", "Applicant 59", "Applicant 10"} {
		if !strings.Contains(text, want) || !strings.Contains(html, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if strings.Contains(text, "Applicant 09") || strings.Count(html, "<bdi>Applicant") != 50 {
		t.Error("the newest are not those that are left out")
	}
}

func TestTheDigestQuotesNobodyIntoMarkup(t *testing.T) {
	n := quiet(t)
	for _, text := range hostile {
		r := spoiled(review("A0", "", "", time.Hour, price(1, "EUR", "month")), text)
		s := spoiled(stuck("S0", "", time.Hour, text, text), text)
		subject, written, html, err := n.PreviewDigest(mail.Digest{At: noon, Requests: []bridge.Request{r, s}})
		if err != nil {
			t.Fatal(err)
		}
		harmless(t, html)
		if strings.ContainsAny(subject, "\r\n") || len(written) > 6000 {
			t.Errorf("%q: %d bytes", subject, len(written))
		}
	}
}

func TestEachAddressGetsADigestOfItsOwnAndOneADay(t *testing.T) {
	p := open(t, sandbox.Config{})
	n := p.notifier()
	to := []string{"finance@example.com", "boss@example.com"}
	if _, err := p.Fault(sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtRecipient, To: "boss@*", Times: 1}); err != nil {
		t.Fatal(err)
	}
	d := mail.Digest{At: noon, To: to, Requests: waiting()}
	err := n.SendDigest(t.Context(), d)
	if bridge.KindOf(err) != bridge.Invalid || strings.Contains(err.Error(), "boss") {
		t.Errorf("%v", err)
	}
	d.At = noon.Add(time.Hour)
	if err := n.SendDigest(t.Context(), d); err != nil {
		t.Error(err)
	}
	d.At = noon.AddDate(0, 0, 1)
	if err := n.SendDigest(t.Context(), d); err != nil {
		t.Error(err)
	}
	finance, boss := p.Mails(sandbox.Filter{To: to[0]}), p.Mails(sandbox.Filter{To: to[1]})
	if len(finance) != 3 || len(boss) != 2 {
		t.Fatalf("%d and %d mails", len(finance), len(boss))
	}
	if finance[0].MessageID != finance[1].MessageID || finance[1].MessageID == finance[2].MessageID || finance[0].MessageID == boss[0].MessageID {
		t.Errorf("Message-IDs %s, %s, %s and %s", finance[0].MessageID, finance[1].MessageID, finance[2].MessageID, boss[0].MessageID)
	}
	if len(finance[0].To) != 1 || finance[0].Header.Get("To") != "<finance@example.com>" {
		t.Errorf("to %q", finance[0].Header.Get("To"))
	}
}

func TestWhenNothingWaitsNothingIsSent(t *testing.T) {
	p := open(t, sandbox.Config{})
	if err := p.notifier().SendDigest(t.Context(), mail.Digest{At: noon, To: []string{"finance@example.com"}, Requests: waiting()[4:5]}); err != nil {
		t.Fatal(err)
	}
	if mails := p.Mails(sandbox.Filter{}); len(mails) > 0 {
		t.Errorf("%d mails came", len(mails))
	}
}

// office is where digests run: a mail server outside the bubble of a test's time, and
// what a store keeps.
type office struct {
	*postOffice
	t        *testing.T
	requests []bridge.Request
	mark     []byte
	broken   sync.Map // names of what the store cannot do
	lists    int
}

func newOffice(t *testing.T) *office {
	return &office{postOffice: open(t, sandbox.Config{Keep: 1000}), t: t, requests: waiting()}
}

// able says whether the store can do something.
func (o *office) able(what string) error {
	if _, broken := o.broken.Load(what); broken {
		return errors.New("no")
	}
	return nil
}

func (o *office) config() mail.DigestConfig {
	return mail.DigestConfig{
		At: "08:00", Zone: time.UTC, To: []string{"finance@example.com"}, Now: time.Now,
		List: func(_ context.Context, f bridge.Filter) (bridge.Page, error) {
			o.lists++
			var page bridge.Page
			for _, r := range o.requests {
				if r.State() == f.State && string(r.ID) > f.After {
					page.Requests = append(page.Requests, r)
				}
			}
			slices.SortFunc(page.Requests, func(a, b bridge.Request) int { return strings.Compare(string(a.ID), string(b.ID)) })
			if len(page.Requests) > 2 { // pages are small here
				page.Requests = page.Requests[:2]
				page.Next = string(page.Requests[1].ID)
			}
			return page, o.able("list")
		},
		Bookmark: func(context.Context, string) ([]byte, error) { return o.mark, o.able("read") },
		SetBookmark: func(_ context.Context, _ string, value []byte) error {
			err := o.able("write")
			if err == nil {
				o.mark = value
			}
			return err
		},
	}
}

// run runs digests for a time, as one process does from its start to its end.
func (o *office) run(d time.Duration, changes ...func(*mail.DigestConfig)) {
	o.t.Helper()
	cfg := o.config()
	for _, change := range changes {
		change(&cfg)
	}
	n := o.notifier(func(c *mail.Config) { c.Now = time.Now })
	ctx, cancel := context.WithTimeout(context.Background(), d) // of the bubble, as o.t is not
	defer cancel()
	if err := n.RunDigests(ctx, cfg); err != nil {
		o.t.Error(err)
	}
}

// came are the days and hours of the mails that came, by their header. It is for
// outside the bubble: the mail server is not in it.
func (o *office) came() (times []string) {
	for _, m := range o.Mails(sandbox.Filter{}) {
		at, err := time.Parse(time.RFC1123Z, m.Header.Get("Date"))
		if err != nil {
			o.t.Error(err)
		}
		times = append(times, at.UTC().Format("2 15:04"))
	}
	return times
}

// A bubble's time begins at midnight of 1 January 2000 UTC, a Saturday.
func TestTheDigestIsSentOnceADayHoweverOftenTheServiceStarts(t *testing.T) {
	o := newOffice(t)
	synctest.Test(t, func(*testing.T) {
		o.run(7 * time.Hour)
		if o.lists > 0 {
			t.Error("it is looked for what waits before its time")
		}
		o.run(90 * time.Minute) // until 08:30
		o.run(time.Hour)
		o.run(24 * time.Hour) // until 09:30 of the second
		time.Sleep(time.Hour) // down
		o.run(time.Minute)    // restarted after its time, and sent already
		time.Sleep(44 * time.Hour)
		o.run(time.Minute) // down all of the third, and on the fourth until 06:30
		time.Sleep(5 * time.Hour)
		o.run(time.Minute) // missed at eight, sent at the start
		o.run(time.Minute)
	})
	if got, want := o.came(), []string{"1 08:00", "2 08:00", "4 11:32"}; !slices.Equal(got, want) {
		t.Errorf("they came at %v, want %v", got, want)
	}
}

func TestTheDigestHasItsZone(t *testing.T) {
	o := newOffice(t)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(*testing.T) {
		o.run(3*24*time.Hour, func(c *mail.DigestConfig) {
			c.At, c.Zone = "00:30", berlin
		})
	})
	if got, want := o.came(), []string{"1 00:00", "1 23:30", "2 23:30", "3 23:30"}; !slices.Equal(got, want) {
		t.Errorf("they came at %v, want %v", got, want)
	}
}

func TestADayOnWhichNothingWaitsIsDoneWith(t *testing.T) {
	o := newOffice(t)
	o.requests = nil
	synctest.Test(t, func(*testing.T) {
		o.run(9 * time.Hour)
		o.requests = waiting()
		o.run(time.Hour)
	})
	if got := o.came(); len(got) > 0 || string(o.mark) != "2000-01-01" {
		t.Errorf("they came at %v, bookmark %s", got, o.mark)
	}
}

func TestADigestThatFailsIsTriedAgainUntilTheDayIsOver(t *testing.T) {
	for name, breaks := range map[string]func(*office) func(){
		"what waits cannot be read":     func(o *office) func() { o.broken.Store("list", true); return func() { o.broken.Delete("list") } },
		"the bookmark cannot be read":   func(o *office) func() { o.broken.Store("read", true); return func() { o.broken.Delete("read") } },
		"the mail server takes nothing": func(o *office) func() { o.refuses(451); return o.ClearFaults },
		"the password is wrong":         func(o *office) func() { o.refuses(535); return o.ClearFaults },
	} {
		t.Run(name, func(t *testing.T) {
			o := newOffice(t)
			mend := breaks(o)
			synctest.Test(t, func(*testing.T) {
				go func() {
					time.Sleep(8*time.Hour + 3*time.Minute + time.Second)
					mend()
				}()
				o.run(24 * time.Hour)
			})
			// After 1, 2 and 4 minutes.
			if got, want := o.came(), []string{"1 08:07"}; !slices.Equal(got, want) {
				t.Errorf("they came at %v, want %v", got, want)
			}
		})
	}
	t.Run("and begins anew the next day", func(t *testing.T) {
		o := newOffice(t)
		o.broken.Store("list", true)
		synctest.Test(t, func(*testing.T) {
			o.run(24 * time.Hour)
			if o.lists < 10 || o.lists > 30 {
				t.Errorf("it was tried %d times", o.lists)
			}
			o.broken.Delete("list")
			o.run(12 * time.Hour)
		})
		if got, want := o.came(), []string{"2 08:00"}; !slices.Equal(got, want) {
			t.Errorf("they came at %v, want %v", got, want)
		}
	})
}

// refuses makes the mail server refuse every sender.
func (o *office) refuses(status int) {
	o.t.Helper()
	if _, err := o.Fault(sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtSender, Status: status}); err != nil {
		o.t.Fatal(err)
	}
}

func TestADigestIsNotSentTwiceBecauseItCouldNotBeNoted(t *testing.T) {
	o := newOffice(t)
	o.broken.Store("write", true)
	synctest.Test(t, func(*testing.T) {
		go func() {
			time.Sleep(9 * time.Hour)
			o.broken.Delete("write")
		}()
		o.run(24 * time.Hour)
	})
	if got, want := o.came(), []string{"1 08:00"}; !slices.Equal(got, want) || string(o.mark) != "2000-01-01" {
		t.Errorf("they came at %v, want %v; bookmark %s", got, want, o.mark)
	}
}

func TestAnAddressThatIsRefusedHoldsNobodyUp(t *testing.T) {
	o := newOffice(t)
	if _, err := o.Fault(sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtRecipient, To: "gone@*"}); err != nil {
		t.Fatal(err)
	}
	if _, err := o.Fault(sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtRecipient, To: "busy@*", Status: 450, Times: 2}); err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(*testing.T) {
		o.run(24*time.Hour, func(c *mail.DigestConfig) {
			c.To = []string{"gone@example.com", "busy@example.com", "finance@example.com"}
		})
	})
	if got, want := o.came(), []string{"1 08:00", "1 08:03"}; !slices.Equal(got, want) {
		t.Errorf("they came at %v, want %v", got, want)
	}
	if mails := o.Mails(sandbox.Filter{To: "busy@example.com"}); len(mails) != 1 || string(o.mark) != "2000-01-01" {
		t.Errorf("%d for who was busy; bookmark %s", len(mails), o.mark)
	}
}

func TestTheDigestTellsOfEveryPage(t *testing.T) {
	o := newOffice(t)
	for i := range 7 {
		o.requests = append(o.requests, review(fmt.Sprintf("Z%d", i), "One of many", "", time.Hour))
	}
	synctest.Test(t, func(*testing.T) { o.run(9 * time.Hour) })
	m := o.await("finance@example.com")
	if strings.Count(m.Text, "One of many") != 7 || !strings.HasPrefix(m.Subject, "12 to review, 1 needs attention") {
		t.Errorf("%s\n%s", m.Subject, m.Text)
	}
}

func TestADigestThatCannotRunIsSaidAtOnce(t *testing.T) {
	o, n := newOffice(t), quiet(t)
	for want, change := range map[string]func(*mail.DigestConfig){
		"not like 08:00":   func(c *mail.DigestConfig) { c.At = "8 o'clock" },
		"nobody to go to":  func(c *mail.DigestConfig) { c.To = nil },
		"entry 2":          func(c *mail.DigestConfig) { c.To = append(c.To, "Ada <ada@example.com>") },
		"needs List":       func(c *mail.DigestConfig) { c.List = nil },
		"and SetBookmark":  func(c *mail.DigestConfig) { c.SetBookmark = nil },
		"needs List, Book": func(c *mail.DigestConfig) { c.Bookmark = nil },
	} {
		cfg := o.config()
		change(&cfg)
		err := n.RunDigests(t.Context(), cfg)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "ada@") {
			t.Errorf("%q: %v", want, err)
		}
	}
}
