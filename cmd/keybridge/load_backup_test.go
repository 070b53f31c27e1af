package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// What it costs intake that a backup is taken meanwhile. Run with
//
//	go test ./cmd/keybridge -run '^$' -bench LoadBackup

// loadBackedUp is how many requests are stored.
const loadBackedUp = 100_000

// sayBackup, and a path, is the line that has a process under load take a backup there.
const sayBackup = "backup "

// backedUp is a bridge under load of which backups are taken.
type backedUp struct {
	*loaded
	folder string
	taken  int
	took   []time.Duration
	size   int64
}

// BenchmarkLoadBackup takes events in with a backup going on and without, in turns, and prints
// the table of the README.
func BenchmarkLoadBackup(b *testing.B) {
	l := &backedUp{folder: shortFolder(b), loaded: startLoaded(b, onBridge, fillBridge(b, loadBackedUp))}
	var without, with measured
	for range *loadRounds {
		l.tell(sayRest)
		without.add(l.deliver())
		l.tell(sayRest)
		with.add(l.during(l.deliver))
	}
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 1, ' ', 0)
	fmt.Fprintf(table, "| 64 clients, %d stored requests\t| events a second\t| p99\t|\n|---\t|---\t|---\t|\n", loadBackedUp)
	fmt.Fprintf(table, "| no backup\t| %.0f\t| %s\t|\n", median(without.rates), median(without.most).Round(100*time.Microsecond))
	fmt.Fprintf(table, "| a backup going on\t| %.0f (%.2f)\t| %s (%.2f)\t|\n", median(with.rates), median(with.rates)/median(without.rates),
		median(with.most).Round(100*time.Microsecond), median(with.most).Seconds()/median(without.most).Seconds())
	_ = table.Flush() // into memory
	fmt.Printf("%smedians of %d rounds of %s; %d backups of %d MB were taken meanwhile, checked, each in %s\n",
		text.String(), *loadRounds, *loadTime, l.taken, l.size>>20, median(l.took).Round(10*time.Millisecond))
}

// deliver sends events about any of the requests, as fast as they are taken in.
func (l *backedUp) deliver() delivered {
	l.tb.Helper()
	most := int(loadTime.Seconds() * 100_000)
	d, err := deliver(l.process.Process.Pid, l.addr, eventRequests(l.sent, most, 0, loadBackedUp), 64, *loadTime)
	if err != nil || d.answers[200] != len(d.took) {
		l.tb.Fatalf("%v, %v", d.answers, err)
	}
	l.sent += most
	return d
}

// during has something done while one backup after the other is taken.
func (l *backedUp) during(do func() delivered) delivered {
	l.tb.Helper()
	over, begun, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		close(begun)
		for {
			if err := l.backup(); err != nil {
				ended <- err
				return
			}
			select {
			case <-over:
				ended <- nil
				return
			default:
			}
		}
	}()
	<-begun
	d := do()
	close(over)
	select {
	case err := <-ended:
		if err != nil {
			l.tb.Fatal(err)
		}
	case <-time.After(10 * time.Minute):
		l.tb.Fatal("the backup does not end")
	}
	return d
}

// backup takes one, and removes it.
func (l *backedUp) backup() error {
	l.taken++
	path := filepath.Join(l.folder, fmt.Sprintf("%d.db", l.taken))
	begin := time.Now()
	if _, err := io.WriteString(l.in, sayBackup+path+"\n"); err != nil {
		return err
	}
	if answer, err := l.out.ReadString('\n'); err != nil || answer != "done\n" {
		return fmt.Errorf("a backup under load: %q, %w", answer, err)
	}
	l.took = append(l.took, time.Since(begin))
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	l.size = info.Size()
	return os.Remove(path)
}
