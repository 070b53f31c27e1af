package sandbox_test

import (
	"net"
	"strings"
	"testing"
	"time"

	"keybridge/bridge/notify/mail/sandbox"
)

func TestEachFaultStrikesAtItsStage(t *testing.T) {
	const mails = "the mail is kept"
	for name, c := range map[string]struct {
		fault  sandbox.Fault
		status int // 0: the connection is cut
		kept   bool
	}{
		"busy":                           {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtGreeting}, 421, false},
		"away for maintenance":           {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtGreeting, Status: 554}, 554, false},
		"closed before the greeting":     {sandbox.Fault{Kind: sandbox.Cut, At: sandbox.AtGreeting}, 0, false},
		"slow to greet":                  {sandbox.Fault{Kind: sandbox.Latency, At: sandbox.AtGreeting, Delay: slow}, 250, true},
		"password refused":               {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtAuth}, 535, false},
		"password not looked at":         {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtAuth, Status: 454}, 454, false},
		"closed at the password":         {sandbox.Fault{Kind: sandbox.Cut, At: sandbox.AtAuth}, 0, false},
		"sender refused":                 {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtSender}, 550, false},
		"full":                           {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtSender, Status: 452}, 452, false},
		"recipient refused":              {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtRecipient, To: "*@Example.COM"}, 550, false},
		"recipient refused for now":      {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtRecipient, Status: 450}, 450, false},
		"another recipient refused":      {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtRecipient, To: "dev@example.co"}, 250, true},
		"mail refused":                   {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtMail}, 554, false},
		"mail lost":                      {sandbox.Fault{Kind: sandbox.Cut, At: sandbox.AtMail}, 0, false},
		"mail for another lost":          {sandbox.Fault{Kind: sandbox.Cut, At: sandbox.AtMail, To: "boss@*"}, 250, true},
		"answer lost":                    {sandbox.Fault{Kind: sandbox.Cut, At: sandbox.AtAnswer, To: "dev@*"}, 0, true},
		"kept, and denied":               {sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtAnswer}, 451, true},
		"slow to answer, " + mails:       {sandbox.Fault{Kind: sandbox.Latency, At: sandbox.AtAnswer, Delay: slow}, 250, true},
		"slow to keep, and kept at last": {sandbox.Fault{Kind: sandbox.Latency, At: sandbox.AtMail, Delay: slow}, 250, true},
	} {
		for _, security := range []sandbox.Security{sandbox.Plain, sandbox.StartTLS, sandbox.TLS} {
			t.Run(name+" "+string(security), func(t *testing.T) {
				b := newMailbox(t, sandbox.Config{Security: security, Username: "bridge", Password: "s3cret"})
				c.fault.Times = 1
				if _, err := b.Fault(c.fault); err != nil {
					t.Fatal(err)
				}
				began := time.Now()
				err := b.send(letter("1@example.com", "Hello", ""), "dev@example.com")
				if status(err) != c.status {
					t.Errorf("told %v", err)
				}
				if c.fault.Kind == sandbox.Latency && time.Since(began) < slow {
					t.Errorf("it took %v", time.Since(began))
				}
				if kept := len(b.Mails(sandbox.Filter{})) == 1; kept != c.kept {
					t.Errorf("kept: %v", kept)
				}
				b.ClearFaults()
				b.must(letter("2@example.com", "Hello again", ""), "dev@example.com")
			})
		}
	}
}

// slow is a delay that can be told from none.
const slow = 30 * time.Millisecond

func TestARefusalQuotesTheAddressAsServersDo(t *testing.T) {
	b := newMailbox(t, sandbox.Config{})
	b.fault(sandbox.Refuse, sandbox.AtRecipient, 1)
	if err := b.send(letter("1@example.com", "Hello", ""), "dev+test@example.com"); err == nil || !strings.Contains(err.Error(), "<dev+test@example.com>") {
		t.Errorf("told %v", err)
	}
}

func TestOneRecipientRefusedLeavesTheOthers(t *testing.T) {
	b := newMailbox(t, sandbox.Config{})
	if _, err := b.Fault(sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtRecipient, To: "gone@*"}); err != nil {
		t.Fatal(err)
	}
	client, err := b.connect()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Mail("bridge@example.com"); err != nil {
		t.Fatal(err)
	}
	if err := client.Rcpt("gone@example.com"); status(err) != 550 {
		t.Errorf("told %v", err)
	}
	if err := client.Rcpt("dev@example.com"); err != nil {
		t.Errorf("told %v", err)
	}
	w, err := client.Data()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if mails := b.Mails(sandbox.Filter{}); len(mails) != 1 || len(mails[0].To) != 1 || mails[0].To[0] != "dev@example.com" {
		t.Errorf("%+v", mails)
	}
}

