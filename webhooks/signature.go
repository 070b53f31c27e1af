package webhooks

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"hash"
	"strings"
	"sync"
)

// maxSecrets is how many secrets may be live at once. Two is a rotation.
const maxSecrets = 8

// signature is the result of an HMAC-SHA256.
type signature [sha256.Size]byte

// secrets are the HMAC-SHA256 keys that are live at once. They may be used by
// several goroutines.
type secrets []*secret

// secret keeps HMAC states whose key schedule is already computed: for a body of
// a kilobyte that is a quarter of the work.
type secret struct{ states sync.Pool }

// state is an HMAC with room for its own input and output, so that a
// verification allocates nothing.
type state struct {
	mac  hash.Hash
	sum  signature
	head []byte
}

// newSecrets takes the bytes of each secret as they are. least is how many bytes
// a secret has to have. The error names every secret that will not do by its
// position and never by its content.
func newSecrets(texts []string, least int) (secrets, error) {
	if err := checkSecrets(texts, least); err != nil {
		return nil, err
	}
	out := make(secrets, len(texts))
	for i, text := range texts {
		out[i] = newSecret([]byte(text))
	}
	return out, nil
}

func newSecret(key []byte) *secret {
	return &secret{states: sync.Pool{New: func() any {
		return &state{mac: hmac.New(sha256.New, key)}
	}}}
}

// checkSecrets reports everything that is wrong with configured secrets.
func checkSecrets(texts []string, least int) error {
	if len(texts) == 0 {
		return errors.New("no secret is configured")
	}
	if len(texts) > maxSecrets {
		return fmt.Errorf("%d secrets are configured, at most %d can be live at once", len(texts), maxSecrets)
	}
	var errs []error
	for i, text := range texts {
		if err := checkSecret(text, least); err != nil {
			errs = append(errs, fmt.Errorf("secret %d of %d: %w", i+1, len(texts), err))
		}
	}
	return errors.Join(errs...)
}

func checkSecret(text string, least int) error {
	switch {
	case strings.TrimSpace(text) != text:
		return errors.New("it begins or ends with white space: a line end from a file or an environment variable")
	case len(text) < least:
		return fmt.Errorf("it has %d bytes, and needs at least %d", len(text), least)
	}
	return nil
}

// match reports whether any of the secrets makes any of the signatures from head,
// separator and body. The time it takes depends on which secret it was, and on
// the content of none.
func (s secrets) match(sent []signature, head, separator string, body []byte) bool {
	for _, key := range s {
		if key.match(sent, head, separator, body) {
			return true
		}
	}
	return false
}

func (s *secret) match(sent []signature, head, separator string, body []byte) bool {
	st := s.states.Get().(*state) //nolint:errcheck // the pool holds nothing else
	defer s.states.Put(st)
	st.compute(head, separator, body)
	found := 0
	for i := range sent {
		found |= subtle.ConstantTimeCompare(st.sum[:], sent[i][:])
	}
	return found == 1
}

// sum returns the HMAC of a text.
func (s *secret) sum(text string) signature {
	st := s.states.Get().(*state) //nolint:errcheck // the pool holds nothing else
	defer s.states.Put(st)
	st.compute(text, "", nil)
	return st.sum
}

func (st *state) compute(head, separator string, body []byte) {
	st.mac.Reset()
	st.head = append(append(st.head[:0], head...), separator...)
	st.mac.Write(st.head)
	st.mac.Write(body)
	st.mac.Sum(st.sum[:0])
}

// sharedSecrets are secrets that are sent as they are. They are kept as digests
// under a key of this process, so that comparing takes the same time whatever
// the length and content of what was sent.
type sharedSecrets struct {
	blind   *secret
	digests []signature
}

// newSharedSecrets is newSecrets for secrets that travel as they are.
func newSharedSecrets(texts []string, least int) (*sharedSecrets, error) {
	if err := checkSecrets(texts, least); err != nil {
		return nil, err
	}
	blind := make([]byte, sha256.Size)
	_, _ = rand.Read(blind) // never fails, as its documentation says
	out := &sharedSecrets{blind: newSecret(blind)}
	for _, text := range texts {
		out.digests = append(out.digests, out.blind.sum(text))
	}
	return out, nil
}

// match reports whether what was sent is one of the secrets.
func (s *sharedSecrets) match(sent string) bool { return s.blind.match(s.digests, sent, "", nil) }

// unhex decodes exactly one signature; lower restricts it to lower-case digits,
// for formats that have one spelling only.
func unhex(text string, lower bool) (sig signature, ok bool) {
	if len(text) != 2*len(sig) {
		return sig, false
	}
	for i := range sig {
		hi, ok1 := nibble(text[2*i], lower)
		lo, ok2 := nibble(text[2*i+1], lower)
		if !ok1 || !ok2 {
			return signature{}, false
		}
		sig[i] = hi<<4 | lo
	}
	return sig, true
}

func nibble(c byte, lower bool) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10, true
	case c >= 'A' && c <= 'F' && !lower:
		return c - 'A' + 10, true
	}
	return 0, false
}
