package api

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// requestPage is a page of a list of requests.
type requestPage struct {
	Requests []summary `json:"requests"`
	// Next is where the following page is; absent on the last one. A page that has one may
	// be short, or empty.
	Next string `json:"next,omitempty"`
}

// list answers GET /requests.
func (a *API) list(c *gin.Context, p bridge.Person) (reply, error) {
	query, err := readQuery(c, slices.Concat(web.FilterFields, []string{paramLimit, paramCursor})...)
	if err != nil {
		return reply{}, err
	}
	f, faults := a.readRequestFilter(query, p)
	limit, more := readLimit(query)
	faults = append(faults, more...)
	here := list{name: "requests", person: p.Name, filter: f.Query.Encode()}
	after, more := here.place(query.Get(paramCursor))
	if faults = append(faults, more...); len(faults) > 0 {
		return reply{}, wrong(faults...)
	}
	f.Asks.Limit, f.Asks.After = limit, after
	page, err := a.cfg.Service.Desk(p).List(c.Request.Context(), f.Asks)
	if err != nil {
		return reply{}, err
	}
	out := requestPage{Requests: []summary{}, Next: here.next("/requests", query, page.Next)}
	for _, r := range page.Requests {
		out.Requests = append(out.Requests, summaryOf(r))
	}
	return ok(out), nil
}

// on reads the request that a call is about. One that is not there, and one that the
// person is not to know of, are answered alike.
func (a *API) on(c *gin.Context, p bridge.Person) (bridge.Request, error) {
	id, valid := bridge.ParseID(c.Param("id"))
	if !valid {
		return bridge.Request{}, errNoRequest
	}
	r, err := a.cfg.Service.Desk(p).Get(c.Request.Context(), id)
	if bridge.KindOf(err) == bridge.NotFound {
		err = errNoRequest
	}
	return r, err
}

// request answers GET /requests/{id}. That somebody looked is recorded: it names the
// applicant. Who has it already (If-None-Match) is shown nothing.
func (a *API) request(c *gin.Context, p bridge.Person) (reply, error) {
	if _, err := readQuery(c); err != nil {
		return reply{}, err
	}
	r, err := a.on(c, p)
	if err != nil {
		return reply{}, err
	}
	if had(c.Request.Header.Values("If-None-Match"), r.Edition()) {
		return reply{status: http.StatusNotModified, etag: r.Edition()}, nil
	}
	now := a.cfg.Now()
	a.cfg.Record(c.Request.Context(), bridge.Entry{Request: r.ID, At: now.UTC(), Actor: p.Actor(), What: bridge.WhatViewed})
	return reply{status: http.StatusOK, etag: r.Edition(), body: requestOf(r, now)}, nil
}

// historyPage is all of a request's history.
type historyPage struct {
	Entries []entry `json:"entries"`
	// Broken says where the chain is broken; absent while it is whole.
	Broken string `json:"broken,omitempty"`
}

// history answers GET /requests/{id}/history. A chain that is broken is shown as far as it
// goes, and said to be broken.
func (a *API) history(c *gin.Context, p bridge.Person) (reply, error) {
	if _, err := readQuery(c); err != nil {
		return reply{}, err
	}
	r, err := a.on(c, p)
	if err != nil {
		return reply{}, err
	}
	entries, err := a.cfg.Service.Desk(p).History(c.Request.Context(), r.ID)
	out := historyPage{Entries: []entry{}}
	if err != nil {
		damaged := bridge.VerifyHistory(entries, r.Head)
		if _, unread := errors.AsType[*bridge.Error](err); unread || len(entries) == 0 || damaged == nil {
			return reply{}, err
		}
		a.cfg.Log.Error("the history of a request cannot be relied on", "request", r.ID, "error", damaged)
		out.Broken = damaged.Error()
	}
	for _, e := range entries {
		out.Entries = append(out.Entries, entryOf(e))
	}
	return ok(out), nil
}

// tag writes an edition as a strong entity tag (RFC 9110 section 8.8.3).
func tag(edition string) string { return `"` + edition + `"` }

// had reports whether one of the tags that a program has is of an edition. If-None-Match
// compares weakly (RFC 9110 section 13.1.2).
func had(headers []string, edition string) bool {
	for each := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		each = strings.TrimSpace(each)
		if each == "*" || strings.TrimPrefix(each, "W/") == tag(edition) {
			return true
		}
	}
	return false
}

// seen returns which edition a program says it has seen; empty where it does not say. Of
// several it is the one that is so, if one is. A weak tag is none of a request, and neither
// is what cannot be read: both are of another edition.
func seen(headers []string, edition string) string {
	first := ""
	for each := range strings.SplitSeq(strings.Join(headers, ","), ",") {
		each = strings.TrimSpace(each)
		switch {
		case each == tag(edition):
			return edition
		case each == "" || each == "*":
		case first == "":
			first = each
			if inner, opened := strings.CutPrefix(each, `"`); opened && strings.HasSuffix(inner, `"`) {
				first = strings.TrimSuffix(inner, `"`)
			}
		}
	}
	return first
}
