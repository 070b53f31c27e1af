package web

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// A person of the house may ask the applicant a question. The applicant is mailed it, and
// reads and answers it here. Questions and answers are free text about a person, so they
// are shown to who is known to be the applicant, and only they may answer.

// mostForm is the most that a form may send: more than any answer that is taken, so that
// one that is too long comes back to be shortened.
const mostForm = 64 << 10

// The fields of the form.
const (
	fieldAnswer = "answer"
	fieldTo     = "to" // which question is answered: its place among the notes
)

// questionView is the question that waits, with the form to answer it.
type questionView struct {
	Text string
	Post string // where the answer goes
	To   string
	// Answer is what was written already, Wrong what is wrong with it.
	Answer, Wrong string
}

// noteView is a question that was asked, or an answer that was given.
type noteView struct {
	Answer     bool
	When, Text string
}

// talk is what a page shows of questions and answers.
type talk struct {
	Question *questionView
	// Elsewhere says, to who may not read it here, how to get at the question that waits.
	Elsewhere string
	// Sent is when the last question was answered; empty where none was, or where it does
	// not matter any more.
	Sent string
	// Earlier are the questions that do not wait for their answer here, and the answers,
	// the oldest first.
	Earlier []noteView
	// Lost is an answer that nothing waits for, Why says so.
	Lost, Why string
}

// waiting returns the question that waits for the applicant, and its place among the
// notes. A decision leaves none.
func waiting(r bridge.Request) (q bridge.Note, place int, ok bool) {
	q, ok = r.Unanswered()
	if !ok || r.Verdict.Outcome != bridge.Open {
		return bridge.Note{}, 0, false
	}
	for i, n := range slices.Backward(r.Notes) {
		if n.Kind == bridge.Question {
			return q, i, true
		}
	}
	return bridge.Note{}, 0, false
}

// asks reports whether a page asks who looks at it for an answer. Nothing is asked of a
// deactivated account.
func asks(r bridge.Request, who visitor) bool {
	_, _, waits := waiting(r)
	return waits && who.known && !inactive(r)
}

// talkOf is what a page shows of questions and answers to who looks at it.
func (s *Server) talkOf(c *gin.Context, r bridge.Request, who visitor) talk {
	q, place, waits := waiting(r)
	var t talk
	switch {
	case !who.known && waits && !inactive(r):
		t.Elsewhere = elsewhere(r)
		return t
	case !who.known:
		return t
	case asks(r, who):
		t.Question = &questionView{Text: q.Text, Post: s.pagePath(c) + "/answer", To: strconv.Itoa(place)}
	}
	for i, n := range r.Notes {
		if n.Text != "" && n.Kind != bridge.Remark && (t.Question == nil || i != place) {
			t.Earlier = append(t.Earlier, noteView{Answer: n.Kind == bridge.Answer, When: moment(n.At), Text: n.Text})
		}
	}
	if last := len(t.Earlier) - 1; last >= 0 && !waits && t.Earlier[last].Answer && r.Verdict.Outcome == bridge.Open {
		t.Sent = t.Earlier[last].When
	}
	return t
}

// elsewhere says how the applicant gets at their question.
func elsewhere(r bridge.Request) string {
	if r.Applicant.Email != "" && slices.Contains(r.Terms.Tell, bridge.TellQuestion) {
		return "There is a question about your request. It was mailed to you: open the link in that mail to read and answer it."
	}
	return "There is a question about your request. It is shown to nobody but you, and this page cannot tell that it is you: go back to the portal and open your request from there, or ask for help."
}

// answer takes in the applicant's answer to the question that waits.
func (s *Server) answer(c *gin.Context) error {
	r, who, err := s.mine(c)
	if err != nil {
		return err
	}
	if !who.known {
		return s.notHere(r)
	}
	text, to, err := readAnswer(c)
	if err != nil {
		return err
	}
	_, place, waits := waiting(r)
	if !waits || to != strconv.Itoa(place) {
		return s.late(c, r, who, text)
	}
	if wrong := wrongWith(text); wrong != "" {
		return s.again(c, r, who, http.StatusUnprocessableEntity, text, wrong)
	}
	err = s.cfg.Service.Answer(c.Request.Context(), r.ID, place, text)
	if bridge.KindOf(err) == bridge.Conflict { // it was answered between the two
		if r, err = s.cfg.Service.Get(c.Request.Context(), r.ID); err == nil {
			return s.late(c, r, who, text)
		}
	}
	if err != nil {
		return err
	}
	c.Redirect(http.StatusSeeOther, s.pagePath(c)+"#answered")
	return nil
}

