package main

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"

	tyksandbox "keybridge/bridge/tyk/sandbox"
)

// portalEnd is one of the torture's portals, as its developers and its admin see it.
type portalEnd interface {
	// ask files what is wished for as the portal's form or cart does.
	ask(w wish) (asked, error)
	// waiting are the ids of the newest that wait for a decision.
	waiting() ([]string, error)
	// decides lets the portal's own admin approve what waits, or get rid of it.
	decides(id string, approves bool) error
	// misbehaves has the next calls of its API go wrong, heal lets nothing go wrong.
	misbehaves(kind tyksandbox.FaultKind, times int) error
	heal() error
	// looks says how everything stands in the portal; closely, which keys open something
	// too.
	looks(closely bool) (portalView, error)
	// told are the ids of which a webhook has told that was answered with 2xx.
	told() (map[string]bool, error)
}

// portalView is how everything stands in a portal.
type portalView struct {
	// waits says of each key request that is there whether it waits; what was turned down
	// is not there.
	waits map[string]bool
	// rings are the developers' keys, by e-mail address.
	rings map[string]ring
}

// ring counts a developer's keys.
type ring struct {
	keys, work int // work: those that open something
}

// told is a portal's webhook and what became of it.
type told struct {
	Event   string `json:"event"`
	Request string `json:"request"`
	Status  int    `json:"status"`
}

// toldBy are the requests whose event was answered with 2xx.
func (f *farEnd) toldBy(portal, event string) (map[string]bool, error) {
	var all []told
	if err := f.call(http.MethodGet, portal+"/sandbox/webhooks", "", nil, &all); err != nil {
		return nil, err
	}
	told := map[string]bool{}
	for _, d := range all {
		if d.Event == event && d.Status >= 200 && d.Status < 300 {
			told[d.Request] = true
		}
	}
	return told, nil
}

// fault has the next calls below a path go wrong.
func (f *farEnd) fault(portal, path string, kind tyksandbox.FaultKind, times int) error {
	return f.call(http.MethodPost, portal+"/sandbox/faults", "", map[string]any{
		"path": path, "kind": kind, "times": times, "retry_after": 1,
	}, nil)
}

func (f *farEnd) healed(address string) error {
	return f.call(http.MethodDelete, address+"/sandbox/faults", "", nil, nil)
}

// classicEnd is the Classic Portal.
type classicEnd struct{ *farEnd }

func (c classicEnd) dashboard(method, path string, into any) error {
	return c.call(method, c.place.Portal+"/api/"+path, c.place.DashboardSecret, nil, into)
}

func (c classicEnd) ask(w wish) (a asked, err error) {
	err = c.call(http.MethodPost, c.place.Portal+"/sandbox/requests", "", tyksandbox.Ask{
		Email: w.email, Policies: []string{w.policy}, Fields: map[string]string{"What will you build?": "a boat"},
	}, &a)
	return a, err
}

