package main

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	mailsandbox "keybridge/bridge/notify/mail/sandbox"
	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
)

// killable is a bridge that is a process of its own, so that it can be killed. It is
// on the stand's configuration and data.
type killable struct {
	*stand
	program string
	process *exec.Cmd
	ended   chan struct{}
}

// startKillable stops the stand's own bridge and starts one as a process, which ends with
// the test.
func startKillable(s *stand) *killable {
	s.t.Helper()
	k := prepareKillable(s)
	k.start()
	return k
}

// prepareKillable is startKillable without starting it.
func prepareKillable(s *stand) *killable {
	s.t.Helper()
	if err := s.stopBridge(); err != nil {
		s.t.Fatal(err)
	}
	// The test's binary is the program when it is called by the program's name: see
	// TestMain.
	itself, err := os.Executable()
	if err != nil {
		s.t.Fatal(err)
	}
	k := &killable{stand: s, program: filepath.Join(s.folder, "keybridge")}
	if err := os.Symlink(itself, k.program); err != nil {
		s.t.Fatal(err)
	}
	path := filepath.Join(s.folder, "keybridge.yaml")
	text, err := os.ReadFile(path)
	if err != nil {
		s.t.Fatal(err)
	}
	text = bytes.Replace(text, []byte("listen: 127.0.0.1:0"), []byte("listen: "+strings.TrimPrefix(s.url, "http://")), 1)
	if err := os.WriteFile(path, text, 0o600); err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(k.kill)
	return k
}

// start starts the process and waits until it answers.
func (k *killable) start() {
	k.t.Helper()
	k.process = exec.Command(k.program, "serve", "--config", filepath.Join(k.folder, "keybridge.yaml"))
	k.process.Stderr = k.log
	if err := k.process.Start(); err != nil {
		k.t.Fatal(err)
	}
	ended := make(chan struct{})
	k.ended = ended
	process := k.process
	go func() { _ = process.Wait(); close(ended) }() // how it ended is seen from what it left
	await(k.t, "the process to answer", func() bool {
		select {
		case <-ended:
			k.t.Fatalf("it ended: %s", k.log.end(2<<10))
		default:
		}
		c, err := net.Dial("tcp", strings.TrimPrefix(k.url, "http://"))
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, nil)
}

// kill ends the process at once, wherever it is.
func (k *killable) kill() {
	if k.process == nil {
		return
	}
	_ = k.process.Process.Kill() // it may have ended already
	<-k.ended
}

// mailFault makes the mail server misbehave.
func (s *stand) mailFault(f mailsandbox.Fault) {
	s.t.Helper()
	if _, err := s.Mail.Fault(f); err != nil {
		s.t.Fatal(err)
	}
}

// TestAKillBetweenTheDecisionAndTheMailSendsItOnce kills the bridge when the portal was
// told of a decision and the applicant was not.
func TestAKillBetweenTheDecisionAndTheMailSendsItOnce(t *testing.T) {
	t.Parallel()
	for name, one := range map[string]struct {
		fault mailsandbox.Fault
		// so far is when to kill: what the mail server has seen by then.
		soFar func(*mailsandbox.Server) bool
		// deliveries is how often the mail server has taken the mail in the end.
		deliveries int
	}{
		"nothing was sent":                              {mailsandbox.Fault{Kind: mailsandbox.Refuse, At: mailsandbox.AtGreeting}, reached(mailsandbox.AtGreeting), 1},
		"the server had nearly taken it":                {mailsandbox.Fault{Kind: mailsandbox.Latency, Delay: time.Minute, At: mailsandbox.AtMail}, reached(mailsandbox.AtRecipient), 1},
		"the server had it, and the answer was pending": {mailsandbox.Fault{Kind: mailsandbox.Latency, Delay: time.Minute, At: mailsandbox.AtAnswer}, func(s *mailsandbox.Server) bool { return len(s.Mails(mailsandbox.Filter{})) > 0 }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := startKillable(startStand(t, choice{mail: true, plans: []string{freePlan}}))
			k.mailFault(one.fault)
			a := k.ask(asker, tyksandbox.FreePolicy)
			await(t, "the portal to be told", func() bool { return k.approved(a.ID) }, nil)
			await(t, "the mail server to be called", func() bool { return one.soFar(k.Mail) }, nil)
			k.kill()
			k.Mail.ClearFaults()
			k.start()
			of := mailsandbox.Filter{To: asker}
			await(t, "the mail", func() bool { return len(k.Mail.Mails(of)) >= one.deliveries }, nil)
			k.settles(a.ID)
			mails := k.Mail.Mails(of)
			if len(mails) != one.deliveries {
				t.Errorf("the mail was taken %d times, want %d", len(mails), one.deliveries)
			}
			for _, m := range mails {
				if m.MessageID != mails[0].MessageID || !bytes.Equal(m.Raw, mails[0].Raw) || kindOf(m) != string(bridge.TellApproved) {
					t.Errorf("another mail, %s after %s", m.MessageID, mails[0].MessageID)
				}
			}
			k.wantOneKey(a.ID, asker)
		})
	}
}