// notHere refuses an answer of somebody of whom it is not known that they are the
// applicant.
func (s *Server) notHere(r bridge.Request) error {
	e := &pageError{Status: http.StatusForbidden, Title: "This page takes no answer", Text: "Nothing was sent: no question waits for an answer.", Home: s.portalOf(r).Home}
	if _, _, waits := waiting(r); waits {
		e.Text = "Nothing was sent. " + elsewhere(r)
	}
	return e
}

// answered leads who asks for the address that a form is sent to, to the page with the
// form: a browser stays there when an answer comes back.
func (s *Server) answered(c *gin.Context) error {
	if _, _, err := s.mine(c); err != nil {
		return err
	}
	c.Redirect(http.StatusSeeOther, s.pagePath(c))
	return nil
}

// readAnswer reads the form: the answer without what no keyboard types, and which question
// it is about.
func readAnswer(c *gin.Context) (text, to string, err error) {
	c.Request.Body = http.MaxBytesReader(c.Writer, c.Request.Body, mostForm)
	err = c.Request.ParseForm()
	if _, tooBig := errors.AsType[*http.MaxBytesError](err); tooBig {
		return "", "", &pageError{Status: http.StatusRequestEntityTooLarge, Title: "That is far too long",
			Text: fmt.Sprintf("Nothing was sent: an answer has at most %d characters. Go back, shorten yours and send it again.", bridge.LongestNote)}
	}
	if err != nil {
		return "", "", &pageError{Status: http.StatusBadRequest, Title: "That could not be read",
			Text: "Nothing was sent. Go back and send your answer again.", Err: errors.New("a form that is none")}
	}
	return typed(c.Request.PostForm.Get(fieldAnswer)), c.Request.PostForm.Get(fieldTo), nil
}

// typed is a text as somebody may have typed it: with plain line ends and no controls.
func typed(text string) string {
	text = strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(strings.ToValidUTF8(text, string(utf8.RuneError)))
	text = strings.Map(func(c rune) rune {
		if unicode.IsControl(c) && c != '\n' && c != '\t' {
			return -1
		}
		return c
	}, text)
	return strings.TrimSpace(text)
}

// wrongWith says what is wrong with an answer; empty: nothing.
func wrongWith(text string) string {
	if text == "" {
		return "Write your answer first."
	}
	if len(text) <= bridge.LongestNote {
		return ""
	}
	over := utf8.RuneCountInString(text[bridge.LongestNote:])
	if over == 1 {
		return "Your answer is too long. Shorten it by one character."
	}
	return fmt.Sprintf("Your answer is too long. Shorten it by about %d characters.", over)
}

// again shows the page with what was written and what is wrong with it.
func (s *Server) again(c *gin.Context, r bridge.Request, who visitor, status int, text, wrong string) error {
	v := view{Status: status, talk: s.talkOf(c, r, who)}
	if byProgram(c.Request) || v.Question == nil {
		return &pageError{Status: status, Title: "Your answer was not sent", Text: wrong, Home: s.portalOf(r).Home}
	}
	v.Question.Answer, v.Question.Wrong = text, wrong
	return s.show(c, r, who, v)
}

// late deals with an answer to a question that does not wait any more. One that was sent
// twice is there; any other is given back, because somebody wrote it.
func (s *Server) late(c *gin.Context, r bridge.Request, who visitor, text string) error {
	given := slices.ContainsFunc(r.Notes, func(n bridge.Note) bool { return n.Kind == bridge.Answer && n.Text == text })
	if given || text == "" {
		c.Redirect(http.StatusSeeOther, s.pagePath(c)+"#answered")
		return nil
	}
	if _, _, waits := waiting(r); waits {
		return s.again(c, r, who, http.StatusConflict, text, "Another question was asked meanwhile. Read it, change your answer if need be, and send it again.")
	}
	why := "The question does not wait for an answer any more. What you wrote was not sent:"
	if byProgram(c.Request) {
		return &pageError{Status: http.StatusConflict, Title: "Your answer was not sent", Text: strings.TrimSuffix(why, ":") + "."}
	}
	v := view{Status: http.StatusConflict, talk: s.talkOf(c, r, who)}
	v.Lost, v.Why = text, why
	return s.show(c, r, who, v)
}
