package main

import (
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// parseAddress parses the address of a web server: http or https, a host, perhaps
// a path, and nothing that could be a credential or would be lost. What is wrong
// with it is said without repeating it.
func parseAddress(text string) (*url.URL, string) {
	const whole = "write it as https://host/path"
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, "it is not an address; " + whole
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, "the address has to begin with https://; " + whole
	case u.Opaque != "" || u.Hostname() == "":
		return nil, "the address names no host; " + whole
	case u.User != nil:
		return nil, "the address holds a user name or password; take it out, credentials have keys of their own"
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(text, "#"):
		return nil, "the address has a query (?) or fragment (#); take it off"
	case strings.ContainsAny(text, " \\") || !goodHost(u.Hostname()) || !goodPort(u):
		return nil, "the host or port of the address cannot be; " + whole
	case slices.Contains(strings.Split(u.Path, "/"), ".."):
		return nil, "the path of the address has .. in it; write it out"
	}
	return u, ""
}

func goodPort(u *url.URL) bool {
	if u.Port() == "" {
		return !strings.HasSuffix(u.Host, ":")
	}
	n, err := strconv.ParseUint(u.Port(), 10, 16)
	return err == nil && n > 0
}

var hostPattern = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9])?$`)

// goodHost reports whether a text can be a host's name or address.
func goodHost(host string) bool {
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return len(host) <= 253 && hostPattern.MatchString(host) && !strings.Contains(host, "..")
}

// onLoopback reports whether a host's name or address stays on this machine. Names
// below localhost do so only where the resolver knows of it.
func onLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.IsLoopback()
}

// parseMailbox parses an e-mail address, perhaps with a name before it. Of addresses
// it takes those that people have: a domain with a point in it, nothing in quotes.
func parseMailbox(text string) (*mail.Address, string) {
	const how = "it takes one e-mail address, as keys@example.com, or a name with it: Example APIs <keys@example.com>"
	box, err := mail.ParseAddress(text)
	if err != nil {
		return nil, how
	}
	local, domain, _ := strings.Cut(box.Address, "@")
	outside := strings.Contains(strings.Trim(domain, "."), ".") || domain == "localhost"
	if !outside || strings.ContainsAny(local+domain, ` "@<>(),:;\[]`) {
		return nil, how
	}
	return box, ""
}

// parseNetwork parses a network, or a single address as one.
func parseNetwork(text string) (netip.Prefix, string) {
	const how = "it takes an address or a network, as 10.0.0.1 or 10.0.0.0/8"
	if ip, err := netip.ParseAddr(text); err == nil && ip.Zone() == "" {
		return netip.PrefixFrom(ip, ip.BitLen()), ""
	}
	p, err := netip.ParsePrefix(text)
	switch {
	case err != nil:
		return netip.Prefix{}, how
	case p.Bits() == 0:
		return netip.Prefix{}, "this would believe anybody; name the proxies' own networks"
	case p != p.Masked():
		return netip.Prefix{}, fmt.Sprintf("the address goes beyond the network; write %s", p.Masked())
	}
	return p, ""
}

// splitListen parses where to listen: host:port, the host perhaps empty.
func splitListen(text string) (host string, port int, ok bool) {
	host, digits, err := net.SplitHostPort(text)
	if err != nil || host != "" && !goodHost(host) {
		return "", 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 16)
	return host, int(n), err == nil //nolint:gosec // 16 bits
}
