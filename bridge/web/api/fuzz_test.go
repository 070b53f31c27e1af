package api_test

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"

	"keybridge/bridge"
	"keybridge/bridge/web/api"
)

// fuzzed is a house for a fuzzer, which does not get tired.
func fuzzed(f *testing.F) (*house, bridge.ID) {
	h := newHouse(f, func(cfg *api.Config) { cfg.Burst = 1 << 40 })
	return h, h.put("k")
}

// answers says that a call was understood or refused, and that it is described either way.
// Nothing that a stranger sends is ever a fault of ours.
func (h *house) answers(c call, statuses ...int) {
	h.t.Helper()
	c.odd = true
	a := h.send(c)
	for _, status := range statuses {
		if a.status == status {
			return
		}
	}
	h.t.Errorf("%s %s is answered %d %s", c.method, c.path, a.status, a.body)
}

func FuzzBody(f *testing.F) {
	h, id := fuzzed(f)
	paths := []string{"/requests"}
	for _, d := range deeds {
		paths = append(paths, of(id)+"/"+d.name)
		f.Add(uint8(len(paths)-1), d.body)
	}
	for _, body := range []string{
		`{"portal":"main","developer":"d","plan":"Weather Pro","policies":["pro"],"reasons":{"a":"b"}}`, `{"why":"\ud800"}`, `{"":""}`, `[[[[[[`,
		`{"amount":{"amount":"1e9","currency":"EUR","minor":1e3}}`, `{"amount":{"amount":"99999999999999999999","currency":"JPY"}}`, "{\"text\":\"\x00\"}", `{"a":1}{"b":2}`,
	} {
		f.Add(uint8(4), body)
		f.Add(uint8(0), body)
	}
	h.works()
	h.portal.hold = make(chan struct{})
	h.begins("admin", "") // so that no other does
	paths = append(paths, "/reconciliation")
	f.Add(uint8(len(paths)-1), `{"dry_run":true,"since":"2026-03-01T00:00:00Z"}`)
	made := 0
	f.Fuzz(func(t *testing.T, which uint8, body string) {
		h.t = t
		made++ // not of the body: a fuzzer that minimises sends one again and again, and an id is used once
		h.next = idOf(strconv.Itoa(made), noon)
		c := post("approver", paths[int(which)%len(paths)], body).with("If-Match", h.etag(id))
		h.answers(c, 200, 201, 400, 404, 409, 413, 415)
	})
}

func FuzzFilter(f *testing.F) {
	h, _ := fuzzed(f)
	for _, query := range []string{
		"show=all&state=active&portal=main&plan=x&currency=EUR&least=1&most=2&age=7&assigned=me&q=dana&limit=5", "q=%00%ff", "least=-1&currency=eur", "a;b", "q=" + strings.Repeat("a+", 90),
		"limit=99999999999999999999", "age=1e3", "%zz", "show=all&show=waits", "cursor=AAAA", "assigned=to+",
	} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		h.t = t
		c := get("viewer", "/requests")
		c.query = query
		h.answers(c, 200, 400, 404)
	})
}

func FuzzCursor(f *testing.F) {
	h, _ := fuzzed(f)
	for i := range 3 {
		h.put(strings.Repeat("x", i+1))
	}
	var p page
	h.want(http.StatusOK, get("viewer", "/requests?limit=1&show=all")).into(&p)
	next, err := url.Parse(p.Next)
	if err != nil {
		f.Fatal(err)
	}
	good := next.Query().Get("cursor")
	for _, cursor := range []string{good, good + "A", good[:20], "", "=", "____", strings.Repeat("A", 500)} {
		f.Add(cursor)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		h.t = t
		for _, path := range []string{"/requests", "/audit"} {
			c := get("admin", path)
			c.query = url.Values{"cursor": {cursor}}.Encode()
			h.answers(c, 200, 400)
		}
	})
}

func FuzzHeaders(f *testing.F) {
	h, id := fuzzed(f)
	f.Add(`"1-0"`, `W/"a", *`, "key", "Bearer kbt_viewer", "application/json")
	f.Add(h.etag(id), h.etag(id), `"quoted"`, "bearer  kbt_viewer", "application/json; charset=\"utf-8\"")
	f.Add(`,,"`, `""`, "\x7f", "Bearer", ";;=")
	f.Fuzz(func(t *testing.T, match, noneMatch, key, authorization, kind string) {
		h.t = t
		c := post("viewer", of(id)+"/approve", `{}`)
		c.header = http.Header{"If-Match": {match}, "Idempotency-Key": {key}, "Content-Type": {kind}}
		h.answers(c, 403) // whatever else is wrong
		c.token = "kbt_approver"
		h.answers(c, 200, 400, 409, 412, 415, 422, 428)
		c = get("viewer", of(id)).with("If-None-Match", noneMatch)
		h.answers(c, 200, 304)
		c.header.Set("Authorization", authorization)
		h.answers(c, 200, 304, 401, 429)
	})
}
