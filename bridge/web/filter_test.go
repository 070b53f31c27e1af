package web_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

var filterNow = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func TestAFilterAsksForWhatItsFieldsSay(t *testing.T) {
	waits := []bridge.Tag{bridge.TagWaits}
	for query, want := range map[string]bridge.Filter{
		"":                       {Tags: waits, Oldest: true},
		"show=nonsense":          {Tags: waits, Oldest: true},
		"show=attention":         {Tags: []bridge.Tag{bridge.TagAttention}, Oldest: true},
		"show=all":               {},
		"show=all&state=paying":  {State: "paying"},
		"show=all&portal=main":   {Portal: "main"},
		"show=all&plan=Rain+%26": {Tags: []bridge.Tag{bridge.TagPlan("Rain &")}},
		"show=all&assigned=me":   {Tags: []bridge.Tag{bridge.TagAssigned("anna")}},
		"show=all&assigned=to+me": {
			Tags: []bridge.Tag{bridge.TagAssigned("me")},
		},
		"show=all&assigned=otto": {Tags: []bridge.Tag{bridge.TagAssigned("otto")}},
		"show=all&q=Rain,+snow":  {Words: []string{"rain", "snow"}},
		"show=all&age=7":         {Before: filterNow.AddDate(0, 0, -7)},
		"show=all&currency=eur":  {Tags: []bridge.Tag{bridge.TagCurrency("EUR")}},
		"show=all&currency=JPY&least=10&most=20": {
			Tags: []bridge.Tag{bridge.TagCurrency("JPY")}, Least: bridge.NewAmount(10, "JPY"), Most: bridge.NewAmount(20, "JPY"),
		},
		"show=all&state=&portal=&at=x&more=y":                       {},
		"show=all&plan=" + strings.Repeat("x", web.LongestField+1):  {},
		"show=all&plan=&plan=first&plan=second":                     {Tags: []bridge.Tag{bridge.TagPlan("first")}},
		"show=all&show=waits&state=active&state=paying&portal=main": {State: "active", Portal: "main"},
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		f := web.ReadFilter(values, bridge.Person{Name: "anna"}, filterNow)
		if diff := cmp.Diff(want, f.Asks, cmpopts.EquateEmpty()); diff != "" || len(f.Problems) > 0 {
			t.Errorf("%q (-want +got): %v\n%s", query, f.Problems, diff)
		}
	}
}

func TestAFilterThatCannotBeUnderstoodNamesTheField(t *testing.T) {
	for query, want := range map[string][]string{
		"state=lost":                       {web.FieldState},
		"q=a":                              {web.FieldWords},
		"least=5":                          {web.FieldCurrency},
		"most=5":                           {web.FieldCurrency},
		"currency=EURO":                    {web.FieldCurrency},
		"currency=%C3%84%C3%96":            {web.FieldCurrency},
		"currency=EUR&least=1,5&most=2.50": {web.FieldLeast},
		"currency=EUR&least=-1&most=x":     {web.FieldLeast, web.FieldMost},
		"currency=JPY&most=1.5":            {web.FieldMost},
		"age=0":                            {web.FieldAge},
		"age=36501":                        {web.FieldAge},
		"age=week":                         {web.FieldAge},
		"age=week&state=lost":              {web.FieldAge, web.FieldState},
	} {
		values, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		f := web.ReadFilter(values, bridge.Person{}, filterNow)
		var got []string
		for name, text := range f.Problems {
			if got = append(got, name); !strings.HasSuffix(text, ".") {
				t.Errorf("%q: %s is no sentence: %q", query, name, text)
			}
		}
		slices.Sort(got)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", query, diff)
		}
	}
}

func TestOnlyWhatNarrowsTheListRefinesIt(t *testing.T) {
	for query, want := range map[string]bool{"": false, "show=all": false, "at=x": false, "show=all&state=active": true, "q=rain": true} {
		values, _ := url.ParseQuery(query)
		if got := web.ReadFilter(values, bridge.Person{}, filterNow).Refined(); got != want {
			t.Errorf("%q refines: %v", query, got)
		}
	}
}

// FuzzFilter: whatever is sent, what is understood of it asks for the same when it is sent
// again, and is bounded.
func FuzzFilter(f *testing.F) {
	f.Add("show=all&state=paying&q=rain&currency=EUR&least=1&most=2.50&age=3&assigned=to+otto")
	f.Add("show=waits&at=01&at=02&plan=a%00b")
	f.Add("currency=%C3%9F&least=1")
	f.Fuzz(func(t *testing.T, query string) {
		values, _ := url.ParseQuery(query)
		p := bridge.Person{Name: "anna"}
		one := web.ReadFilter(values, p, filterNow)
		again, err := url.ParseQuery(one.Query.Encode())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(one, web.ReadFilter(again, p, filterNow)); diff != "" {
			t.Errorf("%q is another filter when it is sent again:\n%s", query, diff)
		}
		for name, all := range one.Query {
			if !slices.Contains(web.FilterFields, name) || len(all) != 1 || all[0] == "" || len(all[0]) > web.LongestField {
				t.Errorf("%q: %s is %q", query, name, all)
			}
		}
	})
}
