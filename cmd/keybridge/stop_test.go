package main

import (
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web"
	"keybridge/store/bolt"
)

// TestStopBreaksOffWhatTakesTooLong has a backup under way that does not get on, and a loop
// that needs half of the time there is.
func TestStopBreaksOffWhatTakesTooLong(t *testing.T) {
	t.Parallel()
	folder := shortFolder(t)
	cfg, err := loadConfig(minimalConfig(t, folder), os.LookupEnv)
	if err != nil {
		t.Fatal(err)
	}
	cfg.Shutdown = time.Second
	b, err := startBridge(cfg, slog.New(slog.DiscardHandler), nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range b.servers { // nobody holds a connection by saying nothing on it
		if s.ReadHeaderTimeout <= 0 || s.ReadTimeout <= 0 || s.IdleTimeout <= 0 || s.MaxHeaderBytes <= 0 {
			t.Errorf("a listener without a bound: %+v", s)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	began := make(chan struct{})
	copied := filepath.Join(folder, "backup.db")
	b.serve(l, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		var once sync.Once
		_ = b.store.Backup(r.Context(), copied, func(int64, int64) {
			once.Do(func() { close(began) })
			<-r.Context().Done()
		})
	}), 0)
	go func() {
		if answer, err := http.Get("http://" + l.Addr().String()); err == nil {
			_ = answer.Body.Close()
		}
	}()
	within(t, began)
	b.loops.Go(func() { time.Sleep(cfg.Shutdown / 2) })
	var stopped error
	over := make(chan struct{})
	go func() { defer close(over); stopped = b.Stop() }()
	within(t, over)
	switch {
	case stopped == nil || !strings.Contains(stopped.Error(), "broken off"):
		t.Errorf("it does not say that something was broken off: %v", stopped)
	case strings.Contains(stopped.Error(), "calls to a portal"):
		t.Errorf("the loops were not given their time: %v", stopped)
	}
	if _, err := os.Stat(copied); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("half a backup: %v", err)
	}
}

// within waits for a channel to be closed.
func within(t *testing.T, done <-chan struct{}) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("it does not come to its end")
	}
}

// TestACommandWaitsForABridgeThatIsStarting: a bridge has its store a moment before it
// answers on its socket.
func TestACommandWaitsForABridgeThatIsStarting(t *testing.T) {
	t.Parallel()
	folder := shortFolder(t)
	store, err := bolt.Open(bolt.Config{Path: filepath.Join(folder, storeFile)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	service, err := bridge.New(bridge.Config{
		Store: store, NewID: newID, Page: func(bridge.ID, time.Time) string { return "" }, Portals: map[string]bridge.Site{"main": {}},
	})
	if err != nil {
		t.Fatal(err)
	}
	var out, said strings.Builder
	var code int
	over := make(chan struct{})
	go func() {
		defer close(over)
		code = run(t.Context(), []string{"requests", "list", "--data", folder}, &out, &said)
	}()
	time.Sleep(startTime / 2) // longer than one waits for the store's lock
	l, err := listenSocket(filepath.Join(folder, socketFile))
	if err != nil {
		t.Fatal(err)
	}
	st, err := os.Stat(filepath.Join(folder, socketFile))
	if err != nil {
		t.Fatal(err)
	}
	if st.Mode().Perm() != 0o600 {
		t.Errorf("the socket is not its owner's alone: %v", st.Mode())
	}
	server := &http.Server{Handler: &web.Operator{Service: service, Person: operator}, ReadHeaderTimeout: time.Second}
	go func() { _ = server.Serve(l) }()
	t.Cleanup(func() { _ = server.Close() })
	within(t, over)
	if code != 0 {
		t.Errorf("the command ended with %d: %s", code, said.String())
	}
}
