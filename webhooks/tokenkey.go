package webhooks

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"

	"github.com/golang-jwt/jwt/v5"
)

// Algorithms lists what a portal's tokens can be signed with (RFC 7518 section 3,
// RFC 8037). "none" and PS* are not among them; the package comment says why.
func Algorithms() []string {
	return []string{"HS256", "HS384", "HS512", "RS256", "ES256", "EdDSA"}
}

// TokenKey is one key that a portal signs its tokens with.
type TokenKey struct {
	// ID is the key's kid. A token that names a kid is checked against the keys of
	// that ID and those without one; a token that names none, against all. May be
	// empty.
	ID string
	// Text is the shared secret for HS*, used as it is: at least 32, 48 or 64 bytes
	// for HS256, HS384, HS512 (RFC 7518 section 3.2). For the others it is a public
	// key in PEM (PUBLIC KEY, or RSA PUBLIC KEY): RSA of 2048 to 8192 bits for RS256,
	// P-256 for ES256, Ed25519 for EdDSA.
	Text string
}

// verificationKey is a key that was parsed for one algorithm and fits no other.
type verificationKey struct {
	id  string
	key any
}

// parseTokenKeys parses every key for the configured algorithm. The errors say
// which key will not do, and why, and nothing of its content.
func parseTokenKeys(algorithm string, keys []TokenKey) ([]verificationKey, error) {
	if len(keys) == 0 || len(keys) > maxSecrets {
		return nil, fmt.Errorf("%d keys are configured: it takes 1 to %d", len(keys), maxSecrets)
	}
	var out []verificationKey
	var errs []error
	for i, k := range keys {
		key, err := parseTokenKey(algorithm, k.Text)
		if err == nil && len(k.ID) > maxTokenID {
			err = fmt.Errorf("its id has more than %d bytes", maxTokenID)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("key %d of %d: %w", i+1, len(keys), err))
			continue
		}
		out = append(out, verificationKey{id: k.ID, key: key})
	}
	return out, errors.Join(errs...)
}

func parseTokenKey(algorithm, text string) (any, error) {
	switch algorithm {
	case "HS256":
		return parseHMACKey(text, 32)
	case "HS384":
		return parseHMACKey(text, 48)
	case "HS512":
		return parseHMACKey(text, 64)
	}
	public, err := parsePublicKey(text)
	if err != nil {
		return nil, err
	}
	switch algorithm {
	case "RS256":
		if key, ok := public.(*rsa.PublicKey); ok {
			return key, checkRSA(key)
		}
	case "ES256":
		if key, ok := public.(*ecdsa.PublicKey); ok && key.Curve == elliptic.P256() {
			return key, nil
		}
	case "EdDSA":
		if key, ok := public.(ed25519.PublicKey); ok {
			return key, nil
		}
	}
	return nil, fmt.Errorf("%s cannot be used with %s", describeKey(public), algorithm)
}

func parseHMACKey(text string, least int) (any, error) {
	if err := checkSecret(text, least); err != nil {
		return nil, err
	}
	if strings.Contains(text, "-----BEGIN") {
		return nil, errors.New("it is a PEM file, and the algorithm takes a shared secret: a public key is no secret")
	}
	return []byte(text), nil
}

func checkRSA(key *rsa.PublicKey) error {
	if bits := key.N.BitLen(); bits < 2048 || bits > 8192 {
		return fmt.Errorf("an RSA key of %d bits: it takes 2048 to 8192", bits)
	}
	return nil
}

// parsePublicKey parses one PEM block with a public key, and nothing else.
func parsePublicKey(text string) (any, error) {
	block, rest := pem.Decode([]byte(text))
	switch {
	case block == nil:
		return nil, errors.New("it is not PEM: it has to begin with -----BEGIN PUBLIC KEY-----")
	case strings.TrimSpace(string(rest)) != "":
		return nil, errors.New("something follows the first PEM block: give each key on its own")
	case strings.Contains(block.Type, "PRIVATE"):
		return nil, errors.New("it is a private key: give the public one, and keep this where tokens are signed")
	}
	var key any
	var err error
	switch block.Type {
	case "PUBLIC KEY":
		key, err = x509.ParsePKIXPublicKey(block.Bytes)
	case "RSA PUBLIC KEY":
		key, err = x509.ParsePKCS1PublicKey(block.Bytes)
	case "CERTIFICATE":
		return nil, errors.New("it is a certificate: take the key out of it with openssl x509 -pubkey -noout")
	default:
		return nil, fmt.Errorf("a PEM block of type %q: it takes PUBLIC KEY", block.Type)
	}
	if err != nil {
		return nil, fmt.Errorf("the public key cannot be parsed: %w", err)
	}
	return key, nil
}

func describeKey(key any) string {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return "an RSA key"
	case *ecdsa.PublicKey:
		return "a key on curve " + k.Curve.Params().Name
	case ed25519.PublicKey:
		return "an Ed25519 key"
	}
	return "a key of this kind"
}

// method returns the signature method of an algorithm, nil for one that is not
// offered.
func method(algorithm string) jwt.SigningMethod {
	switch algorithm {
	case "HS256":
		return jwt.SigningMethodHS256
	case "HS384":
		return jwt.SigningMethodHS384
	case "HS512":
		return jwt.SigningMethodHS512
	case "RS256":
		return jwt.SigningMethodRS256
	case "ES256":
		return jwt.SigningMethodES256
	case "EdDSA":
		return jwt.SigningMethodEdDSA
	}
	return nil
}
