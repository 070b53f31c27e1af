package console_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"

	"keybridge/bridge"
	"keybridge/bridge/web/console"
)

// shelf puts one request for each thing that a queue can show.
func shelf(o *office) {
	o.put("q1", func(*bridge.Request) {})
	o.put("q2", seconded, func(r *bridge.Request) { r.Created = noon.Add(-3 * time.Hour) })
	o.put("q3", paying, attention, func(r *bridge.Request) { r.Created = noon.Add(-20 * time.Minute) })
	o.put("q4", talked, func(r *bridge.Request) {
		r.Created, r.Applicant = noon.AddDate(0, 0, -40), bridge.Applicant{Email: "only@mail.example"}
		r.Terms.Lines = append(r.Terms.Lines, bridge.Price{Name: "Setup", Amount: bridge.NewAmount(10000, "EUR")})
	})
	o.put("q5", unread, func(r *bridge.Request) { r.Created = noon.Add(-10 * time.Second) })
	o.put("q6", active, func(r *bridge.Request) {
		r.Created, r.Terms.Lines[0] = noon.Add(-2*time.Hour), bridge.Price{Name: "Weather JP", Amount: bridge.NewAmount(1200, "JPY")}
	})
	o.put("q7", func(r *bridge.Request) {
		r.Created, r.Portal, r.Terms.Lines, r.Asked.Reasons = noon.Add(-4*time.Hour), "other", nil, nil
	})
}

func TestThePagesOfTheQueue(t *testing.T) {
	o := newOffice(t, func(cfg *console.Config) {
		cfg.Count = func(_ context.Context, f bridge.Filter, most int) (int, bool, error) {
			return map[bridge.Tag]int{bridge.TagWaits: most, bridge.TagAttention: 1}[f.Tags[0]], f.Tags[0] == bridge.TagWaits, nil
		}
	})
	golden(t, "queue-empty", http.StatusOK, o.as("approver").get("/console/"))
	golden(t, "queue-empty-filter", http.StatusOK, o.as("viewer").get("/console/?state=active"))
	shelf(o)
	for name, is := range map[string]struct {
		as, query string
		status    int
	}{
		"queue-all":     {"approver", "?show=all", 200},
		"queue-scope":   {"other", "?show=all", 200},
		"queue-state":   {"viewer", "?show=all&state=active&portal=main", 200},
		"queue-mistake": {"viewer", "?show=all&state=x&currency=EURO&age=x&q=rain", 400},
		"queue-letter":  {"viewer", "?q=n", 400},
		"queue-amounts": {"viewer", "?show=attention&currency=jpy&least=1.5&most=x", 400},
	} {
		t.Run(name, func(t *testing.T) {
			golden(t, name, is.status, o.as(is.as).get("/console/"+is.query))
		})
	}
}

// rowsOf are the applicants on a page of the queue, in their order.
func rowsOf(t *testing.T, page *http.Response) (names []string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(textOf(t, page)))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if attribute(n, "class") == "open" {
			names = append(names, n.FirstChild.Data)
		}
	}
	return names
}

// linkOf is where an element of a page leads to; empty where there is none.
func linkOf(t *testing.T, page *http.Response, id string) string {
	t.Helper()
	root, err := html.Parse(strings.NewReader(textOf(t, page)))
	if err != nil {
		t.Fatal(err)
	}
	for n := range root.Descendants() {
		if attribute(n, "id") == id {
			return attribute(n, "href")
		}
	}
	return ""
}

func named(name string) func(*bridge.Request) {
	return func(r *bridge.Request) {
		r.Applicant = bridge.Applicant{Name: name, Email: strings.ToLower(name) + "@applicant.example"}
	}
}

