package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"regexp"
	"slices"
	"sort"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"
	"github.com/google/go-cmp/cmp"

	"keybridge/bridge/web/api"
)

// described is the description, and what finds an operation in it.
type described struct {
	doc    *openapi3.T
	router routers.Router
}

// description is read once: it is the same for every test.
var description = sync.OnceValues(func() (described, error) {
	doc, err := openapi3.NewLoader().LoadFromFile("openapi.yaml")
	if err != nil {
		return described{}, err
	}
	router, err := legacy.NewRouter(doc)
	return described{doc, router}, err
})

// described fails the test where an answer is not as the description says: its status, its
// headers, and every member of its body. A call that was done has to be described as well.
func (a answer) described(c call) {
	a.t.Helper()
	d, err := description()
	if err != nil {
		a.t.Fatal(err)
	}
	r := c.request(context.Background())
	r.Method = strings.Replace(r.Method, http.MethodHead, http.MethodGet, 1)
	route, params, err := d.router.FindRoute(r)
	if err != nil || strings.HasSuffix(r.URL.Path, "/") { // which the router of the check takes for none
		a.isProblem(d.doc)
		return
	}
	options := &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true, AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}
	in := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route, Options: options}
	if a.status < 300 && !c.odd {
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			a.t.Errorf("%s %s was done, and is not described: %v", c.method, c.path, err)
		}
	}
	out := (&openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: a.status, Header: a.header, Options: options}).SetBodyBytes(a.body)
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		a.t.Errorf("the answer %d to %s %s is not as it is described: %v\n%s", a.status, c.method, c.path, err, a.body)
	}
}

// isProblem fails the test where what answers an unknown operation is no problem document.
func (a answer) isProblem(doc *openapi3.T) {
	a.t.Helper()
	var v any
	err := json.Unmarshal(a.body, &v)
	if err == nil {
		err = doc.Components.Schemas["Problem"].Value.VisitJSON(v, openapi3.EnableJSONSchema2020())
	}
	if err != nil || a.status < 400 || a.header.Get("Content-Type") != "application/problem+json" {
		a.t.Errorf("%d %s is no problem: %v", a.status, a.body, err)
	}
}

func TestTheDescriptionIsValid(t *testing.T) {
	d, err := description()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.doc.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if !d.doc.IsOpenAPI31OrLater() {
		t.Errorf("it is OpenAPI %s", d.doc.OpenAPI)
	}
}

func TestTheCheckOfAnswersSeesWhatIsNotDescribed(t *testing.T) {
	h := newHouse(t)
	for name, spoil := range map[string]func(*answer){
		"a member that is not described": func(a *answer) { a.body = bytes.Replace(a.body, []byte(`"name"`), []byte(`"secret":"x","name"`), 1) },
		"a member that is missing":       func(a *answer) { a.body = bytes.Replace(a.body, []byte(`"role"`), []byte(`"rule"`), 1) },
		"a status":                       func(a *answer) { a.status = http.StatusTeapot },
		"a kind of body":                 func(a *answer) { a.header.Set("Content-Type", "text/html") },
		"a problem where there was none": func(a *answer) { a.status = http.StatusNotFound },
	} {
		t.Run(name, func(t *testing.T) {
			good := h.want(http.StatusOK, get("viewer", "/me"))
			caught := &recorder{TB: t}
			good.t = caught
			spoil(&good)
			good.described(get("viewer", "/me"))
			if !caught.failed {
				t.Errorf("%d %s passes", good.status, good.body)
			}
		})
	}
}

// recorder notes that a test would have failed.
type recorder struct {
	testing.TB
	failed bool
}

func (r *recorder) Errorf(string, ...any) { r.failed = true }

func TestEveryRouteIsDescribedAndTheOtherWayRound(t *testing.T) {
	d, err := description()
	if err != nil {
		t.Fatal(err)
	}
	var written []string
	for path, item := range d.doc.Paths.Map() {
		for method := range item.Operations() {
			written = append(written, method+" "+api.Base+path)
		}
	}
	gins := regexp.MustCompile(`:([a-z]+)`)
	var real []string
	for _, route := range newHouse(t).Routes() {
		real = append(real, gins.ReplaceAllString(route, "{$1}"))
	}
	sort.Strings(written)
	sort.Strings(real)
	if diff := cmp.Diff(real, written); diff != "" {
		t.Errorf("routes (-) and description (+):\n%s", diff)
	}
}

func TestTheDescriptionNamesEveryTypeOfProblemThatThereIs(t *testing.T) {
	d, err := description()
	if err != nil {
		t.Fatal(err)
	}
	var written []string
	for _, v := range d.doc.Components.Schemas["Problem"].Value.Properties["type"].Value.Enum {
		written = append(written, v.(string))
	}
	var real []string
	for _, file := range []string{"problem.go"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, found := range regexp.MustCompile(`kind: "([a-z-]+)"`).FindAllSubmatch(text, -1) {
			real = append(real, "urn:keybridge:problem:"+string(found[1]))
		}
	}
	slices.Sort(real)
	slices.Sort(written)
	if diff := cmp.Diff(slices.Compact(real), written); diff != "" {
		t.Errorf("problems (-) and description (+):\n%s", diff)
	}
}

func TestTheDescriptionIsServedToWhoeverAsks(t *testing.T) {
	h := newHouse(t)
	file, err := os.ReadFile("openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	yaml := h.want(http.StatusOK, call{method: http.MethodGet, path: "/openapi.yaml"})
	if !bytes.Equal(yaml.body, file) || yaml.header.Get("Content-Type") != "application/yaml" {
		t.Errorf("the description is served as %s, %d bytes of %d", yaml.header.Get("Content-Type"), len(yaml.body), len(file))
	}
	served := h.want(http.StatusOK, call{method: http.MethodGet, path: "/openapi.json"})
	doc, err := openapi3.NewLoader().LoadFromData(served.body)
	if err != nil {
		t.Fatal(err)
	}
	d, _ := description()
	if diff := cmp.Diff(d.doc.Paths.InMatchingOrder(), doc.Paths.InMatchingOrder()); diff != "" {
		t.Errorf("as JSON it says something else: %s", diff)
	}
}
