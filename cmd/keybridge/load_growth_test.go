package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"
)

// What it costs that much is stored already. Run with
//
//	go test ./cmd/keybridge -run '^$' -bench LoadGrown -load.sizes 10000,100000,1000000
//
// Stores are made by grow, or copied from the folder that KEYBRIDGE_STORE names. Every
// request of them is due, and nobody works on it: what is measured is intake alone.
var loadSizes = flag.String("load.sizes", "10000,100000", "how many requests are stored, several sizes apart by commas, the least first")

// grownLoad is a size while it is measured.
type grownLoad struct {
	*loaded
	requests int
	file     int64
	start    time.Duration
	// newest and any are the rounds with events about the newest requests, as most are, and
	// about requests of any age.
	newest, any measured
}

// newestRequests are so many.
const newestRequests = 10_000

// BenchmarkLoadGrown takes events in with stores of several sizes, in turns, and prints the
// table of the README.
func BenchmarkLoadGrown(b *testing.B) {
	var sizes []*grownLoad
	for text := range strings.SplitSeq(*loadSizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 100 {
			b.Fatalf("-load.sizes: %q is not a number of requests, of 100 at least", text)
		}
		folder := copied(b, grow(b, n))
		writeLoadConfig(b, folder)
		g := &grownLoad{requests: n, start: serveStarts(b, folder)}
		g.loaded = startLoaded(b, onBridge, folder)
		file, err := os.Stat(filepath.Join(folder, "data", storeFile))
		if err != nil {
			b.Fatal(err)
		}
		g.file = file.Size()
		sizes = append(sizes, g)
	}
	for range *loadRounds {
		for _, g := range sizes {
			newest := min(newestRequests, g.requests)
			g.newest.add(g.take(g.requests-newest, newest))
			g.any.add(g.take(0, g.requests))
		}
	}
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 1, ' ', 0)
	fmt.Fprintln(table, "| stored requests\t| file\t| start\t| events of the newest a second\t| p99\t| of any age\t| p99\t| resident\t| without the file\t|")
	fmt.Fprintln(table, "|---\t|---\t|---\t|---\t|---\t|---\t|---\t|---\t|---\t|")
	rate := func(m, first measured) string {
		return fmt.Sprintf("%.0f (%.2f)\t| %s", median(m.rates), median(m.rates)/median(first.rates), median(m.most).Round(100*time.Microsecond))
	}
	for _, g := range sizes {
		fmt.Fprintf(table, "| %d\t| %d MB\t| %s\t| %s\t| %s\t| %d MB\t| %d MB\t|\n", g.requests, g.file>>20, g.start.Round(10*time.Millisecond),
			rate(g.newest, sizes[0].newest), rate(g.any, sizes[0].any),
			resident(b, g.process.Process.Pid, "VmRSS:")>>20, resident(b, g.process.Process.Pid, "RssAnon:")>>20)
	}
	_ = table.Flush() // into memory
	fmt.Print(text.String())
}

// take sends events about so many requests from the oldest of them on.
func (g *grownLoad) take(oldest, requests int) delivered {
	g.tb.Helper()
	most := int(loadTime.Seconds() * 100_000)
	d, err := deliver(g.process.Process.Pid, g.addr, eventRequests(g.sent, most, oldest, requests), 64, *loadTime)
	if err != nil || d.answers[200] != len(d.took) {
		g.tb.Fatalf("%d requests: %v, %v", g.requests, d.answers, err)
	}
	g.sent += most
	return d
}

// copied is a folder with a copy of the store of another, because a load changes it.
func copied(tb testing.TB, from string) (folder string) {
	tb.Helper()
	folder = shortFolder(tb)
	data := filepath.Join(folder, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		tb.Fatal(err)
	}
	in, err := os.Open(filepath.Join(from, "data", storeFile))
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = in.Close() }() // it was only read
	out, err := os.Create(filepath.Join(data, storeFile))
	if err != nil {
		tb.Fatal(err)
	}
	if _, err := io.Copy(out, in); err != nil {
		tb.Fatal(err)
	}
	if err := out.Sync(); err != nil {
		tb.Fatal(err)
	}
	if err := out.Close(); err != nil {
		tb.Fatal(err)
	}
	return folder
}

// serveStarts runs keybridge serve on a folder and says how long it took until it answered,
// in the median of three times.
func serveStarts(tb testing.TB, folder string) time.Duration {
	tb.Helper()
	itself, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	program := filepath.Join(folder, "keybridge")
	if err := os.Symlink(itself, program); err != nil {
		tb.Fatal(err)
	}
	var took []time.Duration
	for range 3 {
		took = append(took, startsOnce(tb, program, folder))
	}
	return median(took)
}

func startsOnce(tb testing.TB, program, folder string) time.Duration {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil { // for the process to have it
		tb.Fatal(err)
	}
	path := filepath.Join(folder, "keybridge.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	lines := strings.Split(string(text), "\n")
	lines[slices.IndexFunc(lines, func(line string) bool { return strings.HasPrefix(line, "listen:") })] = "listen: " + addr
	if err := os.WriteFile(path, []byte(strings.Join(lines, "\n")), 0o600); err != nil {
		tb.Fatal(err)
	}
	process := exec.Command(program, "serve", "--config", path)
	var log logbook
	process.Stderr = &log
	begin := time.Now()
	if err := process.Start(); err != nil {
		tb.Fatal(err)
	}
	await(tb, "keybridge to answer", func() bool {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, func() string { return log.end(4 << 10) })
	took := time.Since(begin)
	_ = process.Process.Kill() // it may be killed at any time
	_ = process.Wait()
	return took
}

// resident is a part of the memory of a process that is in the machine's, in bytes; 0 where
// the system does not say. Source: proc_pid_status(5).
func resident(tb testing.TB, pid int, part string) int64 {
	tb.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == part {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				tb.Fatal(err)
			}
			return kib << 10
		}
	}
	return 0
}
