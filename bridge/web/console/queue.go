package console

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// queueRoutes are the queue, and one request of it.
func (s *Console) queueRoutes(e *gin.Engine) {
	e.Match(looked, queuePath, s.page(s.seated(s.queue)))
	e.Match(looked, requestPath+":id", s.page(s.seated(s.request)))
	e.Match(looked, requestPath+":id/:do", s.page(s.seated(s.preview)))
	e.POST(requestPath+":id/:do", s.page(s.seated(s.do)))
}

// queueView is the page of the queue.
type queueView struct {
	frame
	Rows []row
	// Parts are what can be shown; the form's fields follow.
	Parts                                    []choice
	States, Portals, Ages, Assigned          []choice
	Plan, Currency, Least, Most, Words, Show string
	Problem                                  map[string]string
	// Refined: something narrows the list. Open: the form stands open.
	Refined bool
	// Here is the page's own address, First the list's beginning.
	Here, First, Back, Onwards string
	// Empty says that there is nothing, in words.
	Empty string
	// Updated is when the list was read, Every after how many milliseconds a script reads it
	// again. A list has no Edition.
	Updated, Edition string
	Every            int
	// Query is the filter as an address has it, Views are the saved ones, and Plans the names
	// that the configuration has.
	Query string
	Views []choice
	Plans []string
	// What can be done with the list: decide about what is ticked, export it, save its filter.
	MayDecide, MayExport, MaySave bool
}

// everyQueue is how often the queue, and a request, are read again.
const everyQueue = 10 * time.Second

// choice is one of several.
type choice struct {
	Value, Text, Href string
	Chosen            bool
	// Count is how many there are; empty: not counted.
	Count string
}

// row is one request in the queue.
type row struct {
	ID                        bridge.ID
	Href                      string
	Age, Since, Moment        string
	Applicant                 who
	Plan, Amount, Portal      string
	State                     state
	Why, Assigned, Unanswered string
	Reasons                   []named
}

// who is an applicant as pages show one.
type who struct{ Name, Organisation, Email, App, ID string }

// named is a value with its name.
type named struct{ Name, Value string }

// queue shows what waits for a person, and everything else by filter.
func (s *Console) queue(c *gin.Context, p bridge.Person) error {
	now := s.cfg.Now()
	f := readFilter(c.Request.URL.Query(), p, now)
	view := s.queueView(c, p, &f)
	if len(f.Problems) > 0 {
		return s.pages.Render(c, http.StatusBadRequest, "queue", view)
	}
	page, err := s.cfg.Service.Desk(p).List(c.Request.Context(), f.Asks)
	if err != nil {
		return err
	}
	for _, r := range page.Requests {
		view.Rows = append(view.Rows, s.row(r, now))
	}
	if page.Next != "" {
		view.Onwards = f.onwards(page.Next)
	}
	view.Empty = emptyWords(&f, page.Next != "")
	return s.pages.Render(c, http.StatusOK, "queue", view)
}

// queueView is the page without its list.
func (s *Console) queueView(c *gin.Context, p bridge.Person, f *filter) queueView {
	view := queueView{
		frame: s.desk(c, p, "Queue"), Show: f.Show(), Problem: f.Problems, Refined: f.Refined(),
		Plan: f.Get(web.FieldPlan), Currency: f.Get(web.FieldCurrency), Least: f.Get(web.FieldLeast), Most: f.Get(web.FieldMost), Words: f.Get(web.FieldWords),
		Here: f.address(f.places), First: f.address(nil), Updated: s.clock(s.cfg.Now()), Every: int(everyQueue.Milliseconds()),
		Query: f.Query.Encode(), Views: s.viewChoices(c, p, f.Filter), Plans: s.plans(p), MayDecide: p.May(bridge.MayReview, "") == nil,
		MayExport: s.cfg.Shelf != nil && p.May(bridge.MayExport, "") == nil, MaySave: s.cfg.Views != nil,
	}
	view.Back, _ = f.back()
	for _, part := range []choice{
		{Value: web.ShowWaits, Text: "Waiting", Count: view.Waiting}, {Value: web.ShowAttention, Text: "Needs attention", Count: view.Attention},
		{Value: web.ShowAll, Text: "All requests"},
	} {
		part.Chosen = part.Value == f.Show()
		part.Href = queuePath + "?" + web.FieldShow + "=" + part.Value
		view.Parts = append(view.Parts, part)
	}
	view.States = choices(f.Get(web.FieldState), "Any", stateChoices())
	view.Portals = choices(f.Get(web.FieldPortal), "Any", s.portalChoices(p))
	view.Ages = choices(f.Get(web.FieldAge), "Any", []choice{
		{Value: "1", Text: "Older than a day"}, {Value: "3", Text: "Older than 3 days"},
		{Value: "7", Text: "Older than a week"}, {Value: "30", Text: "Older than 30 days"},
	})
	view.Assigned = choices(f.Get(web.FieldAssigned), "Anybody or nobody", s.assignedChoices(c, p))
	return view
}

func stateChoices() (all []choice) {
	for _, st := range bridge.States {
		all = append(all, choice{Value: string(st), Text: stateOf(st).Text})
	}
	return all
}

// portalChoices are the portals that a person may know of.
func (s *Console) portalChoices(p bridge.Person) (all []choice) {
	for _, name := range slices.Sorted(maps.Keys(s.cfg.Portals)) {
		if p.Reaches(name) {
			all = append(all, choice{Value: name, Text: s.title(name)})
		}
	}
	return all
}

