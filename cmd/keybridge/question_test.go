package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	mailsandbox "keybridge/bridge/notify/mail/sandbox"
	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
)

// A person of the house asks, the applicant is mailed it and answers on their page, and the
// request goes on: the whole way, with both portals and in a real browser.

const (
	asksHowMany = "How many people will use your map?\nAnd do you sell <b>what you make of it</b>?"
	saysTen     = "Ten, on \"Ada's\" boat & <b>no</b>.\n\nWe sell nothing; größer wird es nicht."
)

// desk is where rita sits, who reviews.
func (s *stand) desk() bridge.Desk {
	return s.bridge.service.Desk(bridge.Person{Name: "rita", Role: bridge.Reviewer})
}

// asksApplicant has rita ask, and returns the mail that the applicant gets of it after
// those of other kinds.
func (f *far) asksApplicant(r bridge.Request, before ...bridge.MessageKind) mailsandbox.Mail {
	f.t.Helper()
	if err := f.desk().Do(f.t.Context(), r.ID, bridge.Deed{Kind: bridge.DoAsk, Text: asksHowMany}); err != nil {
		f.t.Fatal(err)
	}
	m := f.told(append(before, bridge.TellQuestion)...)
	if !strings.Contains(m.Text, asksHowMany) || strings.Contains(m.Text+m.HTML, "rita") || strings.Contains(m.HTML, "<b>") {
		f.t.Errorf("the mail says\n%s", m.Text)
	}
	if err := f.desk().Do(f.t.Context(), r.ID, bridge.Deed{Kind: bridge.DoAsk, Text: "And what else?"}); bridge.KindOf(err) != bridge.Conflict {
		f.t.Errorf("asked again before the answer: %v", err)
	}
	return m
}

// pageIn opens the page that a mail leads to, in a browser of its own.
func (f *far) pageIn(m mailsandbox.Mail) *visitor {
	f.t.Helper()
	page := slices.IndexFunc(m.Links, func(link string) bool { return strings.HasPrefix(link, f.url+"/r/") })
	if page < 0 {
		f.t.Fatalf("no link to the page in the mail, but %q", m.Links)
	}
	v := browse(f.t)
	if err := v.open(m.Links[page]); err != nil {
		f.t.Fatal(err)
	}
	return v
}

// answer fills in the field of the page's form and presses its button.
func (v *visitor) answer(text string) error {
	form := find(v.page, "send")
	for form.Data != "form" {
		form = form.Parent
	}
	filled := url.Values{"answer": {text}}
	for n := range form.Descendants() {
		if n.Data == "input" {
			filled.Set(attribute(n, "name"), attribute(n, "value"))
		}
	}
	action, err := v.at.Parse(attribute(form, "action"))
	if err != nil {
		return err
	}
	return v.do(http.MethodPost, action.String(), filled)
}

// wantAnswered checks that the question and the answer are in the record, as they were
// written, and that history says no more than that they are.
func (f *far) wantAnswered(key string) {
	f.t.Helper()
	r := f.known(key)
	if n := r.Notes; len(n) != 2 || n[0].Kind != bridge.Question || n[0].Text != asksHowMany || n[0].By.Name != "rita" ||
		n[1].Kind != bridge.Answer || n[1].Text != saysTen || n[1].By != (bridge.Actor{Kind: bridge.ByDeveloper}) {
		f.t.Errorf("the notes are %+v", n)
	}
	entries, err := f.bridge.service.History(f.t.Context(), r.ID)
	if err != nil {
		f.t.Fatal(err)
	}
	var said []string
	for _, e := range entries {
		if e.What == bridge.WhatNote {
			said = append(said, e.Actor.String()+" "+e.After)
		}
		if strings.Contains(e.Before+e.After+e.Why, "Ten") || strings.Contains(e.Before+e.After+e.Why, "How many") {
			f.t.Errorf("history says what was written: %+v", e)
		}
	}
	if !slices.Equal(said, []string{"person rita question", "developer answer"}) {
		f.t.Errorf("history says %q", said)
	}
	if log := f.log.String(); strings.Contains(log, "Ten, on") || strings.Contains(log, "How many people") {
		f.t.Error("what was written is in the log")
	}
}

