package api_test

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"keybridge/bridge"
	"keybridge/bridge/export"
	"keybridge/bridge/report"
	"keybridge/bridge/web/api"
)

// scope is which portals somebody may see.
type scope struct {
	name    string
	portals []string
}

var scopes = []scope{{"all portals", nil}, {"its portal", []string{"main"}}, {"another portal", []string{"other"}}}

// act is something that is tried: what it takes, on a request or not, and how it is sent.
type act struct {
	name   string
	may    bridge.Operation
	send   func(h *house, id bridge.ID) call
	to     func(*bridge.Request) // nil: it is about no request
	portal string                // that it is about, where it is about no request
	role   bool                  // whether the role does is looked at first, before it is known what it is about
	whole  bool                  // it is about all portals, and refused to who may not see all
}

func acts() []act {
	bare := func(c call) func(*house, bridge.ID) call { return func(*house, bridge.ID) call { return c } }
	all := []act{
		{name: "list", may: bridge.MaySee, send: bare(get("x", "/requests"))},
		{name: "list a portal", may: bridge.MaySee, send: bare(get("x", "/requests?portal=main")), portal: "main"},
		{name: "portals", may: bridge.MaySee, send: bare(get("x", "/portals"))},
		{name: "money", may: bridge.MaySee, send: bare(get("x", "/money"))},
		{name: "money of a portal", may: bridge.MaySee, send: bare(get("x", "/money?portal=main")), portal: "main"},
		{name: "reconciliation", may: bridge.MaySee, send: bare(get("x", "/reconciliation"))},
		{name: "reconcile", may: bridge.MayRetry, send: bare(post("x", "/reconciliation", `{"dry_run": true}`)), whole: true},
		{name: "run", may: bridge.MaySee, send: func(h *house, _ bridge.ID) call { return get("x", strings.TrimPrefix(h.run.Self, api.Base)) }},
		{name: "audit", may: bridge.MayAudit, send: bare(get("x", "/audit"))},
		{name: "export", may: bridge.MayExport, send: bare(post("x", "/exports", `{"as": "csv"}`))},
		{name: "export a portal", may: bridge.MayExport, send: bare(post("x", "/exports", `{"as": "csv", "filter": {"portal": "main"}}`)), portal: "main", role: true},
		{name: "create", may: bridge.MayCreate, send: bare(post("x", "/requests", `{"portal": "main", "developer": "d", "plan": "Weather Pro"}`)), portal: "main", role: true},
		{name: "request", may: bridge.MaySee, to: func(*bridge.Request) {}, send: func(_ *house, id bridge.ID) call { return get("x", of(id)) }},
		{name: "history", may: bridge.MaySee, to: func(*bridge.Request) {}, send: func(_ *house, id bridge.ID) call { return get("x", of(id)+"/history") }},
	}
	for _, d := range deeds {
		all = append(all, act{name: d.name, may: d.may, to: d.to, send: func(h *house, id bridge.ID) call {
			return post("x", of(id)+"/"+d.name, d.body).with("If-Match", h.etag(id))
		}})
	}
	return all
}

// TestEveryRoleDoesWhatItMayAndIsRefusedTheRest tries every operation for every role and
// scope. What is so is what bridge.Person.May says; what is refused is told of, names the
// request where there is one, and says nothing of what another portal has.
func TestEveryRoleDoesWhatItMayAndIsRefusedTheRest(t *testing.T) {
	h, is := newMatrix(t)
	for _, role := range append([]bridge.Role{"", "owner"}, bridge.Roles...) {
		for _, sc := range scopes {
			is.Role, is.Portals = role, sc.portals
			for _, a := range acts() {
				t.Run(string(role)+" of "+sc.name+" "+a.name, func(t *testing.T) {
					h.t = t
					id := bridge.ID("")
					if a.to != nil {
						id = h.put(t.Name(), a.to)
					}
					h.next = idOf(t.Name()+" made", noon)
					made, before := len(h.portal.made), h.edition(id)
					got := h.send(a.send(h, id))
					h.check(got, a.expected(*is), id)
					if a.whole && got.status == http.StatusAccepted {
						got.into(&h.run)
						h.run = h.ends("x", h.run)
					}
					if got.status >= 300 && (h.edition(id) != before || len(h.portal.made) != made) {
						t.Error("it was done all the same")
					}
				})
			}
		}
	}
}

