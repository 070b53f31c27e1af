package api_test

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/export"
	"keybridge/bridge/web/api"
)

// shelved is a house whose lists can be taken away.
func shelved(t *testing.T) *house {
	t.Helper()
	shelf, err := export.New(export.Config{Folder: filepath.Join(t.TempDir(), "exports")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shelf.Close() })
	h := newHouse(t)
	h.remake(func(cfg *api.Config) { cfg.Shelf = shelf })
	return h
}

// file is how far one has come.
type file struct {
	ID, Self, State, File string
	Rows                  int
}

// made waits until a file is made.
func (h *house) made(who string, f file) file {
	h.t.Helper()
	return awaited(h, who, f.Self, f, func(f file) bool { return f.State != "making" })
}

// awaited looks at what is at an address until it is over.
func awaited[T any](h *house, who, address string, one T, over func(T) bool) T {
	h.t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !over(one); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			h.t.Fatalf("it does not come to its end: %+v", one)
		}
		h.want(http.StatusOK, get(who, strings.TrimPrefix(address, api.Base))).into(&one)
	}
	return one
}

func TestAListIsTakenAwayAsAFile(t *testing.T) {
	h := shelved(t)
	for i := range 3 {
		h.put(fmt.Sprint("k", i), func(r *bridge.Request) { r.Applicant.Name = "=1+1" })
	}
	h.put("alive", paid)
	c := post("viewer", "/exports", `{"as": "csv", "filter": {"show": "all", "state": "reviewing"}}`).with("Idempotency-Key", "k")
	first := h.want(http.StatusAccepted, c)
	var f file
	first.into(&f)
	if first.header.Get("Location") != f.Self || f.Self != api.Base+"/exports/"+f.ID {
		t.Errorf("it is at %s: %+v", first.header.Get("Location"), f)
	}
	if again := h.want(http.StatusAccepted, c); again.header.Get("Location") != f.Self || again.header.Get("Idempotent-Replayed") != "true" {
		t.Errorf("a repetition makes another: %s", again.body)
	}
	f = h.made("viewer", f)
	if f.State != "ready" || f.Rows != 3 || f.File != f.Self+"/file" {
		t.Fatalf("%+v", f)
	}
	a := h.want(http.StatusOK, get("viewer", strings.TrimPrefix(f.File, api.Base)))
	rows, err := csv.NewReader(bytes.NewReader(a.body)).ReadAll()
	if err != nil || len(rows) != 4 || !bytes.Contains(a.body, []byte("'=1+1")) {
		t.Errorf("%d rows: %v", len(rows), err)
	}
	if got := a.header.Get("Content-Disposition"); !strings.HasPrefix(got, "attachment; filename=requests-") {
		t.Errorf("it is called %s", got)
	}
	for _, path := range []string{f.Self, f.File} {
		h.want(http.StatusNotFound, get("admin", strings.TrimPrefix(path, api.Base))) // it is vera's
	}
}

func TestAFileIsRefusedByNameAndByScope(t *testing.T) {
	h := shelved(t)
	for body, want := range map[string]string{
		`{}`:                             "400 [body as]",
		`{"as": "pdf"}`:                  "400 [body as]",
		`{"as": "csv", "filter": "all"}`: "400 [body filter]",
		`{"as": "csv", "filter": {"show": "some", "colour": "red", "limit": "5"}}`: "400 [body filter.colour body filter.limit body filter.show]",
		`{"as": "csv", "filter": {"age": 7}}`:                                      "400 [body filter]",
	} {
		a := h.send(post("viewer", "/exports", body))
		if got := fmt.Sprint(a.status, " ", a.faults()); got != want {
			t.Errorf("%s: %s", body, got)
		}
	}
	h.want(http.StatusNotFound, post("other", "/exports", `{"as": "csv", "filter": {"portal": "main"}}`))
	h.put("k")
	var f file
	h.want(http.StatusAccepted, post("other", "/exports", `{"as": "xlsx", "filter": {"show": "all"}}`)).into(&f)
	if f = h.made("other", f); f.Rows != 0 {
		t.Errorf("olga takes away %d requests", f.Rows)
	}
	h.want(http.StatusOK, get("other", strings.TrimPrefix(f.File, api.Base)))
}
