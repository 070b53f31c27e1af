package people

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/base64"
	"errors"
)

// What the seals are for. A value sealed for one purpose opens for no other, and the
// words before the key make it this package's.
const (
	sealCode  = "second factor"     // a user's, in the store
	sealOffer = "second factor new" // one that is being set up, in a page
	sealHalf  = "half way in"       // the password was right, in a page
	sealAway  = "away to OpenID"    // state, nonce and verifier, in a cookie
)

const longestSealed = 4 << 10 // bytes: what a cookie holds

// errSealed says nothing of why: who sent the value learns nothing from it.
var errSealed = errors.New("the sealed value is not ours, or was changed")

// seals seal with AES-256-GCM. The first seals, all of them open.
type seals []cipher.AEAD

// newSeals derives a key from each secret (HKDF-SHA-256, RFC 5869). The secrets may be
// used elsewhere for other things: nothing of one use can be learnt from another.
func newSeals(secrets [][]byte) seals {
	var s seals
	for _, secret := range secrets {
		key, err := hkdf.Key(sha256.New, secret, nil, "keybridge people 1", 32)
		if err != nil { // only for a length beyond 255 hashes, or a short key in FIPS mode
			panic(err)
		}
		block, err := aes.NewCipher(key)
		if err != nil { // only for a length that AES does not have
			panic(err)
		}
		aead, err := cipher.NewGCM(block)
		if err != nil { // only for a block that is not AES's
			panic(err)
		}
		s = append(s, aead)
	}
	return s
}

// seal seals a value for a purpose and whom it is about, as base64url. Nonces are
// random: 2^32 values under one secret are safe (NIST SP 800-38D section 8.3).
func (g *Register) seal(purpose, about string, value []byte) string {
	aead := g.seals[0]
	nonce := g.chance(aead.NonceSize())
	return base64.RawURLEncoding.EncodeToString(aead.Seal(nonce, nonce, value, bound(purpose, about)))
}

// open opens what was sealed for the same purpose and about the same.
func (g *Register) open(purpose, about, sealed string) ([]byte, error) {
	if len(sealed) > longestSealed {
		return nil, errSealed
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(sealed)
	if err != nil {
		return nil, errSealed
	}
	for _, aead := range g.seals {
		if n := aead.NonceSize(); len(b) > n {
			if value, err := aead.Open(nil, b[:n], b[n:], bound(purpose, about)); err == nil {
				return value, nil
			}
		}
	}
	return nil, errSealed
}

// bound is what a sealed value is bound to. No purpose holds a zero byte.
func bound(purpose, about string) []byte { return []byte(purpose + "\x00" + about) }
