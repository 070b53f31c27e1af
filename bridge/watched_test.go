package bridge_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
)

// Webhooks are counted where they come in; everything else that hints is told of here.
func TestEveryHintThatNoWebhookBroughtIsToldOf(t *testing.T) {
	var mu sync.Mutex
	told := map[string]int{}
	hinted := func(c *bridge.Config) {
		c.Hinted = func(by string, a bridge.Accepted, err error) {
			mu.Lock()
			defer mu.Unlock()
			what := "accepted"
			switch {
			case err != nil:
				what = string(bridge.KindOf(err))
			case a.Duplicate:
				what = "duplicate"
			case a.Unknown():
				what = "unknown"
			}
			told[by+" "+what]++
		}
	}
	live(t, func(w *world) {
		synctest.Wait()          // until the first listing is over
		id := refundedUnheard(w) // of a browser's request
		w.portal.ask("free")     // nobody tells
		time.Sleep(sweepEach + time.Second)
		synctest.Wait()
		ctx := w.Context()
		if _, err := w.service.Accept(ctx, w.webhook(w.portal.ask("paid"))); err != nil {
			t.Error(err)
		}
		if _, err := w.service.Arrive(ctx, handoff(w.portal.ask("paid"), bridge.Signed, "jti", "")); err != nil {
			t.Error(err)
		}
		if err := w.service.Look(ctx, id); err != nil {
			t.Error(err)
		}
		if err := w.desk("jo").Do(ctx, id, bridge.Deed{Kind: bridge.DoDecline, Text: "no"}); bridge.KindOf(err) != bridge.Conflict {
			t.Errorf("declined though it was approved: %v", err)
		}
		if err := w.service.Withdraw(ctx, "01HF7YAT00000000000000000Z"); bridge.KindOf(err) != bridge.NotFound {
			t.Error(err)
		}
		time.Sleep(sweepEach)
		synctest.Wait()
		mu.Lock()
		defer mu.Unlock()
		want := map[string]int{
			"sweep/stripe accepted": 1, "sweep/stripe duplicate": 1, "poll/main accepted": 1,
			"handoff/main accepted": 2, "page accepted": 2, "person conflict": 1, "person unknown": 1,
		}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Error(diff)
		}
	}, hinted)
}

// traced is the key of the request whose pass a call belongs to.
type traced struct{}

func TestAPassSurroundsItsCalls(t *testing.T) {
	begun, over := 0, 0
	var calls []bridge.ID
	w := newWorld(t, func(c *bridge.Config) {
		c.Pass = func(ctx context.Context, id bridge.ID, portal string) (context.Context, func()) {
			if portal != "main" {
				t.Errorf("a pass at %q", portal)
			}
			begun++
			return context.WithValue(ctx, traced{}, id), func() { over++ }
		}
		site := c.Portals["main"]
		site.Portal = overheard{site.Portal, func(ctx context.Context) {
			id, _ := ctx.Value(traced{}).(bridge.ID)
			calls = append(calls, id)
			if begun != over+1 {
				t.Errorf("a call outside of a pass: %d begun, %d over", begun, over)
			}
		}}
		c.Portals["main"] = site
	})
	id := w.ask("free")
	w.wantState(id, bridge.StateActive)
	if len(calls) == 0 || begun == 0 || begun != over {
		t.Errorf("%d passes, %d over, %d calls", begun, over, len(calls))
	}
	for _, call := range calls {
		if call != id {
			t.Errorf("a call of %q", call)
		}
	}
}

// overheard is a portal whose calls are listened to.
type overheard struct {
	bridge.Portal
	hear func(context.Context)
}

func (p overheard) Read(ctx context.Context, key string, known bridge.Access) (bridge.KeyRequest, error) {
	p.hear(ctx)
	return p.Portal.Read(ctx, key, known)
}

func (p overheard) Approve(ctx context.Context, key string, known bridge.Access) (bridge.KeyRequest, error) {
	p.hear(ctx)
	return p.Portal.Approve(ctx, key, known)
}
