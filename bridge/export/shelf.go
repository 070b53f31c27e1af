package export

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"keybridge/bridge"
)

// Config is what a Shelf needs.
type Config struct {
	// Folder is where the files lie: a folder of the shelf's own, made if it is not there.
	// Two processes may not share one: what a shelf finds in it is left over, and removed.
	Folder string
	// Count counts the requests that fit a filter, up to most (10,000); see bridge.Store. Nil:
	// it is not said how many there will be.
	Count func(ctx context.Context, f bridge.Filter, most int) (n int, more bool, err error)
	// Record takes the house's own entries: that a person has taken a list away. Nil: they
	// are lost.
	Record func(ctx context.Context, e bridge.Entry)
	// Keep is how long a file is kept after it was asked for. Zero: an hour.
	Keep time.Duration
	// MostRows and MostBytes bound one file, the bytes being those of the texts in it.
	// Zero: 500,000 and 512 MiB. MostRows is at most the constant of that name.
	MostRows  int
	MostBytes int64
	// Each and All are how many files are made at once, for one person and in all. Zero: 2
	// and 4.
	Each, All int
	// Kept is how many files a person may have. Zero: 5. The oldest finished one goes when
	// another is asked for.
	Kept int
	// Now is the clock; nil for time.Now. NewID returns a file's id, which nobody can
	// guess: letters and digits. Nil: one is drawn.
	Now   func() time.Time
	NewID func() string
	// Log may be nil.
	Log *slog.Logger
}

