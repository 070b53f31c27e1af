package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web/api"
	"keybridge/store/bolt"
)

// keyed is a call with an Idempotency-Key.
func keyed(c call, key string) call { return c.with("Idempotency-Key", key) }

func TestARepetitionIsAnsweredAlikeAndDoesNothing(t *testing.T) {
	h := newHouse(t)
	for _, d := range deeds {
		id := h.put(d.name, d.to)
		c := keyed(post("approver", of(id)+"/"+d.name, d.body).with("If-Match", h.etag(id)), "key-of-"+d.name)
		first := h.want(http.StatusOK, c)
		if first.header.Get("Idempotent-Replayed") != "" {
			t.Errorf("%s: the first is said to be a repetition", d.name)
		}
		before := h.get(id)
		h.pass(time.Hour)
		again := h.want(http.StatusOK, c) // with the ETag that is not so any more
		if !bytes.Equal(first.body, again.body) {
			t.Errorf("%s: %s and then %s", d.name, first.body, again.body)
		}
		if again.header.Get("Idempotent-Replayed") != "true" || again.header.Get("ETag") != first.header.Get("ETag") || again.header.Get("Location") != first.header.Get("Location") {
			t.Errorf("%s: headers %v and then %v", d.name, first.header, again.header)
		}
		if h.get(id).Edition() != before.Edition() {
			t.Errorf("%s was done twice", d.name)
		}
	}
}

func TestAKeyStandsForOneWrite(t *testing.T) {
	h := newHouse(t)
	id, other := h.put("k"), h.put("other")
	note := func(who string, id bridge.ID, text string) call {
		return keyed(post(who, of(id)+"/note", fmt.Sprintf(`{"text": %q}`, text)), "one-key")
	}
	h.want(http.StatusOK, note("reviewer", id, "a"))
	for what, c := range map[string]call{
		"another text":    note("reviewer", id, "b"),
		"another request": note("reviewer", other, "a"),
		"another deed":    keyed(post("reviewer", of(id)+"/ask", `{"text": "a"}`), "one-key"),
	} {
		if a := h.send(c); a.status != http.StatusUnprocessableEntity || a.problem().Type != "urn:keybridge:problem:key-reused" {
			t.Errorf("%s: %d %s", what, a.status, a.body)
		}
	}
	same := keyed(post("reviewer", of(id)+"/note", "{ \"text\" :\n \"a\" }"), "one-key")
	if a := h.want(http.StatusOK, same); a.header.Get("Idempotent-Replayed") == "" {
		t.Error("other spaces make it another body")
	}
	if a := h.want(http.StatusOK, note("approver", id, "b")); a.header.Get("Idempotent-Replayed") != "" {
		t.Error("one person's key is another's")
	}
	if r := h.get(id); len(r.Notes) != 2 {
		t.Errorf("there are %d notes", len(r.Notes))
	}
}

func TestAKeyIsForgottenAfterItsTimeAndItsPaperRemoved(t *testing.T) {
	h := newHouse(t)
	id := h.put("k")
	c := keyed(post("reviewer", of(id)+"/note", `{"text": "a"}`), "k")
	h.want(http.StatusOK, c)
	h.pass(api.KeepReceipt - time.Second)
	h.want(http.StatusOK, c)
	if err := h.Sweep(t.Context()); err != nil || h.papers() != 1 || len(h.get(id).Notes) != 1 {
		t.Fatalf("before: %v, %d papers, %d notes", err, h.papers(), len(h.get(id).Notes))
	}
	h.pass(time.Second)
	if err := h.Sweep(t.Context()); err != nil || h.papers() != 0 {
		t.Fatalf("afterwards: %v, %d papers", err, h.papers())
	}
	h.want(http.StatusOK, c)
	if got := len(h.get(id).Notes); got != 2 {
		t.Errorf("the key still stands for what it did: %d notes", got)
	}
}

// papers counts the writes that are kept.
func (h *house) papers() int {
	h.t.Helper()
	all, err := h.store.Papers(h.t.Context(), api.Receipts, "", 1000)
	if err != nil {
		h.t.Fatal(err)
	}
	return len(all)
}

func TestAFailureThatDidNothingLeavesTheKeyFree(t *testing.T) {
	h := newHouse(t)
	id := h.put("k", above)
	approve := keyed(post("reviewer", of(id)+"/approve", ``), "k")
	h.want(http.StatusPreconditionFailed, approve.with("If-Match", `"1-0"`))
	h.want(http.StatusForbidden, keyed(post("viewer", of(id)+"/approve", ``), "k").with("If-Match", h.etag(id)))
	if h.papers() != 0 {
		t.Fatalf("%d papers are kept", h.papers())
	}
	h.want(http.StatusOK, approve.with("If-Match", h.etag(id)))
	if len(h.get(id).Seconded) != 1 {
		t.Error("nothing was done under the key afterwards")
	}
}

// cutPapers are papers to which nothing can be written any more after some writes, as when
// the process dies.
type cutPapers struct {
	*bolt.Store
	left int
}

func (p *cutPapers) SetPaper(ctx context.Context, kind, name string, change func([]byte) ([]byte, error)) error {
	if p.left--; p.left < 0 {
		return &bridge.Error{Kind: bridge.Unavailable, Msg: "The store does not answer."}
	}
	return p.Store.SetPaper(ctx, kind, name, change)
}

