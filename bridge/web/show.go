package web

import (
	"cmp"
	"net/http"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// view is one request as its page shows it. It names nothing of the applicant's but, to
// who is known to be them, the app, and what they were asked and answered.
type view struct {
	frame
	reload
	talk
	Says words
	// Status is the HTTP status of an answer that comes back with its talk; zero: 200.
	Status int
	// Go sends the browser on to the checkout as soon as there is one.
	Go bool
	// Checking is the landing page that has no answer yet.
	Checking bool

	Plan     string
	Lines    []line
	Until    string // when the time for the step that waits is over
	Steps    []stepView
	Checkout string // where to pay, while that is possible
	Button   string
	Withdraw string // where to post, while that is possible
	Portal   string
	Home     string
	Request  bridge.ID
}

type line struct {
	Name, Price string
}

// stepView is one line of the list of steps: done, current, ahead or failed.
type stepView struct {
	Text, State string
}

// show renders a request's page.
func (s *Server) show(c *gin.Context, r bridge.Request, who visitor, v view) error {
	portal := s.portalOf(r)
	v.Says = wordsFor(r, portal, who, v.Checking, s.cfg.Now())
	v.frame = s.frame(v.Says.Title)
	if v.Status == 0 && !v.Checking {
		v.talk = s.talkOf(c, r, who)
	}
	if v.Question != nil && v.Question.Wrong != "" || v.Lost != "" {
		v.Title = "Not sent: " + v.Title // a screen reader reads it first
	}
	v.Plan, v.Lines = r.Terms.Plan, linesOf(r)
	if until := deadline(r); until.After(s.cfg.Now()) && !v.Checking {
		v.Until = moment(until)
	}
	v.Steps = stepsOf(r)
	v.Portal, v.Home, v.Request = portal.Title, portal.returnAddress(r.Arrival.Return), r.ID
	if payable(r) && !v.Checking {
		v.Checkout, v.Button = r.Payment.Checkout.URL, "Continue to payment"
		if r.Payment.Checkout.For == bridge.Validation {
			v.Button = "Continue to card check"
		}
	}
	if r.Verdict.Outcome == bridge.Open && r.Payment.Have != bridge.Processing && !v.Checking {
		v.Withdraw = s.pagePath(c) + "/withdraw"
	}
	v.reload = s.reloadOf(c, r, v)
	v.frame = v.again(v.reload)
	return s.pages.Render(c, cmp.Or(v.Status, http.StatusOK), "request", v)
}

// deadline is when the step that waits for the applicant is given up; zero when none
// does. Money that is on its way is waited for however long it takes.
func deadline(r bridge.Request) time.Time {
	step, waits := r.Current()
	asked := waits && (step.Kind == bridge.Validation || step.Kind == bridge.Paying) && !step.Mark.At.IsZero()
	if !asked || r.Verdict.Outcome != bridge.Open || r.Payment.Have == bridge.Processing {
		return time.Time{}
	}
	if r.Terms.Patience > 0 {
		return step.Mark.At.Add(r.Terms.Patience)
	}
	return step.Mark.At.Add(bridge.DefaultPatience)
}

// linesOf lists the prices, unless nothing has to be paid. The one of a plan that has one
// needs no name of its own.
func linesOf(r bridge.Request) []line {
	var out []line
	if waived(r) {
		return nil
	}
	for _, l := range r.Terms.Lines {
		name := l.Name
		if name == "" || name == r.Terms.Plan {
			name = "Price"
		}
		if price := FormatPrice(l); price != "" {
			out = append(out, line{name, price})
		}
	}
	return out
}

// portalOf is the portal of a request; of one that is not configured any more there
// is nothing to say but that it is one.
func (s *Server) portalOf(r bridge.Request) Portal {
	portal := s.cfg.Portals[r.Portal]
	if portal.Title == "" {
		portal.Title = "the portal"
	}
	return portal
}

// stepsOf lists what has to happen, as a developer sees it.
func stepsOf(r bridge.Request) []stepView {
	out := []stepView{{"Key requested", "done"}}
	current, waits := r.Current()
	for _, s := range r.Steps {
		text := map[bridge.StepKind]string{
			bridge.Validation: "Card check", bridge.Review: "Review by a person", bridge.Paying: "Payment",
		}[s.Kind]
		state := "ahead"
		switch {
		case s.State == bridge.Met:
			state = "done"
		case s.State == bridge.Waived:
			text, state = text+" (not needed)", "done"
		case s.State == bridge.Failed, r.Verdict.Outcome == bridge.Decline:
			state = "failed"
		case waits && s.Kind == current.Kind && r.Verdict.Outcome == bridge.Open:
			state = "current"
		}
		out = append(out, stepView{text, state})
	}
	return append(out, stepView{"Access", accessState(r)})
}

// accessState is how far the last line of the list is.
func accessState(r bridge.Request) string {
	switch {
	case r.Verdict.Outcome == bridge.Decline, !r.Ended.At.IsZero(), r.Access.Have == bridge.Suspended:
		return "failed"
	case r.Access.Have == bridge.Granted:
		return "done"
	case r.Verdict.Outcome == bridge.Approve:
		return "current"
	}
	return "ahead"
}
