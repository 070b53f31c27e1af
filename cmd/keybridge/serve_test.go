package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shortFolder returns a folder whose path leaves room for a socket's name.
func shortFolder(t testing.TB) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "kb")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(folder) })
	return folder
}

// minimalConfig writes a configuration without payments into a folder.
func minimalConfig(t *testing.T, folder string) string {
	t.Helper()
	for name, text := range map[string]string{
		"secret": "dashboard-secret",
		"keybridge.yaml": `listen: 127.0.0.1:0
public_url: http://127.0.0.1:8080
operations: 127.0.0.1:0
data: .
portals:
  - name: main
    url: http://127.0.0.1:9
    secret_file: secret
    organisation: 5ac07777cbb8c2d530000020
    home: http://127.0.0.1:9/
    handoff: {bare: {}}
plans: [{name: Free, policies: [p], steps: []}]
`} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return filepath.Join(folder, "keybridge.yaml")
}

// serving is a serve command that runs.
type serving struct {
	operations string
	stop       context.CancelFunc
	code       chan int
}

// startServe runs the serve command until its log says where it answers.
func startServe(t *testing.T, config string) *serving {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	s := &serving{stop: cancel, code: make(chan int, 1)}
	log, w := io.Pipe()
	go func() {
		s.code <- run(ctx, []string{"serve", "--config", config}, io.Discard, w)
		_ = w.Close()
	}()
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		var line struct{ Msg, Operations string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "keybridge is running" {
			s.operations = line.Operations
			go func() { _, _ = io.Copy(io.Discard, log) }()
			return s
		}
		t.Log(lines.Text())
	}
	t.Fatal("serve ended before it said that it runs")
	return nil
}

func TestServeIsReadyAndStopsWhenTold(t *testing.T) {
	t.Parallel()
	s := startServe(t, minimalConfig(t, shortFolder(t)))
	answer, err := http.Get(s.operations + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		t.Errorf("/readyz answered %s", answer.Status)
	}
	var out bytes.Buffer
	if code := run(t.Context(), []string{"health", "--addr", strings.TrimPrefix(s.operations, "http://")}, &out, &out); code != 0 {
		t.Errorf("health ended with %d: %s", code, &out)
	}
	s.stop()
	select {
	case code := <-s.code:
		if code != 0 {
			t.Errorf("serve ended with %d", code)
		}
	case <-time.After(patience):
		t.Error("serve did not stop")
	}
}

// TestFaultSecondProcess: a second bridge on a store says so within seconds. They are
// measured, so it runs beside nothing else.
func TestFaultSecondProcess(t *testing.T) {
	config := minimalConfig(t, shortFolder(t))
	first := startServe(t, config)
	defer func() { first.stop(); <-first.code }()
	var out bytes.Buffer
	begin := time.Now()
	code := run(t.Context(), []string{"serve", "--config", config}, io.Discard, &out)
	if code != exitFailed || !strings.Contains(out.String(), "another keybridge process") {
		t.Errorf("the second process ended with %d and said: %s", code, &out)
	}
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("it took %s", took)
	}
}

func TestCommandsAskTheBridgeThatRuns(t *testing.T) {
	t.Parallel()
	config := minimalConfig(t, shortFolder(t))
	s := startServe(t, config)
	defer func() { s.stop(); <-s.code }()
	var out, errOut bytes.Buffer
	if code := run(t.Context(), []string{"requests", "list", "--config", config}, &out, &errOut); code != 0 {
		t.Fatalf("requests list ended with %d: %s", code, &errOut)
	}
	if got := out.String(); got != "There are no such requests.\n" {
		t.Errorf("requests list said %q", got)
	}
}
