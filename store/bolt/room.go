package bolt

import (
	"context"
	"time"
)

// Room is how much room a store has.
type Room struct {
	// Used is how many bytes of the file hold something and Limit what it may grow to,
	// both 0 where Config.MaxSize sets no limit.
	Used, Limit int64
	// Low: four fifths of the limit are used, or more.
	Low bool
	// Full: a write found no room, on the disk or below the limit, in the last ten
	// seconds or since the last one that did. Nothing that was taken in is lost.
	Full bool
}

// Words says what an operator should know; empty where there is room.
func (r Room) Words() string {
	switch {
	case r.Full:
		return "The store has no room left, on the disk or below its limit (store: max_size). It goes on by itself once there is some."
	case r.Low:
		return "The store has used four fifths of its limit (store: max_size). Raise the limit before it is full."
	}
	return ""
}

// A store is low on room from four fifths of its limit on, and is no more once it is
// below three quarters: it does not say so over and over.
const (
	lowAt  = 0.80
	fineAt = 0.75
)

// isLow reports whether a store that uses a share of its limit is low on room, when it was
// or was not before.
func isLow(share float64, was bool) bool { return share >= lowAt || was && share >= fineAt }

// Room returns how much room there is, as of the last commit. It costs nothing.
func (s *Store) Room() Room { return *s.room.Load() }

// stuckAfter is how long a commit may take before the store says that it is stuck.
const stuckAfter = 5 * time.Second

// Ready says why nothing can be kept; nil when everything can. Where there was no room
// it tries again: who is not ready is sent nothing, and would not find out by itself. A
// commit that does not come to its end is a disk that does not answer.
func (s *Store) Ready(ctx context.Context) error {
	if err := s.usable(); err != nil {
		return err
	}
	if began := s.since.Load(); began != nil && time.Since(*began) > stuckAfter {
		return errStuck(time.Since(*began))
	}
	if !s.Room().Full {
		return nil
	}
	return s.write(ctx, func(t *txn) error { return t.put(bucketMeta, metaProbe, appendUint(nil, stamp(t.now))) })
}

// metaProbe is what is written to see whether something can be.
var metaProbe = []byte("probe")

// measure notes how much room there is after a commit. Without a limit nothing is
// counted: how full the disk is belongs to whoever watches the machine. A small write may
// find a place where the one before found none, so one alone does not end being full.
func (s *Store) measure() {
	was := s.Room()
	now := Room{Limit: s.maxSize, Full: was.Full && time.Since(s.refused) < roomRetry}
	if s.maxSize > 0 {
		size, free, err := spaceOf(s.db)
		if err != nil {
			return // the next commit will tell
		}
		share := float64(size-free) / float64(s.maxSize)
		now.Used, now.Low = size-free, isLow(share, was.Low)
	}
	if now == was {
		return
	}
	s.room.Store(&now)
	if was.Full && !now.Full {
		s.log.Info("the store has room again")
	}
	if now.Low && !was.Low {
		s.log.Warn("the store is running out of room", "why", now.Words(), "used", now.Used, "limit", now.Limit)
	}
}

// outOfRoom notes that a write found none.
func (s *Store) outOfRoom(err error) {
	s.refused = time.Now()
	now := s.Room()
	if now.Full {
		return
	}
	now.Full = true
	s.room.Store(&now)
	s.log.Error("the store is full", "why", now.Words(), "error", err)
}
