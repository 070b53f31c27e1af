package sandbox

import (
	"crypto/subtle"
	"errors"
	"io"
	"net"
	"slices"
	"sync"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// visit is one client's session, from its greeting on. go-smtp calls it from one goroutine, except that a mail that comes
// in chunks (BDAT, RFC 3030) is taken by Data beside it.
type visit struct {
	server *Server
	conn   *smtp.Conn
	number int // of the connection, counting from 1
	user   string

	mu   sync.Mutex
	from string   // of the mail that was begun
	to   []string // never changed in place
}

// begin is called for each EHLO on a new connection, and again once TLS has begun.
func (s *Server) begin(conn *smtp.Conn) (smtp.Session, error) {
	return &visit{server: s, conn: conn, number: visitOf(conn.Conn())}, nil
}

// visitOf finds the number of a connection below its TLS.
func visitOf(conn net.Conn) int {
	if layered, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = layered.NetConn()
	}
	if known, ok := conn.(*guest); ok {
		return known.visit
	}
	return 0
}

// suffer lets the faults at a stage of the visit.
func (v *visit) suffer(at Stage, address string, to ...string) error {
	return v.server.suffer(v.number, v.conn.Conn(), at, address, to...)
}

// allow goes on, and notes it.
func (v *visit) allow(at Stage, address string) { v.server.note(v.number, at, address, went) }

// refuse answers with an error that is no fault, and notes it.
func (v *visit) refuse(at Stage, address string, why *smtp.SMTPError) error {
	v.server.note(v.number, at, address, why.Code)
	return why
}

var (
	errTLSFirst  = &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Must issue a STARTTLS command first"}
	errAuthFirst = &smtp.SMTPError{Code: 530, EnhancedCode: smtp.EnhancedCode{5, 7, 0}, Message: "Authentication required"}
	errNotRead   = &smtp.SMTPError{Code: 451, EnhancedCode: smtp.EnhancedCode{4, 3, 0}, Message: "The mail could not be read"}
)

// Mail begins a mail.
func (v *visit) Mail(from string, _ *smtp.MailOptions) error {
	_, secured := v.conn.TLSConnectionState()
	if v.server.security == StartTLS && !secured {
		return v.refuse(AtSender, from, errTLSFirst)
	}
	if v.server.username != "" && v.user == "" {
		return v.refuse(AtSender, from, errAuthFirst)
	}
	if err := v.suffer(AtSender, from); err != nil {
		return err
	}
	v.address(from, nil)
	v.allow(AtSender, from)
	return nil
}

// Rcpt adds a recipient.
func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	if err := v.suffer(AtRecipient, to, to); err != nil {
		return err
	}
	from, others := v.envelope()
	v.address(from, append(slices.Clone(others), to))
	v.allow(AtRecipient, to)
	return nil
}

// Data takes the mail. Once it is kept only a fault can keep that from the client.
func (v *visit) Data(r io.Reader) error {
	from, to := v.envelope()
	raw, err := io.ReadAll(r)
	if err != nil {
		why := errNotRead
		errors.As(err, &why) // it says so itself when it was too long
		return v.refuse(AtMail, from, why)
	}
	if err := v.suffer(AtMail, from, to...); err != nil {
		return err
	}
	_, secured := v.conn.TLSConnectionState()
	mail := Mail{At: v.server.now(), From: from, To: to, User: v.user, TLS: secured, Raw: raw}
	v.server.box.add(v.server.read(mail))
	v.allow(AtMail, from)
	return v.suffer(AtAnswer, from, to...)
}

// Reset forgets the mail that was begun.
func (v *visit) Reset() { v.address("", nil) }

func (v *visit) address(from string, to []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.from, v.to = from, to
}

func (v *visit) envelope() (from string, to []string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.from, v.to
}

// Logout ends the session.
func (v *visit) Logout() error { return nil }

// AuthMechanisms says how a client may prove who it is: not at all where nobody is asked.
func (v *visit) AuthMechanisms() []string {
	if v.server.username == "" {
		return nil
	}
	return []string{sasl.Plain, sasl.Login}
}

// Auth begins the proof.
func (v *visit) Auth(mechanism string) (sasl.Server, error) {
	if v.server.username == "" {
		return nil, smtp.ErrAuthUnsupported
	}
	switch mechanism {
	case sasl.Plain:
		return sasl.NewPlainServer(func(_, username, password string) error { return v.authenticate(username, password) }), nil
	case sasl.Login:
		return &login{check: v.authenticate}, nil
	default:
		return nil, smtp.ErrAuthUnknownMechanism
	}
}

func (v *visit) authenticate(username, password string) error {
	if err := v.suffer(AtAuth, username); err != nil {
		return err
	}
	right := subtle.ConstantTimeCompare([]byte(username), []byte(v.server.username)) &
		subtle.ConstantTimeCompare([]byte(password), []byte(v.server.password))
	if right != 1 {
		return v.refuse(AtAuth, username, smtp.ErrAuthFailed)
	}
	v.user = username
	v.allow(AtAuth, username)
	return nil
}

// login is the server's side of LOGIN, as draft-murchison-sasl-login describes it; go-sasl has the client's alone.
type login struct {
	check    func(username, password string) error
	username []byte
	asked    int
}

// Next asks for the user's name, then for the password. A name that came with the command is not asked for.
func (l *login) Next(response []byte) (challenge []byte, done bool, err error) {
	if response == nil && l.asked == 0 {
		l.asked = 1
		return []byte("Username:"), false, nil
	}
	if l.asked < 2 {
		l.asked, l.username = 2, response
		return []byte("Password:"), false, nil
	}
	return nil, true, l.check(string(l.username), string(response))
}
