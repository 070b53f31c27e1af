package ledger

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"keybridge/bridge"
)

// Store is what this package needs of a bridge.Store.
type Store interface {
	Ledger(ctx context.Context, after uint64, limit int) ([]bridge.LedgerLine, error)
	LedgerEnd(ctx context.Context) (bridge.Ledger, bridge.Head, error)
	Checkpoints(ctx context.Context, from uint64, limit int) ([]bridge.Ledger, error)
	List(ctx context.Context, f bridge.Filter) (bridge.Page, error)
	Get(ctx context.Context, id bridge.ID) (bridge.Request, error)
	History(ctx context.Context, id bridge.ID) ([]bridge.Entry, error)
	House(ctx context.Context, after uint64, limit int) ([]bridge.Line, error)
	Record(ctx context.Context, e bridge.Entry) error
	Paper(ctx context.Context, kind, name string) ([]byte, error)
	Papers(ctx context.Context, kind, after string, limit int) ([]bridge.Paper, error)
	SetPaper(ctx context.Context, kind, name string, change func(old []byte) ([]byte, error)) error
}

// The papers of this package: signed heads by their numbers, and the last verification.
const (
	paperHead     = "signed head"
	paperVerified = "verified"
)

// pageLen is how much is read from a store at once.
const pageLen = 1000

// Config is what a Keeper needs. Store is all that must be set.
type Config struct {
	Store Store
	// Key signs the heads. Nil: none are signed, and Sign is Unavailable.
	Key ed25519.PrivateKey
	// Old are public keys that heads were signed with before.
	Old []ed25519.PublicKey
	// File gets every signed head as a line, and is made with the mode 0600. Empty: none.
	File string
	// Now is the clock. Nil: time.Now.
	Now func() time.Time
	// Log gets every signed head, because a log is kept elsewhere. Nil: nothing is logged.
	Log *slog.Logger
}

// Keeper signs heads, and knows what was signed and verified. It is safe for use by many
// goroutines.
type Keeper struct {
	cfg Config
	mu  sync.Mutex // one head is signed at a time

	seen   sync.Mutex // guards newest
	newest Head       // the newest that Latest has come to
}

// New returns a keeper.
func New(cfg Config) *Keeper {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return &Keeper{cfg: cfg}
}

// Keys are the public keys that heads may be signed with, the present one first.
func (k *Keeper) Keys() []ed25519.PublicKey {
	if k.cfg.Key == nil {
		return k.cfg.Old
	}
	return append([]ed25519.PublicKey{k.cfg.Key.Public().(ed25519.PublicKey)}, k.cfg.Old...) //nolint:forcetypeassert // it is no other
}

// Heads returns every signed head that the store keeps, the oldest first: one a day and
// one a stop. Internal where one is damaged.
func (k *Keeper) Heads(ctx context.Context) ([]Head, error) {
	kept, err := keptHeads(ctx, k.cfg.Store)
	if err == nil {
		err = kept.damage()
	}
	return kept.Heads, err
}

// Latest returns the newest signed head; ok is false when there is none. It reads what came
// since it was last asked, and keeps one head: it is for a page that anybody may look at.
// Internal where one of those is damaged.
func (k *Keeper) Latest(ctx context.Context) (h Head, ok bool, err error) {
	k.seen.Lock()
	defer k.seen.Unlock()
	for after := headName(k.newest.Number); ; {
		page, next, err := headPage(ctx, k.cfg.Store, after)
		if err == nil {
			err = page.damage()
		}
		if err != nil {
			return Head{}, false, err
		}
		if n := len(page.Heads); n > 0 {
			k.newest = page.Heads[n-1]
		}
		if after = next; after == "" {
			return k.newest, k.newest.Number > 0, nil
		}
	}
}

// damage is the error of heads that cannot be read; nil when all can.
func (hs Heads) damage() error {
	if len(hs.Wrong) == 0 {
		return nil
	}
	return &bridge.Error{Kind: bridge.Internal, Msg: "A signed head is damaged: " + hs.Wrong[0] + ". Verify the audit."}
}

// keptHeads are the heads in a store.
func keptHeads(ctx context.Context, store Store) (Heads, error) {
	all := Heads{Where: inStore}
	for after := ""; ; {
		page, next, err := headPage(ctx, store, after)
		if err != nil {
			return all, err
		}
		all.Heads, all.Wrong = append(all.Heads, page.Heads...), append(all.Wrong, page.Wrong...)
		if after = next; after == "" {
			return all, nil
		}
	}
}

// inStore is where the heads of a store are, for people.
const inStore = "the store"

// headPage reads the heads whose papers come after a name. next is where the following page
// begins, empty on the last one, and where what comes after cannot be read.
func headPage(ctx context.Context, store Store, after string) (out Heads, next string, err error) {
	out = Heads{Where: inStore}
	page, err := store.Papers(ctx, paperHead, after, pageLen)
	if damaged(err) {
		out.Wrong = append(out.Wrong, "a signed head in the store cannot be read: "+err.Error())
		return out, "", nil
	}
	for _, p := range page {
		h, err := ParseHead(p.Value)
		if err == nil && headName(h.Number) != p.Name {
			err = fmt.Errorf("it says that it is head %d", h.Number)
		}
		if err != nil {
			out.Wrong = append(out.Wrong, fmt.Sprintf("signed head %s in the store: %v", p.Name, err))
			continue
		}
		out.Heads = append(out.Heads, h)
	}
	if len(page) == pageLen {
		next = page[pageLen-1].Name
	}
	return out, next, err
}

