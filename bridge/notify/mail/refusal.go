package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"regexp"
	"strings"
	"unicode"

	"keybridge/bridge"
)

// refusal turns what went wrong at a stage into an error for the worker. private are
// texts of which no word may stand in it.
func refusal(ctx context.Context, at stage, err error, private []string) error {
	if answer, ok := errors.AsType[*textproto.Error](err); ok && ctx.Err() == nil {
		return refused(at, answer, private)
	}
	e := &bridge.Error{Kind: bridge.Unavailable, Msg: "The mail server cannot be reached"}
	var cause string
	switch certificate := (*tls.CertificateVerificationError)(nil); {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Msg, cause = "The mail was not finished, because the service stops", ctx.Err().Error()
	case ctx.Err() != nil, isTimeout(err):
		e.Msg, cause = "The mail server did not answer in time", "no answer in time"
	case errors.As(err, &certificate):
		e.Kind, e.Msg, cause = bridge.Refused, "The mail server's certificate is not to be trusted", certificate.Error()
	case errors.Is(err, errNoSignIn):
		e.Kind, e.Msg, cause = bridge.Refused, "Nobody can sign in at the mail server safely", errNoSignIn.Error()
	case strings.Contains(err.Error(), "does not support STARTTLS"):
		e.Kind, e.Msg, cause = bridge.Refused, "The mail server does not encrypt", "it does not offer STARTTLS, which is asked of it"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		cause = "it closed the connection"
	default:
		cause = plainCause(err, private)
	}
	e.Err = fmt.Errorf("%s: %s", at, cause)
	return e
}

// plainCause says what an error of the network says. Any other may quote what the
// server sent.
func plainCause(err error, private []string) string {
	if network, ok := errors.AsType[*net.OpError](err); ok {
		return network.Error()
	}
	return words(err.Error(), private)
}

func isTimeout(err error) bool {
	network, ok := errors.AsType[net.Error](err)
	return ok && network.Timeout()
}

// refused is what an answer of the server means.
func refused(at stage, answer *textproto.Error, private []string) error {
	status, text := enhanced(answer.Msg)
	e := &bridge.Error{Kind: meaning(at, answer.Code, status, text)}
	switch e.Kind {
	case bridge.Limited:
		e.Msg = "The mail server asks to be written to more slowly"
	case bridge.Unavailable:
		e.Msg = "The mail server takes no mail at the moment"
	case bridge.Invalid:
		e.Msg = "The mail server refuses this mail for good"
		if at == addressing {
			e.Msg = "The mail server refuses the applicant's address for good"
		}
	case bridge.Refused:
		e.Msg = "The mail server does not let this be sent by us"
		if at == signingIn {
			e.Msg = "The mail server does not accept the user name and password"
		}
	}
	said := strings.TrimSpace(fmt.Sprintf("%d %s", answer.Code, status))
	if text = words(text, private); text != "" {
		said += " " + text
	}
	e.Err = fmt.Errorf("%s: the server said %s", at, said)
	return e
}

// slower is how servers ask for patience: Gmail, Exchange, Postfix and greylists.
var slower = regexp.MustCompile(`(?i)\b(rate|too many|too much|too fast|throttl\w*|limit\w*|grey-?list\w*|gray-?list\w*|slow down)\b`)

// meaning says what an answer is to the worker. A refusal at the recipient or of the
// mail itself is about this applicant, unless its enhanced code (RFC 3463) is about
// security and policy (X.7.X) or its code about signing in: then nobody gets a mail,
// and an operator has to change something.
func meaning(at stage, code int, status, text string) bridge.Kind {
	switch {
	case code < 500 || code > 599:
		if status == "4.7.28" || status == "4.5.3" || slower.MatchString(text) {
			return bridge.Limited
		}
		return bridge.Unavailable
	case code == 530 || code == 534 || code == 535 || code == 538 || strings.HasPrefix(status, "5.7."):
		return bridge.Refused
	case at == addressing || at == handing:
		return bridge.Invalid
	}
	return bridge.Refused
}

// statusCode is an enhanced status code (RFC 3463) at the beginning of an answer.
var statusCode = regexp.MustCompile(`^([245]\.\d{1,3}\.\d{1,3})\b`)

// enhanced takes the enhanced status code off an answer.
func enhanced(text string) (status, rest string) {
	status = statusCode.FindString(text)
	return status, strings.TrimSpace(text[len(status):])
}

// words keeps of a server's text what is plain words and not private: no addresses,
// links, numbers or names. Servers quote the address in every spelling, and spam
// filters quote the links.
func words(text string, private []string) string {
	hidden := map[string]bool{}
	for _, p := range private {
		for _, piece := range pieces(p) {
			hidden[piece] = true
		}
	}
	var kept []string
	for _, token := range strings.Fields(text) {
		word := strings.Trim(token, `.,;:!?()"'`)
		if word == "" || strings.ContainsFunc(word, func(r rune) bool { return r > unicode.MaxASCII || !unicode.IsLetter(r) && r != '-' && r != '\'' }) {
			continue
		}
		if !anyHidden(word, hidden) {
			kept = append(kept, word)
		}
	}
	return shorten(strings.Join(kept, " "), 160)
}

// anyHidden reports whether a word has a hidden one in it. Short ones count only by
// themselves, or "com" would hide a "command".
func anyHidden(word string, hidden map[string]bool) bool {
	for _, piece := range pieces(word) {
		if hidden[piece] {
			return true
		}
		for long := range hidden {
			if len(long) > 3 && strings.Contains(piece, long) {
				return true
			}
		}
	}
	return false
}

// pieces are the runs of letters in a text, in lower case.
func pieces(text string) []string {
	return strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) })
}
