package mail

import (
	"cmp"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	netmail "net/mail"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"keybridge/bridge"
)

// TLSMode says how the link to the mail server is encrypted.
type TLSMode string

// The modes. A mode is never weakened by what the server offers.
const (
	// StartTLS asks for TLS on a plain connection, and goes no further without it
	// (RFC 3207). Port 587.
	StartTLS TLSMode = "starttls"
	// ImplicitTLS begins with TLS (RFC 8314). Port 465.
	ImplicitTLS TLSMode = "tls"
	// NoTLS encrypts nothing. Only for a server on this machine. Port 25.
	NoTLS TLSMode = "none"
)

var defaultPorts = map[TLSMode]int{StartTLS: 587, ImplicitTLS: 465, NoTLS: 25}

// Config is what a Notifier needs. Addresses that people read are written as in
// RFC 5322, with or without a name: "Weather keys <keys@example.com>".
type Config struct {
	// Host is the mail server's name or address. Required.
	Host string
	// Port is its port. Zero: the one that belongs to TLS.
	Port int
	// TLS says how the link is encrypted. Empty: StartTLS.
	TLS TLSMode
	// RootCAs are the authorities that may vouch for the server. Nil: the system's.
	RootCAs *x509.CertPool
	// Username signs in at the server. Empty: nobody signs in.
	Username string
	// Password returns the password of Username. It is called for each mail, so that
	// a new one is used at once.
	Password func() string
	// HELO is the name this machine introduces itself by. Empty: its host name.
	HELO string
	// DialTimeout bounds connecting, the greeting, TLS and signing in. Zero: 15
	// seconds.
	DialTimeout time.Duration
	// SendTimeout bounds one mail from the first wait to the last answer. Zero: 45
	// seconds, which is well within the lease of a request that is worked on.
	SendTimeout time.Duration
	// Connections is how many connections there are at once. Zero: 4.
	Connections int

	// From is who writes, and whom the mail server tells what it could not deliver.
	// Required. Its domain is the right-hand side of every Message-ID.
	From string
	// ReplyTo is where answers go. Empty: to From.
	ReplyTo string

	// Service is this service's name as people know it. Empty: keybridge.
	Service string
	// Contact is where people ask for help: a mailto: or http(s) address. May be
	// empty.
	Contact string
	// Console is the address of the console, for the digest. May be empty.
	Console string
	// Zone is the time zone that times are written in. Nil: UTC.
	Zone *time.Location
	// Portals are what differs between portals, by their configured name. What is
	// not here goes by its name alone.
	Portals map[string]Portal
	// Templates is a folder of files that replace the built-in ones; see Variables.
	// Empty: none.
	Templates string
	// Subjects are templates of subjects. They come before those of the folder.
	Subjects map[bridge.MessageKind]string

	// Now is the clock; nil for time.Now.
	Now func() time.Time
	// Log may be nil. No address is written to it.
	Log *slog.Logger
}

// Portal is what mails say about one portal.
type Portal struct {
	// Title is what people call it. Empty: its configured name.
	Title string
	// Home is the http(s) address of the page where developers find their keys. May
	// be empty.
	Home string
	// KeyDelivery says where the developer gets the key. Empty: bridge.MailsKey.
	KeyDelivery bridge.Delivery
}

// complete fills in the defaults.
func (c Config) complete() Config {
	c.TLS = cmp.Or(c.TLS, StartTLS)
	c.Port = cmp.Or(c.Port, defaultPorts[c.TLS])
	c.DialTimeout = cmp.Or(c.DialTimeout, 15*time.Second)
	c.SendTimeout = cmp.Or(c.SendTimeout, 45*time.Second)
	c.Connections = cmp.Or(c.Connections, 4)
	c.Service = cmp.Or(c.Service, "keybridge")
	c.Zone = cmp.Or(c.Zone, time.UTC)
	c.Log = cmp.Or(c.Log, slog.New(slog.DiscardHandler))
	if c.Now == nil {
		c.Now = time.Now
	}
	return c
}

// wrong says everything that is wrong with a completed Config. No address is
// repeated: what says so ends up in a log.
func (c Config) wrong() (wrong []error) {
	bad := func(format string, args ...any) { wrong = append(wrong, fmt.Errorf("mail: "+format, args...)) }
	if c.Host == "" {
		bad("Host is missing")
	}
	switch _, known := defaultPorts[c.TLS]; {
	case !known:
		bad("TLS is %q, and not one of %s, %s and %s", c.TLS, StartTLS, ImplicitTLS, NoTLS)
	case c.TLS == NoTLS && !loopback(c.Host):
		bad("TLS is %s and the server is on another machine", NoTLS)
	}
	if c.Port < 1 || c.Port > 65535 {
		bad("Port is %d", c.Port)
	}
	if c.Username != "" && c.Password == nil {
		bad("there is a Username and no Password")
	}
	if strings.ContainsAny(c.HELO, " \r\n") {
		bad("HELO is not a host name")
	}
	if c.DialTimeout < 0 || c.SendTimeout < 0 || c.Connections < 0 {
		bad("a time-out or the number of connections is below zero")
	}
	for kind := range c.Subjects {
		if !knownKind(kind) {
			bad("Subjects: there are no mails of the kind %q", kind)
		}
	}
	if !isLink(c.Console, "http", "https") {
		bad("Console is not an http(s) address")
	}
	for name, text := range sorted(map[string]string{"From": c.From, "ReplyTo": c.ReplyTo}) {
		if _, err := person(text); text != "" && err != nil {
			bad("%s: %w", name, err)
		}
	}
	if c.From == "" {
		bad("From is missing")
	}
	if !isLink(c.Contact, "mailto", "http", "https") {
		bad("Contact is not a mailto: or http(s) address")
	}
	for name, p := range sorted(c.Portals) {
		where := "Portals[" + name + "]."
		if !isLink(p.Home, "http", "https") {
			bad("%sHome is not an http(s) address", where)
		}
		if p.KeyDelivery != "" && !slices.Contains(bridge.Deliveries, p.KeyDelivery) {
			bad("%sKeyDelivery is %q, and not one of %q", where, p.KeyDelivery, bridge.Deliveries)
		}
	}
	return wrong
}

// person reads an address with or without a name.
func person(text string) (*netmail.Address, error) {
	a, err := netmail.ParseAddress(text)
	if err != nil {
		return nil, errors.New("not an e-mail address")
	}
	bare, err := recipient(a.Address)
	if err != nil {
		return nil, err
	}
	return &netmail.Address{Name: line(a.Name, 80), Address: bare}, nil
}

// isLink reports whether text is empty or an absolute address of one of the schemes.
func isLink(text string, schemes ...string) bool {
	if text == "" {
		return true
	}
	u, err := url.Parse(text)
	if err != nil || strings.ContainsFunc(text, unseen) {
		return false
	}
	for _, scheme := range schemes {
		if u.Scheme == scheme && (u.Host != "" || scheme == "mailto" && u.Opaque != "") {
			return true
		}
	}
	return false
}

// loopback reports whether a host is this machine.
func loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}
