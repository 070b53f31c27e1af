package sandbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/emersion/go-smtp"
)

// Security is how a connection is protected.
type Security string

// The kinds of security. With the last two nothing is taken in the clear: no password and no mail.
const (
	Plain    Security = ""         // not at all, as in a test beside it
	StartTLS Security = "starttls" // after the STARTTLS command, RFC 3207
	TLS      Security = "tls"      // from the first byte, RFC 8314
)

// The limits of a sandbox.
const (
	MaxSize       = 10 << 20 // of one mail, in bytes: one that has no byte less is answered with 552; see also Config.MaxSize
	MaxRecipients = 100      // of one mail: each further one is answered with 452
	MaxConns      = 256      // at once: each further one is answered with 421

	maxLine      = 2000            // of a command or a mail's line, in bytes
	maxKept      = 256 << 20       // of all mails kept, in bytes
	keptOrdinary = 10_000          // see Config.Keep
	idle         = 5 * time.Minute // RFC 5321, 4.5.3.2.7
	writing      = time.Minute
)

// Config is what a sandbox begins with. The zero value is a working server in the clear, at a free port.
type Config struct {
	// Addr is where it listens, host and port; empty means "127.0.0.1:0". Anything but a loopback address is refused.
	Addr string
	// Listener is used instead of Addr where it is set, and closed by [Server.Close]. It has to be TCP on loopback.
	Listener net.Listener
	// Security is how connections are protected.
	Security Security
	// Hosts are the names and addresses the certificate is for; nil means localhost, 127.0.0.1 and ::1.
	Hosts []string
	// Username and Password are asked for (PLAIN or LOGIN) before mail is taken; an empty Username means nobody is asked.
	Username, Password string
	// KindHeader is the header field whose value is taken as a mail's kind, see [Mail.Kind]; empty means "X-Kind".
	KindHeader string
	// MaxSize is a smaller limit for one mail, in bytes; 0 means [MaxSize], and there is no larger one.
	MaxSize int64
	// Keep is how many mails are kept, the oldest are forgotten: 0 means 10,000. All of them together are never more than
	// 256 MB.
	Keep int
	// Now is the clock; nil means time.Now. Its zone is the zone of the times on the pages.
	Now func() time.Time
	// Log receives what went wrong in the server, never an address or a mail; nil means nothing is logged.
	Log *slog.Logger
}

// Server is a mail server and the mailbox of everybody it takes mail for. It is safe for use by many goroutines. Make one
// with [New].
type Server struct {
	username, password string
	security           Security
	now                func() time.Time
	log                *slog.Logger
	ca                 []byte
	smtp               *smtp.Server
	door               *door
	faults             faultBoard
	calls              callLog
	box                *box
	kindHeader         string
	pages              map[string]*template.Template
	handler            http.Handler
	done               chan struct{} // closed by Close
	served             chan struct{} // closed once no connection is taken any more
}

// New starts a server that listens already when it is returned. It returns an error when the address is not on loopback or
// is taken, or the security is none there is.
func New(cfg Config) (*Server, error) {
	switch cfg.Security {
	case Plain, StartTLS, TLS:
	default:
		return nil, fmt.Errorf("sandbox: there is no security %q", cfg.Security)
	}
	s := &Server{
		username: cfg.Username, password: cfg.Password, security: cfg.Security, kindHeader: orElse(cfg.KindHeader, "X-Kind"),
		now: cfg.Now, log: cfg.Log, done: make(chan struct{}), served: make(chan struct{}),
		pages: parsePages(),
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if cfg.Keep <= 0 {
		cfg.Keep = keptOrdinary
	}
	s.box = newBox(cfg.Keep)
	s.handler = s.routes()
	certificate, ca, err := certify(s.now(), cfg.Hosts)
	if err != nil {
		return nil, fmt.Errorf("sandbox: making a certificate: %w", err)
	}
	s.ca = ca
	listener, err := listen(cfg)
	if err != nil {
		return nil, fmt.Errorf("sandbox: %w", err)
	}
	s.serve(listener, cfg.MaxSize, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12})
	return s, nil
}

// serve lets connections in until the sandbox is closed.
func (s *Server) serve(listener net.Listener, size int64, secured *tls.Config) {
	s.smtp = smtp.NewServer(smtp.BackendFunc(s.begin))
	s.smtp.Domain = "sandbox.localhost"
	if size <= 0 || size > MaxSize {
		size = MaxSize
	}
	s.smtp.MaxMessageBytes, s.smtp.MaxRecipients, s.smtp.MaxLineLength = size, MaxRecipients, maxLine
	s.smtp.ReadTimeout, s.smtp.WriteTimeout = idle, writing
	s.smtp.EnableSMTPUTF8 = true
	s.smtp.AllowInsecureAuth = s.security == Plain
	s.smtp.ErrorLog = slog.NewLogLogger(s.log.Handler(), slog.LevelWarn)
	if s.security == StartTLS {
		s.smtp.TLSConfig = secured
	}
	s.door = newDoor(s, listener, secured)
	s.door.busy.Go(s.door.open)
	go func() {
		defer close(s.served)
		_ = s.smtp.Serve(s.door) // ends with Close
	}()
}

// Addr returns where the server listens, host and port.
func (s *Server) Addr() string { return s.door.Addr().String() }

// CA returns the certificate, in PEM, of the authority that signed the server's certificate. Both are made anew by each
// [New] and never written anywhere.
func (s *Server) CA() []byte { return s.ca }

// Handler serves the pages and the control API, at the root of a host.
func (s *Server) Handler() http.Handler { return s.handler }

// Close stops listening, cuts every connection and waits until they are done. It may be repeated; what is kept stays
// readable.
func (s *Server) Close() error {
	if !s.door.shut() {
		return nil
	}
	s.door.busy.Wait()
	<-s.served
	// go-smtp waits for its connections, which were all cut by now.
	err := s.smtp.Shutdown(context.Background())
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
