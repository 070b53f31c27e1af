package bolt

import (
	"context"
	"fmt"
	"log/slog"
	"runtime"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
)

const (
	// queueLen is how many writes wait in the channel before their callers do.
	queueLen = 1024
	// groupMax bounds a group, and with it the time its first member waits.
	groupMax = 1024
	// yields is how often in a row the committer lets others run without one of them
	// bringing a write: who was just answered is about to write again.
	yields = 20
)

// txn is one write transaction of the committer.
type txn struct {
	tx  *bbolt.Tx
	now time.Time
	log *slog.Logger
	// wrote is set by everything that writes: what did not write needs no commit.
	wrote bool
	// week is the bucket that takes new ids of hints, weeks are all there are.
	week  *bbolt.Bucket
	weeks []*bbolt.Bucket
	// intake is what waits to be entered; took says that this transaction changed it.
	intake *intake
	took   bool
	// staled says that this transaction made the index of tags stale of another request, and
	// staleMost of how many it may be.
	staled    bool
	staleMost int
	decoded   *decoded
	// ends are the ends of the chains once they were asked for, was is what they were
	// then; see ledger.go.
	ends *ends
	was  ends
}

func (t *txn) bucket(name []byte) *bbolt.Bucket { return t.tx.Bucket(name) }

func (t *txn) put(bucket, k, v []byte) error {
	t.wrote = true
	return t.bucket(bucket).Put(k, v)
}

func (t *txn) delete(bucket, k []byte) error {
	t.wrote = true
	return t.bucket(bucket).Delete(k)
}

// The states of a write on its way through the queue.
const (
	opWaiting int32 = iota
	opTaken
	opGivenUp
)

// op is one write. run reads what is so, decides, and writes; it may run more
// than once, and its last run counts.
type op struct {
	run   func(*txn) error
	state atomic.Int32
	err   error
	done  chan struct{}
}

// write has the committer run a write and returns once it is on stable storage.
// A ctx that ends before the committer takes it leaves it undone; after that
// write waits for the result.
func (s *Store) write(ctx context.Context, run func(*txn) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	o := &op{run: run, done: make(chan struct{})}
	select {
	case s.queue <- o:
	case <-s.closing:
		return errClosed()
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-o.done:
		return o.err
	case <-ctx.Done():
		if o.state.CompareAndSwap(opWaiting, opGivenUp) {
			return ctx.Err()
		}
	case <-s.stopped:
	}
	return s.await(o)
}

// await waits for a write that was taken. One that slipped into the queue after
// the committer had emptied it for the last time was never taken.
func (s *Store) await(o *op) error {
	select {
	case <-o.done:
		return o.err
	case <-s.stopped:
	}
	select {
	case <-o.done:
		return o.err
	default:
		return errClosed()
	}
}

// commitLoop is the committer: it takes what waits in the queue, runs it in one
// transaction, commits that and answers. It ends when the store is closed, after
// everything in the queue was dealt with.
func (s *Store) commitLoop() {
	defer close(s.stopped)
	var took time.Duration
	for {
		select {
		case o := <-s.queue:
			group := s.gather(o, took)
			began := time.Now()
			s.commit(group)
			took = time.Since(began)
		case <-s.closing:
			s.drain()
			return
		}
	}
}

// gather makes a group of what is in the queue, and of what comes while others are let
// run, for no longer than the commit before took. Yielding, not sleeping: with one client
// it costs microseconds, with many it makes the groups as large as the number of clients,
// and where the processors are what there is too little of, fewer commits cost less.
func (s *Store) gather(first *op, most time.Duration) []*op {
	group := []*op{first}
	began := time.Now()
	for barren := 0; len(group) < groupMax; {
		select {
		case o := <-s.queue:
			group, barren = append(group, o), 0
			continue
		default:
		}
		if barren == yields || time.Since(began) > most {
			break
		}
		barren++
		runtime.Gosched()
	}
	return group
}

func (s *Store) drain() {
	for {
		select {
		case o := <-s.queue:
			s.commit(s.gather(o, 0))
		default:
			return
		}
	}
}

// commit takes the ops of a group, runs and commits them and answers each.
func (s *Store) commit(group []*op) {
	began := time.Now()
	s.since.Store(&began)
	defer s.since.Store(nil)
	taken := group[:0]
	for _, o := range group {
		if o.state.CompareAndSwap(opWaiting, opTaken) {
			taken = append(taken, o)
		}
	}
	for len(taken) > 0 {
		again, err := s.attempt(taken)
		if err != nil {
			for _, o := range again {
				o.err = err
			}
			again = nil
		}
		answer(taken, again)
		taken = again
	}
	s.trim() // nobody waits for it
}

