package ledger

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
)

// KeyFile reads the signing key from a file: PKCS #8 in PEM, as openssl genpkey -algorithm
// ed25519 makes it. Where there is no such file and random is given, a key is made and
// written there with the mode 0600; otherwise the error wraps fs.ErrNotExist.
func KeyFile(path string, random io.Reader) (ed25519.PrivateKey, error) {
	text, err := os.ReadFile(path) //nolint:gosec // the operator says which file to read
	if errors.Is(err, fs.ErrNotExist) && random != nil {
		return makeKey(path, random)
	}
	if err != nil {
		return nil, fmt.Errorf("the key of the audit: %w", err)
	}
	key, err := ParsePrivate(text)
	if err != nil {
		return nil, fmt.Errorf("the key of the audit, %s: %w", path, err)
	}
	return key, nil
}

// ParsePrivate reads a signing key from its PEM. An error says nothing of what was there.
func ParsePrivate(text []byte) (ed25519.PrivateKey, error) {
	block, _ := pem.Decode(text)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, errors.New("there is no PRIVATE KEY in PEM; make one with: openssl genpkey -algorithm ed25519")
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	key, ok := parsed.(ed25519.PrivateKey)
	if err != nil || !ok {
		return nil, errors.New("it is no Ed25519 key; make one with: openssl genpkey -algorithm ed25519")
	}
	return key, nil
}

// makeKey makes a key and keeps it. A file that somebody made meanwhile is left.
func makeKey(path string, random io.Reader) (ed25519.PrivateKey, error) {
	seed := make([]byte, ed25519.SeedSize)
	if _, err := io.ReadFull(random, seed); err != nil {
		return nil, fmt.Errorf("make the key of the audit: %w", err)
	}
	key := ed25519.NewKeyFromSeed(seed)
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("make the key of the audit: %w", err)
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator says which file
	if err != nil {
		return nil, fmt.Errorf("keep the key of the audit: %w", err)
	}
	_, err = f.Write(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	if err := errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, fmt.Errorf("keep the key of the audit: %w", errors.Join(err, os.Remove(path)))
	}
	return key, nil
}

// Digest makes a text comparable and not readable: the first 64 bits of its HMAC-SHA256 in
// hex, under a key derived from the signing key. Under another signing key it is another.
// It takes a keeper with a key.
func (k *Keeper) Digest(text string) string {
	derive := hmac.New(sha256.New, k.cfg.Key.Seed())
	derive.Write([]byte("keybridge digest"))
	sum := hmac.New(sha256.New, derive.Sum(nil))
	sum.Write([]byte(text))
	return hex.EncodeToString(sum.Sum(nil)[:8])
}
