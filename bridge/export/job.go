package export

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strconv"
	"time"

	"keybridge/bridge"
)

// job is an export with what it is made of. The shelf's lock guards Export; the rest does not
// change.
type job struct {
	bridge.Export
	desk   bridge.Desk
	filter bridge.Filter
	path   string
	cancel context.CancelFunc
	gone   *time.Timer   // removes it when its time is over
	done   chan struct{} // closed when it is made
}

// How long, and how far, is counted to tell how many rows there will be. A store counts no
// further (bridge.Store.Count is for badges and not for sums).
const (
	countTime = 2 * time.Second
	countMost = 10_000
)

// make makes a file.
func (s *Shelf) make(ctx context.Context, j *job) {
	defer close(j.done)
	defer j.cancel()
	s.count(ctx, j)
	rows, size, err := s.write(ctx, j)
	if err == nil {
		s.cfg.Record(context.WithoutCancel(ctx), bridge.Entry{
			At: s.cfg.Now().UTC(), Actor: j.desk.Person().Actor(), What: bridge.WhatExported,
			Before: j.What, After: fmt.Sprintf("%s as %s", rowCount(rows), j.Format),
		})
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Contains(s.jobs, j) { // it was taken off the shelf meanwhile
		j.State = bridge.ExportCancelled
	}
	if err != nil || j.State == bridge.ExportCancelled {
		s.remove(j)
	}
	switch {
	case j.State == bridge.ExportCancelled:
	case err != nil:
		s.cfg.Log.Warn("a list could not be exported", "rows", rows, "error", err)
		j.State, j.Problem = bridge.ExportFailed, bridge.Explain(err)
	default:
		j.State, j.Rows, j.Size = bridge.ExportReady, rows, size
		j.Of, j.More = rows, false
	}
}

// rowCount names a number of rows.
func rowCount(n int) string {
	if n == 1 {
		return "1 row"
	}
	return strconv.Itoa(n) + " rows"
}

// count finds out how many rows there will be, if that can be known soon.
func (s *Shelf) count(ctx context.Context, j *job) {
	if s.cfg.Count == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, countTime)
	defer cancel()
	f := j.filter
	if f.Portal == "" {
		f.Portals = j.desk.Person().Portals // as the desk does
	}
	n, more, err := s.cfg.Count(ctx, f, countMost)
	if err != nil {
		return // the file is made all the same
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	j.Of, j.More = n, more
}

// write writes the file. It is flushed but not synced: after a crash it is removed.
func (s *Shelf) write(ctx context.Context, j *job) (rows int, size int64, err error) {
	defer func() {
		if p := recover(); p != nil { // an adapter's; it ends this file and not the process
			err = errors.Join(err, fmt.Errorf("export: panic: %T", p))
		}
	}()
	file, err := os.OpenFile(j.path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return 0, 0, fmt.Errorf("export: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	out := bufio.NewWriterSize(file, 64<<10)
	table := s.bounded(j, Requests(Each(ctx, j.desk.List, j.filter)))
	if rows, err = Write(while{ctx, out}, table, j.Format, s.cfg.Folder); err != nil {
		return rows, 0, err
	}
	if err := out.Flush(); err != nil {
		return rows, 0, fmt.Errorf("export: %w", err)
	}
	size, err = file.Seek(0, io.SeekCurrent)
	return rows, size, err
}

// perTelling is after how many rows it is told how far a file has come.
const perTelling = 100

// bounded is a table that ends with an error where it is too long, and tells how far it
// has come.
func (s *Shelf) bounded(j *job, t bridge.Table) bridge.Table {
	rows := t.Rows
	t.Rows = func(yield func([]bridge.Cell, error) bool) {
		n, bytes := 0, int64(0)
		for cells, err := range rows {
			if err == nil {
				for _, c := range cells {
					bytes += int64(len(c.Text))
				}
				err = s.within(n, bytes)
			}
			if n++; n%perTelling == 0 {
				s.tell(j, n)
			}
			if !yield(cells, err) || err != nil {
				return
			}
		}
	}
	return t
}

// within refuses a row that comes after so many others.
func (s *Shelf) within(before int, bytes int64) error {
	switch {
	case before >= s.cfg.MostRows:
		return tooLong(s.cfg.MostRows)
	case bytes > s.cfg.MostBytes:
		return &bridge.Error{Kind: bridge.Invalid, Msg: fmt.Sprintf(
			"This list is larger than %d MiB. Narrow it down, by age or portal for example, and take it away in parts.", s.cfg.MostBytes>>20)}
	}
	return nil
}

func (s *Shelf) tell(j *job, rows int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	j.Rows = rows
}

// while is a writer for as long as a context lasts.
type while struct {
	ctx context.Context
	to  io.Writer
}

func (w while) Write(p []byte) (int, error) {
	if err := w.ctx.Err(); err != nil {
		return 0, err
	}
	return w.to.Write(p)
}
