package main

import (
	"encoding"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

var textUnmarshalerType = reflect.TypeFor[encoding.TextUnmarshaler]()

// set gives a field the value that a text stands for, and returns what is wrong
// with the text, empty when nothing is.
func (k configKey) set(v reflect.Value, text string) (problem string) {
	if len(k.oneof) > 0 && !slices.Contains(k.oneof, text) {
		return k.notOneOf(text)
	}
	switch {
	case v.Type() == durationType:
		return k.setDuration(v, text)
	case v.Type() == urlType:
		u, problem := parseAddress(text)
		v.Set(reflect.ValueOf(u))
		return problem
	case v.Type() == reflect.TypeFor[netip.Prefix]():
		p, problem := parseNetwork(text)
		v.Set(reflect.ValueOf(p))
		return problem
	}
	if u, ok := v.Addr().Interface().(encoding.TextUnmarshaler); ok {
		if err := u.UnmarshalText([]byte(text)); err != nil {
			return "this is not a value for it"
		}
		return ""
	}
	switch v.Kind() {
	case reflect.Bool:
		return setBool(v, text)
	case reflect.Int:
		return k.setInt(v, text)
	default:
		v.SetString(text)
	}
	return ""
}

func (k configKey) notOneOf(text string) string {
	if near := nearest(text, k.oneof); near != "" {
		return fmt.Sprintf("did you mean %s? It can be %s", near, inWords(k.oneof))
	}
	return "it can be " + inWords(k.oneof)
}

func setBool(v reflect.Value, text string) string {
	if text != "true" && text != "false" {
		return "it can be true or false, without quotes"
	}
	v.SetBool(text == "true")
	return ""
}

var wholeNumber = regexp.MustCompile(`^-?(0|[1-9][0-9]{0,8})$`)

func (k configKey) setInt(v reflect.Value, text string) string {
	if !wholeNumber.MatchString(text) {
		return "it takes a whole number, " + k.bounds()
	}
	n, _ := strconv.Atoi(text) // the pattern leaves nothing to fail
	least, _ := strconv.Atoi(k.min)
	most, _ := strconv.Atoi(k.max)
	if n < least || n > most {
		return "it is out of bounds: it takes a whole number, " + k.bounds()
	}
	v.SetInt(int64(n))
	return ""
}

func (k configKey) setDuration(v reflect.Value, text string) string {
	d, ok := parseSpan(text)
	if !ok {
		return "it takes a time with its unit, as 90s, 15m, 36h or 7d, " + k.bounds()
	}
	least, _ := parseSpan(k.min)
	most, _ := parseSpan(k.max)
	if d < least || d > most {
		return "it is out of bounds: it takes a time " + k.bounds()
	}
	v.SetInt(int64(d))
	return ""
}

// bounds says what the key's least and greatest value are.
func (k configKey) bounds() string { return "from " + k.min + " to " + k.max }

// spanPattern bounds the days so that they fit a time.Duration.
var spanPattern = regexp.MustCompile(`^(?:([0-9]{1,5})d)?(.*)$`)

// parseSpan parses a length of time: Go's syntax, with days of 24 hours in front
// (7d, 1d12h).
func parseSpan(text string) (time.Duration, bool) {
	m := spanPattern.FindStringSubmatch(text)
	if text == "" || m == nil {
		return 0, false
	}
	if m[1] == "" {
		d, err := time.ParseDuration(text)
		return d, err == nil
	}
	n, _ := strconv.Atoi(m[1]) // at most five digits
	days := time.Duration(n) * 24 * time.Hour
	if m[2] == "" {
		return days, true
	}
	rest, err := time.ParseDuration(m[2])
	return days + rest, err == nil && rest >= 0 && days+rest >= days
}

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

// onLoopback reports whether an address stays on this machine.
func onLoopback(u *url.URL) bool {
	if u.Hostname() == "localhost" || strings.HasSuffix(u.Hostname(), ".localhost") {
		return true
	}
	ip, err := netip.ParseAddr(u.Hostname())
	return err == nil && ip.IsLoopback()
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
