package bridge

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// Unanswered is what may be told of the error of an HTTP call that was not answered, or not
// with HTTP, for Error.Err. What net/http says quotes the address, which may hold ids, and of
// what came instead of an answer the beginning. context.Canceled and
// context.DeadlineExceeded stay what they are.
func Unanswered(err error) error {
	for _, known := range []error{context.Canceled, context.DeadlineExceeded} {
		if errors.Is(err, known) {
			return known
		}
	}
	if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() {
		return errors.New("no answer in time")
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return errors.New("its certificate is not to be trusted")
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return errors.New("it does not speak TLS")
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return fmt.Errorf("%s: %w", e.Op, e.Err)
	}
	return errors.New("the connection was cut, or the answer could not be read")
}
