package report_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.etcd.io/bbolt"

	"keybridge/bridge"
	"keybridge/bridge/report"
	"keybridge/store/bolt"
)

// flip turns the bits of one byte in the middle of the record of an entry, as a broken
// disk would; another time it turns them back.
func (h *house) flip(id bridge.ID, seq uint64) {
	h.Helper()
	if err := h.store.Close(); err != nil {
		h.Fatal(err)
	}
	db, err := bbolt.Open(h.path, 0o600, nil)
	if err != nil {
		h.Fatal(err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		b := tx.Bucket([]byte("history"))
		k := binary.BigEndian.AppendUint64([]byte(id), seq)
		record := bytes.Clone(b.Get(k))
		record[len(record)/2] ^= 0xFF
		return b.Put(k, record)
	})
	if err != nil {
		h.Fatal(err)
	}
	if err := db.Close(); err != nil {
		h.Fatal(err)
	}
	h.open()
}

// reading is what a reader makes of the house, and what it says about it.
func (h *house) reading() (*report.Reader, *bytes.Buffer) {
	h.Helper()
	var log bytes.Buffer
	r, err := report.New(report.Config{Store: h.store, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		h.Fatal(err)
	}
	return r, &log
}

func (h *house) standing(r *report.Reader, want bridge.Counted) {
	h.Helper()
	got, err := r.Counted(h.Context())
	if err != nil {
		h.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		h.Errorf("standing (-want +got):\n%s", diff)
	}
}

func (h *house) earned(r *report.Reader) int64 {
	h.Helper()
	days, err := r.Between(h.Context(), noon, h.now, nil)
	if err != nil {
		h.Fatal(err)
	}
	total := bridge.AddUp(days)
	return total.In("EUR").In
}

// One entry that cannot be read costs what its request counts, says so, and nothing else;
// and when it is whole again, all of it is counted once.
func TestADamagedEntryIsLeftOutAndCountedOnceItIsWhole(t *testing.T) {
	for name, seqOf := range map[string]func([]bridge.Entry) uint64{
		"the first of its request": func([]bridge.Entry) uint64 { return 1 },
		"the payment": func(entries []bridge.Entry) uint64 {
			for _, e := range entries {
				if e.What == bridge.WhatPayment && strings.HasPrefix(e.Why, "received ") {
					return e.Seq
				}
			}
			return 0
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHouse(t)
			h.live("Pro", paid(100, 0, "eur"), time.Minute)
			bad := h.live("Pro", paid(1000, 0, "eur"), time.Minute)
			h.live("Pro", paid(10, 0, "eur"), time.Minute)
			entries, err := h.store.History(t.Context(), bad)
			if err != nil {
				t.Fatal(err)
			}
			seq := seqOf(entries)
			h.flip(bad, seq)
			r, log := h.reading()
			if err := r.CatchUp(t.Context()); err != nil {
				t.Fatal(err)
			}
			if got := h.earned(r); got != 110 {
				t.Errorf("of what can be read is counted %d", got)
			}
			at, err := r.Counted(t.Context())
			if err != nil || at.Left == 0 || at.Behind || at.Stopped {
				t.Errorf("the reader stands at %+v: %v", at, err)
			}
			if !strings.Contains(log.String(), string(bad)) {
				t.Errorf("the log does not name the request: %s", log)
			}
			if err := r.Retry(t.Context()); err != nil || h.earned(r) != 110 {
				t.Errorf("tried again while it is damaged, there are %d: %v", h.earned(r), err)
			}
			h.flip(bad, seq)
			r, _ = h.reading()
			for range 2 {
				if err := r.Retry(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := h.earned(r); got != 1110 {
					t.Errorf("when all can be read again, %d is counted", got)
				}
			}
			h.standing(r, bridge.Counted{To: at.To})
			clean, _ := h.between(noon, h.now)
			h.forget()
			if again, _ := h.between(noon, h.now); !cmp.Equal(again, clean) {
				t.Errorf("counted from the beginning (-was +is):\n%s", cmp.Diff(clean, again))
			}
		})
	}
}

// forget throws the sheets and the bookmark away.
func (h *house) forget() {
	h.Helper()
	papers, err := h.store.Papers(h.Context(), "report", "", 1000)
	if err != nil {
		h.Fatal(err)
	}
	for _, p := range papers {
		if err := h.store.SetPaper(h.Context(), "report", p.Name, func([]byte) ([]byte, error) { return nil, nil }); err != nil {
			h.Fatal(err)
		}
	}
	if err := h.store.SetBookmark(h.Context(), "report", nil); err != nil {
		h.Fatal(err)
	}
}

// However much is damaged, the bookmark stays small and the number is right.
func TestMuchDamageIsCounted(t *testing.T) {
	h := newHouse(t)
	for range 60 {
		h.live("Pro", paid(100, 0, "eur"), time.Minute)
	}
	r, err := report.New(report.Config{Store: nowhere{h.store}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.standing(r, bridge.Counted{To: h.now, Left: 60 * 6}) // terms, a checkout that opens and is complete, a payment, its step, access
}

// nowhere is a store of which no request can be read.
type nowhere struct{ *bolt.Store }

func (nowhere) Get(context.Context, bridge.ID) (bridge.Request, error) {
	return bridge.Request{}, &bridge.Error{Kind: bridge.Internal}
}

func TestABookmarkThatIsDamagedBeginsAnew(t *testing.T) {
	h := newHouse(t)
	h.live("Pro", paid(100, 0, "eur"), time.Minute)
	first, _ := h.between(noon, h.now)
	if err := h.store.SetBookmark(t.Context(), "report", []byte("{")); err != nil {
		t.Fatal(err)
	}
	again, _ := h.between(noon, h.now)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Errorf("(-first +again):\n%s", diff)
	}
}

// A day whose sheet is damaged cannot be added to, and that is said.
func TestADamagedSheetStopsTheReader(t *testing.T) {
	h := newHouse(t)
	h.live("Pro", paid(100, 0, "eur"), time.Minute)
	r, err := report.New(report.Config{Store: torn{h.store}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.CatchUp(t.Context()); err == nil {
		t.Error("nothing is said of it")
	}
	h.standing(r, bridge.Counted{Behind: true, Stopped: true})
}

// torn is a store whose papers can neither be read nor written.
type torn struct{ *bolt.Store }

func (torn) SetPaper(context.Context, string, string, func([]byte) ([]byte, error)) error {
	return &bridge.Error{Kind: bridge.Internal}
}