func TestSilenceLastsUntilTheClientGivesUp(t *testing.T) {
	for _, at := range []sandbox.Stage{sandbox.AtGreeting, sandbox.AtRecipient, sandbox.AtMail, sandbox.AtAnswer} {
		t.Run(string(at), func(t *testing.T) {
			b := newMailbox(t, sandbox.Config{})
			b.fault(sandbox.Silence, at, 1)
			conn, err := net.Dial("tcp", b.Addr())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = conn.Close() }()
			talk := "EHLO c.example\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n"
			if at == sandbox.AtMail || at == sandbox.AtAnswer {
				talk += "Subject: x\r\n\r\n.\r\nQUIT\r\n"
			}
			if _, err := conn.Write([]byte(talk)); err != nil {
				t.Fatal(err)
			}
			b.noted(at, 0)
			if err := conn.SetReadDeadline(time.Now().Add(slow)); err != nil {
				t.Fatal(err)
			}
			said := make([]byte, 8192)
			for {
				n, err := conn.Read(said)
				if err == nil {
					if at == sandbox.AtGreeting {
						t.Errorf("it says %q", said[:n])
					}
					continue
				}
				if timeout, ok := err.(net.Error); !ok || !timeout.Timeout() { //nolint:errorlint // as the net package returns it
					t.Errorf("it ended with %v", err)
				}
				break
			}
			if kept := len(b.Mails(sandbox.Filter{})) == 1; kept != (at == sandbox.AtAnswer) {
				t.Errorf("kept: %v", kept)
			}
		})
	}
}

func TestAFaultStrikesAsOftenAsItIsSetToAndInTurn(t *testing.T) {
	b := newMailbox(t, sandbox.Config{})
	set := func(f sandbox.Fault) {
		t.Helper()
		if _, err := b.Fault(f); err != nil {
			t.Fatal(err)
		}
	}
	set(sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtRecipient, Status: 450, Times: 2})
	set(sandbox.Fault{Kind: sandbox.Refuse, At: sandbox.AtRecipient, Status: 550})
	var told []int
	for range 5 {
		told = append(told, status(b.send(letter("1@example.com", "Hello", ""), "dev@example.com")))
	}
	if told[0] != 450 || told[1] != 450 || told[2] != 550 || told[4] != 550 {
		t.Errorf("told %v", told)
	}
	if left := b.Faults(); len(left) != 1 || left[0].ID != "2" || left[0].Times != 0 {
		t.Errorf("%+v", left)
	}
	b.ClearFaults()
	b.must(letter("1@example.com", "Hello", ""), "dev@example.com")
}

func TestFaultsThatAreNoneAreRefused(t *testing.T) {
	b := newMailbox(t, sandbox.Config{})
	for _, f := range []sandbox.Fault{
		{}, {Kind: "explode", At: sandbox.AtMail}, {Kind: sandbox.Cut}, {Kind: sandbox.Cut, At: "later"},
		{Kind: sandbox.Latency, At: sandbox.AtMail, Delay: time.Hour}, {Kind: sandbox.Cut, At: sandbox.AtMail, Times: -1},
		{Kind: sandbox.Refuse, At: sandbox.AtMail, Status: 250}, {Kind: sandbox.Cut, At: sandbox.AtSender, To: "dev@example.com"},
	} {
		if _, err := b.Fault(f); err == nil {
			t.Errorf("%+v was accepted", f)
		}
	}
}

func TestWhatClientsDidIsNoted(t *testing.T) {
	b := newMailbox(t, sandbox.Config{Username: "bridge", Password: "s3cret"})
	b.must(letter("1@example.com", "Hello", ""), "dev@example.com")
	b.cfg.Password = "wrong"
	if err := b.send(letter("1@example.com", "Hello", ""), "dev@example.com"); status(err) != 535 {
		t.Errorf("told %v", err)
	}
	var got []string
	for _, call := range b.Calls() {
		got = append(got, strings.TrimSpace(string(call.At)+" "+call.Address))
	}
	want := "greeting, auth bridge, sender bridge@example.com, recipient dev@example.com, mail bridge@example.com, greeting, auth bridge"
	if strings.Join(got, ", ") != want {
		t.Errorf("%q", got)
	}
	if last := b.Calls()[len(got)-1]; last.Status != 535 || last.Visit != 2 || last.When.IsZero() {
		t.Errorf("%+v", last)
	}
	b.ClearCalls()
	if calls := b.Calls(); len(calls) != 0 {
		t.Errorf("%+v", calls)
	}
}
