package bolt

import (
	"bufio"
	"context"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"keybridge/bridge"
)

// writeUntilKilled accepts hints from sixteen clients, each at a new request and then of an
// event about it, and prints the number of each request of which both were answered. What
// is due is claimed and given back meanwhile, so that some events are entered and others
// wait. The path is followed by the number to begin with.
func writeUntilKilled(arg string) error {
	path, first, _ := strings.Cut(arg, "#")
	n, err := strconv.Atoi(first)
	if err != nil {
		return err
	}
	s, err := Open(Config{Path: path})
	if err != nil {
		return err
	}
	var next atomic.Int64
	next.Store(int64(n))
	go takeAndGiveBack(s)
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() {
			for {
				n := int(next.Add(1))
				a, err := s.Accept(context.Background(), testHint(n), nil)
				if err != nil || !a.Created {
					panic(fmt.Sprint(a, err))
				}
				if a, err = s.Accept(context.Background(), eventAt(n), nil); err != nil || a.Duplicate {
					panic(fmt.Sprint(a, err))
				}
				fmt.Println(n)
			}
		})
	}
	clients.Wait()
	return nil
}

func TestFaultKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keybridge.db")
	var answered []int
	for round := range 5 {
		answered = append(answered, runAndKill(t, path, round)...)
		s, err := Open(Config{Path: path})
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range answered {
			if _, err := s.Get(t.Context(), testID(n)); err != nil {
				t.Errorf("round %d: request %d was answered and is lost: %v", round, n, err)
			}
			for _, h := range []bridge.Hint{testHint(n), eventAt(n)} {
				if a, err := s.Accept(t.Context(), h, nil); err != nil || !a.Duplicate {
					t.Errorf("round %d: the hint of %s at request %d was answered and is forgotten: %v", round, h.Source, n, err)
				}
			}
		}
		whole(t, s)
		enteredOnce(t, s, answered)
		whole(t, s)
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("%d answered writes, 5 kills, none lost", len(answered))
}

// runAndKill kills a writer in the middle of its work and returns what it had
// answered.
func runAndKill(t *testing.T, path string, round int) []int {
	t.Helper()
	cmd := child(t, "writer", fmt.Sprintf("%s#%d", path, round*1_000_000))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var answered []int
	for lines := bufio.NewScanner(out); lines.Scan(); {
		if n, err := strconv.Atoi(lines.Text()); err == nil {
			answered = append(answered, n)
		}
		if len(answered) == 100+37*round {
			_ = cmd.Process.Kill() // it goes on until the signal arrives, and so do we
		}
	}
	_ = cmd.Wait()
	if len(answered) == 0 {
		t.Fatalf("round %d: it ended by itself", round)
	}
	return answered[:len(answered)-1] // the last line may be cut short
}

// whole checks that nothing is wrong with a store.
func whole(t *testing.T, s *Store) {
	t.Helper()
	findings, err := s.Check(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range findings {
		t.Error(f)
	}
}

func TestWhatWasClaimedByADeadProcessIsDueAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keybridge.db")
	s, err := Open(Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, 3)
	now := time.Now()
	if claims, _, err := s.Claim(t.Context(), "main", now, now.Add(time.Hour), 2); err != nil || len(claims) != 2 {
		t.Fatal(claims, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Config{Path: path})
	now = time.Now()
	claims, _, err := s.Claim(t.Context(), "main", now, now.Add(time.Hour), 10)
	if err != nil || len(claims) != 3 {
		t.Fatalf("%v, %v", claims, err)
	}
	whole(t, s)
}

func TestEverythingIsThereAfterCloseAndOpen(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "keybridge.db")
	s, err := Open(Config{Path: path})
	if err != nil {
		t.Fatal(err)
	}
	fill(t, s, 100)
	before, err := s.List(t.Context(), bridge.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, Config{Path: path})
	after, err := s.List(t.Context(), bridge.Filter{})
	if err != nil || len(after.Requests) != 100 {
		t.Fatal(len(after.Requests), err)
	}
	equal(t, after, before)
	whole(t, s)
}
