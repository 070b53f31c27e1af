package sandbox_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge/tyk/sandbox"
)

// The ids of the samples in Tyk's documents.
const (
	sampleOrg    = "53ac07777cbb8c2d53000002"
	sampleUser   = "554c733a30c55e4b16000002"
	samplePolicy = "554c789030c55e4ca0101002"
)

func samplePortal(t *testing.T) *portal {
	t.Helper()
	return newPortal(t, sandbox.Config{
		Org:        sampleOrg,
		Developers: []sandbox.Developer{{ID: sampleUser, Email: "dev@example.com", Password: "sunny"}},
		Catalogue:  []sandbox.CatalogueEntry{{Name: "New catalogue", Show: true, PolicyID: samplePolicy, Version: "v2"}},
	})
}

// sample reads a sample of the documents, kept in testdata/seeds with its comments and slips of syntax taken out.
func sample(t *testing.T, name string) any {
	t.Helper()
	text, err := os.ReadFile("testdata/seeds/" + name + ".json")
	if err != nil {
		t.Fatal(err)
	}
	return parsed(t, string(text))
}

func parsed(t *testing.T, text string) any {
	t.Helper()
	var v any
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	return v
}

// missing lists what the sample has and the answer lacks: members, elements and kinds of value.
func missing(path string, want, got any) []string {
	switch want := want.(type) {
	case map[string]any:
		have, is := got.(map[string]any)
		if !is {
			return []string{fmt.Sprintf("%s is %T", path, got)}
		}
		var lacks []string
		for name, value := range want {
			if strings.HasPrefix(name, "<") {
				continue // a placeholder of the documents
			}
			if _, there := have[name]; !there {
				lacks = append(lacks, path+"."+name)
				continue
			}
			lacks = append(lacks, missing(path+"."+name, value, have[name])...)
		}
		return lacks
	case []any:
		have, is := got.([]any)
		if !is || len(have) < len(want) {
			return []string{fmt.Sprintf("%s is %v", path, got)}
		}
		var lacks []string
		for i := range want {
			lacks = append(lacks, missing(fmt.Sprintf("%s[%d]", path, i), want[i], have[i])...)
		}
		return lacks
	case nil:
		return nil // Meta: null or text, the documents show both
	}
	if w, g := fmt.Sprintf("%T", want), fmt.Sprintf("%T", got); w != g {
		return []string{fmt.Sprintf("%s is %s, not %s", path, g, w)}
	}
	return nil
}

func like(t *testing.T, name string, got answer) {
	t.Helper()
	if got.status != http.StatusOK {
		t.Fatalf("%s: %d %s", name, got.status, got.body)
	}
	if lacks := missing("", sample(t, name), parsed(t, got.body)); len(lacks) > 0 {
		t.Errorf("%s: the answer lacks %v in\n%s", name, lacks, got.body)
	}
}

// created makes the key request of the documents' sample, plus what the caller adds, and returns its id.
func (p *portal) created(members string) string {
	p.t.Helper()
	text, err := os.ReadFile("testdata/seeds/002_create.json")
	if err != nil {
		p.t.Fatal(err)
	}
	body := strings.Replace(string(text), "{", "{"+members, 1)
	a := p.must("POST", "/api/portal/requests", body)
	like(p.t, "002_created", a)
	return a.envelope(p.t).Message
}

type requestList struct {
	Data  []sandbox.KeyRequest
	Pages int
}

func (p *portal) list(query string) requestList {
	p.t.Helper()
	var l requestList
	p.must("GET", "/api/portal/requests"+query, "").into(p.t, &l)
	return l
}

