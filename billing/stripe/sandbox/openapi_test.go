package sandbox

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stripe/stripe-mock/embedded"
)

// Stripe publishes what its API takes and answers as an OpenAPI description,
// which stripe-mock carries for the version the sandbox speaks. Every answer
// that any test of this package gets is held against it, see checked.

type published struct {
	Paths      map[string]map[string]operation `json:"paths"`
	Components struct {
		Schemas map[string]*schema `json:"schemas"`
	} `json:"components"`
}

type operation struct {
	Parameters []struct {
		Name, In string
		Schema   *schema
	}
	RequestBody struct {
		Content map[string]struct{ Schema *schema }
	}
	Responses map[string]struct {
		Content map[string]struct{ Schema *schema }
	}
}

type schema struct {
	Ref        string             `json:"$ref"`
	Type       string             `json:"type"`
	Nullable   bool               `json:"nullable"`
	Enum       []any              `json:"enum"`
	AnyOf      []*schema          `json:"anyOf"`
	Items      *schema            `json:"items"`
	Properties map[string]*schema `json:"properties"`
	Required   []string           `json:"required"`
}

var openAPI = sync.OnceValue(func() *published {
	var p published
	if err := json.Unmarshal(embedded.OpenAPISpec, &p); err != nil {
		panic(err)
	}
	return &p
})

var pathParameter = regexp.MustCompile(`\{[^}]*\}`)

// operations finds an operation by method and path, whatever its path
// parameters are called.
var operations = sync.OnceValue(func() map[string]operation {
	found := map[string]operation{}
	for path, byMethod := range openAPI().Paths {
		for method, op := range byMethod {
			found[strings.ToUpper(method)+" "+pathParameter.ReplaceAllString(path, "{}")] = op
		}
	}
	return found
})

func (c call) operation() (operation, bool) {
	op, ok := operations()[c.method+" "+pathParameter.ReplaceAllString(c.path, "{}")]
	return op, ok
}

func (p *published) follow(s *schema) *schema {
	for s != nil && s.Ref != "" {
		s = p.Components.Schemas[strings.TrimPrefix(s.Ref, "#/components/schemas/")]
	}
	return s
}

// wrong lists what about a value does not fit a schema.
func (p *published) wrong(s *schema, v any, at string) []string {
	nullable := s.Nullable
	s = p.follow(s)
	if v == nil {
		if nullable || s.Nullable {
			return nil
		}
		return []string{at + " is null"}
	}
	if len(s.AnyOf) > 0 {
		return p.wrongAny(s, v, at)
	}
	if len(s.Enum) > 0 && !slices.Contains(s.Enum, v) {
		return []string{fmt.Sprintf("%s is %v, not one of %v", at, v, s.Enum)}
	}
	switch s.Type {
	case "object":
		return p.wrongObject(s, v, at)
	case "array":
		rows, ok := v.([]any)
		if !ok {
			return []string{fmt.Sprintf("%s is %T, not an array", at, v)}
		}
		var all []string
		for i, row := range rows {
			all = append(all, p.wrong(s.Items, row, fmt.Sprintf("%s[%d]", at, i))...)
		}
		return all
	case "string":
		if _, ok := v.(string); !ok {
			return []string{fmt.Sprintf("%s is %T, not a string", at, v)}
		}
	case "boolean":
		if _, ok := v.(bool); !ok {
			return []string{fmt.Sprintf("%s is %T, not a boolean", at, v)}
		}
	case "integer", "number":
		if n, ok := v.(float64); !ok || (s.Type == "integer" && n != float64(int64(n))) {
			return []string{fmt.Sprintf("%s is %v, not an %s", at, v, s.Type)}
		}
	}
	return nil
}

// wrongAny takes the alternative that fits best: of objects the one of that name.
func (p *published) wrongAny(s *schema, v any, at string) []string {
	if o, ok := v.(map[string]any); ok {
		for _, one := range s.AnyOf {
			named := p.follow(one).Properties["object"]
			if named != nil && slices.Contains(named.Enum, o["object"]) && (o["deleted"] == nil) == !slices.Contains(p.follow(one).Required, "deleted") {
				return p.wrong(one, v, at)
			}
		}
	}
	var best []string
	for i, one := range s.AnyOf {
		found := p.wrong(one, v, at)
		if len(found) == 0 {
			return nil
		}
		if i == 0 || len(found) < len(best) {
			best = found
		}
	}
	return best
}

