package main

import (
	"context"
	"fmt"
	"log/slog"

	"keybridge/bridge"
	"keybridge/bridge/web"
	"keybridge/store/bolt"
	"keybridge/webhooks"
)

// watched is the store for everybody but the outgoing webhooks and the ledger, with what
// the house keeps of itself counted. The metrics show how the store is from now on.
func (b *running) watched(cfg *config) bridge.Store {
	var portals []string
	for _, p := range cfg.Portals {
		portals = append(portals, p.Name)
	}
	b.metrics.Store(portals, func(ctx context.Context) (web.Vitals, error) { return vitalsOf(ctx, b.store) })
	return countedStore{b.store, b.metrics}
}

// countedStore counts what is recorded of the house: sign-ins, refusals, exports.
type countedStore struct {
	bridge.Store
	metrics *web.Metrics
}

// Record records, and counts.
func (s countedStore) Record(ctx context.Context, e bridge.Entry) error {
	s.metrics.Recorded(e)
	return s.Store.Record(ctx, e)
}

// vitalsOf reads how the store is.
func vitalsOf(ctx context.Context, store *bolt.Store) (web.Vitals, error) {
	s, err := store.Stats(ctx)
	if err != nil {
		return web.Vitals{}, err
	}
	return vitals(s), nil
}

// vitals are the store's figures as the metrics show them.
func vitals(s bolt.Stats) web.Vitals {
	v := web.Vitals{
		Bytes: s.FileSize, Limit: s.MaxSize, Unused: int64(s.FreePages) * int64(s.PageSize),
		DiskBytes: s.DiskSize, DiskFree: s.DiskFree, Queued: s.Queued,
		Claimed: s.Claimed, Attention: s.NeedAttention, Due: map[string]web.Due{},
	}
	for portal, due := range s.Due {
		v.Due[portal] = web.Due{Count: due.Count, Since: due.Oldest}
	}
	return v
}

// expectHints shows the sources of webhooks, with whatever may become of one, at zero, and
// those of what no webhook has brought.
func expectHints(cfg *config, metrics *web.Metrics) {
	found := []string{webhooks.OutcomeAccepted, webhooks.OutcomeDuplicate, webhooks.OutcomeUnknown, webhooks.OutcomeUnavailable}
	if cfg.Stripe != nil {
		metrics.Expect(stripeProvider, webhooks.Outcomes())
		metrics.Expect("sweep/"+stripeProvider, found)
	}
	for _, p := range cfg.Portals {
		metrics.Expect("poll/"+p.Name, found)
		if len(p.WebhookSecrets) > 0 {
			metrics.Expect("portal/"+p.Name, webhooks.Outcomes())
		}
	}
}

// recall takes in what was decided before the start and is not delivered.
func (b *running) recall(ctx context.Context, log *slog.Logger) {
	if err := b.metrics.Recall(ctx, b.service.List); err != nil && ctx.Err() == nil {
		log.Error("undelivered decisions of before cannot be counted", "error", err)
	}
}

// littleRoom is when to look for more, in bytes. A backup on the same disk takes as much
// as the store besides.
const littleRoom = 1 << 30

// leastRoom is what the store's file grows by in one step, or a little more: with less
// than that left on the disk the next step fails.
func leastRoom(v web.Vitals) int64 { return min(max(v.Bytes/4, 8<<20), 64<<20) }

// checks says of everything that the bridge needs whether it is there.
func (b *running) checks(ctx context.Context) []web.Check {
	v, err := vitalsOf(ctx, b.store)
	if err == nil {
		err = b.store.Ready(ctx)
	}
	checks := []web.Check{storeCheck(b.store.Room(), err)}
	if err == nil {
		checks = append(checks, diskCheck(v))
	}
	return append(checks, b.metrics.Answering()...)
}

// storeCheck says whether the store can be read, and can keep anything: err is why not. One
// that was full a moment ago, and has just kept something, is only said to have been.
func storeCheck(room bolt.Room, err error) web.Check {
	c := web.Check{Name: "store", Status: web.CheckOK, Says: room.Words()}
	switch {
	case err != nil && !room.Full:
		c.Status, c.Says = web.CheckFailing, bridge.Explain(err)
	case err != nil:
		c.Status = web.CheckFailing
	case room.Full || room.Low:
		c.Status = web.CheckWarning
	}
	return c
}

// diskCheck says whether there is room on the disk.
func diskCheck(v web.Vitals) web.Check {
	c := web.Check{Name: "disk", Status: web.CheckOK}
	switch {
	case v.DiskBytes == 0: // the system does not tell
	case v.DiskFree < leastRoom(v):
		c.Status = web.CheckFailing
		c.Says = fmt.Sprintf("The disk of the store is nearly full: %s are left.", inBytes(v.DiskFree))
	case v.DiskFree < max(littleRoom, v.Bytes):
		c.Status = web.CheckWarning
		c.Says = fmt.Sprintf("The disk of the store fills up: %s are left, and the store takes %s.", inBytes(v.DiskFree), inBytes(v.Bytes))
	}
	return c
}

// inBytes writes a number of bytes for people.
func inBytes(n int64) string {
	for _, unit := range []struct {
		name string
		size int64
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if n >= unit.size {
			return fmt.Sprintf("%.1f %s", float64(n)/float64(unit.size), unit.name)
		}
	}
	return fmt.Sprintf("%d bytes", n)
}
