package main

import (
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"keybridge/store/bolt"
)

// growthCommand makes the table. A million requests take room for four files of 6 GB, and time.
const growthCommand = "go test ./cmd/keybridge -run '^$' -bench LoadGrown -load.sizes 10000,100000,1000000 -timeout 3h"

// What it costs that much is stored already: growthCommand.
//
// Stores are made by grow, or copied from the folder that KEYBRIDGE_STORE names. Every
// request of them is due, and nobody works on it: what is measured is intake alone. What
// came in is entered between the measurements, as it would be by the worker's next claims.
// Before each there is one as long that does not count.
var loadSizes = flag.String("load.sizes", "10000,100000", "how many requests are stored, several sizes apart by commas, the least first")

// grownLoad is a size while it is measured.
type grownLoad struct {
	*loaded
	requests  int
	compacted bool
	file      int64
	start     time.Duration
	// newest and any are the rounds with events about the newest requests, as most are, and
	// about requests of any age.
	newest, any measured
}

// newestRequests are so many.
const newestRequests = 10_000

// startGrown starts a bridge on a copy of a store of a size, as it grew or as keybridge compact
// leaves it.
func startGrown(b *testing.B, from string, requests int, compacted bool) *grownLoad {
	b.Helper()
	folder := copied(b, from)
	path := filepath.Join(folder, "data", storeFile)
	if compacted {
		if _, err := bolt.CompactFile(b.Context(), path, nil); err != nil {
			b.Fatal(err)
		}
	}
	writeLoadConfig(b, folder)
	g := &grownLoad{requests: requests, compacted: compacted, start: serveStarts(b, folder)}
	g.loaded = startLoaded(b, onBridge, folder)
	file, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	g.file = file.Size()
	return g
}

// BenchmarkLoadGrown takes events in with stores of several sizes, and with the last of them
// compacted, in turns, and prints the table of the README.
func BenchmarkLoadGrown(b *testing.B) {
	var sizes []*grownLoad
	var folder string
	for text := range strings.SplitSeq(*loadSizes, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n < 100 {
			b.Fatalf("-load.sizes: %q is not a number of requests, of 100 at least", text)
		}
		folder = grow(b, n)
		sizes = append(sizes, startGrown(b, folder, n, false))
	}
	sizes = append(sizes, startGrown(b, folder, sizes[len(sizes)-1].requests, true))
	for range *loadRounds {
		for _, g := range sizes {
			newest := min(newestRequests, g.requests)
			g.newest.add(g.take(g.requests-newest, newest))
			g.any.add(g.take(0, g.requests))
		}
	}
	var text strings.Builder
	fmt.Fprintln(&text, growthHead)
	for i, g := range sizes {
		fmt.Fprintln(&text, g.row(b, sizes[:min(i, 1)]))
	}
	fmt.Print(text.String())
}

// growthHead begins the table.
const growthHead = `| stored requests | file | start | events about the newest 10,000 | events about any | resident, at most | without the file |
|---|---|---|---|---|---|---|`

// row is a size in the table: its rates, and, where there is a first size, how they are to
// that one's.
func (g *grownLoad) row(tb testing.TB, first []*grownLoad) string {
	rate := func(of func(*grownLoad) measured) string {
		text := grouped(int64(median(of(g).rates))) + "/s"
		for _, f := range first {
			text += fmt.Sprintf(" (%.2f)", median(of(g).rates)/median(of(f).rates))
		}
		return text
	}
	requests := grouped(int64(g.requests))
	if g.compacted {
		requests += ", compacted"
	}
	memory := func(part string) string { return grouped(resident(tb, g.process.Process.Pid, part)>>20) + " MB" }
	return "| " + strings.Join([]string{
		requests, grouped(g.file>>20) + " MB", fmt.Sprintf("%.2f s", g.start.Seconds()),
		rate(func(g *grownLoad) measured { return g.newest }), rate(func(g *grownLoad) measured { return g.any }), memory("VmHWM:"), memory("RssAnon:"),
	}, " | ") + " |"
}

// grouped is a number with a comma before each three digits.
func grouped(n int64) string {
	text := strconv.FormatInt(n, 10)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}

// TestTheReadmeHasTheTableThatGrowthPrints compares their form, and the command that the README
// gives for it.
func TestTheReadmeHasTheTableThatGrowthPrints(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, found := strings.Cut(string(readme), growthHead+"\n")
	row := regexp.MustCompile(`^\| [0-9]{1,3}(,[0-9]{3})*(, compacted)? \| [0-9,]+ MB \| [0-9]+\.[0-9]{2} s \| [0-9,]+/s( \([0-9]\.[0-9]{2}\))? \| [0-9,]+/s( \([0-9]\.[0-9]{2}\))? \| [0-9,]+ MB \| [0-9,]+ MB \|$`)
	rows := 0
	for line := range strings.Lines(after) {
		if !strings.HasPrefix(line, "|") {
			break
		}
		if rows++; !row.MatchString(strings.TrimSuffix(line, "\n")) {
			t.Errorf("%q is no row of it", line)
		}
	}
	if !found || rows != 4 {
		t.Errorf("the README has no such table, or one of %d rows", rows)
	}
	if !strings.Contains(string(readme), "\n"+growthCommand+"\n") {
		t.Errorf("the README does not give the command %q", growthCommand)
	}
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 12345: "12,345", 1000000: "1,000,000"} {
		if got := grouped(n); got != want {
			t.Errorf("%d is %q, want %q", n, got, want)
		}
	}
}

// take sends events about so many requests from the oldest of them on. The first of them are not
// measured: where the system has taken the file's pages out of its cache, as it does with those
// that nobody reads for minutes, they wait for the disk.
func (g *grownLoad) take(oldest, requests int) delivered {
	g.tb.Helper()
	g.send(oldest, requests)
	return g.send(oldest, requests)
}

func (g *grownLoad) send(oldest, requests int) delivered {
	g.tb.Helper()
	most := int(loadTime.Seconds() * 100_000)
	d, err := deliver(g.process.Process.Pid, g.addr, eventRequests(g.sent, most, oldest, requests), 64, *loadTime)
	if err != nil || d.answers[200] != len(d.took) {
		g.tb.Fatalf("%d requests: %v, %v", g.requests, d.answers, err)
	}
	g.sent += most
	g.tell(sayEnter)
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
	// Page by page, as a store writes it: what was written in one stroke is mapped in one.
	if _, err := io.CopyBuffer(struct{ io.Writer }{out}, struct{ io.Reader }{in}, make([]byte, os.Getpagesize())); err != nil {
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
