package console

import (
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// confirmView is the page that says what a deed will do, and asks.
type confirmView struct {
	frame
	deed
	ID           bridge.ID
	Href, Action string
	Applicant    who
	Plan, Price  string
	State        state
	Text, Seen   string
	Consequences []string
	// Amount is the field of a refund; Currency is empty where there is none.
	Amount, Currency, AmountHint string
	// Problem says what is wrong with what was typed; Changed that the consequences are
	// not those that were shown before.
	Problem string
	Changed bool
}

// of reads the request and the deed that an address names.
func (s *Console) of(c *gin.Context, p bridge.Person) (bridge.Request, deed, error) {
	d, ok := deedOf(c.Param("do"))
	id, valid := bridge.ParseID(c.Param("id"))
	if !ok || !valid {
		return bridge.Request{}, deed{}, errNotHere
	}
	r, err := s.cfg.Service.Desk(p).Get(c.Request.Context(), id)
	return r, d, err
}

// preview shows what a deed would do.
func (s *Console) preview(c *gin.Context, p bridge.Person) error {
	r, d, err := s.of(c, p)
	if err != nil {
		return err
	}
	if d.harmless {
		c.Redirect(http.StatusSeeOther, requestPath+string(r.ID))
		return nil
	}
	if err := s.cfg.Service.Desk(p).Barred(d.Kind, r); err != nil {
		return onward(err, r.ID)
	}
	if err := r.Allows(d.Kind); err != nil {
		return onward(err, r.ID)
	}
	t := typed{}
	if d.Kind == bridge.DoRefund {
		t.Amount = web.PlainAmount(r.Payment.Kept())
	}
	return s.confirm(c, p, r, d, t, nil)
}

// do does what was confirmed. What a person was not shown is shown first, and what the
// person may not do goes to the desk all the same, which refuses and tells of it.
func (s *Console) do(c *gin.Context, p bridge.Person) error {
	r, d, err := s.of(c, p)
	if err != nil {
		return err
	}
	form, err := sent(c)
	if err != nil {
		return err
	}
	t := typed{Text: strings.TrimSpace(form.Get("text")), Amount: form.Get("amount"), To: form.Get("to"), Seen: form.Get("seen")}
	desk := s.cfg.Service.Desk(p)
	if err := desk.Barred(d.Kind, r); err != nil {
		_ = desk.Do(c.Request.Context(), r.ID, bridge.Deed{Kind: d.Kind}) // is refused there, and recorded
		return onward(err, r.ID)
	}
	if d.harmless {
		return s.doHarmless(c, p, r, d, t)
	}
	said, err := t.as(d.Kind, r)
	var consequences []string
	if err == nil {
		consequences, err = s.consequences(said, p, r, s.cfg.Now())
	}
	shown := t.Seen == seenBy(d.Kind, consequences)
	if err == nil && (shown || t.Text != "") {
		err = said.Complete()
	}
	if err == nil && !shown {
		return s.confirm(c, p, r, d, t, nil)
	}
	if err == nil {
		err = desk.Do(c.Request.Context(), r.ID, said)
	}
	switch {
	case bridge.KindOf(err) == bridge.Invalid:
		return s.confirm(c, p, r, d, t, err)
	case err != nil:
		return onward(err, r.ID)
	}
	c.Redirect(http.StatusSeeOther, requestPath+string(r.ID)+"?done="+string(d.Kind))
	return nil
}

// doHarmless does what needs no confirmation. What cannot be done as it was typed is
// shown on the request's page, with what was typed.
func (s *Console) doHarmless(c *gin.Context, p bridge.Person, r bridge.Request, d deed, t typed) error {
	if d.Kind == bridge.DoAssign && t.To != "" && !s.isPerson(c, p, t.To) {
		return onward(&bridge.Error{Kind: bridge.Invalid, Msg: "There is nobody of that name here."}, r.ID)
	}
	err := s.cfg.Service.Desk(p).Do(c.Request.Context(), r.ID, bridge.Deed{Kind: d.Kind, Text: t.Text, To: t.To})
	switch {
	case d.Kind == bridge.DoNote && bridge.KindOf(err) == bridge.Invalid:
		return s.showRequest(c, p, r, http.StatusBadRequest, unsent{Note: t.Text, Problem: bridge.Explain(err)})
	case err != nil:
		return onward(err, r.ID)
	}
	c.Redirect(http.StatusSeeOther, requestPath+string(r.ID)+"?done="+string(d.Kind))
	return nil
}

func (s *Console) isPerson(c *gin.Context, p bridge.Person, name string) bool {
	for _, known := range s.people(c, p) {
		if known == name {
			return true
		}
	}
	return false
}

// confirm shows the page that says what a deed will do.
func (s *Console) confirm(c *gin.Context, p bridge.Person, r bridge.Request, d deed, t typed, problem error) error {
	view := confirmView{
		frame: s.desk(c, p, d.Word), deed: d, ID: r.ID, Href: requestPath + string(r.ID), Action: requestPath + string(r.ID) + "/" + string(d.Kind),
		Applicant: applicant(r), Plan: r.Terms.Plan, Price: priceOf(r), State: stateOf(r.State()), Text: t.Text, Amount: t.Amount,
	}
	if d.Kind == bridge.DoRefund {
		view.Currency = r.Payment.Collected.Currency
		view.AmountHint = "At most " + web.PlainAmount(r.Payment.Kept()) + ". After a change you are shown what it leads to before anything is done."
	}
	if said, err := t.as(d.Kind, r); err == nil {
		view.Consequences, err = s.consequences(said, p, r, s.cfg.Now())
		if err == nil {
			view.Seen = seenBy(d.Kind, view.Consequences)
			view.Changed = problem == nil && t.Seen != "" && t.Seen != view.Seen
		}
	}
	status := http.StatusOK
	if problem != nil {
		view.Problem, status = bridge.Explain(problem), http.StatusBadRequest
	}
	return s.pages.Render(c, status, "confirm", view)
}