func (cfg Config) complete() (Config, error) {
	if cfg.Folder == "" {
		return cfg, errors.New("export: a shelf needs a folder")
	}
	cfg.Keep = cmp.Or(cfg.Keep, time.Hour)
	cfg.MostRows = min(cmp.Or(cfg.MostRows, 500_000), MostRows)
	cfg.MostBytes = cmp.Or(cfg.MostBytes, 512<<20)
	cfg.Each, cfg.All, cfg.Kept = cmp.Or(cfg.Each, 2), cmp.Or(cfg.All, 4), cmp.Or(cfg.Kept, 5)
	if cfg.Record == nil {
		cfg.Record = func(context.Context, bridge.Entry) {}
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.NewID == nil {
		cfg.NewID = rand.Text
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	return cfg, nil
}

// Shelf keeps the files that people take away. Make one with New, and Close it.
type Shelf struct {
	cfg  Config
	ctx  context.Context // ends with the shelf
	stop context.CancelFunc
	made sync.WaitGroup

	mu     sync.Mutex
	closed bool
	jobs   []*job // oldest first
}

// prefixes are how the names of a shelf's files begin; excelize names its own like the other.
var prefixes = []string{"export-", "excelize-"}

// New returns a shelf with nothing on it: files that an earlier process has left in the
// folder are removed. No other files are.
func New(cfg Config) (*Shelf, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(cfg.Folder, 0o700); err != nil {
		return nil, fmt.Errorf("export: the folder: %w", err)
	}
	if err := sweep(cfg.Folder); err != nil {
		return nil, fmt.Errorf("export: what was left over: %w", err)
	}
	s := &Shelf{cfg: cfg}
	s.ctx, s.stop = context.WithCancel(context.Background())
	return s, nil
}

// sweep removes a shelf's files from a folder.
func sweep(folder string) error {
	files, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var errs []error
	for _, f := range files {
		ours := func(begin string) bool { return strings.HasPrefix(f.Name(), begin) }
		if f.Type().IsRegular() && slices.ContainsFunc(prefixes, ours) {
			errs = append(errs, os.Remove(filepath.Join(folder, f.Name())))
		}
	}
	return errors.Join(errs...)
}

// Close cancels what is being made and removes every file. The shelf takes nothing more.
func (s *Shelf) Close() error {
	s.mu.Lock()
	s.closed = true
	for _, j := range s.jobs {
		j.gone.Stop()
	}
	s.jobs = nil
	s.mu.Unlock()
	s.stop()
	s.made.Wait()
	return sweep(s.cfg.Folder)
}

// errNone is the answer for a file that is not there, or is somebody else's.
var errNone = &bridge.Error{Kind: bridge.NotFound, Msg: "This file is not here any more. Files are kept for a while and go when the service is started anew. Export the list again."}

// Start begins to make a file of the requests that fit a filter, as far as the desk's
// person may see them, newest or oldest first as the filter says. It returns at once.
// Denied for who may not export; Limited while too many are being made; Invalid for a
// format that is none. Two calls make two files.
func (s *Shelf) Start(d bridge.Desk, as bridge.Format, f bridge.Filter) (bridge.Export, error) {
	if err := d.May(bridge.MayExport, f.Portal); err != nil {
		return bridge.Export{}, err
	}
	if !slices.Contains(bridge.Formats, as) {
		return bridge.Export{}, &bridge.Error{Kind: bridge.Invalid, Msg: "A list can be taken away as CSV or XLSX."}
	}
	f.After = ""
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return bridge.Export{}, &bridge.Error{Kind: bridge.Unavailable, Msg: "The service is being stopped. Try again in a minute."}
	}
	p := d.Person()
	if err := s.room(p); err != nil {
		return bridge.Export{}, err
	}
	now := s.cfg.Now()
	j := &job{
		Export: bridge.Export{ID: s.cfg.NewID(), Format: as, State: bridge.ExportMaking, What: Asked(f), Asked: now, Until: now.Add(s.cfg.Keep)},
		desk:   d, filter: f, done: make(chan struct{}),
	}
	j.path = filepath.Join(s.cfg.Folder, prefixes[0]+j.ID)
	ctx, cancel := context.WithCancel(s.ctx)
	j.cancel = cancel
	j.gone = time.AfterFunc(s.cfg.Keep, func() { s.forget(j) })
	s.jobs = append(s.jobs, j)
	s.made.Go(func() { s.make(ctx, j) })
	return j.Export, nil
}

// room says why a person may not begin another file, and makes room for it among theirs.
func (s *Shelf) room(p bridge.Person) error {
	var made []*job // theirs that are not being made any more
	mine, all := 0, 0
	for _, j := range s.jobs {
		own := j.desk.Person().Name == p.Name
		switch {
		case j.State != bridge.ExportMaking && own:
			made = append(made, j)
		case j.State == bridge.ExportMaking && own:
			mine, all = mine+1, all+1
		case j.State == bridge.ExportMaking:
			all++
		}
	}
	switch {
	case mine >= s.cfg.Each:
		return &bridge.Error{Kind: bridge.Limited, Msg: fmt.Sprintf("You have %d files being made. Wait until one is ready, or cancel one.", mine)}
	case all >= s.cfg.All:
		return &bridge.Error{Kind: bridge.Limited, Msg: "Too many files are being made right now. Try again in a minute."}
	}
	for _, j := range made[:min(len(made), max(0, mine+len(made)-s.cfg.Kept+1))] {
		s.drop(j)
	}
	return nil
}

// Exports returns a person's files, the newest first.
func (s *Shelf) Exports(p bridge.Person) []bridge.Export {
	s.mu.Lock()
	defer s.mu.Unlock()
	var all []bridge.Export
	for _, j := range slices.Backward(s.jobs) {
		if s.theirs(j, p) {
			all = append(all, j.Export)
		}
	}
	return all
}

// theirs reports whether a file is there and is a person's. What they may see has to be
// what it was when it was made.
func (s *Shelf) theirs(j *job, p bridge.Person) bool {
	was := j.desk.Person()
	return was.Name == p.Name && was.Role == p.Role && slices.Equal(was.Portals, p.Portals) && s.cfg.Now().Before(j.Until)
}

// find returns a person's file. NotFound when there is none.
func (s *Shelf) find(p bridge.Person, id string) (*job, error) {
	i := slices.IndexFunc(s.jobs, func(j *job) bool { return j.ID == id && s.theirs(j, p) })
	if i < 0 {
		return nil, errNone
	}
	return s.jobs[i], nil
}

// Wait returns how a person's file stands once it is no longer being made, or when ctx
// ends, which is no error. NotFound when there is none.
func (s *Shelf) Wait(ctx context.Context, p bridge.Person, id string) (bridge.Export, error) {
	s.mu.Lock()
	j, err := s.find(p, id)
	s.mu.Unlock()
	if err != nil {
		return bridge.Export{}, err
	}
	select {
	case <-j.done:
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return j.Export, nil
}

// Open returns a person's file for reading; the caller closes it. It can be read to its
// end though it is removed meanwhile. NotFound when there is none, Conflict while it is
// not ready.
func (s *Shelf) Open(p bridge.Person, id string) (*os.File, bridge.Export, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, err := s.find(p, id)
	switch {
	case err != nil:
		return nil, bridge.Export{}, err
	case j.State != bridge.ExportReady:
		return nil, bridge.Export{}, &bridge.Error{Kind: bridge.Conflict, Msg: "This file is not ready."}
	}
	file, err := os.Open(j.path)
	if err != nil {
		return nil, bridge.Export{}, fmt.Errorf("export: %w", err)
	}
	return file, j.Export, nil
}

// Remove cancels a person's file while it is being made, and takes it off the shelf once
// it is not. NotFound when there is none.
func (s *Shelf) Remove(p bridge.Person, id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	j, err := s.find(p, id)
	switch {
	case err != nil:
		return err
	case j.State == bridge.ExportMaking:
		j.cancel()
		j.State = bridge.ExportCancelled
	default:
		s.drop(j)
	}
	return nil
}

// forget removes a file whose time is over.
func (s *Shelf) forget(j *job) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.drop(j)
}

// drop takes a file off the shelf. One that is being made is removed by whoever makes it.
func (s *Shelf) drop(j *job) {
	i := slices.Index(s.jobs, j)
	if i < 0 {
		return // the shelf is closed, and swept
	}
	j.gone.Stop()
	j.cancel()
	s.jobs = slices.Delete(s.jobs, i, i+1)
	if j.State == bridge.ExportReady {
		s.remove(j)
	}
}

func (s *Shelf) remove(j *job) {
	if err := os.Remove(j.path); err != nil && !errors.Is(err, os.ErrNotExist) {
		s.cfg.Log.Error("an exported file could not be removed", "error", err)
	}
}
