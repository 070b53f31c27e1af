package bridge

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
)

// Ledger is the end of the running hash over every entry of a store, those of requests
// and the house's own, in the order of their commits. Each request's history is a chain
// of its own; the ledger holds them together, so that a whole request that is removed is
// missed, and a chain that is cut short with its head rewritten.
type Ledger struct {
	// Count is how many entries there are, Place the place of the last (see Line.Place).
	Count uint64 `json:"count"`
	Place uint64 `json:"place"`
	// Hash is the running hash: lower-case hex of SHA-256, empty while Count is 0.
	Hash string `json:"hash,omitempty"`
}

// LedgerLine is one line of the ledger: where an entry stands, what its hash was when it
// was committed, and the entry as it is now.
type LedgerLine struct {
	Place uint64
	// Request and Seq name the entry; Request is empty for one of the house's own.
	Request ID
	Seq     uint64
	// Hash is the entry's hash as it was when it was committed.
	Hash string
	// Entry is the entry as it is now, nil where there is none: the request was dropped,
	// which an entry of the house says, or somebody removed it.
	Entry *Entry
	// Damage says why the line, or the entry that is there, cannot be read. Empty: it can.
	Damage string
}

// Next adds a line to the ledger and returns its new end. The hash is the SHA-256 of the
// hash before (32 bytes, zeros for the first line), the place (8 bytes, big-endian), the
// request's id (nothing for the house's own), the entry's number (8 bytes, big-endian)
// and the entry's hash (32 bytes, zeros where it is none). An id is 26 bytes, so what is
// hashed can be taken apart in one way only.
func (l Ledger) Next(line LedgerLine) Ledger {
	b := make([]byte, 0, 2*sha256.Size+8+len(line.Request)+8)
	b = appendHash(b, l.Hash)
	b = binary.BigEndian.AppendUint64(b, line.Place)
	b = append(b, line.Request...)
	b = binary.BigEndian.AppendUint64(b, line.Seq)
	b = appendHash(b, line.Hash)
	h := sha256.Sum256(b)
	return Ledger{Count: l.Count + 1, Place: line.Place, Hash: hex.EncodeToString(h[:])}
}

// appendHash appends the bytes of a hash in hex, and zeros for what is none.
func appendHash(b []byte, text string) []byte {
	var h [sha256.Size]byte
	if n, err := hex.Decode(h[:], []byte(text[:min(len(text), 2*sha256.Size)])); err != nil || n != len(h) {
		h = [sha256.Size]byte{}
	}
	return append(b, h[:]...)
}
