package main

import (
	"crypto/x509"
	"os"
	"slices"

	"keybridge/bridge"
)

// maxCertificates is the longest ca_file that is read, in bytes.
const maxCertificates = 1 << 20

// usualPorts are where mail is taken in.
var usualPorts = map[string]int{"starttls": 587, "tls": 465, "none": 25}

// checkMail looks at the mail server. What its templates hold is for those to say who
// use them.
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
	if m.Digest != nil {
		r.checkDigest(m.Digest)
	}
}

// checkMailFiles looks at what lies outside the file.
func (r *reading) checkMailFiles(m *mailConfig) {
	if m.Templates != "" {
		m.Templates = r.inFolder(m.Templates)
		if about, err := os.Stat(m.Templates); err != nil {
			r.wrong(&m.Templates, "the folder named here cannot be read: %s; put it there, or remove this", reasonOf(err))
		} else if !about.IsDir() {
			r.wrong(&m.Templates, "what is named here is not a folder")
		}
	}
	if m.CAFile == "" {
		return
	}
	m.CAFile = r.inFolder(m.CAFile)
	text, _, problem := readNamed(m.CAFile, maxCertificates)
	if problem != "" {
		r.wrong(&m.CAFile, "%s", problem)
		return
	}
	m.roots = x509.NewCertPool()
	if !m.roots.AppendCertsFromPEM(text) {
		r.wrong(&m.CAFile, "the file named here holds no certificate; it takes PEM, which begins with -----BEGIN CERTIFICATE-----")
	}
	if m.TLS == "none" {
		r.wrong(&m.CAFile, "this does nothing with tls: none; remove it")
	}
}

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
