package sandbox

import (
	"errors"
	"fmt"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// FaultKind is a way in which a mail server misbehaves.
type FaultKind string

// The kinds of fault.
const (
	Latency FaultKind = "latency" // go on after Delay
	Refuse  FaultKind = "refuse"  // answer with Status
	Cut     FaultKind = "cut"     // close the connection without a word
	Silence FaultKind = "silence" // keep the connection and never say a word again
)

// FaultKinds lists every kind.
var FaultKinds = []FaultKind{Latency, Refuse, Cut, Silence}

// Stage is where in a session something happens.
type Stage string

// The stages, in the order of a session.
const (
	AtGreeting  Stage = "greeting"  // connected: a refusal stands in the greeting's place. With TLS, the handshake is still to come
	AtAuth      Stage = "auth"      // the password is here, and not looked at yet
	AtSender    Stage = "sender"    // MAIL FROM
	AtRecipient Stage = "recipient" // RCPT TO, each of them
	AtMail      Stage = "mail"      // the whole mail is here, and not kept yet
	AtAnswer    Stage = "answer"    // the mail is kept, the client does not know it yet
)

// Stages lists every stage.
var Stages = []Stage{AtGreeting, AtAuth, AtSender, AtRecipient, AtMail, AtAnswer}

// Fault makes sessions go wrong at a stage. Of several that match, every Latency applies and then the first other one.
//
// Together kind and stage are what clients meet: Refuse at the greeting is a server that is busy, at the recipient an
// address that is unknown (550) or to be tried again (450). Cut at the mail loses it; Cut at the answer keeps it and the
// client cannot know, so that it comes again.
type Fault struct {
	// ID is given by the sandbox.
	ID string `json:"id"`
	// Kind is what goes wrong, At where.
	Kind FaultKind `json:"kind"`
	At   Stage     `json:"at"`
	// To says for which recipients, * standing for any characters; capitals do not matter. Empty means everybody. It is
	// for the stages from recipient on: before, nobody is named.
	To string `json:"to,omitempty"`
	// Times is how often it goes wrong before the fault is gone; 0 means until it is cleared.
	Times int `json:"times"`
	// Status is for Refuse: 400 to 599, of which 400 to 499 mean "try again later". 0 means 421 at the greeting, 535 at auth,
	// 550 at sender and recipient, 554 at the mail, 451 at the answer.
	Status int `json:"status,omitempty"`
	// Delay is for Latency: up to a minute.
	Delay time.Duration `json:"-"`
}

func (f Fault) check() error {
	if !slices.Contains(FaultKinds, f.Kind) {
		return fmt.Errorf("sandbox fault: there is no kind %q", f.Kind)
	}
	if !slices.Contains(Stages, f.At) {
		return fmt.Errorf("sandbox fault: there is no stage %q", f.At)
	}
	if f.To != "" && slices.Index(Stages, f.At) < slices.Index(Stages, AtRecipient) {
		return fmt.Errorf("sandbox fault: at %s no recipient is named yet", f.At)
	}
	if f.Times < 0 || f.Delay < 0 || f.Delay > time.Minute {
		return errors.New("sandbox fault: times or delay is out of bounds")
	}
	if f.Status != 0 && (f.Status < 400 || f.Status > 599) {
		return fmt.Errorf("sandbox fault: status %d is not within 400 and 599", f.Status)
	}
	return nil
}

func (f Fault) matches(at Stage, to []string) bool {
	return f.At == at && (f.To == "" || slices.ContainsFunc(to, func(address string) bool { return like(f.To, address) }))
}

// like tells whether an address is as a pattern says.
func like(pattern, address string) bool {
	parts := strings.Split(pattern, "*")
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	return regexp.MustCompile("(?is)^" + strings.Join(parts, ".*") + "$").MatchString(address)
}

// refusal is what a Refuse says. It quotes the address, as servers do: a client that passes it on to a log has told the
// log whom it writes to.
func (f Fault) refusal(address string) *smtp.SMTPError {
	usual := map[Stage]int{AtGreeting: 421, AtAuth: 535, AtSender: 550, AtRecipient: 550, AtMail: 554, AtAnswer: 451}
	says := map[Stage]string{
		AtGreeting: "sandbox.localhost is too busy, come again later", AtAuth: "Authentication credentials invalid for <" + address + ">",
		AtSender: "<" + address + ">: Sender address rejected", AtRecipient: "<" + address + ">: Recipient address rejected",
		AtMail: "Message from <" + address + "> rejected", AtAnswer: "Message from <" + address + ">: error in processing",
	}
	status := f.Status
	if status == 0 {
		status = usual[f.At]
	}
	details := map[Stage]smtp.EnhancedCode{ // RFC 3463; the first figure follows the status
		AtGreeting: {0, 3, 2}, AtAuth: {0, 7, 8}, AtSender: {0, 1, 8}, AtRecipient: {0, 1, 1}, AtMail: {0, 7, 1}, AtAnswer: {0, 3, 0},
	}
	code := details[f.At]
	code[0] = status / 100
	return &smtp.SMTPError{Code: status, EnhancedCode: code, Message: says[f.At]}
}

// faultBoard holds the faults that are set.
type faultBoard struct {
	mu     sync.Mutex
	last   int
	faults []Fault
}

// Fault sets a fault and returns its id. It returns an error when the kind or stage is none or a value is out of bounds.
func (s *Server) Fault(fault Fault) (string, error) {
	if err := fault.check(); err != nil {
		return "", err
	}
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.last++
	fault.ID = strconv.Itoa(s.faults.last)
	s.faults.faults = append(s.faults.faults, fault)
	return fault.ID, nil
}

// ClearFaults removes all faults. What they hold up at the moment stays held up.
func (s *Server) ClearFaults() {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	s.faults.faults = nil
}

// Faults returns the faults that are set; Times is what is left of them.
func (s *Server) Faults() []Fault {
	s.faults.mu.Lock()
	defer s.faults.mu.Unlock()
	return slices.Clone(s.faults.faults)
}

// strike returns what goes wrong at a stage: for how long it is held up, and the fault that then decides.
func (b *faultBoard) strike(at Stage, to []string) (delay time.Duration, decisive Fault) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range b.faults {
		fault := &b.faults[i]
		if !fault.matches(at, to) || (fault.Kind != Latency && decisive.Kind != "") {
			continue
		}
		if fault.Kind == Latency {
			delay += fault.Delay
		} else {
			decisive = *fault
		}
		if fault.Times > 0 {
			if fault.Times--; fault.Times == 0 {
				fault.Times = -1
			}
		}
	}
	b.faults = slices.DeleteFunc(b.faults, func(f Fault) bool { return f.Times < 0 })
	return delay, decisive
}

// errCut is what a stage returns whose connection is gone: nobody is left to hear it.
var errCut = errors.New("the connection was cut")

// suffer lets the faults at a stage of a connection and notes those that end it. It returns nil when the session goes on, a
// refusal to be answered, or errCut.
func (s *Server) suffer(visit int, conn net.Conn, at Stage, address string, to ...string) error {
	delay, fault := s.faults.strike(at, to)
	if !s.pause(delay) {
		_ = conn.Close()
		return errCut
	}
	switch fault.Kind {
	case Cut:
		s.note(visit, at, address, 0)
		_ = conn.Close()
		return errCut
	case Silence:
		s.note(visit, at, address, 0)
		hush(conn)
		return errCut
	case Refuse:
		why := fault.refusal(address)
		s.note(visit, at, address, why.Code)
		return why
	default:
		return nil
	}
}
