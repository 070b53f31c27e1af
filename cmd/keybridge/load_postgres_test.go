package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// startPostgres starts a PostgreSQL server in a new folder, as the user postgres where this
// is root's process, for the server refuses to be root's. It listens on a socket in that
// folder alone, and syncs every commit, as it does by itself. It ends with the test.
func startPostgres(tb testing.TB) (folder string) {
	tb.Helper()
	out, err := exec.Command("pg_config", "--bindir").Output()
	if err != nil {
		tb.Fatalf("-load.postgres: where its programs are is not known: %v", err)
	}
	programs := strings.TrimSpace(string(out))
	folder = shortFolder(tb)
	as := func(program string, args ...string) *exec.Cmd {
		args = append([]string{filepath.Join(programs, program)}, args...)
		if os.Geteuid() == 0 {
			args = append([]string{"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"}, args...)
		}
		c := exec.Command(args[0], args[1:]...)
		c.Dir = folder
		return c
	}
	if os.Geteuid() == 0 {
		if text, err := exec.Command("chown", "postgres", folder).CombinedOutput(); err != nil {
			tb.Fatalf("%v: %s", err, text)
		}
	}
	data := filepath.Join(folder, "data")
	if text, err := as("initdb", "--pgdata="+data, "--username=postgres", "--auth=trust", "--encoding=UTF8").CombinedOutput(); err != nil {
		tb.Fatalf("initdb: %v: %s", err, text)
	}
	server := as("postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", "-c", "synchronous_commit=on", "-c", "fsync=on")
	var log bytes.Buffer
	server.Stderr = &log
	if err := server.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = server.Process.Signal(os.Interrupt) // what clients are there are told to go
		if err := server.Wait(); err != nil {
			tb.Errorf("postgres: %v: %s", err, log.String())
		}
	})
	ready, ok := as("pg_isready", "--host="+folder), false
	for range 100 {
		if ok = ready.Run() == nil; ok {
			break
		}
		ready = as("pg_isready", "--host="+folder, "--timeout=1")
	}
	if !ok {
		tb.Fatalf("postgres does not answer: %s", log.String())
	}
	return folder
}
