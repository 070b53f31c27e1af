package mail

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"regexp"
	"strings"

	"keybridge/bridge"
)

// refusal turns what went wrong at a stage into an error for the worker. Nothing that the
// server says stands in it: servers quote addresses in every spelling, and names.
func refusal(ctx context.Context, at stage, err error) error {
	if answer, ok := errors.AsType[*textproto.Error](err); ok && ctx.Err() == nil {
		return refused(at, answer)
	}
	e := &bridge.Error{Kind: bridge.Unavailable, Msg: "The mail server cannot be reached"}
	var cause string
	switch certificate := (*tls.CertificateVerificationError)(nil); {
	case errors.Is(ctx.Err(), context.Canceled):
		e.Msg, cause = "The mail was not finished, because the service stops", ctx.Err().Error()
	case ctx.Err() != nil, isTimeout(err):
		e.Msg, cause = "The mail server did not answer in time", "no answer in time"
	case errors.As(err, &certificate):
		e.Kind, e.Msg, cause = bridge.Refused, "The mail server's certificate is not to be trusted", bridge.Unanswered(certificate).Error()
	case errors.Is(err, errNoSignIn):
		e.Kind, e.Msg, cause = bridge.Refused, "Nobody can sign in at the mail server safely", errNoSignIn.Error()
	case strings.Contains(err.Error(), "does not support STARTTLS"):
		e.Kind, e.Msg, cause = bridge.Refused, "The mail server does not encrypt", "it does not offer STARTTLS, which is asked of it"
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		cause = "it closed the connection"
	default:
		cause = bridge.Unanswered(err).Error()
	}
	e.Err = fmt.Errorf("%s: %s", at, cause)
	return e
}

func isTimeout(err error) bool {
	network, ok := errors.AsType[net.Error](err)
	return ok && network.Timeout()
}

// refused is what an answer of the server means.
func refused(at stage, answer *textproto.Error) error {
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
	e.Err = fmt.Errorf("%s: the server answers %d", at, answer.Code)
	if status != "" {
		e.Err = fmt.Errorf("%w %s, about %s", e.Err, status, subjectOf(status))
	}
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

// subjects are what enhanced status codes are about, by their second number (RFC 3463,
// 3.1 to 3.8).
var subjects = map[string]string{
	"1": "an address", "2": "the mailbox", "3": "its mail system", "4": "the network or the way to the mailbox",
	"5": "the protocol", "6": "what is in the mail", "7": "security or policy",
}

// subjectOf is what an enhanced status code is about.
func subjectOf(status string) string {
	return cmp.Or(subjects[strings.Split(status, ".")[1]], "something else")
}

// enhanced takes the enhanced status code off an answer.
func enhanced(text string) (status, rest string) {
	status = statusCode.FindString(text)
	return status, strings.TrimSpace(text[len(status):])
}