func TestSeed002(t *testing.T) {
	t.Run("the list reads as the sample does", func(t *testing.T) {
		p := samplePortal(t)
		p.created(`"approved":false,`)
		like(t, "002_list", p.must("GET", "/api/portal/requests?p=0", ""))
	})
	t.Run("p counts from 0 and holds ten, p=-1 is everything", func(t *testing.T) {
		p := samplePortal(t)
		for range 23 {
			p.created(`"approved":false,`)
		}
		for query, want := range map[string][2]int{
			"": {10, 3}, "?p=0": {10, 3}, "?p=1": {10, 3}, "?p=2": {3, 3}, "?p=3": {0, 3}, "?p=-1": {23, 1},
		} {
			if l := p.list(query); len(l.Data) != want[0] || l.Pages != want[1] {
				t.Errorf("%q: %d requests and %d pages, want %v", query, len(l.Data), l.Pages, want)
			}
		}
		seen := map[string]bool{}
		for page := range 3 {
			for _, request := range p.list(fmt.Sprintf("?p=%d", page)).Data {
				seen[request.ID] = true
			}
		}
		if len(seen) != 23 {
			t.Errorf("the pages hold %d different requests", len(seen))
		}
	})
	t.Run("approved tells pending from approved", func(t *testing.T) {
		p := samplePortal(t)
		first, second := p.created(`"approved":false,`), p.created(`"approved":false,`)
		p.must("PUT", "/api/portal/requests/approve/"+first, "")
		ids := func(l requestList) (ids []string) {
			for _, request := range l.Data {
				ids = append(ids, request.ID)
			}
			return ids
		}
		for query, want := range map[string][]string{
			"?approved=false": {second}, "?approved=true": {first}, "?p=-1": {second, first}, "?p=-1&approved=false": {second},
		} {
			if diff := cmp.Diff(want, ids(p.list(query))); diff != "" {
				t.Errorf("%s: %s", query, diff)
			}
		}
	})
	t.Run("one request reads as the sample does, with the date it was sent with", func(t *testing.T) {
		p := samplePortal(t)
		id := p.created(`"approved":false,`)
		a := p.must("GET", "/api/portal/requests/"+id, "")
		like(t, "002_get", a)
		if !strings.Contains(a.body, `"date_created":"2015-05-08T04:49:20.992-04:00"`) {
			t.Errorf("the date is not as it was sent: %s", a.body)
		}
		var request sandbox.KeyRequest
		a.into(t, &request)
		if request.ID != id || request.OrgID != sampleOrg || request.ByUser != sampleUser || request.ForPlan != samplePolicy {
			t.Errorf("the request reads %+v", request)
		}
	})
	t.Run("an approval answers with a key of the organisation", func(t *testing.T) {
		p := samplePortal(t)
		a := p.must("PUT", "/api/portal/requests/approve/"+p.created(`"approved":false,`), "")
		like(t, "002_approve", a)
		var issued struct{ RawKey string }
		a.into(t, &issued)
		if !strings.HasPrefix(issued.RawKey, sampleOrg) || len(issued.RawKey) != 56 || !p.Admits(issued.RawKey, samplePolicy) {
			t.Errorf("the key is %q", issued.RawKey)
		}
	})
	t.Run("a request is created from for_plan or apply_policies alone", func(t *testing.T) {
		p := samplePortal(t)
		for _, what := range []string{`"for_plan":"` + samplePolicy + `"`, `"apply_policies":["` + samplePolicy + `"]`} {
			body := `{"by_user":"` + sampleUser + `","version":"v2","approved":false,` + what + `}`
			id := p.must("POST", "/api/portal/requests", body).envelope(t).Message
			request, _ := p.KeyRequest(id)
			if request.ForPlan != samplePolicy || len(request.ApplyPolicies) != 1 || request.ApplyPolicies[0] != samplePolicy {
				t.Errorf("%s: %+v", what, request)
			}
		}
	})
	t.Run("deleting answers as the sample does, and the request is gone", func(t *testing.T) {
		p := samplePortal(t)
		id := p.created(`"approved":false,`)
		like(t, "002_deleted", p.must("DELETE", "/api/portal/requests/"+id, ""))
		if a := p.call("GET", "/api/portal/requests/"+id, ""); a.status != http.StatusNotFound || a.envelope(t).Status != "Error" {
			t.Errorf("still there: %d %s", a.status, a.body)
		}
		if l := p.list("?p=-1"); len(l.Data) != 0 {
			t.Errorf("still listed: %v", l)
		}
	})
	t.Run("the sample that leaves approved out counts as processed, unless that is forgiven", func(t *testing.T) {
		p := samplePortal(t)
		id := p.created("")
		a := p.call("PUT", "/api/portal/requests/approve/"+id, "")
		if e := a.envelope(t); a.status != http.StatusBadRequest || e.Message != "Key request has already been processed." {
			t.Errorf("%d %s", a.status, a.body)
		}
		p.set(func(c *sandbox.Settings) { c.OmittedApprovalIsPending = true })
		p.must("PUT", "/api/portal/requests/approve/"+p.created(""), "")
	})
}

func TestSeed003(t *testing.T) {
	legacy := func(t *testing.T) *portal {
		p := samplePortal(t)
		p.set(func(c *sandbox.Settings) { c.Quirks.UnderscoreID = true })
		return p
	}
	t.Run("a list of old has _id, for_api and legacy requests", func(t *testing.T) {
		p := legacy(t)
		p.must("POST", "/api/portal/requests", `{"by_user":"`+sampleUser+`","approved":false,"version":"","fields":{"custom1":"sdf","custom2":"sdf"},
			"date_created":"2015-04-10T11:19:11.77-04:00","for_api":"b605a6f03cc14f8b74665452c263bf19"}`)
		p.created(`"approved":false,`)
		a := p.must("GET", "/api/portal/requests?p=0", "")
		like(t, "003_list", a)
		if strings.Contains(a.body, `{"id":`) && !strings.Contains(a.body, `"_id":`) {
			t.Errorf("the list still says id: %s", a.body)
		}
		if !strings.Contains(a.body, `"date_created":"2015-04-10T11:19:11.77-04:00"`) {
			t.Errorf("the legacy request's date: %s", a.body)
		}
	})
	t.Run("one request says id, also of old", func(t *testing.T) {
		p := legacy(t)
		like(t, "003_get", p.must("GET", "/api/portal/requests/"+p.created(`"approved":false,`), ""))
	})
	t.Run("a legacy request is approved for its API", func(t *testing.T) {
		p := legacy(t)
		id := p.must("POST", "/api/portal/requests", `{"by_user":"`+sampleUser+`","approved":false,"for_api":"b605"}`).envelope(t).Message
		var issued struct{ RawKey string }
		p.must("PUT", "/api/portal/requests/approve/"+id, "").into(t, &issued)
		if !p.Admits(issued.RawKey, "b605") {
			t.Error("the key does not open its API")
		}
		if d, _ := p.Developer("dev@example.com"); d.Subscriptions["b605"] == "" {
			t.Errorf("the developer reads %+v", d)
		}
	})
	t.Run("for_plan stands alone where apply_policies is not known yet", func(t *testing.T) {
		p := legacy(t)
		p.set(func(c *sandbox.Settings) { c.Quirks.ForPlanOnly = true })
		a := p.must("GET", "/api/portal/requests/"+p.created(`"approved":false,`), "")
		if strings.Contains(a.body, "apply_policies") || !strings.Contains(a.body, `"for_plan":"`+samplePolicy+`"`) {
			t.Error(a.body)
		}
	})
}