// expected is what becomes of an act by bridge.Person.May: nil, or why it may not be.
func (a act) expected(p bridge.Person) error {
	portal := a.portal
	if a.to != nil {
		portal = "main"
	}
	err := p.May(a.may, portal)
	switch {
	case a.role && p.May(a.may, "") != nil:
		return p.May(a.may, "")
	case err == nil && a.whole && len(p.Portals) > 0:
		return &bridge.Error{Kind: bridge.Denied}
	case err == nil && a.to != nil:
		return p.May(bridge.MaySee, portal)
	}
	return err
}

// newMatrix is a house with everything in it, in which every token is one person's, who
// may be changed.
func newMatrix(t *testing.T) (*house, *bridge.Person) {
	shelf, err := export.New(export.Config{Folder: filepath.Join(t.TempDir(), "exports"), Each: 1000, All: 1000})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shelf.Close() })
	h, is := newHouse(t), &bridge.Person{Name: "pat"}
	sheets, err := report.New(report.Config{Store: h.store})
	if err != nil {
		t.Fatal(err)
	}
	h.remake(func(cfg *api.Config) {
		cfg.Report, cfg.Shelf, cfg.Burst = sheets, shelf, 100_000
		cfg.Who = func(context.Context, string) (bridge.Person, error) { return *is, nil }
	})
	h.works()
	is.Role = bridge.Admin
	h.run = h.ends("x", h.begins("x", ""))
	return h, is
}

// edition is that of a request, empty where there is none.
func (h *house) edition(id bridge.ID) string {
	if id == "" {
		return ""
	}
	return h.get(id).Edition()
}

// check holds an answer against what may be.
func (h *house) check(got answer, want error, id bridge.ID) {
	h.t.Helper()
	told := h.told()
	if want == nil {
		if got.status >= 300 || len(told) > 0 {
			h.t.Errorf("it may be done, and is answered %d %s; refused: %v", got.status, got.body, told)
		}
		return
	}
	status := map[bridge.Kind]int{bridge.Denied: http.StatusForbidden, bridge.NotFound: http.StatusNotFound}[bridge.KindOf(want)]
	if got.status != status {
		h.t.Errorf("it is answered %d %s, want %d", got.status, got.body, status)
	}
	if len(told) != 1 || told[0].Who != "pat" || told[0].ID != id {
		h.t.Errorf("refusals: %v, want one about %q", told, id)
	}
}

func TestWhatIsInAnotherPortalIsAnsweredAsIfItWereNot(t *testing.T) {
	h := newHouse(t)
	there := h.put("there") // in main, which olga is not to know of
	const nowhere = bridge.ID("01JPA2B3C4D5E6F7G8H9JKMNPQ")
	for _, path := range []string{"", "/history"} {
		real, made := h.want(404, get("other", of(there)+path)), h.want(404, get("other", of(nowhere)+path))
		if string(real.body) != replaced(made.body, nowhere, there) {
			t.Errorf("%s\n%s", real.body, made.body)
		}
	}
	for _, d := range deeds {
		c := func(id bridge.ID) call {
			return post("other", of(id)+"/"+d.name, d.body).with("If-Match", `"1-0"`).with("Idempotency-Key", d.name)
		}
		real, made := h.want(404, c(there)), h.want(404, c(nowhere))
		if string(real.body) != replaced(made.body, nowhere, there) {
			t.Errorf("%s: %s\n%s", d.name, real.body, made.body)
		}
	}
	body := func(portal string) string {
		return `{"portal": "` + portal + `", "developer": "d", "plan": "Weather Pro"}`
	}
	real, made := h.want(404, post("other", "/requests", body("main"))), h.want(404, post("other", "/requests", body("nowhere")))
	if string(real.body) != string(made.body) {
		t.Errorf("%s\n%s", real.body, made.body)
	}
	if told := h.told(); len(told) == 0 || told[0] != (refusal{"olga", bridge.MaySee, there}) {
		t.Errorf("told %v", told)
	}
	var p page
	h.want(200, get("other", "/requests?show=all&q=dana")).into(&p)
	if len(p.Requests) != 0 {
		t.Errorf("olga finds %v", p.Requests)
	}
}
