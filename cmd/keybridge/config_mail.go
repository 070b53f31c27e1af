package main

import (
	"crypto/x509"
	"os"
	"slices"
	"strings"

	"keybridge/bridge"
	"keybridge/bridge/notify/mail"
)

// maxCertificates is the longest ca_file that is read, in bytes.
const maxCertificates = 1 << 20

// usualPorts are where mail is taken in.
var usualPorts = map[string]int{"starttls": 587, "tls": 465, "none": 25}

// checkMail looks at the mail server and at what applicants are told.
func (r *reading) checkMail(m *mailConfig) {
	if m == nil {
		return
	}
	if !r.written(&m.Port) {
		m.Port = usualPorts[m.TLS]
	}
	switch {
	case m.Host != "" && !goodHost(m.Host):
		r.wrong(&m.Host, "it takes the name or address of a host, without port or path, as mail.example.com")
	case m.TLS == "none" && m.Host != "" && !onLoopback(m.Host):
		r.wrong(&m.TLS, "mail would cross the network in clear; none is for servers on a loopback address, use starttls or tls")
	}
	if r.written(&m.Username) && !r.written(&m.Password) {
		r.wrong(&m.Username, "the password is missing: add password_env or password_file, or remove this")
	}
	if r.written(&m.Password) && !r.written(&m.Username) {
		r.wrong(&m.Password, "a password goes with a username; add username, or remove this")
	}
	r.checkSecret(&m.Password, 1)
	if !r.written(&m.Tell) {
		m.Tell = slices.Clone(bridge.MessageKinds)
	}
	repeated(r, m.Tell)
	r.checkMailFiles(m)
	r.checkWords(m)
	if m.Digest != nil {
		r.checkDigest(m.Digest)
	}
}

// checkMailFiles looks at what lies outside the file.
func (r *reading) checkMailFiles(m *mailConfig) {
	if m.CAFile != "" {
		m.CAFile = r.inFolder(m.CAFile)
		m.roots = r.certificates(&m.CAFile)
	}
	if m.CAFile != "" && m.TLS == "none" {
		r.wrong(&m.CAFile, "this does nothing with tls: none; remove it")
	}
	if m.Templates == "" {
		return
	}
	m.Templates = r.inFolder(m.Templates)
	switch about, err := os.Stat(m.Templates); {
	case err != nil:
		r.wrong(&m.Templates, "the folder named here cannot be read: %s; put it there, or remove this", reasonOf(err))
	case !about.IsDir():
		r.wrong(&m.Templates, "what is named here is not a folder")
	}
}

// certificates reads the certificates of a file.
func (r *reading) certificates(file *string) *x509.CertPool {
	text, _, problem := readNamed(*file, maxCertificates)
	if problem != "" {
		r.wrong(file, "%s", problem)
		return nil
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		r.wrong(file, "the file named here holds no certificate; it takes PEM, which begins with -----BEGIN CERTIFICATE-----")
	}
	return pool
}

// checkWords looks at templates and subjects. What fits them is for the notifier to
// say, which tries them on made-up requests.
func (r *reading) checkWords(m *mailConfig) {
	for _, kind := range bridge.MessageKinds {
		text, given := m.Subjects[kind]
		if field := (entryOf{&m.Subjects, string(kind)}); given && r.good(field) {
			r.checkLetters(field, mail.Config{Subjects: map[bridge.MessageKind]string{kind: text}})
		}
	}
	if m.Templates != "" && r.good(&m.Templates) {
		r.checkLetters(&m.Templates, mail.Config{Templates: m.Templates})
	}
}

// checkLetters reports everything that a notifier says of templates.
func (r *reading) checkLetters(field any, c mail.Config) {
	c.Host, c.HELO, c.From = "localhost", "localhost", "keys@example.com"
	_, err := mail.New(c)
	if err == nil {
		return
	}
	faults := []error{err}
	if joined, ok := err.(interface{ Unwrap() []error }); ok { //nolint:errorlint // the very error, not one within
		faults = joined.Unwrap()
	}
	for _, fault := range faults {
		r.wrongAt(*r.place(field), "%s", strings.TrimPrefix(fault.Error(), "mail: "))
	}
}

// checkDigest looks for people who would be sent the list twice.
func (r *reading) checkDigest(d *digestConfig) {
	seen := map[string]bool{}
	for i, box := range d.To {
		if box == nil {
			continue
		}
		if seen[box.Address] {
			r.wrong(&d.To[i], "it is in the list twice; remove one")
		}
		seen[box.Address] = true
	}
}
