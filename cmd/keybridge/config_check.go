package main

import (
	"net/url"
	"regexp"
	"strings"
)

// check says what is wrong with values that were read well: what has to fit
// together, and what a syntax alone does not tell.
func (r *reading) check(c *config) {
	r.checkListen(c)
	r.checkWeb(&c.PublicURL, false)
	if r.good(&c.PublicURL) && c.PublicURL != nil {
		if strings.Trim(c.PublicURL.Path, "/") != "" {
			r.wrong(&c.PublicURL, "the address has a path; the bridge needs a host of its own")
		}
		c.PublicURL.Path = ""
	}
	c.Data = r.inFolder(c.Data)
	r.checkPages(&c.Pages)
	r.checkMail(c.Mail)
	r.checkPortals(c)
	r.checkStripe(c.Stripe)
	r.checkPlans(c)
	r.checkOutgoing(c)
	r.checkConsole(c)
	r.checkAudit(&c.Audit)
}

// checkListen looks at where the bridge answers.
func (r *reading) checkListen(c *config) {
	const how = "it takes host:port, as 127.0.0.1:8080 or :8080"
	host, port, ok := splitListen(c.Listen)
	if !ok {
		r.wrong(&c.Listen, how)
	}
	if c.Operations == "off" {
		return
	}
	opsHost, opsPort, opsOK := splitListen(c.Operations)
	switch {
	case !r.good(&c.Operations):
	case !opsOK:
		r.wrong(&c.Operations, how+", or off")
	case ok && port != 0 && port == opsPort && (host == opsHost || everywhere(host) || everywhere(opsHost)):
		field := any(&c.Operations)
		if !r.written(field) {
			field = &c.Listen
		}
		r.wrong(field, "listen and operations are the same address; give one of them another port")
	}
}

func everywhere(host string) bool { return host == "" || host == "0.0.0.0" || host == "::" }

// checkWeb looks at an address that something secret or a browser goes to.
func (r *reading) checkWeb(field **url.URL, allowHTTP bool) {
	u := *field
	if u == nil || !r.good(field) || u.Scheme == "https" || allowHTTP || onLoopback(u.Hostname()) {
		return
	}
	r.wrong(field, "http is for loopback addresses only; use https")
}

func (r *reading) checkPages(p *pagesConfig) {
	r.checkSecret(&p.Secret, 32)
	if len(p.ServiceName) > 80 {
		r.wrong(&p.ServiceName, "it has more than 80 bytes; choose a shorter name")
	}
	if p.Contact == "" {
		return
	}
	u, notWeb := parseAddress(p.Contact)
	box, notMail := parseMailbox(p.Contact)
	isWeb, isMail := notWeb == "" && u.Scheme == "https", notMail == "" && box.Address == p.Contact
	if !isWeb && !isMail {
		r.wrong(&p.Contact, "it takes an e-mail address, as help@example.com, or an https address")
	}
}

var namePattern = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// checkName looks at a name by which something is called for good. named are those of
// the same sort before it.
func (r *reading) checkName(name *string, sort string, named map[string]*string) {
	switch other, taken := named[*name]; {
	case *name == "":
	case !namePattern.MatchString(*name):
		r.wrong(name, "it takes 1 to 32 lower-case letters, digits and hyphens, and begins with no hyphen")
	case taken:
		r.wrong(name, "the %s on line %d has this name too; give each its own", sort, r.place(other).line)
	default:
		named[*name] = name
	}
}
