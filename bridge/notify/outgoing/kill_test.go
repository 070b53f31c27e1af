package outgoing

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"keybridge/store/bolt"
)

// The tests' binary, told so by its environment, is a process that sends: one that can
// be killed.
const (
	childStore = "KEYBRIDGE_TEST_STORE"
	childURL   = "KEYBRIDGE_TEST_URL"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(childStore); path != "" {
		if err := send(path, os.Getenv(childURL)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(3)
		}
	}
	os.Exit(m.Run())
}

// send serves an endpoint until its process is killed.
func send(path, address string) error {
	store, err := bolt.Open(bolt.Config{Path: path})
	if err != nil {
		return err
	}
	s, err := New(Config{Store: store, Endpoints: []Endpoint{{Name: "crm", URL: address, Secrets: []string{secretOf(1)}}}})
	if err != nil {
		return err
	}
	s.Run(context.Background())
	return nil
}

func TestKilledBetweenSendingAndNotingItSendsTheSameAgainAndLosesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var kill atomic.Pointer[os.Process]
	var last string
	r := newReceiver(t, func(_ http.ResponseWriter, r *http.Request, n int) {
		if n%4 == 0 || r.Header.Get("webhook-id") == last { // it was taken, and the sender dies before it can note that
			if process := kill.Swap(nil); process != nil {
				_ = process.Kill()
			}
		}
	})
	w.sender(Config{}, r.endpoint("crm"))
	w.read(0)
	for range 10 {
		w.tick(0)
	}
	want, _ := w.told(0)
	last = want[len(want)-1]
	if err := w.store.Close(); err != nil {
		t.Fatal(err)
	}
	kills := 0
	for ; !slices.Contains(r.ids(), last); kills++ {
		if kills > 10 {
			t.Fatalf("it does not get on: %v", r.ids())
		}
		start(t, w.path, r.url, &kill)
	}
	bodies := map[string]string{}
	var once []string
	for _, g := range r.got() {
		if body, again := bodies[g.ID]; again {
			equal(t, "body of "+g.ID, g.Body, body)
			continue
		}
		bodies[g.ID] = g.Body
		once = append(once, g.ID)
	}
	equal(t, "ids", once, want)
	if kills < 3 || len(r.got()) == len(want) {
		t.Fatalf("%d kills, %d messages: none was sent again", kills, len(r.got()))
	}
}

// start starts a process that sends and waits until it was killed.
func start(t *testing.T, path, address string, kill *atomic.Pointer[os.Process]) {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, exe)
	cmd.Env = append(os.Environ(), childStore+"="+path, childURL+"="+address)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	kill.Store(cmd.Process)
	_ = cmd.Wait() // it was killed, or is after half a minute
}
