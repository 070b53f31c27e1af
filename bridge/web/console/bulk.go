package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// The fields of the form that decides many requests at once.
const (
	// fieldDo is approve or decline, fieldID a request that was ticked, once for each.
	fieldDo = "do"
	fieldID = "id"
	// fieldSeen is a request that was shown, with its Edition: "01K… 12-ab…", once for each.
	fieldSeen = "seen"
	// fieldFrom is the queue's address, to go back to.
	fieldFrom = "from"
)

// mostAtOnce is how many requests are decided at once: a page of the queue.
const mostAtOnce = perPage

// bulkTime is how long deciding may take: less than an answer may.
const bulkTime = 25 * time.Second

// bulkDeeds are what can be done to many requests at once.
var bulkDeeds = []bridge.DeedKind{bridge.DoApprove, bridge.DoDecline}

// decidedWords say what was done to a request by a deed.
var decidedWords = map[bridge.DeedKind]string{bridge.DoApprove: "approved", bridge.DoDecline: "declined"}

// ticked is a request that was chosen, and the Edition that was shown; empty where none was.
type ticked struct {
	ID   bridge.ID
	Seen string
}

// bulkView is the page that says what will become of each request, or what has.
type bulkView struct {
	frame
	deed
	// Lines are the requests that it is done to, or was; Left are those left out.
	Lines, Left []bulkLine
	From, Text  string
	// Problem says what is wrong with what was typed, Says how it went.
	Problem, Says string
	// Over: it was done.
	Over bool
}

// bulkLine is one request of many.
type bulkLine struct {
	ID, Href, Seen string
	Applicant      who
	Plan, Price    string
	State          state
	// Says are what it leads to, or why it is left out.
	Says []string
}

// bulk shows what deciding about many requests at once will lead to, or, for those whose
// editions the form says were shown, decides.
func (s *Console) bulk(c *gin.Context, p bridge.Person) error {
	form, err := sent(c)
	if err != nil {
		return err
	}
	d, ok := deedOf(form.Get(fieldDo))
	if !ok || !slices.Contains(bulkDeeds, d.Kind) {
		return errNotHere
	}
	from := onlyHere(form.Get(fieldFrom))
	if err := s.cfg.Service.Desk(p).May(d.Kind.Operation(), ""); err != nil {
		return err
	}
	chosen, err := readTicked(form)
	if err != nil {
		e := *asPage(err)
		e.Back, e.Word = from, "Back to the queue"
		return &e
	}
	view := bulkView{frame: s.desk(c, p, d.Word), deed: d, From: from, Text: strings.TrimSpace(form.Get("text"))}
	shown := len(form[fieldSeen]) > 0
	switch err := view.said().Complete(); {
	case shown && err == nil:
		return s.bulkDo(c, p, view, chosen)
	case shown:
		view.Problem = bridge.Explain(err)
	}
	return s.bulkPreview(c, p, view, chosen)
}

// said is what is done to each request.
func (v bulkView) said() bridge.Deed { return bridge.Deed{Kind: v.Kind, Text: v.Text} }

// readTicked reads which requests a form is about, each once. Invalid for none, for too
// many, and for what is no request's id.
func readTicked(form url.Values) (all []ticked, err error) {
	texts := form[fieldID]
	if shown := form[fieldSeen]; len(shown) > 0 {
		texts = shown
	}
	for _, text := range texts {
		name, seen, _ := strings.Cut(text, " ")
		id, ok := bridge.ParseID(name)
		if !ok {
			return nil, &bridge.Error{Kind: bridge.Invalid, Msg: "What was ticked cannot be read. Nothing was done."}
		}
		if !slices.ContainsFunc(all, func(t ticked) bool { return t.ID == id }) {
			all = append(all, ticked{id, seen})
		}
	}
	switch {
	case len(all) == 0:
		return nil, &bridge.Error{Kind: bridge.Invalid, Msg: "Nothing is ticked. Tick the requests in the queue first."}
	case len(all) > mostAtOnce:
		return nil, &bridge.Error{Kind: bridge.Invalid, Msg: fmt.Sprintf("At most %d requests are decided at once. Nothing was done.", mostAtOnce)}
	}
	return all, nil
}

