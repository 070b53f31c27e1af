package ledger

import (
	"crypto/ed25519"
	"fmt"
	"time"

	"keybridge/bridge"
)

// mostFindings is how many findings a report has.
const mostFindings = 20

// Options say what is compared with a store, or with an export.
type Options struct {
	// Keys are the public keys that heads may be signed with. None: signatures are not
	// checked, and the report says so (Report.Signed).
	Keys []ed25519.PublicKey
	// Heads are signed heads from other places than the store.
	Heads []Heads
	// Progress is told how much of all was looked at; nil: nobody is. It must be quick.
	Progress func(done, of uint64)
}

// Report says what was verified, and what was found.
type Report struct {
	// At is when it was begun and By who asked for it; zero where nobody kept that.
	At time.Time `json:"at,omitzero"`
	By string    `json:"by,omitempty"`
	// Entries is how many lines of the ledger were looked at, House how many of them are
	// the house's own, Requests how many requests there were, and Heads how many signed
	// heads were compared.
	Entries  uint64 `json:"entries"`
	House    uint64 `json:"house"`
	Requests int    `json:"requests"`
	Heads    int    `json:"heads"`
	// Dropped is how many requests were dropped, as the house says.
	Dropped int `json:"dropped"`
	// Signed: the signatures of the heads were checked.
	Signed bool `json:"signed"`
	// End is the end of the ledger up to which all was looked at.
	End bridge.Ledger `json:"end"`
	// Findings are what is wrong, at most twenty, the first first. None: everything is as
	// it was written. More: there were others.
	Findings []Finding `json:"findings,omitempty"`
	More     bool      `json:"more,omitempty"`
}

// Finding is something that is not as it was written.
type Finding struct {
	// Request and Seq name the entry it is about, where it is about one; an entry of the
	// house has no Request.
	Request bridge.ID `json:"request,omitempty"`
	Seq     uint64    `json:"seq,omitempty"`
	// What is a sentence without its full stop.
	What string `json:"what"`
}

// Whole reports whether everything is as it was written.
func (r Report) Whole() bool { return len(r.Findings) == 0 }

// Summary says in a few words what came of it. It names nobody.
func (r Report) Summary() string {
	switch {
	case r.More:
		return fmt.Sprintf("of %d entries, more than %d things are not as they were written: %s", r.Entries, len(r.Findings), r.Findings[0].What)
	case len(r.Findings) > 0:
		return fmt.Sprintf("of %d entries, not all are as they were written: %s", r.Entries, r.Findings[0].What)
	}
	return fmt.Sprintf("all of %d entries are as they were written", r.Entries)
}

// find notes a finding.
func (r *Report) find(id bridge.ID, seq uint64, format string, args ...any) {
	if len(r.Findings) >= mostFindings {
		r.More = true
		return
	}
	r.Findings = append(r.Findings, Finding{Request: id, Seq: seq, What: fmt.Sprintf(format, args...)})
}

// entryName names an entry for people.
func entryName(id bridge.ID, seq uint64) string {
	if id == "" {
		return fmt.Sprintf("entry %d of the house's own", seq)
	}
	return fmt.Sprintf("entry %d of request %s", seq, id)
}