func headName(number uint64) string { return fmt.Sprintf("%012d", number) }

// Sign signs the ledger's end as it is now, keeps the head, and returns it. Where nothing
// came since the last head, that one is returned. It may be repeated. An error after the
// head was kept is that of the file, and the next call makes up for it.
func (k *Keeper) Sign(ctx context.Context) (Head, error) {
	if k.cfg.Key == nil {
		return Head{}, &bridge.Error{Kind: bridge.Unavailable, Msg: "There is no key here that the audit could be signed with."}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	heads, err := k.Heads(ctx)
	if err != nil {
		return Head{}, err
	}
	end, house, err := k.cfg.Store.LedgerEnd(ctx)
	if err != nil {
		return Head{}, err
	}
	h := Head{Number: 1, At: k.cfg.Now().UTC().Truncate(time.Microsecond), Ledger: end, House: house}
	if n := len(heads); n > 0 {
		last := heads[n-1]
		if last.Ledger == end {
			return last, k.file(heads)
		}
		h.Number, h.Prev = last.Number+1, last.sum()
	}
	h = h.sign(k.cfg.Key)
	err = k.cfg.Store.SetPaper(ctx, paperHead, headName(h.Number), func(old []byte) ([]byte, error) {
		if old != nil {
			return nil, &bridge.Error{Kind: bridge.Conflict, Msg: "Somebody else has signed the audit at this moment."}
		}
		return h.Line(), nil
	})
	if err != nil {
		return Head{}, err
	}
	k.cfg.Log.Info("the audit was signed", "number", h.Number, "entries", h.Ledger.Count, "head", string(h.Line()))
	return h, k.file(append(heads, h))
}

// file adds the heads to the file that it does not have.
func (k *Keeper) file(heads []Head) error {
	if k.cfg.File == "" {
		return nil
	}
	there, err := OpenHeads(k.cfg.File)
	if err != nil {
		return err
	}
	has := map[string]bool{}
	for _, h := range there.Heads {
		has[h.sum()] = true
	}
	heads = slices.DeleteFunc(slices.Clone(heads), func(h Head) bool { return has[h.sum()] })
	if len(heads) == 0 {
		return nil
	}
	f, err := os.OpenFile(k.cfg.File, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return fmt.Errorf("the file of signed heads: %w", err)
	}
	for _, h := range heads {
		if _, err = f.Write(append(h.Line(), '\n')); err != nil {
			break
		}
	}
	return errors.Join(err, f.Sync(), f.Close())
}

// OpenHeads reads the signed heads of a file. One that is not there has none.
func OpenHeads(path string) (Heads, error) {
	f, err := os.Open(path) //nolint:gosec // the operator says which file to read
	if errors.Is(err, fs.ErrNotExist) {
		return Heads{Where: filepath.Base(path)}, nil
	}
	if err != nil {
		return Heads{}, fmt.Errorf("the file of signed heads: %w", err)
	}
	defer func() { _ = f.Close() }() // nothing was written
	return ReadHeads(filepath.Base(path), f)
}

// Run signs a head at the start, where the last one is not of this day, and at the
// beginning of each day (UTC), until ctx ends. A failure is logged and tried again an hour
// later.
func (k *Keeper) Run(ctx context.Context) {
	heads, err := k.Heads(ctx)
	next := k.cfg.Now().UTC()
	if n := len(heads); err == nil && n > 0 && day(heads[n-1].At).Equal(day(next)) {
		next = day(next).AddDate(0, 0, 1)
	}
	for {
		select {
		case <-ctx.Done():
			return
		case <-time.After(next.Sub(k.cfg.Now())):
		}
		if _, err := k.Sign(ctx); err != nil && ctx.Err() == nil {
			k.cfg.Log.Error("the audit cannot be signed", "error", err)
			next = k.cfg.Now().Add(time.Hour)
			continue
		}
		next = day(k.cfg.Now()).AddDate(0, 0, 1)
	}
}

func day(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// Verify verifies the store with the keeper's file of heads and what o has beside it,
// keeps what came of it, and adds to the house's entries who had it done. Without keys in o
// the keeper's own are believed.
func (k *Keeper) Verify(ctx context.Context, by bridge.Actor, o Options) (Report, error) {
	if len(o.Keys) == 0 {
		o.Keys = k.Keys()
	}
	if k.cfg.File != "" {
		own, err := OpenHeads(k.cfg.File)
		if err != nil {
			return Report{}, err
		}
		own.Whole = true
		o.Heads = append([]Heads{own}, o.Heads...)
	}
	began := k.cfg.Now()
	report, err := Verify(ctx, k.cfg.Store, o)
	if err != nil {
		return report, err
	}
	report.At, report.By = began.UTC(), by.String()
	record, err := json.Marshal(report)
	if err != nil {
		return report, err
	}
	err = k.cfg.Store.SetPaper(ctx, paperVerified, "last", func([]byte) ([]byte, error) { return record, nil })
	if err != nil {
		return report, err
	}
	e := bridge.Entry{At: k.cfg.Now(), Actor: by, What: bridge.WhatVerified, After: report.Summary()}
	return report, k.cfg.Store.Record(ctx, e)
}

// Last returns what came of the last verification; ok is false when there was none.
func (k *Keeper) Last(ctx context.Context) (report Report, ok bool, err error) {
	record, err := k.cfg.Store.Paper(ctx, paperVerified, "last")
	if err != nil || record == nil {
		return Report{}, false, err
	}
	return report, true, json.Unmarshal(record, &report)
}
