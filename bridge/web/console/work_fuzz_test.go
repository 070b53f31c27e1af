package console_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web/console"
	"keybridge/store/bolt"
)

// bare is a console at which anna always sits, with one request that waits for its review.
func bare(f *testing.F) (*console.Console, *bolt.Store, bridge.ID) {
	f.Helper()
	store, err := bolt.Open(bolt.Config{Path: filepath.Join(f.TempDir(), "keybridge.db"), InitialMmapSize: 1 << 20})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = store.Close() })
	id := idOf("k", noon)
	service, err := bridge.New(bridge.Config{
		Store: store, Portals: map[string]bridge.Site{"main": {}}, NewID: func() bridge.ID { return id }, Page: func(bridge.ID, time.Time) string { return "" },
	})
	if err != nil {
		f.Fatal(err)
	}
	intake := service.Intake("main", "k")
	r := asked()
	r.ID, r.Portal, r.Key, r.Head = id, "main", "k", intake.Head
	intake.Request = r
	if _, err := service.Accept(f.Context(), bridge.Hint{Source: "test", Portal: "main", Key: "k", Intake: intake}); err != nil {
		f.Fatal(err)
	}
	none := func(context.Context, string) error { return nil }
	desk, err := console.New(console.Config{
		Service: service, Views: store, SignOut: none, SignOutEverywhere: none,
		SignIn: func(context.Context, console.Attempt) (string, time.Time, error) {
			return "", time.Time{}, console.ErrCode
		},
		Who: func(context.Context, string) (bridge.Person, error) { return people["approver"], nil },
	})
	if err != nil {
		f.Fatal(err)
	}
	return desk, store, id
}

// Whatever a form holds, nothing breaks, nothing is decided whose edition was not shown, and
// nothing that was sent becomes part of a page.
func FuzzAFormAboutMany(f *testing.F) {
	desk, store, waits := bare(f)
	id := string(waits)
	for _, body := range []string{
		"do=approve&id=" + id, "do=decline&seen=" + id + "+1-x&text=x", "do=approve&seen=" + id, "do=end&id=" + id, "%zz", "do=approve&id=" + id + "&id=" + id,
		"do=decline&id=" + id + "&text=%3Cscript%3Ealert(1)%3C/script%3E&from=javascript:alert(1)", "query=show%3Dall&as=csv&name=x", "name=%ff&query=%25zz",
		"do=approve&id=" + id + "&from=/console/?q=" + strings.Repeat("x", 300), "name=x&from=//evil.example",
	} {
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body string) {
		r, err := store.Get(t.Context(), waits)
		if err != nil || strings.Contains(body, r.Head.Hash[:16]) {
			return // who knows the edition may decide
		}
		send := func(method, path string) *httptest.ResponseRecorder {
			req := httptest.NewRequestWithContext(t.Context(), method, "https://bridge.example"+path, strings.NewReader(body))
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.AddCookie(&http.Cookie{Name: "keybridge-console", Value: "approver"})
			w := httptest.NewRecorder()
			desk.ServeHTTP(w, req)
			page := w.Body.String()
			if w.Code >= http.StatusInternalServerError || strings.Contains(page, "<script>") || strings.Contains(page, "ZgotmplZ") {
				t.Fatalf("%s: %d %s", path, w.Code, page)
			}
			return w
		}
		for _, path := range []string{"/console/bulk", "/console/views", "/console/views/remove"} {
			got := send(http.MethodPost, path)
			to, err := url.Parse(got.Header().Get("Location"))
			if got.Code == http.StatusSeeOther && (err != nil || to.Host != "" || to.Scheme != "" || to.Path != "/console/") {
				t.Fatalf("%s leads to %q", path, to)
			}
		}
		if got := send(http.MethodGet, "/console/"); got.Code != http.StatusOK {
			t.Fatalf("the queue: %d", got.Code)
		}
		if after, err := store.Get(t.Context(), waits); err != nil || after.Revision != 1 {
			t.Fatalf("it was decided: %+v, %v", after.Verdict, err)
		}
	})
}
