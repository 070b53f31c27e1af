package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"
)

// limitFiles bounds the size of what a process that runs writes: the kernel refuses then
// as it does when the disk is full, with another word.
func limitFiles(t *testing.T, pid int, size uint64) {
	t.Helper()
	limit := syscall.Rlimit{Cur: size, Max: ^uint64(0)}
	_, _, errno := syscall.RawSyscall6(syscall.SYS_PRLIMIT64, uintptr(pid), syscall.RLIMIT_FSIZE,
		uintptr(unsafe.Pointer(&limit)), 0, 0, 0) //nolint:gosec // the one way to change it for another process
	if errno != 0 {
		t.Fatal(errno)
	}
}

// TestFaultDiskFull takes a bridge's room away while it runs: its webhooks are answered
// 503 and Retry-After, and nothing that cannot be kept is answered with 2xx. When there is
// room again it goes on by itself.
func TestFaultDiskFull(t *testing.T) {
	t.Parallel()
	l := startLoad(t)
	known, status, _, err := l.send()
	if err != nil || status != http.StatusOK {
		t.Fatal(status, err)
	}
	pid := l.process.Process.Pid
	limitFiles(t, pid, 16<<10) // the roots may be written, and hardly anything else
	refused := []string{}
	for range 200 {
		id, status, header, err := l.send()
		if err != nil {
			t.Fatal(err)
		}
		switch status {
		case http.StatusOK: // it found a place, and is looked for at the end
		case http.StatusServiceUnavailable:
			refused = append(refused, id)
			if after, err := strconv.Atoi(header.Get("Retry-After")); err != nil || after < 1 {
				t.Errorf("Retry-After is %q", header.Get("Retry-After"))
			}
		default:
			t.Errorf("answered %d", status)
		}
	}
	if len(refused) < 100 {
		t.Fatalf("only %d of 200 were refused, so this shows little", len(refused))
	}
	if status, _, err := l.event(known); err != nil || status != http.StatusOK {
		t.Errorf("what is known needs no room, and is answered %d, %v", status, err)
	}
	if status, text := l.readyz(); status != http.StatusServiceUnavailable || !strings.Contains(text, "no room") {
		t.Errorf("/readyz answers %d: %s", status, text)
	}
	limitFiles(t, pid, ^uint64(0))
	await(t, "the bridge to be ready", func() bool { status, _ := l.readyz(); return status == http.StatusOK }, nil)
	for _, id := range refused { // they come again, as Stripe sends them
		if status, _, err := l.event(id); err != nil || status != http.StatusOK {
			t.Fatalf("with room again: %d, %v", status, err)
		}
	}
	select {
	case <-l.ended:
		t.Fatal("it ended, and did not go on by itself")
	default:
	}
	if err := l.process.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case <-l.ended:
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
	l.wantKept(l.cfg.Data, append(l.promised(), refused...))
	t.Logf("%d refused, then taken", len(refused))
}

// readyz asks the process whether it is ready.
func (l *load) readyz() (int, string) {
	l.t.Helper()
	address := ""
	for text := range strings.Lines(l.log.String()) {
		var line struct{ Msg, Operations string }
		if json.Unmarshal([]byte(text), &line) == nil && line.Msg == "keybridge is running" {
			address = line.Operations
		}
	}
	answer, err := http.Get(address + "/readyz")
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		l.t.Fatal(err)
	}
	return answer.StatusCode, string(text)
}

// TestFaultSyncError has the disk fail at a sync: behind the store's descriptor lies
// /dev/null, which takes what is written and cannot sync it. The bridge answers nothing
// more and ends.
func TestFaultSyncError(t *testing.T) {
	t.Parallel()
	config := minimalConfig(t, shortFolder(t))
	s := startServe(t, config)
	defer s.stop()
	user := func(act ...string) (int, string) {
		var out strings.Builder
		code := run(t.Context(), append([]string{"users"}, append(act, "--config", config)...), &out, &out)
		return code, out.String()
	}
	for i := range 3 { // what they replace is free, so that the file need not grow
		if code, said := user("add", fmt.Sprintf("u%d", i), "--role", "viewer"); code != 0 {
			t.Fatal(said)
		}
	}
	devNull(t, filepath.Join(filepath.Dir(config), storeFile))
	if code, said := user("disable", "u1"); code == 0 {
		t.Errorf("what was not synced is told as done: %s", said)
	}
	select {
	case code := <-s.code:
		if code != exitFailed {
			t.Errorf("serve ended with %d", code)
		}
	case <-time.After(patience):
		t.Fatal("serve goes on")
	}
}

// devNull puts /dev/null behind this process's descriptors of a file.
func devNull(t *testing.T, path string) {
	t.Helper()
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = null.Close() })
	const open = "/proc/self/fd"
	entries, err := os.ReadDir(open)
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, e := range entries {
		if to, err := os.Readlink(filepath.Join(open, e.Name())); err != nil || to != path {
			continue
		}
		fd, err := strconv.Atoi(e.Name())
		if err != nil {
			t.Fatal(err)
		}
		if err := syscall.Dup3(int(null.Fd()), fd, 0); err != nil {
			t.Fatal(err)
		}
		found++
	}
	if found != 1 {
		t.Fatalf("%s is open %d times", path, found)
	}
}