func TestAReviewersQuestionIsAnsweredOnThePageInBothPortals(t *testing.T) {
	t.Parallel()
	eachPortal(t, mailedStand(t, nil), func(t *testing.T, f *far) {
		key := f.file(reviewed)
		r := f.comesTo(key, bridge.StateReviewing)
		v := f.pageIn(f.asksApplicant(r))
		if text(find(v.page, "title")) != "We have a question for you" || text(find(v.page, "question")) != strings.ReplaceAll(asksHowMany, "\n", " ") {
			t.Fatalf("the page says %q and asks %q", text(find(v.page, "title")), text(find(v.page, "question")))
		}
		page := v.at.Path
		if err := v.answer(" \r\n "); err == nil || !strings.Contains(err.Error(), "422") || find(v.page, "errors") == nil {
			t.Fatalf("an empty answer: %v", err)
		}
		if err := v.answer(strings.ReplaceAll(saysTen, "\n", "\r\n")); err != nil {
			t.Fatal(err)
		}
		if v.at.Path != page || find(v.page, "answered") == nil || find(v.page, "send") != nil || !strings.Contains(text(find(v.page, "earlier")), "größer") {
			t.Fatalf("the page afterwards is %s and says %q", v.at.Path, text(find(v.page, "title")))
		}
		f.wantAnswered(key)
		if err := f.desk().Do(t.Context(), r.ID, bridge.Deed{Kind: bridge.DoApprove, Text: "ten is few"}); err != nil {
			t.Fatal(err)
		}
		f.comesTo(key, bridge.StateActive)
		f.told(bridge.TellQuestion, bridge.TellApproved)
		if n := f.keys(); n != 1 {
			t.Errorf("the developer has %d keys", n)
		}
		if err := v.open(f.url + page); err != nil || text(find(v.page, "title")) != "Your access is active" || find(v.page, "answered") != nil || find(v.page, "earlier") == nil {
			t.Errorf("in the end the page says %q (%v)", text(find(v.page, "title")), err)
		}
	})
}

func TestAQuestionDoesNotStandInTheWayOfAPaymentInEitherPortal(t *testing.T) {
	t.Parallel()
	eachPortal(t, mailedStand(t, nil), func(t *testing.T, f *far) {
		key := f.file(paid)
		f.told(bridge.TellStart)
		f.opens(key)
		v := f.pageIn(f.asksApplicant(f.known(key), bridge.TellStart))
		if find(v.page, "send") == nil || find(v.page, "checkout") == nil {
			t.Fatalf("the page says %q, and lacks the form or the way to pay", text(find(v.page, "title")))
		}
		if err := v.answer(saysTen); err != nil {
			t.Fatal(err)
		}
		f.wantAnswered(key)
		if err := v.open(attribute(find(v.page, "checkout"), "href")); err != nil {
			t.Fatal(err)
		}
		if err := v.submit("pay", map[string]string{"email": f.email}); err != nil {
			t.Fatal(err)
		}
		f.comesTo(key, bridge.StateActive)
		f.wantPaidOnce(key)
		f.told(bridge.TellStart, bridge.TellQuestion, bridge.TellApproved)
	})
}

// Who decides need not wait for the answer. Nothing is asked any more then, and what comes
// too late is not kept.
func TestAQuestionIsOverWithTheDecision(t *testing.T) {
	t.Parallel()
	s := mailedStand(t, nil)
	f := &far{stand: s, portal: demoPortal, email: "late@example.com"}
	key := f.file(reviewed)
	r := f.comesTo(key, bridge.StateReviewing)
	v := f.pageIn(f.asksApplicant(r))
	if err := s.desk().Do(t.Context(), r.ID, bridge.Deed{Kind: bridge.DoDecline, Text: "The forecast is for sailors only."}); err != nil {
		t.Fatal(err)
	}
	f.comesTo(key, bridge.StateDeclined)
	if err := v.answer(saysTen); err == nil || !strings.Contains(err.Error(), "409") || !strings.Contains(text(find(v.page, "errors")), "größer") {
		t.Errorf("an answer after the decision: %v, %q", err, text(find(v.page, "errors")))
	}
	if n := len(f.known(key).Notes); n != 1 {
		t.Errorf("there are %d notes", n)
	}
	f.told(bridge.TellQuestion, bridge.TellDeclined)
}

// In a browser, on a phone: what is typed arrives, and who is told that something is wrong
// is where it says so.
func TestAnApplicantAnswersInABrowser(t *testing.T) {
	t.Parallel()
	b := startChromium(t)
	v := b.visit(t, choice{both: true, handoff: "{}", plans: bothPlans()})
	v.narrow = 360
	v.acts("holding a phone", chromedp.EmulateViewport(v.narrow, 740))
	f := &far{stand: v.stand, portal: demoPortal, email: tyksandbox.DemoEmail}
	key := f.file(reviewed)
	r := f.comesTo(key, bridge.StateReviewing)
	v.readMail(f.asksApplicant(r))
	v.sees("We have a question for you")
	if got := says[string](v, `document.getElementById("question").innerText`); got != asksHowMany {
		t.Errorf("it asks %q", got)
	}
	if got := says[string](v, `document.getElementById("answer").labels[0].innerText`); got != "Your answer" {
		t.Errorf("the field is called %q", got)
	}
	v.write("answer", " ")
	v.press("send")
	v.at("errors")
	v.focusedOn("errors")
	v.write("answer", saysTen)
	v.press("send")
	v.at("answered")
	v.focusedOn("answered")
	v.sees("Your request is being reviewed")
	f.wantAnswered(key)
}

// write types a text into a field of several lines.
func (v *visit) write(id, text string) {
	v.t.Helper()
	v.types(id, "", text)
}

// focusedOn waits until something has the focus.
func (v *visit) focusedOn(id string) {
	v.t.Helper()
	v.holds("the focus on "+id, `document.activeElement.id === `+quoted(id))
}