func TestThePagesOfAListAreWalkedBothWaysUnderTheirFilter(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var all []string
	for i := range 130 {
		name := fmt.Sprintf("N%03d", i)
		o.put(name, named(name), func(r *bridge.Request) { r.Created = noon.Add(time.Duration(i-200) * time.Minute) })
		all = append(all, name)
		if i%10 == 0 {
			o.put("not "+name, active, func(r *bridge.Request) { r.Created = noon.Add(time.Duration(i-200) * time.Minute) })
		}
	}
	path := "/console/?show=waits&portal=main"
	var seen []string
	var pages []string
	for path != "" {
		page := o.as("viewer").get(path)
		seen = append(seen, rowsOf(t, page)...)
		pages = append(pages, path)
		if !strings.Contains(path, "portal=main") || !strings.Contains(path, "show=waits") {
			t.Fatalf("the filter is lost: %s", path)
		}
		path = linkOf(t, page, "onwards")
	}
	if diff := cmp.Diff(all, seen); diff != "" || len(pages) != 3 {
		t.Errorf("%d pages (-oldest first +seen):\n%s", len(pages), diff)
	}
	for i := len(pages) - 1; i > 0; i-- {
		back := linkOf(t, o.as("viewer").get(pages[i]), "back")
		if got, want := rowsOf(t, o.as("viewer").get(back)), all[(i-1)*50:i*50]; !slices.Equal(got, want) {
			t.Errorf("back from page %d shows %v", i+1, got)
		}
	}
	if linkOf(t, o.as("viewer").get(pages[0]), "back") != "" {
		t.Error("the first page leads back")
	}
}

// However far somebody walks, the address stays short, and leads back to the beginning.
func TestTheAddressOfAFarPageStaysShort(t *testing.T) {
	o := newOffice(t)
	query := url.Values{"show": {"all"}}
	for i := range 100 {
		query.Add("at", string(idOf(fmt.Sprint(i), noon)))
	}
	o.put("k")
	page := o.as("viewer").get("/console/?" + query.Encode())
	back := linkOf(t, page, "back")
	if page.StatusCode != http.StatusOK || len(back) > 1000 || strings.Count(back, "at=") != 19 {
		t.Errorf("%d, back to %s", page.StatusCode, back)
	}
}

func TestAFilterChoosesWhatFitsAllOfIt(t *testing.T) {
	o := newOffice(t)
	o.put("new", named("New"), func(r *bridge.Request) { r.Created = noon.Add(-time.Hour) })
	o.put("old", named("Old"), func(r *bridge.Request) { r.Created = noon.AddDate(0, 0, -9) })
	o.put("dear", named("Dear"), func(r *bridge.Request) { r.Terms.Lines[0].Amount = bridge.NewAmount(250000, "EUR") })
	o.put("yen", named("Yen"), func(r *bridge.Request) { r.Terms.Lines[0].Amount = bridge.NewAmount(4900, "JPY") })
	o.put("plan", named("Plan"), func(r *bridge.Request) { r.Terms.Plan = "Rain & Snow" })
	o.put("mine", named("Mine"), func(r *bridge.Request) { r.Assigned = "anna" })
	o.put("theirs", named("Theirs"), func(r *bridge.Request) { r.Assigned = "me" })
	o.put("alive", named("Alive"), active, named("Alive"))
	o.put("ill", named("Ill"), func(r *bridge.Request) { paying(r); attention(r) })
	o.put("far", named("Far"), func(r *bridge.Request) { r.Portal = "other" })
	o.put("words", named("Words"), func(r *bridge.Request) { r.Asked.Reasons = map[string]string{"Why": "Zweihundert Wetterstationen"} })
	waits := []string{"Old", "Dear", "Yen", "Plan", "Mine", "Theirs", "Far", "Words", "Ill", "New"}
	for query, want := range map[string][]string{
		"":                                       waits,
		"show=waits&portal=other":                {"Far"},
		"show=attention":                         {"Ill"},
		"show=all&state=active":                  {"Alive"},
		"show=all&state=active&portal=other":     nil,
		"plan=Rain+%26+Snow":                     {"Plan"},
		"assigned=me":                            {"Mine"},
		"assigned=to+me":                         {"Theirs"},
		"age=7":                                  {"Old"},
		"currency=jpy":                           {"Yen"},
		"currency=EUR&least=1000":                {"Dear"},
		"currency=EUR&least=49.01&most=2499.99":  nil,
		"currency=JPY&least=4900&most=4900":      {"Yen"},
		"q=wetter+zwei":                          {"Words"},
		"q=dear%40applicant.example":             {"Dear"},
		"q=nobody":                               nil,
		"show=nonsense&nonsense=1&state=&least=": waits,
		"q=old&age=30":                           nil,
		"show=waits&state=needs+attention&q=ill": {"Ill"},
	} {
		page := o.as("approver").get("/console/?" + query)
		got := rowsOf(t, page)
		if slices.Sort(got); page.StatusCode != http.StatusOK || !slices.Equal(got, slices.Sorted(slices.Values(want))) {
			t.Errorf("%q: %d, %v, want %v", query, page.StatusCode, got, want)
		}
	}
	if got := rowsOf(t, o.as("approver").get("/console/")); got[0] != "Old" || got[len(got)-1] != "New" {
		t.Errorf("what waits is not oldest first: %v", got)
	}
	if got := rowsOf(t, o.as("approver").get("/console/?show=all")); got[0] != "New" {
		t.Errorf("all requests are not newest first: %v", got)
	}
	if got := rowsOf(t, o.as("other").get("/console/?show=all")); !slices.Equal(got, []string{"Far"}) {
		t.Errorf("who may see one portal sees %v", got)
	}
	if got := o.as("other").get("/console/?portal=main"); got.StatusCode != http.StatusNotFound {
		t.Errorf("a portal out of reach: %d", got.StatusCode)
	}
}