// answer tells every op that is not run again.
func answer(taken, again []*op) {
	left := make(map[*op]bool, len(again))
	for _, o := range again {
		left[o] = true
	}
	for _, o := range taken {
		if !left[o] {
			close(o.done)
		}
	}
}

// attempt runs a group in one transaction. An op that fails before it wrote
// anything is left out of it. One that fails in the middle of its writes, or
// panics, takes the transaction with it: the others are returned to be run again.
// An error is that of the commit, and applies to the ops returned with it.
func (s *Store) attempt(group []*op) (again []*op, err error) {
	if err := s.usable(); err != nil {
		return group, err
	}
	began := time.Now()
	var tx *bbolt.Tx
	err = guard("begin", func() (err error) {
		tx, err = s.db.Begin(true)
		return err
	})
	if err != nil {
		return group, s.fail(err)
	}
	t := &txn{tx: tx, now: s.now(), log: s.log, intake: s.intake, decoded: &s.decoded, staleMost: s.staleMost}
	var kept []*op
	writes := 0
	for i, o := range group {
		before := t.wrote
		t.wrote = false
		clean := s.runOne(t, o)
		if !clean {
			s.giveUp(t)
			return append(kept, group[i+1:]...), nil
		}
		if o.err == nil {
			writes++
		}
		if o.err == nil || before { // what was refused because of another write stands and falls with it
			kept = append(kept, o)
		}
		t.wrote = t.wrote || before
	}
	if !t.wrote {
		s.rollback(tx)
		return nil, nil
	}
	if err := t.settle(); err != nil {
		s.giveUp(t)
		return kept, s.fail(fmt.Errorf("commit: %w", err))
	}
	if err := s.finish(t); err != nil {
		return kept, err
	}
	if t.ends != nil {
		s.ends.Store(t.ends)
	}
	if s.observe != nil {
		s.observe(writes, time.Since(began))
	}
	return nil, nil
}

// runOne runs one op and reports whether the transaction is still good.
func (s *Store) runOne(t *txn, o *op) (clean bool) {
	panicked := true
	o.err = guard("write", func() error {
		err := o.run(t)
		panicked = false
		return err
	})
	return !panicked && (o.err == nil || !t.wrote)
}

// finish commits. A commit that found no room leaves the store as it was; any
// other failure ends it.
func (s *Store) finish(t *txn) error {
	tx := t.tx
	s.db.AllocSize = s.step(tx.Size())
	err := guard("commit", func() error { return s.commitTx(tx) })
	switch {
	case err == nil:
		s.measure()
		return nil
	case noRoom(err):
		s.outOfRoom(err)
		s.undo(t)
		return errNoRoom(err)
	}
	if tx.DB() != nil { // it panicked on the way
		s.rollback(tx)
	}
	return s.fail(fmt.Errorf("commit: %w", err))
}

// step is how much the file grows at a time: a quarter of its size, at least
// 1 MiB, so that a small store is a small file, and at most 64 MiB.
func (s *Store) step(size int64) int {
	const lo, hi = 1 << 20, 64 << 20
	n := min(max(size/4, lo), hi)
	if s.maxSize > 0 { // bbolt counts the step against the limit
		n = min(n, max(s.maxSize/64, 64<<10))
	}
	return int(n)
}

// giveUp leaves everything as it was before a transaction.
func (s *Store) giveUp(t *txn) {
	s.rollback(t.tx)
	s.undo(t)
}

// undo takes back what the committer knew of a transaction that is not to be.
func (s *Store) undo(t *txn) {
	if !t.took || s.wedged {
		return
	}
	if err := s.reread(); err != nil {
		_ = s.fail(err)
	}
}

func (s *Store) rollback(tx *bbolt.Tx) {
	if err := guard("rollback", tx.Rollback); err != nil {
		s.wedged = true
		_ = s.fail(err)
	}
}

// usable returns the error that every call gets once the store has stopped.
func (s *Store) usable() error {
	if p := s.broken.Load(); p != nil {
		return errBroken(*p)
	}
	return nil
}

// fail stops the store: after a sync that failed nobody knows what is on the disk,
// and the kernel may have dropped the pages, so that a second sync that succeeds
// proves nothing. Only a new process that reads the file again can know.
func (s *Store) fail(err error) error {
	if s.broken.CompareAndSwap(nil, &err) {
		s.log.Error("the store stopped", "error", err)
		if s.fatal != nil {
			go s.fatal(err)
		}
	}
	return s.usable()
}
