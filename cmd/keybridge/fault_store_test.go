package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
	"keybridge/store/bolt"
)

// load sends Stripe's events to a bridge, each another one about one request, and keeps
// which of them were answered with 200.
type load struct {
	*killable
	request bridge.ID
	session string

	mu       sync.Mutex
	next     int
	answered []string
	// statuses counts the answers.
	statuses map[int]int
}

// startLoad starts a bridge as a process, with a request that events are about.
func startLoad(t *testing.T) *load {
	t.Helper()
	s := startStand(t, choice{handoff: queryHandoff})
	a := s.ask(asker, tyksandbox.PaidPolicy)
	session := s.awaitCheckout(a.ID).ID
	id := s.request(a.ID).ID
	return &load{killable: startKillable(s), request: id, session: session, statuses: map[int]int{}}
}

// send sends one more event and returns the status and the header of the answer.
func (l *load) send() (id string, status int, header http.Header, err error) {
	l.mu.Lock()
	l.next++
	id = fmt.Sprintf("evt_load_%06d", l.next)
	l.mu.Unlock()
	status, header, err = l.event(id)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.statuses[status]++
	if err == nil && status == http.StatusOK {
		l.answered = append(l.answered, id)
	}
	return id, status, header, err
}

// event sends the event of an id, signed as Stripe does.
func (l *load) event(id string) (int, http.Header, error) {
	body := fmt.Sprintf(`{"id":%q,"object":"event","type":"checkout.session.expired","data":{"object":{"id":%q,"object":"checkout.session","client_reference_id":%q}}}`,
		id, l.session, l.request)
	at := fmt.Sprint(time.Now().Unix())
	sum := hmac.New(sha256.New, []byte(standStripeHook))
	_, _ = io.WriteString(sum, at+"."+body) // never fails
	req, err := http.NewRequestWithContext(l.t.Context(), http.MethodPost, l.url+"/webhooks/stripe", strings.NewReader(body))
	if err != nil {
		return 0, nil, err
	}
	req.Header.Set("Stripe-Signature", "t="+at+",v1="+hex.EncodeToString(sum.Sum(nil)))
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer func() { _ = answer.Body.Close() }()
	_, _ = io.Copy(io.Discard, answer.Body) // so that the connection is used again
	return answer.StatusCode, answer.Header, nil
}

// keepOn sends from several clients until it is told to stop, or nobody answers.
func (l *load) keepOn() (stop func()) {
	over := make(chan struct{})
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				if _, _, _, err := l.send(); err != nil {
					return
				}
			}
		})
	}
	return sync.OnceFunc(func() { close(over); clients.Wait() })
}

// promised are the events that were answered so far.
func (l *load) promised() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.answered)
}

// wantKept checks that the store of a folder knows every one of the events.
func (l *load) wantKept(folder string, events []string) {
	l.t.Helper()
	store, err := bolt.Open(bolt.Config{Path: filepath.Join(folder, storeFile)})
	if err != nil {
		l.t.Fatal(err)
	}
	defer func() { _ = store.Close() }() // what it was asked was read
	lost := 0
	for _, id := range events {
		a, err := store.Accept(l.t.Context(), bridge.Hint{Source: stripeProvider, ID: id, Request: l.request, At: time.Now()}, nil)
		if err != nil {
			l.t.Fatal(err)
		}
		if !a.Duplicate {
			lost++
		}
	}
	if lost > 0 {
		l.t.Errorf("%d of %d answered events are lost", lost, len(events))
	}
}

// TestFaultSIGTERMUnderLoad stops the bridge in the middle of its work: it ends by itself
// and in time, and nothing that it answered is lost.
func TestFaultSIGTERMUnderLoad(t *testing.T) {
	t.Parallel()
	l := startLoad(t)
	for range 3 {
		before := len(l.promised())
		stop := l.keepOn()
		await(t, "the load", func() bool { return len(l.promised()) > before+300 }, nil)
		if err := l.process.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		select {
		case <-l.ended:
		case <-time.After(patience): // its own deadline is 5 s
			t.Fatal("it does not end")
		}
		stop()
		if code := l.process.ProcessState.ExitCode(); code != 0 {
			t.Errorf("it ended with %d", code)
		}
		l.wantKept(l.cfg.Data, l.promised())
		l.start()
	}
	t.Logf("%d events answered, by status %v", len(l.promised()), l.statuses)
}

// TestFaultBackupUnderLoad takes a backup while events come in, and restores it: all that
// were answered before it began are there.
func TestFaultBackupUnderLoad(t *testing.T) {
	t.Parallel()
	l := startLoad(t)
	stop := l.keepOn()
	defer stop()
	await(t, "the load", func() bool { return len(l.promised()) > 500 }, nil)
	promised := l.promised()
	backup := filepath.Join(l.folder, "backup.db")
	l.operate("backup", backup)
	during := len(l.promised()) - len(promised)
	if check := l.operate("check"); !strings.Contains(check, "is good") { // the bridge that runs checks itself
		t.Errorf("check said %q", check)
	}
	stop()
	elsewhere := filepath.Join(l.folder, "elsewhere")
	l.command(0, "restore", "--data", elsewhere, backup)
	l.wantKept(elsewhere, promised)
	l.command(0, "check", "--data", elsewhere)
	l.command(exitFailed, "restore", "--data", elsewhere, backup) // nothing is overwritten
	l.command(exitFailed, "restore", "--data", filepath.Join(l.folder, "third"), filepath.Join(l.cfg.Data, storeFile))
	t.Logf("%d events answered before the backup, %d meanwhile", len(promised), during)
}