// bulkPreview says for each request what will happen to it, or why it is left out.
func (s *Console) bulkPreview(c *gin.Context, p bridge.Person, view bulkView, chosen []ticked) error {
	now := s.cfg.Now()
	for _, t := range chosen {
		r, err := s.cfg.Service.Desk(p).Get(c.Request.Context(), t.ID)
		if err == nil {
			err = errors.Join(s.cfg.Service.Desk(p).Barred(view.Kind, r), r.Allows(view.Kind))
		}
		var says []string
		if err == nil {
			says, err = s.consequences(view.said(), p, r, now)
		}
		line := s.bulkLine(t.ID, r)
		if err != nil {
			line.Says = []string{s.why(c, err)}
			view.Left = append(view.Left, line)
			continue
		}
		line.Says = says
		line.Seen = string(r.ID) + " " + r.Edition()
		view.Lines = append(view.Lines, line)
	}
	view.Title = view.Word + " " + count(len(view.Lines), "request")
	if len(view.Lines) == 0 {
		view.Title = "Nothing here can be " + decidedWords[view.Kind]
	}
	status := http.StatusOK
	if view.Problem != "" {
		status = http.StatusBadRequest
	}
	return s.pages.Render(c, status, "bulk", view)
}

// bulkLine is a request as the page shows it. Of one that could not be read there is its id.
func (s *Console) bulkLine(id bridge.ID, r bridge.Request) bulkLine {
	line := bulkLine{ID: string(id), Href: requestPath + string(id)}
	if r.ID != "" {
		line.Applicant, line.Plan, line.Price, line.State = applicant(r), r.Terms.Plan, priceOf(r), stateOf(r.State())
	}
	return line
}

// why says in words why a request is left out. What is ours to mend is logged.
func (s *Console) why(c *gin.Context, err error) string {
	if errors.Is(err, context.DeadlineExceeded) {
		return "There was no time left to find out whether this was done. Look at it."
	}
	if bridge.KindOf(err) == bridge.Internal {
		s.cfg.Log.Error("one of many requests could not be decided", "route", c.FullPath(), "error", err)
	}
	return bridge.Explain(err)
}

// bulkDo decides about each request, and says what became of it. What has begun is gone
// through with, whatever becomes of the browser: each is a decision of its own.
func (s *Console) bulkDo(c *gin.Context, p bridge.Person, view bulkView, chosen []ticked) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), bulkTime)
	defer cancel()
	view.Over = true
	for _, t := range chosen {
		r, says, err := s.bulkOne(ctx, p, view.said(), t)
		line := s.bulkLine(t.ID, r)
		if err != nil {
			line.Says = []string{s.why(c, err)}
			view.Left = append(view.Left, line)
			continue
		}
		line.Says = []string{says}
		view.Lines = append(view.Lines, line)
	}
	view.frame = s.desk(c, p, view.Word+": done") // what waits was counted before
	view.Says = view.summary()
	return s.pages.Render(c, http.StatusOK, "bulk", view)
}

// summary says how many were decided, how many of them wait for a second person, and how
// many were left out.
func (v bulkView) summary() string {
	done := 0
	for _, line := range v.Lines {
		if slices.Contains(line.Says, v.Done) {
			done++
		}
	}
	text := count(done, "request") + " " + decidedWords[v.Kind] + "."
	if n := len(v.Lines) - done; n > 0 {
		text += " " + count(n, "approval") + " kept until a second person's."
	}
	if n := len(v.Left); n > 0 {
		text += " " + count(n, "request") + " left out."
	}
	return text
}

// bulkOne decides about one request, if it is still as it was shown, and returns it as it
// is now, with what was done. A repetition does nothing and says the same: the edition
// that was shown is the key of the decision (Desk.Once).
func (s *Console) bulkOne(ctx context.Context, p bridge.Person, d bridge.Deed, t ticked) (bridge.Request, string, error) {
	desk := s.cfg.Service.Desk(p)
	r, err := desk.Get(ctx, t.ID)
	if err != nil {
		return r, "", err
	}
	if t.Seen == "" {
		return r, "", bridge.ErrMoved
	}
	mine := func(m bridge.Mark) bool { return m.By == p.Actor() }
	if d.Kind != bridge.DoApprove || !slices.ContainsFunc(r.Seconded, mine) { // who was first would be refused as a second
		err = desk.Once("bulk "+t.Seen).Seen(t.Seen).Do(ctx, t.ID, d)
	}
	if err != nil {
		return r, "", err
	}
	if r, err = desk.Get(ctx, t.ID); err != nil {
		return r, "", err
	}
	return r, flash(d.Kind, r), nil
}