func TestAWriteThatWasCutOffIsGoneOnWithUnderItsKey(t *testing.T) {
	papers := &cutPapers{left: 1}
	h := newHouse(t, func(cfg *api.Config) { cfg.Papers = papers })
	papers.Store = h.store
	id := h.put("k", paid)
	c := keyed(post("approver", of(id)+"/refund", `{"why": "x", "amount": {"amount": "5", "currency": "EUR"}}`).with("If-Match", h.etag(id)), "k")
	h.want(http.StatusOK, c) // it is done, and nobody notes that it was
	edition := h.get(id).Edition()
	papers.left = 100
	if a := h.want(http.StatusConflict, c); a.header.Get("Retry-After") != "30" {
		t.Errorf("while it may be under way: Retry-After %q, %s", a.header.Get("Retry-After"), a.body)
	}
	h.pass(api.Lease)
	h.want(http.StatusOK, c) // though the ETag is another one by now
	if again := h.want(http.StatusOK, c); again.header.Get("Idempotent-Replayed") != "true" {
		t.Error("it is not kept now either")
	}
	if h.get(id).Edition() != edition {
		t.Error("it was done twice")
	}
}

func TestAPortalThatDoesNotAnswerIsAskedAgainUnderTheKey(t *testing.T) {
	h := newHouse(t)
	h.next = "01JPA2B3C4D5E6F7G8H9JKMNPQ"
	c := keyed(post("approver", "/requests", `{"portal": "main", "developer": "dev-7", "plan": "Weather Pro"}`), "k")
	h.portal.fails = &bridge.Error{Kind: bridge.Unavailable, Msg: "The portal does not answer."}
	h.want(http.StatusServiceUnavailable, c)
	h.want(http.StatusUnprocessableEntity, keyed(post("approver", "/requests", `{"portal": "main", "developer": "dev-8", "plan": "Weather Pro"}`), "k"))
	h.portal.fails = nil
	first := h.want(http.StatusCreated, c)
	again := h.want(http.StatusCreated, c)
	if first.header.Get("Location") != again.header.Get("Location") || len(h.portal.made) != 1 {
		t.Errorf("%d were made", len(h.portal.made))
	}
}

func TestAWriteGoesOnWhenItsProgramHasGone(t *testing.T) {
	ctx, gone := context.WithCancel(t.Context())
	h := newHouse(t, func(cfg *api.Config) {
		cfg.People = func(context.Context) ([]string, error) {
			gone() // just before it is written
			return []string{"rosa"}, nil
		}
	})
	id := h.put("k")
	c := keyed(post("approver", of(id)+"/assign", `{"to": "rosa"}`), "k")
	h.ServeHTTP(httptest.NewRecorder(), c.request(ctx))
	if h.get(id).Assigned != "rosa" {
		t.Fatal("it was given up")
	}
	if again := h.want(http.StatusOK, c); again.header.Get("Idempotent-Replayed") != "true" {
		t.Error("what became of it is not kept")
	}
}

func TestAKeyIsVisibleASCIIAndNotLong(t *testing.T) {
	h := newHouse(t)
	id := h.put("k")
	for key, want := range map[string]int{
		"a": 200, strings.Repeat("x", 200): 200, `"quoted-it-is-another"`: 200, "": 400, strings.Repeat("x", 201): 400, "a b": 400, "schlüssel": 400, "a\tb": 400,
	} {
		a := h.send(keyed(post("reviewer", of(id)+"/note", `{"text": "a"}`), key))
		if a.status != want || want == 400 && a.faults()[0] != "header Idempotency-Key" {
			t.Errorf("%q: %d %s", key, a.status, a.body)
		}
	}
	h.want(http.StatusBadRequest, keyed(keyed(post("reviewer", of(id)+"/note", `{"text": "a"}`), "a"), "b"))
}

func TestWhatIsKeptNamesNobody(t *testing.T) {
	h := newHouse(t)
	id := h.put("k")
	h.want(http.StatusOK, keyed(post("approver", of(id)+"/decline", `{"why": "Dana Doe wrote from dana@applicant.example."}`).with("If-Match", h.etag(id)), "my-secret-key"))
	all, err := h.store.Papers(t.Context(), api.Receipts, "", 10)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d papers: %v", len(all), err)
	}
	for _, word := range []string{"Dana", "dana", "example", "wrote", "my-secret-key"} {
		if strings.Contains(all[0].Name+string(all[0].Value), word) {
			t.Errorf("%q is in %s", word, all[0].Value)
		}
	}
	var kept map[string]any
	if err := json.Unmarshal(all[0].Value, &kept); err != nil {
		t.Error(err)
	}
}

func TestReceiptsAreLookedThroughEveryHour(t *testing.T) {
	service := newHouse(t).service
	synctest.Test(t, func(t *testing.T) {
		papers := &brokenPapers{}
		nobody := func(context.Context, string) (bridge.Person, error) { return bridge.Person{}, nil }
		a, err := api.New(api.Config{Service: service, Who: nobody, Papers: papers})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 150*time.Minute)
		defer cancel()
		var failed int
		a.Run(ctx, func(error) { failed++ })
		if papers.looked != 3 || failed != 3 {
			t.Errorf("looked %d times, and told of %d failures", papers.looked, failed)
		}
	})
}

// brokenPapers are papers that cannot be read.
type brokenPapers struct{ looked int }

func (p *brokenPapers) Papers(context.Context, string, string, int) ([]bridge.Paper, error) {
	p.looked++
	return nil, &bridge.Error{Kind: bridge.Unavailable}
}

func (p *brokenPapers) SetPaper(context.Context, string, string, func([]byte) ([]byte, error)) error {
	return &bridge.Error{Kind: bridge.Unavailable}
}
