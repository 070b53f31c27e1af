package sandbox

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-smtp"
)

// listen returns a listener on loopback, and never one that others could reach.
func listen(cfg Config) (net.Listener, error) {
	if cfg.Listener != nil {
		if err := onLoopback(cfg.Listener.Addr()); err != nil {
			return nil, errors.Join(err, cfg.Listener.Close())
		}
		return cfg.Listener, nil
	}
	addr, err := net.ResolveTCPAddr("tcp", orElse(cfg.Addr, "127.0.0.1:0"))
	if err != nil {
		return nil, err
	}
	if err := onLoopback(addr); err != nil {
		return nil, err
	}
	return net.ListenTCP("tcp", addr)
}

func onLoopback(addr net.Addr) error {
	if tcp, ok := addr.(*net.TCPAddr); ok && tcp.IP.IsLoopback() {
		return nil
	}
	return fmt.Errorf("%s is not on loopback: mail is for this computer alone", addr)
}

// door takes connections, lets the faults at them that strike before the greeting, and hands those that are left to
// go-smtp, whose listener it is. It knows every open connection, so that closing the sandbox cuts them all.
type door struct {
	server   *Server
	listener net.Listener
	secured  *tls.Config
	in       chan net.Conn
	shutting sync.Once
	busy     sync.WaitGroup // with connections that go-smtp does not have yet

	mu     sync.Mutex
	conns  map[net.Conn]bool
	visits int // how many came so far
	shutUp bool
}

func newDoor(s *Server, listener net.Listener, secured *tls.Config) *door {
	return &door{server: s, listener: listener, secured: secured, in: make(chan net.Conn), conns: map[net.Conn]bool{}}
}

// open takes connections until the door is shut.
func (d *door) open() {
	for {
		conn, err := d.listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // out of file descriptors, say: it passes
			d.server.log.Warn("a connection could not be taken", "error", err)
			if !d.server.pause(100 * time.Millisecond) {
				return
			}
		default:
			d.busy.Go(func() { d.let(conn) })
		}
	}
}

// let brings one connection to go-smtp, or to its end.
func (d *door) let(raw net.Conn) {
	kept, tooMany := d.keep(raw)
	if kept == nil {
		_ = raw.Close()
		return
	}
	var conn net.Conn = kept
	if d.server.security == TLS {
		conn = tls.Server(kept, d.secured)
	}
	err := d.server.suffer(kept.visit, conn, AtGreeting, "")
	if err == nil && tooMany {
		full := Fault{Kind: Refuse, At: AtGreeting}.refusal("")
		d.server.note(kept.visit, AtGreeting, "", full.Code)
		err = full
	}
	if err != nil {
		turnAway(conn, err)
		return
	}
	d.server.note(kept.visit, AtGreeting, "", went)
	select {
	case d.in <- conn:
	case <-d.server.done:
		_ = conn.Close()
	}
}

// turnAway says why, instead of a greeting. A connection that is cut already hears nothing.
func turnAway(conn net.Conn, why error) {
	defer func() { _ = conn.Close() }()
	var refusal *smtp.SMTPError
	if !errors.As(why, &refusal) {
		return
	}
	_ = conn.SetDeadline(time.Now().Add(writing))
	code := refusal.EnhancedCode
	_, _ = fmt.Fprintf(conn, "%d %d.%d.%d %s\r\n", refusal.Code, code[0], code[1], code[2], refusal.Message)
}

// guest is an open connection.
type guest struct {
	net.Conn
	door  *door
	visit int
}

// keep notes an open connection. It returns nil when the door is shut, and says whether there are too many.
func (d *door) keep(raw net.Conn) (kept *guest, tooMany bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.shutUp {
		return nil, false
	}
	d.visits++
	kept = &guest{raw, d, d.visits}
	d.conns[kept] = true
	return kept, len(d.conns) > MaxConns
}

// Close cuts the connection.
func (g *guest) Close() error {
	g.door.mu.Lock()
	delete(g.door.conns, g)
	g.door.mu.Unlock()
	return g.Conn.Close()
}

// shut ends it all, once. It tells whether it was this call that did.
func (d *door) shut() (now bool) {
	d.shutting.Do(func() {
		now = true
		close(d.server.done)
		_ = d.listener.Close()
		d.mu.Lock()
		d.shutUp = true
		open := make([]net.Conn, 0, len(d.conns))
		for conn := range d.conns {
			open = append(open, conn)
		}
		d.mu.Unlock()
		for _, conn := range open {
			_ = conn.Close()
		}
	})
	return now
}

// Accept is go-smtp's way to the connections.
func (d *door) Accept() (net.Conn, error) {
	select {
	case conn := <-d.in:
		return conn, nil
	case <-d.server.done:
		return nil, net.ErrClosed
	}
}

// Close is called by go-smtp; the door is shut by Server.Close alone.
func (d *door) Close() error { return nil }

// Addr is where the door is.
func (d *door) Addr() net.Addr { return d.listener.Addr() }

// pause waits, and tells whether the sandbox is still open.
func (s *Server) pause(delay time.Duration) bool {
	if delay <= 0 {
		return true
	}
	timer := time.NewTimer(delay)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-s.done:
		return false
	}
}

// hush says nothing any more until the other side hangs up, or the sandbox is closed.
func hush(conn net.Conn) {
	_ = conn.SetDeadline(time.Time{})
	_, _ = io.Copy(io.Discard, conn)
	_ = conn.Close()
}
