package api

import (
	"cmp"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// paramUnit is how long the parts of a report are.
const paramUnit = "unit"

// mostParts is how many parts a report may have.
const mostParts = 400

// span is what a report is about.
type span struct {
	web.Span
	each bridge.PartLength
}

// readSpan reads the days and how they are divided.
func readSpan(query url.Values, now time.Time) (s span, faults []fault) {
	s.each = bridge.PartLength(cmp.Or(query.Get(paramUnit), string(bridge.Daily)))
	var problems map[string]string
	s.Span, problems = web.ReadSpan(query, now)
	for _, field := range slices.Sorted(maps.Keys(problems)) {
		faults = append(faults, inQuery(field, problems[field]))
	}
	days := int(s.To.Sub(s.From).Hours()/24) + 1
	if len(faults) == 0 && s.each == bridge.Daily && days > mostParts {
		faults = append(faults, inQuery(paramUnit, fmt.Sprintf("More than %d days are reported by week or month.", mostParts)))
	}
	if !slices.Contains([]bridge.PartLength{bridge.Daily, bridge.Weekly, bridge.Monthly}, s.each) {
		faults = append(faults, inQuery(paramUnit, "This is day, week or month."))
	}
	return s, faults
}

// reportView is how it goes: the whole span, and its parts.
type reportView struct {
	From    string      `json:"from"`
	To      string      `json:"to"`
	Unit    string      `json:"unit"`
	Portals []string    `json:"portals,omitempty"`
	Counted countedView `json:"counted"`
	Total   sheetView   `json:"total"`
	Parts   []partView  `json:"parts"`
}

// countedView is how far the counting has come; see bridge.Counted.
type countedView struct {
	To      time.Time `json:"to,omitzero"`
	Behind  bool      `json:"behind"`
	Stopped bool      `json:"stopped"`
	Left    int       `json:"left_out"`
}

type partView struct {
	From string `json:"from"`
	To   string `json:"to"`
	sheetView
}

// sheetView is a bridge.Sheet. Money is by plan and currency: currencies are never added up.
type sheetView struct {
	Money    []moneyLine  `json:"money"`
	Stages   []countView  `json:"stages"`
	Time     *timeView    `json:"time_to_key,omitempty"`
	Declined []causeView  `json:"declined"`
	Failed   []failedView `json:"failed"`
}

type moneyLine struct {
	Plan     string `json:"plan"`
	In       *money `json:"in"`
	Back     *money `json:"back"`
	Payments int    `json:"payments"`
}

type countView struct {
	Stage    bridge.Milestone `json:"stage"`
	Requests int              `json:"requests"`
}

// timeView is how long requests took to their key, in seconds.
type timeView struct {
	Median int64 `json:"median_seconds"`
	P95    int64 `json:"p95_seconds"`
}

type causeView struct {
	Cause    bridge.Cause `json:"cause"`
	Requests int          `json:"requests"`
}

type failedView struct {
	Doing string `json:"doing"`
	Times int    `json:"times"`
}

// money answers GET /money with the numbers of the console's pages.
func (a *API) money(c *gin.Context, p bridge.Person) (reply, error) {
	query, err := readQuery(c, web.FieldFrom, web.FieldTo, paramUnit, web.FieldPortal)
	if err != nil {
		return reply{}, err
	}
	portal := query.Get(web.FieldPortal)
	if err := a.cfg.Service.Desk(p).May(bridge.MaySee, portal); err != nil {
		return reply{}, noPortal(err)
	}
	if a.cfg.Report == nil {
		return reply{}, notOffered("No report is kept here.")
	}
	s, faults := readSpan(query, a.cfg.Now())
	if len(faults) > 0 {
		return reply{}, wrong(faults...)
	}
	portals := p.Portals
	if portal != "" {
		portals = []string{portal}
	}
	at, err := a.cfg.Report.Counted(c.Request.Context())
	if err != nil {
		return reply{}, err
	}
	days, err := a.cfg.Report.Between(c.Request.Context(), s.From, s.To, portals)
	if err != nil {
		return reply{}, err
	}
	out := reportOf(s, portals, days)
	out.Counted = countedView{at.To.UTC(), at.Behind, at.Stopped, at.Left}
	return ok(out), nil
}

func reportOf(s span, portals []string, days []bridge.Day) reportView {
	day := func(at time.Time) string { return at.Format(time.DateOnly) }
	out := reportView{
		From: day(s.From), To: day(s.To), Unit: string(s.each), Portals: portals, Total: sheetOf(bridge.AddUp(days)), Parts: []partView{},
	}
	for _, part := range bridge.Parts(days, s.From, s.To, s.each) {
		out.Parts = append(out.Parts, partView{day(part.From), day(part.To), sheetOf(part.Sheet)})
	}
	return out
}

func sheetOf(s bridge.Sheet) sheetView {
	v := sheetView{Money: []moneyLine{}, Stages: []countView{}, Declined: []causeView{}, Failed: []failedView{}}
	for _, l := range s.ByPlan() {
		v.Money = append(v.Money, moneyLine{l.Plan, moneyOf(l.In), moneyOf(l.Back), l.Payments})
	}
	for _, stage := range bridge.Milestones {
		v.Stages = append(v.Stages, countView{stage, s.Milestones[stage]})
	}
	median, known := s.Quantile(0.5)
	if p95, _ := s.Quantile(0.95); known {
		v.Time = &timeView{int64(median.Seconds()), int64(p95.Seconds())}
	}
	for _, cause := range slices.Sorted(maps.Keys(s.Declined)) {
		v.Declined = append(v.Declined, causeView{cause, s.Declined[cause]})
	}
	for _, doing := range slices.Sorted(maps.Keys(s.Failed)) {
		v.Failed = append(v.Failed, failedView{doing, s.Failed[doing]})
	}
	return v
}
