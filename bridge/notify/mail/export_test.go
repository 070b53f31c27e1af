package mail

import (
	"net"
	"net/textproto"

	"github.com/wneessen/go-mail/smtp"

	"keybridge/bridge"
)

// What the tests see of the inside.
var (
	AmountInWords = amountInWords
	TimeInWords   = timeInWords
	AgeInWords    = ageInWords
	Recipient     = recipient
	Line          = line
	Paragraph     = paragraph
	Chosen        = chosen
	BuiltIn       = builtIn
)

// The stages of a visit.
const (
	Connecting = connecting
	SigningIn  = signingIn
	Naming     = naming
	Addressing = addressing
	Handing    = handing
)

// Refused is what an answer of the server means at a stage.
func Refused(at stage, code int, text string) error {
	return refused(at, &textproto.Error{Code: code, Msg: text})
}

// Compose is the mail that Send would hand over.
func (n *Notifier) Compose(m bridge.Message) ([]byte, error) {
	_, mail, err := n.put(m)
	return mail, err
}

// LetterOf is what the templates are given.
func (n *Notifier) LetterOf(m bridge.Message) Letter { return n.letter(m) }

// Mechanism is how a server at an address is signed in at.
func (n *Notifier) Mechanism(address string, tls bool, offered ...string) (string, error) {
	far := addressed{address: address}
	s := &signIn{visit: &visit{n: n, conn: far}}
	name, _, err := s.Start(&smtp.ServerInfo{Name: n.cfg.Host, TLS: tls, Auth: offered})
	return name, err
}

// addressed is a connection of which only the other end's address is known.
type addressed struct {
	net.Conn
	address string
}

func (a addressed) RemoteAddr() net.Addr { return a }
func (a addressed) Network() string      { return "tcp" }
func (a addressed) String() string       { return a.address }

// FirstPause and LastPause are those of the digest.
const (
	FirstPause = firstPause
	LastPause  = lastPause
	LookAgain  = lookAgain
)
