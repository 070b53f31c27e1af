package api

import (
	"maps"
	"slices"
	"strconv"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// person is whose token it is.
type person struct {
	Name string      `json:"name"`
	Role bridge.Role `json:"role"`
	// Portals are those whose requests they may see; absent: all.
	Portals []string           `json:"portals,omitempty"`
	May     []bridge.Operation `json:"may"`
}

// me answers GET /me.
func (a *API) me(c *gin.Context, p bridge.Person) (reply, error) {
	if _, err := readQuery(c); err != nil {
		return reply{}, err
	}
	out := person{Name: p.Name, Role: p.Role, Portals: p.Portals, May: []bridge.Operation{}}
	for _, o := range bridge.Operations() {
		if p.May(o, "") == nil {
			out.May = append(out.May, o)
		}
	}
	return ok(out), nil
}

type portalPage struct {
	Portals []portalView `json:"portals"`
}

type portalView struct {
	Name  string     `json:"name"`
	Title string     `json:"title"`
	Plans []planView `json:"plans"`
}

// planView is a plan and what it demands.
type planView struct {
	Name        string            `json:"name"`
	Policies    []string          `json:"policies,omitempty"`
	PortalPlans []string          `json:"portal_plans,omitempty"`
	Steps       []bridge.StepKind `json:"steps"`
	Prices      []price           `json:"prices,omitempty"`
	Second      *money            `json:"two_persons_above,omitempty"`
}

// portals answers GET /portals: those within the person's scope, with their plans.
func (a *API) portals(c *gin.Context, p bridge.Person) (reply, error) {
	if _, err := readQuery(c); err != nil {
		return reply{}, err
	}
	if err := a.cfg.Service.Desk(p).May(bridge.MaySee, ""); err != nil {
		return reply{}, err
	}
	out := portalPage{Portals: []portalView{}}
	for _, name := range slices.Sorted(maps.Keys(a.cfg.Portals)) {
		if p.Reaches(name) {
			out.Portals = append(out.Portals, portalView{name, a.cfg.Portals[name].Title, a.plansOf(name)})
		}
	}
	return ok(out), nil
}

func (a *API) plansOf(portal string) []planView {
	all := []planView{}
	for _, plan := range a.cfg.Plans {
		if plan.Portal == portal {
			all = append(all, planView{
				plan.Name, plan.Policies, plan.PortalPlans, append([]bridge.StepKind{}, plan.Terms.Steps...), pricesOf(plan.Terms.Lines), moneyOf(plan.Terms.Second),
			})
		}
	}
	return all
}

// auditPage is a page of the house's own entries, oldest first.
type auditPage struct {
	Entries []entry `json:"entries"`
	Next    string  `json:"next,omitempty"`
}

// audit answers GET /audit.
func (a *API) audit(c *gin.Context, p bridge.Person) (reply, error) {
	if err := a.cfg.Service.Desk(p).May(bridge.MayAudit, ""); err != nil {
		return reply{}, err
	}
	if a.cfg.House == nil {
		return reply{}, notOffered("The audit is not kept here.")
	}
	query, err := readQuery(c, paramLimit, paramCursor)
	if err != nil {
		return reply{}, err
	}
	limit, faults := readLimit(query)
	here := list{name: "audit", person: p.Name}
	place, more := here.place(query.Get(paramCursor))
	after, err := strconv.ParseUint("0"+place, 10, 64)
	if err != nil {
		more = []fault{inQuery(paramCursor, "This is no cursor of this list.")}
	}
	if faults = append(faults, more...); len(faults) > 0 {
		return reply{}, wrong(faults...)
	}
	return a.auditAfter(c, here, query, after, limit)
}

func (a *API) auditAfter(c *gin.Context, here list, query map[string][]string, after uint64, limit int) (reply, error) {
	lines, err := a.cfg.House(c.Request.Context(), after, limit)
	if err != nil {
		return reply{}, err
	}
	out := auditPage{Entries: []entry{}}
	for _, line := range lines {
		out.Entries = append(out.Entries, entryOf(line.Entry))
	}
	if len(lines) == limit {
		out.Next = here.next("/audit", query, strconv.FormatUint(lines[limit-1].Entry.Seq, 10))
	}
	return ok(out), nil
}
