package bridge

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
)

// Unanswered is what may be told, in Error.Err, of why a call over the network was not
// answered, or with nothing that could be read. Other words of it may not: net/http quotes
// the address, which may hold ids, and the beginning of what came instead of an answer.
// context.Canceled and context.DeadlineExceeded stay what they are.
func Unanswered(err error) error {
	for _, known := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return known
		}
	}
	if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() {
		return errors.New("no answer in time")
	}
	if e, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return untrusted(e)
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return errors.New("it does not speak TLS")
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("%s: %w", e.Op, e.Err)
	}
	return errors.New("the connection was cut, or the answer could not be read")
}

// untrusted says why a certificate is not believed, and nothing of what stands in it.
func untrusted(err error) error {
	why := "is not to be trusted"
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		why = "is for another name"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		why = "is from an authority that is not known here"
	}
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok && e.Reason == x509.Expired {
		why = "has expired, or is not valid yet: compare the clocks"
	}
	return errors.New("its certificate " + why)
}
