package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// viewsOn are the saved views that a page of the queue has: their names and addresses, the
// one that is shown with a star.
func viewsOn(t *testing.T, page *http.Response) (all []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(textOf(t, page)))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if n.Data != "a" || attribute(n.Parent, "class") != "views" {
			continue
		}
		star := ""
		if attribute(n, "aria-current") != "" {
			star = "*"
		}
		all = append(all, star+n.FirstChild.Data+" "+attribute(n, "href"))
	}
	return all
}

func (v visitor) save(name, query string) *http.Response {
	v.o.t.Helper()
	return v.post("/console/views", url.Values{"name": {name}, "query": {query}})
}

func TestAViewIsSavedShownAndRemoved(t *testing.T) {
	o := newOffice(t)
	anna := o.as("approver")
	for _, v := range [][2]string{{" Weather  Pro ", "show=all&plan=Weather+Pro&at=PLACE&x=y"}, {"mine", "assigned=me"}, {"Zero", ""}} {
		got := anna.save(v[0], v[1])
		if to := got.Header.Get("Location"); got.StatusCode != http.StatusSeeOther || !strings.HasPrefix(to, "/console/?") || anna.get(to).StatusCode != http.StatusOK {
			t.Fatalf("%s: %d to %s", v[0], got.StatusCode, to)
		}
	}
	page := anna.get("/console/?plan=Weather+Pro&show=all")
	golden(t, "queue-views", 200, page)
	want := []string{"mine /console/?assigned=me&show=waits", "*Weather Pro /console/?plan=Weather+Pro&show=all", "Zero /console/?show=waits"}
	if got := viewsOn(t, page); !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
	if got := viewsOn(t, anna.get("/console/")); got[2] != "*Zero /console/?show=waits" {
		t.Errorf("the queue as it comes is not known to be saved: %q", got)
	}
	if got := viewsOn(t, o.as("second").get("/console/")); len(got) > 0 {
		t.Errorf("somebody else sees %v", got)
	}
	anna.save("mine", "assigned=me&show=all")
	got := anna.post("/console/views/remove", url.Values{"name": {"Zero"}, "from": {"/console/?show=all"}})
	if to := got.Header.Get("Location"); got.StatusCode != http.StatusSeeOther || to != "/console/?show=all" {
		t.Errorf("%d to %s", got.StatusCode, to)
	}
	want = []string{"mine /console/?assigned=me&show=all", "Weather Pro /console/?plan=Weather+Pro&show=all"}
	if got := viewsOn(t, anna.get("/console/")); !slices.Equal(got, want) {
		t.Errorf("there are %q, want %q", got, want)
	}
	for _, name := range []string{"mine", "Weather Pro", "Weather Pro"} {
		anna.post("/console/views/remove", url.Values{"name": {name}, "from": {"//evil.example/"}})
	}
	if raw, err := o.store.Paper(t.Context(), "views", "anna"); raw != nil || err != nil {
		t.Errorf("when all are removed the paper is %s, %v", raw, err)
	}
}

func TestAViewThatCannotBeKeptSaysWhy(t *testing.T) {
	o := newOffice(t)
	anna := o.as("approver")
	long := url.Values{}
	for _, field := range []string{"plan", "portal", "q", "assigned"} {
		long.Set(field, strings.Repeat("é", 100))
	}
	for name, is := range map[string]struct{ name, query, says string }{
		"no name":            {"  ", "", "needs a name"},
		"a long name":        {strings.Repeat("x", 61), "", "shorter name"},
		"a name in bytes":    {"a\xffb", "", "shorter name"},
		"a name that rings":  {"a\x07b", "", "shorter name"},
		"a long filter":      {"x", long.Encode(), "too long"},
		"a filter in pieces": {"x", "%zz", "cannot be understood"},
		"a filter mistaken":  {"x", "least=1", "Say in which currency"},
	} {
		if got := anna.save(is.name, is.query); got.StatusCode != http.StatusBadRequest || !strings.Contains(textOf(t, got), is.says) {
			t.Errorf("%s: %d %s", name, got.StatusCode, textOf(t, got))
		}
	}
	// As many as there can be, each as long as it can be, fit.
	name := func(i int) string { return fmt.Sprintf("%02d%s", i, strings.Repeat("\u2028", 19)) }
	query := url.Values{"show": {"all"}, "q": {"weather " + strings.Repeat("<", 190)}, "plan": {strings.Repeat("&", 200)}, "assigned": {strings.Repeat("\"", 200)}}
	for i := range 20 {
		if got := anna.save(name(i), query.Encode()); got.StatusCode != http.StatusSeeOther {
			t.Fatalf("view %d: %d %s", i, got.StatusCode, textOf(t, got))
		}
	}
	if got := anna.save("one more", ""); got.StatusCode != http.StatusBadRequest || !strings.Contains(textOf(t, got), "Remove one first") {
		t.Errorf("one too many: %d", got.StatusCode)
	}
	if got := anna.save(name(3), ""); got.StatusCode != http.StatusSeeOther {
		t.Errorf("one that is replaced: %d", got.StatusCode)
	}
	sound(t, anna.get("/console/").Header, textOf(t, anna.get("/console/")))
	if got := viewsOn(t, anna.get("/console/")); len(got) != 20 {
		t.Errorf("%d views", len(got))
	}
}

func TestTheQueueWorksWhereViewsCannotBeRead(t *testing.T) {
	o := newOffice(t)
	o.put("k")
	err := o.store.SetPaper(t.Context(), "views", "anna", func([]byte) ([]byte, error) { return []byte("not JSON"), nil })
	if err != nil {
		t.Fatal(err)
	}
	if got := o.as("approver").get("/console/"); got.StatusCode != http.StatusOK || len(rowsOf(t, got)) != 1 {
		t.Errorf("%d", got.StatusCode)
	}
	if got := o.as("approver").save("x", ""); got.StatusCode != http.StatusInternalServerError {
		t.Errorf("what cannot be read is written over: %d", got.StatusCode)
	}
}

func TestTheFilterKnowsThePlansOfOnesPortals(t *testing.T) {
	o := newOffice(t)
	for who, want := range map[string]string{
		"viewer": `<datalist id="plans"><option value="Weather Free"></option><option value="Weather Pro"></option></datalist>`,
		"other":  `<datalist id="plans"><option value="Weather Pro"></option></datalist>`,
	} {
		if !strings.Contains(textOf(t, o.as(who).get("/console/")), want) {
			t.Errorf("%s is not offered %s", who, want)
		}
	}
}
