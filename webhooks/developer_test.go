package webhooks_test

import (
	"context"
	"errors"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"keybridge/bridge"
	"keybridge/webhooks"
)

// manyRequests are the ids of so many requests.
func manyRequests(n int) []bridge.ID {
	out := make([]bridge.ID, n)
	for i := range out {
		out[i] = bridge.ID(fmt.Sprintf("01HF7YAT00ABCDEFGHJKM%05d", i))
	}
	return out
}

func TestADevelopersRequestsAreHintedAtUpToABound(t *testing.T) {
	for _, c := range []struct{ requests, hints int }{{1, 1}, {33, 33}, {200, 200}, {201, 200}, {1000, 200}} {
		t.Run(fmt.Sprint(c.requests), func(t *testing.T) {
			ids := manyRequests(c.requests)
			o := &office{requests: map[string][]bridge.ID{"7": slices.Clone(ids)}}
			if w := o.deliver(t, deactivated); w.Code != 200 || w.Body.String() != "accepted\n" {
				t.Fatalf("answered %d %s", w.Code, w.Body)
			}
			var got []bridge.ID
			for _, h := range o.hints {
				got = append(got, h.Request)
			}
			slices.Sort(got)
			if !slices.Equal(got, ids[:c.hints]) {
				t.Errorf("%d hints, want the first %d", len(got), c.hints)
			}
			if !slices.Equal(o.requests["7"], ids) {
				t.Error("the list was changed")
			}
			left := fmt.Sprintf("left=%d", c.requests-c.hints)
			if logged := strings.Contains(o.log.String(), left); logged != (c.requests > c.hints) {
				t.Errorf("logged %q", o.log.String())
			}
			checkSilence(t, o.log.String())
			if len(o.outcomes) != 1 {
				t.Errorf("observed %v", o.outcomes)
			}
		})
	}
}

// A portal does not come again, so one hint that fails takes no other along.
func TestAHintThatFailsIsToldAndTheOthersAreCommitted(t *testing.T) {
	ids := manyRequests(40)
	o := &office{requests: map[string][]bridge.ID{"7": ids}}
	c := o.config()
	commit := c.Accept
	c.Accept = func(ctx context.Context, h bridge.Hint) (bridge.Accepted, error) {
		if h.Request == ids[0] || h.Request == ids[39] {
			return bridge.Accepted{}, &bridge.Error{Kind: bridge.Unavailable, RetryAfter: time.Minute}
		}
		return commit(ctx, h)
	}
	handler, err := webhooks.TykEnterprise(c)
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	handler.ServeHTTP(w, told(deactivated))
	if w.Code != 503 || w.Header().Get("Retry-After") != "60" || len(o.hints) != 38 {
		t.Errorf("answered %d, Retry-After %q, with %d hints", w.Code, w.Header().Get("Retry-After"), len(o.hints))
	}
	if !slices.Equal(o.outcomes, []string{"portal/main unavailable"}) || !strings.Contains(o.log.String(), "2 of a developer's 40 requests") {
		t.Errorf("observed %v, logged %s", o.outcomes, o.log.String())
	}
	checkAnswer(t, w)
	checkSilence(t, w.Body.String()+o.log.String())
}

func TestWhatAnEventNamesIsCommittedBeforeWhatIsKnownOfItsDeveloper(t *testing.T) {
	o := &office{lost: errors.New("the store is closed")}
	o.answers = []bridge.Accepted{{}}
	w := o.deliver(t, strings.Replace(publishedCredential, `"ByUser":3`, `"ByUser":2`, 1))
	if w.Code != 503 || len(o.hints) != 1 || o.hints[0].Key != "1" || !slices.Equal(o.outcomes, []string{"portal/main unavailable"}) {
		t.Errorf("answered %d with %v, observed %v", w.Code, o.hints, o.outcomes)
	}
	o = &office{lost: errors.New("the store is closed")}
	if w := o.deliver(t, publishedCreated); w.Code != 503 || o.looks != 1 {
		t.Errorf("answered %d after %d looks, want the portal to be asked all the same", w.Code, o.looks)
	}
	o = &office{requests: map[string][]bridge.ID{"2": {secondULID}}}
	o.err = errors.New("the disk is full")
	w = o.deliver(t, strings.Replace(publishedCredential, `"ByUser":3`, `"ByUser":2`, 1))
	if w.Code != 503 || len(o.hints) != 1 {
		t.Errorf("answered %d with %v", w.Code, o.hints)
	}
}

// A store takes a while for each commit, and the writes that wait meanwhile share
// the next one.
func TestManyHintsOfOneDeliveryWaitForTheStoreTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{requests: map[string][]bridge.ID{"7": manyRequests(200)}}
		c := o.config()
		commit := c.Accept
		c.Accept = func(ctx context.Context, h bridge.Hint) (bridge.Accepted, error) {
			time.Sleep(20 * time.Millisecond)
			return commit(ctx, h)
		}
		handler, err := webhooks.TykEnterprise(c)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, told(deactivated))
		if took := time.Since(began); w.Code != 200 || len(o.hints) != 200 || took > 200*time.Millisecond {
			t.Errorf("answered %d with %d hints after %s", w.Code, len(o.hints), took)
		}
	})
}

func TestAStoreThatHangsIsGivenUpOnceForAllOfADelivery(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		o := &office{requests: map[string][]bridge.ID{"7": manyRequests(200)}}
		c := o.config()
		c.CommitWithin = time.Second
		c.Accept = func(ctx context.Context, _ bridge.Hint) (bridge.Accepted, error) {
			<-ctx.Done()
			return bridge.Accepted{}, ctx.Err()
		}
		handler, err := webhooks.TykEnterprise(c)
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, told(deactivated))
		if took := time.Since(began); w.Code != 503 || took != time.Second {
			t.Errorf("answered %d after %s", w.Code, took)
		}
	})
}