// reached reports whether a session has come to a stage.
func reached(stage mailsandbox.Stage) func(*mailsandbox.Server) bool {
	return func(s *mailsandbox.Server) bool {
		return slices.ContainsFunc(s.Calls(), func(c mailsandbox.Call) bool { return c.At == stage })
	}
}

// settles waits until the bridge has recorded that the applicant was told.
func (k *killable) settles(key string) {
	k.t.Helper()
	await(k.t, "the mail to be recorded", func() bool {
		list := k.operate("requests", "list", "--json")
		return strings.Contains(list, key) && !strings.Contains(list, `"next_action"`)
	}, func() string { return k.operate("requests", "list", "--json") })
}

// TestKillsAtAnyMomentSendEachMailOnce kills the bridge again and again while requests
// come in and are decided.
func TestKillsAtAnyMomentSendEachMailOnce(t *testing.T) {
	t.Parallel()
	seed := uint64(time.Now().UnixNano())
	chance := rand.New(rand.NewPCG(seed, 0))
	// A webhook that is sent as the bridge dies is lost for good: asking the portal finds it.
	k := startKillable(startStand(t, choice{both: true, plans: append(of(freePlan), partnerReviewed), poll: "10s"}))
	const developers, kills = 40, 12
	var asking sync.WaitGroup
	asking.Go(func() {
		for i := range developers {
			k.ask(fmt.Sprintf("dev%d@example.com", i), tyksandbox.FreePolicy)
			time.Sleep(20 * time.Millisecond)
		}
	})
	for range kills {
		time.Sleep(time.Duration(chance.IntN(150)) * time.Millisecond)
		k.kill()
		k.start()
	}
	asking.Wait()
	once := mailsandbox.Filter{Once: true}
	await(t, "every developer to be told", func() bool { return len(k.Mail.Mails(once)) >= developers }, func() string {
		return fmt.Sprintf("%d were", len(k.Mail.Mails(once)))
	})
	await(t, "the bridge to rest", func() bool { return !strings.Contains(k.operate("requests", "list", "--json"), `"next_action"`) }, nil)
	told := map[string]int{}
	for _, m := range k.Mail.Mails(once) {
		told[m.To[0]]++
	}
	for i := range developers {
		if email := fmt.Sprintf("dev%d@example.com", i); told[email] != 1 || k.keysOf(email) != 1 {
			t.Errorf("%s was told %d times and has %d keys", email, told[email], k.keysOf(email))
		}
	}
	t.Logf("seed %d: %d kills, %d developers told once, in %d deliveries", seed, kills, developers, len(k.Mail.Mails(mailsandbox.Filter{})))
}
