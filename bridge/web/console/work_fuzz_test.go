package console_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"keybridge/bridge"
)

// Whatever a form holds, nothing breaks, nothing is decided whose edition was not shown, and
// nothing that was sent becomes part of a page.
func FuzzAFormAboutMany(f *testing.F) {
	id := string(idOf("k", asked().Created))
	for _, body := range []string{
		"do=approve&id=" + id, "do=decline&seen=" + id + "+1-x&text=x", "do=approve&seen=" + id, "do=end&id=" + id, "%zz", "do=approve&id=" + id + "&id=" + id,
		"do=decline&id=" + id + "&text=%3Cscript%3Ealert(1)%3C/script%3E&from=javascript:alert(1)", "query=show%3Dall&as=csv&name=x", "name=%ff&query=%25zz",
		"do=approve&id=" + id + "&from=/console/?q=" + strings.Repeat("x", 300),
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		o := newOffice(t)
		o.put("k")
		if strings.Contains(body, o.get(bridge.ID(id)).Edition()) {
			return
		}
		form, err := url.ParseQuery(body)
		if err != nil {
			form = url.Values{"name": {body}, "do": {body}, "id": {body}, "query": {body}}
		}
		for _, path := range []string{"/console/bulk", "/console/views", "/console/views/remove"} {
			got := o.as("approver").post(path, form)
			text := textOf(t, got)
			if got.StatusCode >= http.StatusInternalServerError || strings.Contains(text, "<script>") || strings.Contains(text, "ZgotmplZ") {
				t.Fatalf("%s: %d %s", path, got.StatusCode, text)
			}
			if to := got.Header.Get("Location"); got.StatusCode == http.StatusSeeOther && !strings.HasPrefix(to, "/console/") {
				t.Fatalf("%s leads to %q", path, to)
			}
		}
		if page := o.as("approver").get("/console/"); page.StatusCode != http.StatusOK {
			t.Fatalf("the queue: %d", page.StatusCode)
		}
		if r := o.get(bridge.ID(id)); r.Revision != 1 {
			t.Fatalf("it was decided: %+v", r.Verdict)
		}
	})
}