func (p *published) wrongObject(s *schema, v any, at string) []string {
	o, ok := v.(map[string]any)
	if !ok {
		return []string{fmt.Sprintf("%s is %T, not an object", at, v)}
	}
	var all []string
	for _, name := range s.Required {
		if _, there := o[name]; !there {
			all = append(all, at+"."+name+" is missing")
		}
	}
	if s.Properties == nil {
		return all // a map: anything goes
	}
	for name, value := range o {
		field, known := s.Properties[name]
		if !known {
			all = append(all, at+"."+name+" is not a field Stripe has")
			continue
		}
		all = append(all, p.wrong(field, value, at+"."+name)...)
	}
	return all
}

// wrongNamed holds an object against the schema of its own name.
func (p *published) wrongNamed(raw []byte) []string {
	var o map[string]any
	if err := json.Unmarshal(raw, &o); err != nil {
		return []string{err.Error()}
	}
	kind, _ := o["object"].(string)
	s, ok := p.Components.Schemas[kind]
	if !ok {
		return []string{"Stripe has no object " + kind}
	}
	return p.wrong(s, o, kind)
}

// checked holds every answer of the API against the description.
func checked(t *testing.T, s *Server) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/", s)
	for _, c := range s.offers {
		mux.HandleFunc(c.method+" "+c.path, func(w http.ResponseWriter, r *http.Request) {
			rec := httptest.NewRecorder()
			defer func() {
				if cut := recover(); cut != nil {
					cutOff(w)
				}
			}()
			s.ServeHTTP(rec, r)
			checkAnswer(t, c, rec.Code, rec.Body.Bytes())
			maps.Copy(w.Header(), rec.Header())
			w.WriteHeader(rec.Code)
			_, _ = w.Write(rec.Body.Bytes())
		})
	}
	return mux
}

func checkAnswer(t *testing.T, c call, status int, body []byte) {
	op, ok := c.operation()
	if !ok {
		t.Errorf("Stripe has no %s %s", c.method, c.path)
		return
	}
	answer, ok := op.Responses[fmt.Sprint(status)]
	if !ok {
		answer = op.Responses["default"]
	}
	var v any
	d := json.NewDecoder(bytes.NewReader(body))
	if err := d.Decode(&v); err != nil {
		t.Errorf("%s %s answered %d with no JSON: %v", c.method, c.path, status, err)
		return
	}
	for _, what := range openAPI().wrong(answer.Content["application/json"].Schema, v, c.method+" "+c.path) {
		t.Error("the answer is not as Stripe describes it: " + what)
	}
}

func TestEveryCallIsOneOfStripes(t *testing.T) {
	s := New(Config{})
	defer s.Close()
	for _, c := range s.offers {
		op, ok := c.operation()
		if !ok {
			t.Errorf("Stripe has no %s %s", c.method, c.path)
			continue
		}
		takes := &schema{Type: "object", Properties: map[string]*schema{}}
		for _, p := range op.Parameters {
			if p.In == "query" {
				takes.Properties[p.Name] = p.Schema
			}
		}
		for _, body := range op.RequestBody.Content {
			maps.Copy(takes.Properties, openAPI().follow(body.Schema).Properties)
		}
		checkShape(t, c.takes, takes, c.method+" "+c.path)
	}
}

// checkShape says which parameters the sandbox takes that Stripe does not, or
// takes otherwise.
func checkShape(t *testing.T, ours shape, theirs *schema, at string) {
	t.Helper()
	for name, f := range ours {
		s, ok := theirs.Properties[name]
		if !ok {
			t.Errorf("%s takes %s, Stripe does not", at, name)
			continue
		}
		checkField(t, f, s, at+" "+name)
	}
}

func checkField(t *testing.T, f field, theirs *schema, at string) {
	t.Helper()
	options := theirs.AnyOf
	if len(options) == 0 {
		options = []*schema{theirs}
	}
	want := map[fieldKind]string{
		aText: "string", aNumber: "integer", aFlag: "boolean", aHash: "object", aList: "array", aSpan: "object",
		aMetadata: "object", anAddress: "string", anEmail: "string",
	}[f.kind]
	i := slices.IndexFunc(options, func(s *schema) bool { return s.Type == want })
	if i < 0 && f.kind == aText { // numbers and percentages that are read by hand
		i = slices.IndexFunc(options, func(s *schema) bool { return s.Type == "integer" || s.Type == "number" })
	}
	if i < 0 {
		t.Errorf("%s is %s to the sandbox and not to Stripe", at, want)
		return
	}
	s := options[i]
	for _, option := range f.options {
		if len(s.Enum) > 0 && !slices.ContainsFunc(options, func(s *schema) bool { return slices.Contains(s.Enum, any(option)) }) {
			t.Errorf("%s may be %q, at Stripe it may not", at, option)
		}
	}
	switch f.kind {
	case aHash:
		checkShape(t, f.of, s, at)
	case aList:
		checkField(t, *f.item, s.Items, at+"[]")
	}
}