func (c classicEnd) waiting() (ids []string, err error) {
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"Data"`
	}
	err = c.dashboard(http.MethodGet, "portal/requests?approved=false&p=0", &list)
	for _, k := range list.Data {
		ids = append(ids, k.ID)
	}
	return ids, err
}

func (c classicEnd) decides(id string, approves bool) error {
	if approves {
		return c.dashboard(http.MethodPut, "portal/requests/approve/"+id, nil)
	}
	return c.dashboard(http.MethodDelete, "portal/requests/"+id, nil)
}

func (c classicEnd) misbehaves(kind tyksandbox.FaultKind, times int) error {
	return c.fault(c.place.Portal, "/api/", kind, times)
}

func (c classicEnd) heal() error { return c.healed(c.place.Portal) }

func (c classicEnd) told() (map[string]bool, error) {
	return c.toldBy(c.place.Portal, "key_request_event.submitted")
}

func (c classicEnd) looks(closely bool) (portalView, error) {
	var list struct {
		Data []struct {
			ID       string `json:"id"`
			Approved bool   `json:"approved"`
		} `json:"Data"`
	}
	var developers struct {
		Data []struct {
			Email string              `json:"email"`
			Keys  map[string][]string `json:"keys"`
		} `json:"Data"`
	}
	v := portalView{waits: map[string]bool{}, rings: map[string]ring{}}
	if err := errors.Join(
		c.dashboard(http.MethodGet, "portal/requests?p=-1", &list), c.dashboard(http.MethodGet, "portal/developers?p=-1", &developers),
	); err != nil {
		return v, err
	}
	for _, k := range list.Data {
		v.waits[k.ID] = !k.Approved
	}
	for _, d := range developers.Data {
		has := ring{keys: len(d.Keys)}
		for id := range d.Keys {
			if !closely {
				break
			}
			works, err := c.works(id)
			if err != nil {
				return v, err
			}
			if works {
				has.work++
			}
		}
		v.rings[d.Email] = has
	}
	return v, nil
}

// works reports whether the gateway lets a key through.
func (c classicEnd) works(id string) (bool, error) {
	var key struct {
		Data struct {
			Inactive bool `json:"is_inactive"`
		} `json:"data"`
	}
	err := c.dashboard(http.MethodGet, "keys/"+id+"?hashed=true", &key)
	return !key.Data.Inactive, err
}

// partnersEnd is the Enterprise Portal.
type partnersEnd struct{ *farEnd }

func (p partnersEnd) manage(method, path string, body, into any) error {
	return p.call(method, p.place.Enterprise+"/portal-api/"+path, p.place.EnterpriseSecret, body, into)
}

// settle has the portal lead browsers on to a bridge, and approve nothing by itself: then
// nothing would be left to decide.
func (p partnersEnd) settle(bridge string) error {
	return errors.Join(
		p.call(http.MethodPatch, p.place.Enterprise+"/sandbox/settings", "", map[string]string{"theme_link": bridge + "/handoff/" + demoEnterprise}, nil),
		p.manage(http.MethodPut, "plans/"+strconv.Itoa(tyksandbox.FreePlan), map[string]bool{"AutoApproveAccessRequests": false}, nil),
	)
}

func (p partnersEnd) ask(w wish) (asked, error) {
	var filed struct {
		ID   int    `json:"id"`
		Link string `json:"link"`
	}
	err := p.call(http.MethodPost, p.place.Enterprise+"/sandbox/access_requests", "", tyksandbox.AccessAsk{
		Email: w.email, Products: []int{w.product}, Plan: w.tier,
	}, &filed)
	return asked{ID: strconv.Itoa(filed.ID), Redirect: filed.Link}, err
}

// accessRequest is one as the portal's API lists it.
type accessRequest struct {
	ID          int
	Status      string
	User        string
	Credentials []struct{ ID int }
}

// pageful is how many records the torture asks the Enterprise Portal for at once.
const pageful = 1000

// all reads a list of the portal to its end.
func all[T any](p partnersEnd, path string) (records []T, err error) {
	for page := 1; ; page++ {
		var some []T
		if err := p.manage(http.MethodGet, fmt.Sprintf("%s?page=%d&per_page=%d", path, page, pageful), nil, &some); err != nil {
			return nil, err
		}
		records = append(records, some...)
		if len(some) < pageful {
			return records, nil
		}
	}
}

func (p partnersEnd) waiting() (ids []string, err error) {
	var list []accessRequest
	err = p.manage(http.MethodGet, "access_requests", nil, &list)
	for _, a := range list {
		if a.Status == tyksandbox.Pending {
			ids = append(ids, strconv.Itoa(a.ID))
		}
	}
	return ids, err
}

func (p partnersEnd) decides(id string, approves bool) error {
	if approves {
		return p.manage(http.MethodPut, "access_requests/"+id+"/approve", nil, nil)
	}
	return p.manage(http.MethodPut, "access_requests/"+id+"/reject", nil, nil)
}

func (p partnersEnd) misbehaves(kind tyksandbox.FaultKind, times int) error {
	return p.fault(p.place.Enterprise, "/portal-api/", kind, times)
}

func (p partnersEnd) heal() error { return p.healed(p.place.Enterprise) }

func (p partnersEnd) told() (map[string]bool, error) {
	return p.toldBy(p.place.Enterprise, "AccessRequestCreated")
}

func (p partnersEnd) looks(bool) (portalView, error) {
	v := portalView{waits: map[string]bool{}, rings: map[string]ring{}}
	requests, err := all[accessRequest](p, "access_requests")
	if err != nil {
		return v, err
	}
	users, err := all[struct {
		ID    int
		Email string
	}](p, "users")
	if err != nil {
		return v, err
	}
	emails := map[string]string{}
	for _, u := range users {
		emails["User#"+strconv.Itoa(u.ID)] = u.Email
	}
	for _, a := range requests {
		if a.Status != tyksandbox.Rejected {
			v.waits[strconv.Itoa(a.ID)] = a.Status == tyksandbox.Pending
		}
		has := v.rings[emails[a.User]]
		has.keys += len(a.Credentials)
		has.work = has.keys // one that opens nothing is deleted
		v.rings[emails[a.User]] = has
	}
	return v, nil
}
