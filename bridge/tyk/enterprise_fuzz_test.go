package tyk

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
)

// Whatever an access request looks like: what comes of it is within bounds, names nothing but ids, and holds no credential.
func FuzzAccessRequest(f *testing.F) {
	for _, seed := range []string{
		`{"ID":17,"Status":"pending","User":"User#7","Client":"Umbrella","Products":"tides, tables, rain","Plan":"pro_plan","CreatedAt":"2026-03-01 11:00"}`,
		`{"ID":"17","Status":"Approved","User":7,"Products":["rain",2,null,{}],"Plan":2,"UpdatedAt":"2026-03-01T11:00:00Z","DeletedAt":null}`,
		`{"ID":17,"Status":"rejected","Products":[["rain"]],"Plan":{"ID":2},"DeletedAt":"1970-01-01 00:00","Client":["a"]}`,
		`{"ID":1e3,"Status":7}`, `{"ID":-1}`, `{"ID":17,"Status":"approved","DeletedAt":"2026-03-01 11:00"}`, `[]`, `null`,
	} {
		f.Add([]byte(seed))
	}
	e, err := NewEnterprise(EnterpriseConfig{Name: "main", URL: "http://localhost", Secret: func() string { return "s" }})
	if err != nil {
		f.Fatal(err)
	}
	offered := &catalogue{
		products: shelf{{1, "rain", "Rain"}, {2, "tides, tables", "Tides"}, {3, "tables", ""}, {4, "tables", "more"}},
		plans:    shelf{{2, "pro_plan", "Pro"}, {3, "2", ""}},
	}
	f.Fuzz(func(t *testing.T, input []byte) {
		if _, err := decodeAccessRequest(input); err != nil && err.Error() != errNotJSON.Error() {
			t.Fatalf("an error of its own words: %v", err)
		}
		body, ok := laced(input, "Credential", "OAuthClientSecret", "JWTToken", "DCRResponse")
		if !ok {
			return
		}
		var object map[string]json.RawMessage
		_ = json.Unmarshal(body, &object)
		for name := range object {
			if strings.EqualFold(name, "credentials") {
				delete(object, name)
			}
		}
		object["Credentials"] = json.RawMessage(`[{"ID":9,"Credential":"` + canary + `","CredentialHash":"x"},{"ID":"12","OAuthClientSecret":"` + canary + `"}]`)
		body, _ = json.Marshal(object)
		r, err := decodeAccessRequest(body)
		if err != nil {
			return
		}
		g := grant{key: r.ID, record: r, wish: offered.wish(r), at: e.date(r.CreatedAt)}
		for _, one := range *r.Credentials {
			g.live = append(g.live, keyName{r.ID, one.ID})
		}
		g.keys = inOrder(g.live)
		g = g.conclude(r.state())
		facts(t, g.facts)
		if want := []string{fmt.Sprint(r.ID, "/9"), fmt.Sprint(r.ID, "/12")}; !slices.Equal(g.facts.Keys, want) {
			t.Errorf("keys %q, want %q", g.facts.Keys, want)
		}
		if !slices.Contains([]bridge.AccessState{bridge.Pending, bridge.Granted, bridge.Gone}, g.facts.State) {
			t.Errorf("state %q", g.facts.State)
		}
		if numberIn(r.ID.String()) != r.ID || r.ID < 1 {
			t.Errorf("id %d is none", r.ID)
		}
		if !slices.IsSortedFunc(g.facts.Asked.Policies, byNumber) || len(g.facts.Asked.Plan) > maxName+2 {
			t.Errorf("asked for %q with %q", g.facts.Asked.Policies, g.facts.Asked.Plan)
		}
		for _, id := range append(g.facts.Asked.Policies, g.facts.Asked.Plan) {
			_, product := offered.products.get(numberIn(id))
			_, plan := offered.plans.get(numberIn(id))
			if numberIn(id) != 0 && !product && !plan {
				t.Errorf("%q is taken for an id, and nothing has it", id)
			}
		}
	})
}

// However names are joined: what is taken apart has every part in its order, and a text of offers alone becomes them.
func FuzzSplit(f *testing.F) {
	f.Add("rain, tides, tables")
	f.Add("a,a,a, b,,")
	f.Add(strings.Repeat("a,", 200))
	s := shelf{{1, "rain", ""}, {2, "tides, tables", ""}, {3, "a", ""}, {4, "a,a", ""}, {5, "b", ""}}
	f.Fuzz(func(t *testing.T, joined string) {
		began := time.Now()
		names, ok := s.split(joined)
		if strings.Join(names, ",") != joined || !ok && len(names) != 1 {
			t.Errorf("%q became %q", joined, names)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

func TestNamesAreTakenApartOnlyWhereThatIsClear(t *testing.T) {
	s := shelf{{1, "rain", "Rain"}, {2, "tides, tables", "Tides"}, {3, "tides", ""}, {4, "tables", ""}, {5, "snow", ""}, {6, "ice, snow", ""}}
	for joined, want := range map[string][]string{
		"rain":                  {"rain"},
		"rain, snow":            {"rain", " snow"},
		"Rain,Tides":            {"Rain", "Tides"},
		"tides, tables":         nil, // one product, or two
		"rain, tides, tables":   nil,
		"rain, ice, snow":       {"rain", " ice, snow"},
		"rain, hail, snow":      {"rain", " hail", " snow"},
		"snow, 1":               {"snow", " 1"},
		"":                      {""},
		strings.Repeat(",", 60): strings.Split(strings.Repeat(",", 60), ","),
	} {
		got, ok := s.split(joined)
		if ok != (want != nil) || ok && !slices.Equal(got, want) {
			t.Errorf("%q: %q, %t, want %q", joined, got, ok, want)
		}
	}
	c := &catalogue{products: s, plans: shelf{{2, "pro", ""}}}
	if w := c.wish(&accessRequest{Products: products{joined: "tides, tables"}, Plan: "pro"}); w.known || !slices.Equal(w.products, []string{"tides, tables"}) {
		t.Errorf("what is not clear is taken for %q", w.products)
	}
	if w := c.wish(&accessRequest{Products: products{list: words{"tides, tables"}}, Plan: "pro"}); !w.known || !slices.Equal(w.products, []string{"2"}) {
		t.Errorf("a name in a list is taken for %q", w.products)
	}
}