func TestTheFormSaysWhatTheListWasMadeBy(t *testing.T) {
	o := newOffice(t)
	query := "show=all&state=paying&portal=main&plan=Weather+Pro&currency=EUR&least=1&most=2.50&age=3&assigned=to+otto&q=rain"
	text := textOf(t, o.as("viewer").get("/console/?"+query))
	for _, want := range []string{
		`name="show" value="all"`, `value="paying" selected`, `value="main" selected`, `value="Weather Pro"`, `value="EUR"`, `name="least" value="1"`,
		`name="most" value="2.50"`, `value="3" selected`, `value="to otto" selected`, `name="q" type="search" value="rain"`, "<details open>",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the form does not hold %s", want)
		}
	}
}

// A badge that cannot be counted, or names that cannot be listed, cost no page.
func TestTheQueueWorksWithoutItsOrnaments(t *testing.T) {
	o := newOffice(t, func(cfg *console.Config) {
		cfg.Count = func(context.Context, bridge.Filter, int) (int, bool, error) { return 0, false, errors.New("no") }
		cfg.People = func(context.Context) ([]string, error) { return nil, errors.New("no") }
	})
	o.put("k")
	page := o.as("approver").get("/console/")
	if page.StatusCode != http.StatusOK || len(rowsOf(t, page)) != 1 || strings.Contains(textOf(t, page), "badge") {
		t.Errorf("%d", page.StatusCode)
	}
}

// What is counted is what the person may see.
func TestBadgesCountWhatAPersonMaySee(t *testing.T) {
	var asked []bridge.Filter
	o := newOffice(t, func(cfg *console.Config) {
		cfg.Count = func(_ context.Context, f bridge.Filter, _ int) (int, bool, error) {
			asked = append(asked, f)
			return 1, false, nil
		}
	})
	o.as("other").get("/console/")
	for _, f := range asked {
		if !slices.Equal(f.Portals, []string{"other"}) {
			t.Errorf("counted is %+v", f)
		}
	}
	if len(asked) != 2 {
		t.Errorf("counted is %d times", len(asked))
	}
}
