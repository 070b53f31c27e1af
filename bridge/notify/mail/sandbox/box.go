package sandbox

import (
	"context"
	"fmt"
	"net/mail"
	"slices"
	"strings"
	"sync"
	"time"
)

// Mail is a mail that was taken, once for each delivery. Whoever is given one must not change what its slices and maps
// hold: they are shared.
type Mail struct {
	// Number counts from 1, in the order in which mails came. It is never used again.
	Number int `json:"number"`
	// At is when the last byte was here.
	At time.Time `json:"at"`
	// From and To are the envelope's: who it was sent by and for whom it was taken.
	From string   `json:"from"`
	To   []string `json:"to"`
	// User is whose password let it in; empty where nobody is asked. TLS tells whether the connection was encrypted.
	User string `json:"user,omitempty"`
	TLS  bool   `json:"tls"`

	// MessageID is the Message-ID without its angle brackets; empty when there is none.
	MessageID string `json:"message_id"`
	// Delivery is how many times a mail with this Message-ID has come for one of these recipients, this time included: 1
	// for an ordinary mail, more for a repetition. First is the number of the mail it repeats, or its own.
	Delivery int `json:"delivery"`
	First    int `json:"first"`

	// Kind is the value of the header field Config.KindHeader names.
	Kind string `json:"kind"`
	// Subject and Sender (the header's From) are decoded.
	Subject string `json:"subject"`
	Sender  string `json:"sender"`
	// Header is the header as it came, not decoded.
	Header mail.Header `json:"header"`
	// Text and HTML are the first part of each kind, in UTF-8 with \n for line ends, 1 MB at most.
	Text string `json:"text"`
	HTML string `json:"html"`
	// Links are the http and https addresses in Text and of the links in HTML, each once, in this order.
	Links []string `json:"links"`
	// Attachments are the other parts.
	Attachments []Attachment `json:"attachments"`
	// Problem says what is wrong with the mail as a document; empty when it could be read.
	Problem string `json:"problem,omitempty"`
	// Raw is the whole mail as it came.
	Raw []byte `json:"-"`
}

// Attachment is a part of a mail that is not shown.
type Attachment struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Size int64  `json:"size"` // in bytes, decoded
}

// Filter chooses mails. Zero members choose everything.
type Filter struct {
	// To is a recipient's address; capitals do not matter.
	To string
	// Subject is part of the subject; capitals do not matter.
	Subject string
	// Kind and MessageID are exact.
	Kind, MessageID string
	// Since chooses the mails with a greater number.
	Since int
	// Once leaves repetitions out.
	Once bool
}

func (f Filter) chooses(m *Mail) bool {
	return m.Number > f.Since &&
		(f.To == "" || slices.ContainsFunc(m.To, func(to string) bool { return strings.EqualFold(to, f.To) })) &&
		(f.Subject == "" || strings.Contains(strings.ToLower(m.Subject), strings.ToLower(f.Subject))) &&
		(f.Kind == "" || f.Kind == m.Kind) && (f.MessageID == "" || f.MessageID == m.MessageID) &&
		(!f.Once || m.Delivery == 1)
}

// box holds the mails.
type box struct {
	keep int

	mu       sync.Mutex
	mails    []*Mail // oldest first; never changed in place
	bytes    int     // of all Raw
	last     int     // the number given last
	seen     map[string]seen
	read     map[int]bool // those whose page was opened, by number
	unwanted int          // forgotten, to make room
	bell     bell         // rings for each mail
}

// seen is what is known of a Message-ID that came for an address.
type seen struct{ first, times, last int }

func newBox(keep int) *box {
	return &box{keep: keep, seen: map[string]seen{}, read: map[int]bool{}}
}

// add keeps a mail and wakes whoever waits for one.
func (b *box) add(m Mail) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	m.Number = b.last
	b.countLocked(&m)
	b.mails = append(b.mails, &m)
	b.bytes += len(m.Raw)
	for len(b.mails) > b.keep || (b.bytes > maxKept && len(b.mails) > 1) {
		b.forgetLocked()
	}
	b.bell.ring()
}

// countLocked tells which delivery of its Message-ID a new mail is.
func (b *box) countLocked(m *Mail) {
	m.Delivery, m.First = 1, m.Number
	if m.MessageID == "" {
		return
	}
	for _, to := range m.To {
		key := mailbox(to) + "\n" + m.MessageID
		known := b.seen[key]
		if known.last == m.Number { // an address named twice in one envelope
			continue
		}
		if known.times++; known.times == 1 {
			known.first = m.Number
		}
		known.last = m.Number
		b.seen[key] = known
		if known.times > m.Delivery {
			m.Delivery, m.First = known.times, known.first
		}
	}
}

// forgetLocked makes room by the oldest mail. What was seen of its Message-ID goes with the last mail that had it.
func (b *box) forgetLocked() {
	oldest := b.mails[0]
	b.mails[0] = nil
	b.mails = b.mails[1:]
	b.bytes -= len(oldest.Raw)
	b.unwanted++
	delete(b.read, oldest.Number)
	for _, to := range oldest.To {
		if key := mailbox(to) + "\n" + oldest.MessageID; b.seen[key].last == oldest.Number {
			delete(b.seen, key)
		}
	}
}

// mailbox is the name of an address's mailbox: capitals do not matter here, as with every provider people use.
func mailbox(address string) string { return strings.ToLower(address) }

// search returns the chosen mails, oldest first, limit at most (0: all), and what will be closed when the next one comes.
func (b *box) search(f Filter, limit int) (found []*Mail, changed <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	from, _ := slices.BinarySearchFunc(b.mails, f.Since+1, func(m *Mail, number int) int { return m.Number - number })
	for _, m := range b.mails[from:] {
		if f.chooses(m) {
			found = append(found, m)
		}
		if limit > 0 && len(found) == limit {
			break
		}
	}
	return found, b.bell.next()
}

// Mails returns the mails the filter chooses, oldest first; never nil.
func (s *Server) Mails(f Filter) []Mail {
	found, _ := s.box.search(f, 0)
	mails := make([]Mail, len(found))
	for i, m := range found {
		mails[i] = *m
	}
	return mails
}

// Mail returns one mail, and whether it is here.
func (s *Server) Mail(number int) (Mail, bool) {
	found, _ := s.box.search(Filter{Since: number - 1}, 1)
	if len(found) == 0 || found[0].Number != number {
		return Mail{}, false
	}
	return *found[0], true
}

// Await returns the oldest mail that the filter chooses, as soon as there is one. It returns an error when ctx ends or the
// sandbox is closed before.
func (s *Server) Await(ctx context.Context, f Filter) (Mail, error) {
	for {
		found, changed := s.box.search(f, 1)
		if len(found) > 0 {
			return *found[0], nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return Mail{}, fmt.Errorf("sandbox: no such mail came, of %d: %w", s.box.count(), ctx.Err())
		case <-s.done:
			return Mail{}, fmt.Errorf("sandbox: no such mail came, of %d, and the sandbox is closed", s.box.count())
		}
	}
}

func (b *box) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.mails)
}

// Clear forgets all mails. Numbers go on, and a Message-ID that comes again is no repetition any more.
func (s *Server) Clear() {
	b := s.box
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mails, b.bytes, b.unwanted = nil, 0, 0
	clear(b.seen)
	clear(b.read)
}
