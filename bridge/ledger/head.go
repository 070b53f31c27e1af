package ledger

import (
	"bufio"
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"keybridge/bridge"
)

// Head is a signed end of the ledger: it says that at a time these entries were there, in
// this order.
type Head struct {
	// Number counts the heads of a store from 1.
	Number uint64 `json:"number"`
	// At is when it was signed: UTC, to the microsecond.
	At time.Time `json:"at"`
	// Ledger and House are the ends of the ledger and of the house's chain.
	Ledger bridge.Ledger `json:"ledger"`
	House  bridge.Head   `json:"house"`
	// Prev is the SHA-256 of the head before with its signature, in hex; empty for the first.
	Prev string `json:"prev,omitempty"`
	// Key is the public key that it was signed with (see KeyText).
	Key string `json:"key"`
	// Signature is Ed25519 (RFC 8032) over the line "keybridge signed head 1" and this
	// head as JSON with an empty signature, in base64.
	Signature string `json:"signature"`
}

// headMark begins what is signed, so that a signature of a head is good for nothing else.
const headMark = "keybridge signed head 1\n"

// longestHead bounds a head's line, in bytes.
const longestHead = 4 << 10

func (h Head) signed() []byte {
	h.Signature = ""
	return append([]byte(headMark), h.Line()...)
}

// Line is the head as one line of JSON, without a line end.
func (h Head) Line() []byte {
	b, err := json.Marshal(h)
	if err != nil { // a struct of strings, numbers and a time always encodes
		panic(err)
	}
	return b
}

// sum is what the next head has as Prev.
func (h Head) sum() string {
	s := sha256.Sum256(h.Line())
	return hex.EncodeToString(s[:])
}

func (h Head) sign(key ed25519.PrivateKey) Head {
	h.Key = KeyText(key.Public().(ed25519.PublicKey)) //nolint:forcetypeassert // it is no other
	h.Signature = base64.StdEncoding.EncodeToString(ed25519.Sign(key, h.signed()))
	return h
}

// check says what is wrong with the signature. Without keys nothing is.
func (h Head) check(keys []ed25519.PublicKey) error {
	if len(keys) == 0 {
		return nil
	}
	for _, key := range keys {
		if KeyText(key) != h.Key {
			continue
		}
		signature, err := base64.StdEncoding.DecodeString(h.Signature)
		if err != nil || !ed25519.Verify(key, h.signed(), signature) {
			return errors.New("the signature is not right")
		}
		return nil
	}
	return errors.New("it was signed with another key")
}

// ParseHead reads a head from its line. Only what Line writes is taken.
func ParseHead(line []byte) (h Head, err error) {
	if len(line) > longestHead {
		return h, errors.New("it is too long for a signed head")
	}
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&h); err != nil {
		return Head{}, errors.New("it is no signed head")
	}
	if !bytes.Equal(h.Line(), line) {
		return Head{}, errors.New("it is not written as a signed head is")
	}
	return h, nil
}

// Heads are signed heads from one place.
type Heads struct {
	// Where they are from, for people: "the store", "heads.jsonl".
	Where string
	Heads []Head
	// Whole: every head that the store keeps has to be among them.
	Whole bool
	// Wrong says what could not be read.
	Wrong []string
}

// ReadHeads reads signed heads, one a line. Empty lines are passed over. What is no head is
// noted in Wrong; the error is the reader's.
func ReadHeads(where string, r io.Reader) (Heads, error) {
	out := Heads{Where: where}
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, longestHead+1)
	for n := 1; lines.Scan(); n++ {
		line := bytes.TrimSpace(lines.Bytes())
		if len(line) == 0 {
			continue
		}
		h, err := ParseHead(line)
		if err != nil {
			out.Wrong = append(out.Wrong, fmt.Sprintf("line %d of %s: %v", n, where, err))
			continue
		}
		out.Heads = append(out.Heads, h)
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		out.Wrong = append(out.Wrong, fmt.Sprintf("%s has a line that is too long for a signed head", where))
		return out, nil
	}
	return out, lines.Err()
}

// sound says what is wrong with the heads among themselves: signatures, numbers, and
// whether each goes on from the one before. It returns those that can be believed.
func (hs Heads) sound(keys []ed25519.PublicKey) (good []Head, wrong []string) {
	wrong = append(wrong, hs.Wrong...)
	for i, h := range hs.Heads {
		if err := h.check(keys); err != nil {
			wrong = append(wrong, fmt.Sprintf("signed head %d in %s was altered, or is not ours: %v", h.Number, hs.Where, err))
			continue
		}
		good = append(good, h)
		if i == 0 {
			continue
		}
		switch last := hs.Heads[i-1]; {
		case h.Number != last.Number+1:
			wrong = append(wrong, fmt.Sprintf("signed head %d follows head %d in %s", h.Number, last.Number, hs.Where))
		case h.Prev != last.sum():
			wrong = append(wrong, fmt.Sprintf("signed head %d in %s does not continue head %d", h.Number, hs.Where, last.Number))
		}
	}
	return good, wrong
}

// keyMark begins a public key as text.
const keyMark = "ed25519:"

// KeyText is a public key as people pass it on: ed25519: and its 32 bytes in base64.
func KeyText(key ed25519.PublicKey) string {
	return keyMark + base64.StdEncoding.EncodeToString(key)
}

// ParseKey reads a public key from its text. Invalid for anything else.
func ParseKey(text string) (ed25519.PublicKey, error) {
	rest, ok := strings.CutPrefix(strings.TrimSpace(text), keyMark)
	key, err := base64.StdEncoding.DecodeString(rest)
	if !ok || err != nil || len(key) != ed25519.PublicKeySize {
		return nil, &bridge.Error{Kind: bridge.Invalid, Msg: "This is no public key of the audit: it takes what keybridge audit key prints, as ed25519:…"}
	}
	return key, nil
}
