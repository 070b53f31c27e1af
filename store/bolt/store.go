package bolt

import (
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// Config is what a Store needs. Path is all that must be set.
type Config struct {
	// Path is the file. It is made if there is none, readable and writable by its
	// owner only, and so is its folder.
	Path string
	// Now is the clock for Created, Updated, what is due and what is forgotten.
	// Nil: time.Now.
	Now func() time.Time
	// Log gets what an operator has to know. Nil: nothing is logged.
	Log *slog.Logger
	// InitialMmapSize is how much address space is mapped at the start, in bytes.
	// While the file is smaller than that it grows without waiting for readers, such as
	// a backup. It costs no memory. 0: twice the file, and at least 1 GiB (256 MiB where
	// addresses have 32 bits).
	InitialMmapSize int64
	// MaxSize is the size in bytes that the file does not exceed; a write that would
	// need more is refused as Unavailable until there is room again. The last part
	// of it, about a sixty-fourth, may stay unused. 0: no limit but the disk's.
	MaxSize int64
	// Compact says when Open compacts the file first. The zero value: never.
	Compact Compaction
	// Fatal is called once, from a goroutine of its own, when the store can no
	// longer tell what is on the disk (a sync failed, say): every call returns
	// Unavailable from then on, and the process should end with an error and be
	// started again. Nil: nobody is told, and the calls fail all the same.
	Fatal func(error)
	// Observe is called by the committer after each commit that reached the disk:
	// how many writes shared it and how long it took from the first to the answer.
	// It must be quick. Nil: nobody is.
	Observe func(group int, took time.Duration)
}

// Store keeps requests in one bbolt file. It implements bridge.Store and is safe
// for use by many goroutines. See the package comment.
type Store struct {
	path    string
	db      *bbolt.DB
	now     func() time.Time
	log     *slog.Logger
	maxSize int64
	fatal   func(error)
	observe func(int, time.Duration)
	// limits are how far one walk of a list goes. A member so that a test can shorten it.
	limits limits
	// staleMost is of how many requests the index of tags is stale before it is brought in
	// step. A member so that a test can have it otherwise.
	staleMost int
	// commitTx commits a transaction. A member so that a test can have it fail.
	commitTx func(*bbolt.Tx) error

	queue chan *op
	// closing is closed by Close, stopped by the committer when it has ended.
	closing, stopped chan struct{}
	once             sync.Once
	closeErr         error
	// ends are the ends of the ledger and of the house's chain that are on the disk.
	ends atomic.Pointer[ends]
	// decoded has the requests that were read or written last.
	decoded decoded
	// intake is what waits to be entered. The committer's.
	intake *intake
	// room is how much of it there is, by the committer; see room.go.
	room atomic.Pointer[Room]
	// refused is when the committer last found no room, trimmed when it last looked at how
	// much of the file is in memory.
	refused, trimmed time.Time
	// since is when the commit under way began; nil while none is.
	since atomic.Pointer[time.Time]
	// broken is why the store stopped answering.
	broken atomic.Pointer[error]
	// wedged is set by the committer when a transaction could not even be given up:
	// closing the file would wait for it for ever.
	wedged bool
}

var _ bridge.Store = (*Store)(nil)

// Open opens the store, makes the file where there is none, brings its schema up
// to date, and starts the committer. Errors have the kind Unavailable when another
// process has the file, Internal when it is damaged or newer than this program,
// and a message for the operator. It may be repeated.
func Open(cfg Config) (*Store, error) {
	if cfg.Path == "" {
		return nil, errInvalid("open store: no path")
	}
	s := &Store{
		path: cfg.Path, now: cfg.Now, log: cfg.Log, maxSize: cfg.MaxSize,
		fatal: cfg.Fatal, observe: cfg.Observe,
		commitTx: (*bbolt.Tx).Commit,
		limits:   limits{steps: walkSteps, time: walkTime}, staleMost: staleMost,
		queue:   make(chan *op, queueLen),
		closing: make(chan struct{}), stopped: make(chan struct{}),
	}
	s.room.Store(&Room{Limit: s.maxSize})
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if err := ensure(cfg.Path, s.now()); err != nil {
		return nil, err
	}
	// Before the lock, because a compaction would hide it. Where another process writes
	// meanwhile, this may be wrong, and the lock is not had.
	if err := bothRoots(cfg.Path); err != nil {
		s.log.Warn("the store is opened with the root that is left", "error", err)
	}
	if cfg.Compact.Free > 0 {
		if err := compactAtStart(cfg, s.log); err != nil {
			return nil, err
		}
	}
	db, err := openFile(cfg.Path, cfg.options())
	if err != nil {
		return nil, err
	}
	s.db = db
	clearUnfinished(filepath.Dir(cfg.Path), s.now(), s.log)
	s.measure()
	if err := s.prepare(); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	go s.commitLoop()
	return s, nil
}

// prepare brings the schema up to date, finds the ledger's end and what waits in the
// intake, and voids the leases of the process before.
func (s *Store) prepare() error {
	if err := migrate(s.db, s.log, migrations); err != nil {
		return err
	}
	err := guard("open store", func() error {
		tx, err := s.db.Begin(true)
		if err != nil {
			return err
		}
		defer func() {
			if tx.DB() != nil { // an error, or a page that makes no sense: who closes the file would wait for it
				_ = tx.Rollback()
			}
		}()
		e, err := endsOf(tx)
		if err != nil {
			return errDamaged(s.path, err)
		}
		s.ends.Store(&e)
		if s.intake, err = readIntake(tx, s.now()); err != nil {
			return errDamaged(s.path, err)
		}
		t := &txn{tx: tx, now: s.now(), log: s.log, intake: s.intake}
		if err := t.freeLeases(); err != nil || !t.wrote {
			return err
		}
		return s.commitTx(tx)
	})
	if e, ok := errors.AsType[*bridge.Error](err); ok && e.Msg == "" {
		err = errDamaged(s.path, err) // it panicked
	}
	return err
}

// Close finishes what is queued and closes the file. Calls that come later return
// Unavailable. It may be repeated, and waits for reads that are under way.
func (s *Store) Close() error {
	s.once.Do(func() {
		close(s.closing)
		<-s.stopped
		if !s.wedged {
			s.closeErr = s.db.Close()
		}
	})
	return s.closeErr
}