// command runs the program as a process and returns what it said.
func (k *killable) command(code int, args ...string) string {
	k.t.Helper()
	out, err := exec.CommandContext(k.t.Context(), k.program, args...).CombinedOutput()
	got := 0
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		got = exit.ExitCode()
	} else if err != nil {
		k.t.Fatal(err)
	}
	if got != code {
		k.t.Fatalf("keybridge %v ended with %d, want %d: %s", args, got, code, out)
	}
	return string(out)
}

// wantNotRestored has a backup that is not good refused, in words, with nothing left of it.
func (l *load) wantNotRestored(path string) {
	l.t.Helper()
	to := path + ".restored"
	out, err := exec.CommandContext(l.t.Context(), l.program, "restore", "--data", to, path).CombinedOutput()
	exit, failed := errors.AsType[*exec.ExitError](err)
	if !failed || exit.ExitCode() != exitDamaged && exit.ExitCode() != exitFailed {
		l.t.Errorf("restoring %s ended with %v: %s", path, err, out)
	}
	if left, err := os.ReadDir(to); err == nil && len(left) > 0 {
		l.t.Errorf("something is left: %v", left)
	}
}

// TestFaultRottenBits spoils parts of a store and has it checked: the command never ends
// in another way than by saying good or not, and what it takes to be good reads the same.
func TestFaultRottenBits(t *testing.T) {
	t.Parallel()
	l := startLoad(t)
	for range 50 {
		if _, status, _, err := l.send(); err != nil || status != http.StatusOK {
			t.Fatal(status, err)
		}
	}
	good := filepath.Join(l.folder, "good.db")
	l.operate("backup", good)
	file, err := os.ReadFile(good)
	if err != nil {
		t.Fatal(err)
	}
	want := l.listed(good)
	seed := uint64(time.Now().UnixNano())
	random := rand.New(rand.NewPCG(seed, 0))
	noticed := 0
	for i := range 25 {
		bad := bytes.Clone(file)
		for j, from := 0, random.IntN(len(bad)-64); j < 64; j++ { // so much that pages lead nowhere
			bad[from+j] = byte(random.Uint32())
		}
		path := filepath.Join(l.folder, fmt.Sprintf("bad-%d", i), storeFile)
		if err := errors.Join(os.Mkdir(filepath.Dir(path), 0o700), os.WriteFile(path, bad, 0o600)); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), l.program, "check", path).CombinedOutput()
		exit, failed := errors.AsType[*exec.ExitError](err)
		switch {
		case failed && exit.ExitCode() == exitDamaged && strings.Contains(string(out), path+" is not good"):
			noticed++
			l.wantNotRestored(path)
		case err == nil && strings.Contains(string(out), "is good"):
			if got := l.listed(path); got != want {
				t.Errorf("seed %d: the damage was not noticed and changed what is read", seed)
			}
		default:
			t.Errorf("seed %d: check ended with %v: %s", seed, err, out)
		}
	}
	if noticed == 0 {
		t.Errorf("seed %d: nothing was noticed", seed)
	}
	t.Logf("seed %d: 25 files, %d not good", seed, noticed)
}

// listed is what a file says of the requests, in JSON.
func (l *load) listed(path string) string {
	l.t.Helper()
	folder := filepath.Dir(path)
	if filepath.Base(path) != storeFile {
		folder = filepath.Join(l.folder, "listed")
		l.command(0, "restore", "--data", folder, path)
	}
	return l.command(0, "requests", "list", "--json", "--data", folder)
}

// TestFaultTruncatedFile starts a bridge on half of a store.
func TestFaultTruncatedFile(t *testing.T) {
	t.Parallel()
	config := minimalConfig(t, shortFolder(t))
	first := startServe(t, config)
	first.stop()
	<-first.code
	path := filepath.Join(filepath.Dir(config), storeFile)
	if err := os.Truncate(path, 3*int64(os.Getpagesize())); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	code := run(t.Context(), []string{"serve", "--config", config}, io.Discard, &out)
	if code != exitFailed {
		t.Errorf("serve ended with %d", code)
	}
	for _, words := range []string{path + " is damaged or cut short, and was not touched", "keybridge restore"} {
		if !strings.Contains(out.String(), words) {
			t.Errorf("%q is not in: %s", words, &out)
		}
	}
}

// TestFaultThousandDuplicates sends one word of the portal a thousand times at once.
func TestFaultThousandDuplicates(t *testing.T) {
	t.Parallel()
	s := startStand(t, choice{both: true, plans: append(of(paidPlan), partnerFree)})
	f := &far{stand: s, portal: demoPortal, email: asker}
	key := f.file(paid)
	var all sync.WaitGroup
	for range 1000 {
		all.Go(func() {
			if status := f.send(posted{body: f.event(key, "pending")}); status != http.StatusOK {
				t.Errorf("one was answered %d", status)
			}
		})
	}
	all.Wait()
	s.awaitCheckout(key)
	var list struct{ Requests []json.RawMessage }
	if err := json.Unmarshal([]byte(s.operate("requests", "list", "--json")), &list); err != nil || len(list.Requests) != 1 {
		t.Errorf("%d requests: %v", len(list.Requests), err)
	}
	s.wantCheckouts(s.request(key).ID, "open unpaid")
}
