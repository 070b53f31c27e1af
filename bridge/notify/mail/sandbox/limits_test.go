package sandbox_test

import (
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"strings"
	"sync"
	"testing"
	"time"

	"keybridge/bridge/notify/mail/sandbox"
)

// many sends mails numbered from first to last over one connection.
func (b *mailbox) many(first, last int) {
	b.t.Helper()
	client, err := b.connect()
	if err != nil {
		b.t.Error(err)
		return
	}
	for n := first; n <= last; n++ {
		if err := deliver(client, letter(fmt.Sprintf("%d@example.com", n), fmt.Sprintf("No. %d", n), "text"), fmt.Sprintf("dev-%d@example.com", n%7)); err != nil {
			b.t.Error(err)
			return
		}
	}
	if err := client.Quit(); err != nil {
		b.t.Error(err)
	}
}

// deliver sends a mail over a connection that is open.
func deliver(client *smtp.Client, raw string, to ...string) error {
	if err := client.Mail("bridge@example.com"); err != nil {
		return err
	}
	for _, address := range to {
		if err := client.Rcpt(address); err != nil {
			return err
		}
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	_, err = w.Write([]byte(raw))
	return errors.Join(err, w.Close())
}

func TestMailsOfManyClientsAreAllKeptAndEachOnce(t *testing.T) {
	b := newMailbox(t, sandbox.Config{Security: sandbox.StartTLS})
	const clients, each = 16, 25
	var wait sync.WaitGroup
	for client := range clients {
		wait.Go(func() { b.many(client*each+1, client*each+each) })
		wait.Go(func() { // somebody looks meanwhile
			if _, err := b.Await(within(t), sandbox.Filter{MessageID: fmt.Sprintf("%d@example.com", client*each+each)}); err != nil {
				t.Error(err)
			}
			b.ask("GET", "/", "")
		})
	}
	wait.Wait()
	ids := map[string]bool{}
	for i, m := range b.Mails(sandbox.Filter{Once: true}) {
		if m.Number != i+1 || !m.TLS {
			t.Errorf("mail %d has the number %d", i+1, m.Number)
		}
		ids[m.MessageID] = true
	}
	if len(ids) != clients*each {
		t.Errorf("%d mails of %d", len(ids), clients*each)
	}
}

func TestTheOldestMailsAreForgottenToMakeRoom(t *testing.T) {
	b := newMailbox(t, sandbox.Config{Keep: 10})
	b.many(1, 25)
	mails := b.Mails(sandbox.Filter{})
	if len(mails) != 10 || mails[0].Number != 16 || mails[9].Number != 25 {
		t.Errorf("%d mails from %d", len(mails), mails[0].Number)
	}
	if _, here := b.Mail(15); here {
		t.Error("no. 15 is here still")
	}
	if page := b.ask("GET", "/", "").body; !strings.Contains(page, "15 older mails were forgotten") {
		t.Errorf("the page does not say so: %s", page)
	}
	if m := b.must(letter("1@example.com", "Hello", ""), "dev-1@example.com"); m.Delivery != 1 {
		t.Errorf("what was forgotten is repeated: %+v", m)
	}
}

func TestTheSizeOfAMailIsLimited(t *testing.T) {
	b := newMailbox(t, sandbox.Config{MaxSize: 10_000})
	fits := letter("1@example.com", "Large", strings.Repeat(strings.Repeat("x", 98)+"\n", 98))
	fits += strings.Repeat("y", 9_999-len(fits)-2) + "\r\n"
	if err := b.send(fits, "dev@example.com"); err != nil {
		t.Errorf("one that fits: %v", err)
	}
	if err := b.send("X: y\r\n"+fits, "dev@example.com"); status(err) != 552 {
		t.Errorf("one that does not: %v", err)
	}
	if n := len(b.Mails(sandbox.Filter{})); n != 1 {
		t.Errorf("%d mails were kept", n)
	}
	for size, want := range map[int64]string{10_000: "10000", 0: "10485760", 1 << 40: "10485760"} {
		client, err := newMailbox(t, sandbox.Config{MaxSize: size}).connect()
		if err != nil {
			t.Fatal(err)
		}
		if _, limit := client.Extension("SIZE"); limit != want {
			t.Errorf("with %d it announces %q", size, limit)
		}
	}
}

func TestTheRecipientsOfAMailAreLimited(t *testing.T) {
	b := newMailbox(t, sandbox.Config{})
	client, err := b.connect()
	if err != nil {
		t.Fatal(err)
	}
	if err := client.Mail("bridge@example.com"); err != nil {
		t.Fatal(err)
	}
	for n := range sandbox.MaxRecipients {
		if err := client.Rcpt(fmt.Sprintf("dev-%d@example.com", n)); err != nil {
			t.Fatal(err)
		}
	}
	if err := client.Rcpt("one-more@example.com"); status(err) != 452 {
		t.Errorf("one more: %v", err)
	}
}

func TestTheConnectionsAreLimitedAndRoomIsMade(t *testing.T) {
	b := newMailbox(t, sandbox.Config{})
	var open []net.Conn
	for range sandbox.MaxConns {
		conn, err := net.Dial("tcp", b.Addr())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		if _, err := conn.Read(make([]byte, 3)); err != nil { // its greeting: it is counted
			t.Fatal(err)
		}
		open = append(open, conn)
	}
	if err := b.send(letter("1@example.com", "Hello", ""), "dev@example.com"); status(err) != 421 {
		t.Errorf("one more: %v", err)
	}
	for _, conn := range open {
		if err := conn.Close(); err != nil {
			t.Fatal(err)
		}
	}
	for began := time.Now(); ; {
		err := b.send(letter("1@example.com", "Hello", ""), "dev@example.com")
		if err == nil {
			return
		}
		if status(err) != 421 || time.Since(began) > patience {
			t.Fatalf("afterwards: %v", err)
		}
	}
}

func TestTheSameMessageIDForTheSameMailboxIsARepetition(t *testing.T) {
	b := newMailbox(t, sandbox.Config{})
	for _, c := range []struct {
		name, id        string
		to              []string
		delivery, first int
	}{
		{"the first", "1@example.com", []string{"dev@example.com"}, 1, 1},
		{"for somebody else", "1@example.com", []string{"boss@example.com"}, 1, 2},
		{"another", "2@example.com", []string{"dev@example.com"}, 1, 3},
		{"again", "1@example.com", []string{"Dev@Example.com"}, 2, 1},
		{"again, twice in one envelope", "1@example.com", []string{"dev@example.com", "DEV@example.com"}, 3, 1},
		{"again for one of two", "2@example.com", []string{"new@example.com", "dev@example.com"}, 2, 3},
		{"without a Message-ID", "", []string{"dev@example.com"}, 1, 7},
		{"and without one again", "", []string{"dev@example.com"}, 1, 8},
	} {
		m := b.must(letter(c.id, "Hello", ""), c.to...)
		if m.Delivery != c.delivery || m.First != c.first {
			t.Errorf("%s: delivery %d of no. %d", c.name, m.Delivery, m.First)
		}
	}
	if n := len(b.Mails(sandbox.Filter{To: "dev@example.com", MessageID: "1@example.com"})); n != 3 {
		t.Errorf("it came %d times", n)
	}
	if n := len(b.Mails(sandbox.Filter{Once: true})); n != 5 {
		t.Errorf("%d mails that are no repetition", n)
	}
	b.Clear()
	if m := b.must(letter("1@example.com", "Hello", ""), "dev@example.com"); m.Delivery != 1 || m.Number != 9 {
		t.Errorf("after all was forgotten: %+v", m)
	}
}