// plans are the names of the plans that a person may know of, each once.
func (s *Console) plans(p bridge.Person) (names []string) {
	for portal, is := range s.cfg.Portals {
		if p.Reaches(portal) {
			names = append(names, is.Plans...)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

func (s *Console) assignedChoices(c *gin.Context, p bridge.Person) []choice {
	all := []choice{{Value: "me", Text: "Me"}}
	for _, name := range s.people(c, p) {
		if name != p.Name {
			all = append(all, choice{Value: "to " + name, Text: name})
		}
	}
	return all
}

// people are the names that a request can be assigned to. Who cannot be listed is left
// out: the page works without.
func (s *Console) people(c *gin.Context, p bridge.Person) []string {
	names := []string{p.Name}
	if s.cfg.People != nil {
		all, err := s.cfg.People(c.Request.Context())
		if err != nil {
			s.cfg.Log.Warn("the people could not be listed", "error", err)
		}
		names = append(names, all...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// choices are the options of a field, with one for none. What was asked for and is not
// among them is kept, so that the form says what the list was made by.
func choices(chosen, none string, all []choice) []choice {
	all = append([]choice{{Text: none}}, all...)
	i := slices.IndexFunc(all, func(c choice) bool { return c.Value == chosen })
	if i < 0 {
		i = len(all)
		all = append(all, choice{Value: chosen, Text: chosen})
	}
	all[i].Chosen = true
	return all
}

// title is a portal's name for people.
func (s *Console) title(portal string) string { return cmp.Or(s.cfg.Portals[portal].Title, portal) }

func (s *Console) row(r bridge.Request, now time.Time) row {
	return row{
		ID: r.ID, Href: requestPath + string(r.ID), Age: age(now.Sub(r.Created)), Since: r.Created.UTC().Format(time.RFC3339),
		Moment: s.moment(r.Created), Applicant: applicant(r), Plan: r.Terms.Plan, Amount: priceOf(r), Portal: s.title(r.Portal),
		State: stateOf(r.State()), Why: whyWaits(r), Assigned: r.Assigned, Reasons: reasons(r),
		Unanswered: unanswered(r),
	}
}

// unanswered says that a question waits for its answer; empty when none does.
func unanswered(r bridge.Request) string {
	if _, ok := r.Unanswered(); !ok || r.Verdict.Outcome != bridge.Open {
		return ""
	}
	return "The applicant was asked, and has not answered yet."
}

func applicant(r bridge.Request) who {
	a := r.Applicant
	return who{Name: a.Name, Organisation: a.Organisation, Email: a.Email, App: a.App, ID: a.ID}
}

// First is what an applicant is called, by whatever is known of them.
func (w who) First() string { return cmp.Or(w.Name, w.Organisation, w.Email, w.ID, "Not known yet") }

// Rest is what else says who it is.
func (w who) Rest() (rest []string) {
	for _, text := range []string{w.Organisation, w.Email} {
		if text != "" && text != w.First() {
			rest = append(rest, text)
		}
	}
	return rest
}

// reasons are the dynamic fields in the order of their names.
func reasons(r bridge.Request) (all []named) {
	for _, name := range slices.Sorted(maps.Keys(r.Asked.Reasons)) {
		all = append(all, named{name, r.Asked.Reasons[name]})
	}
	return all
}

// priceOf is what a request costs, empty while nobody knows what was asked for.
func priceOf(r bridge.Request) string {
	if r.Access.Have == bridge.Unread {
		return ""
	}
	return price(r.Terms)
}

// price is what a plan costs: "EUR 49.00 every month". Prices of different intervals are
// named one by one, because their sum is the price of nothing.
func price(t bridge.Terms) string {
	if len(t.Lines) == 0 {
		return "free"
	}
	total, ok := t.Total()
	same := ok && !slices.ContainsFunc(t.Lines, func(p bridge.Price) bool { return p.Interval != t.Lines[0].Interval })
	if same {
		return web.FormatPrice(bridge.Price{Amount: total, Interval: t.Lines[0].Interval})
	}
	text := ""
	for i, line := range t.Lines {
		if i > 0 {
			text += " + "
		}
		text += cmp.Or(web.FormatPrice(line), "not quoted yet")
	}
	return text
}

// age is how long something has waited, in its two largest units.
func age(d time.Duration) string {
	minutes := int(d.Minutes())
	switch {
	case minutes < 1:
		return "now"
	case minutes < 60:
		return two(0, "", minutes, " min")
	case minutes < 24*60:
		return two(minutes/60, " h", minutes%60, " min")
	}
	return two(minutes/(24*60), " d", minutes/60%24, " h")
}

// two writes two units, without what is nothing.
func two(large int, ofLarge string, small int, ofSmall string) string {
	switch {
	case large == 0:
		return strconv.Itoa(small) + ofSmall
	case small == 0:
		return strconv.Itoa(large) + ofLarge
	}
	return strconv.Itoa(large) + ofLarge + " " + strconv.Itoa(small) + ofSmall
}

// emptyWords says why a list has nothing on it.
func emptyWords(f *filter, more bool) string {
	switch {
	case more:
		return "Nothing on this page. There is more to look through."
	case f.Refined():
		return "Nothing fits this filter."
	case f.Show() == web.ShowAll:
		return "There are no requests yet."
	}
	return "Nothing waits for a person."
}

func (s *Console) clock(t time.Time) string { return t.In(s.cfg.Zone).Format("15:04:05") }

func (s *Console) moment(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(s.cfg.Zone).Format("2 Jan 2006, 15:04 MST")
}
