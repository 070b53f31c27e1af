package bridge

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"
)

// Entry is one line of a request's history. Entries are chained: each holds the
// hash of the one before, so that a changed, removed or reordered line is found.
// An entry holds no personal data, because history stays when people are
// forgotten.
type Entry struct {
	Request ID `json:"request"`
	// Seq counts the request's entries from 1.
	Seq   uint64    `json:"seq"`
	At    time.Time `json:"at"`
	Actor Actor     `json:"actor"`
	// What changed, and Before → After.
	What   What   `json:"what"`
	Before string `json:"before,omitempty"`
	After  string `json:"after,omitempty"`
	// Why is a reason in words that may be shown.
	Why string `json:"why,omitempty"`
	// Prev is the hash of the entry before, empty for the first; Hash is this
	// one's. Lower-case hex of SHA-256.
	Prev string `json:"prev,omitempty"`
	Hash string `json:"hash"`
}

// What names the part of a request an entry is about.
type What string

// The subjects of history.
const (
	WhatReceived  What = "received"
	WhatArrived   What = "arrived"
	WhatTerms     What = "terms"
	WhatStep      What = "step"
	WhatVerdict   What = "verdict"
	WhatAccess    What = "access"
	WhatPayment   What = "payment"
	WhatCheckout  What = "checkout"
	WhatAction    What = "action"
	WhatAttention What = "attention"
	WhatEnded     What = "ended"
	WhatTold      What = "told"
	WhatNote      What = "note"
	WhatAssigned  What = "assigned"
)

// The subjects of the house's own entries, which are about persons and settings. Their
// Request is the one that was looked at, or empty.
const (
	WhatSignedIn What = "signed in"
	WhatRefused  What = "refused"
	WhatViewed   What = "viewed"
	WhatExported What = "exported"
	WhatPerson   What = "person"
	WhatToken    What = "token"
	WhatForgot   What = "forgot"
	// WhatDropped: a request was removed with its history, because it never was a key
	// request. Before says how many entries it had.
	WhatDropped What = "dropped"
	// WhatSettings: the configuration differs from that of the last start.
	WhatSettings What = "settings"
	// WhatVerified: somebody had the audit verified. After says with what result.
	WhatVerified What = "verified"
)

// Head is the end of a chain: how many entries it has and the hash of the last.
type Head struct {
	Seq  uint64 `json:"seq"`
	Hash string `json:"hash,omitempty"`
}

// sum is the hash that e should have. The JSON of a struct has its members in a
// fixed order, so it serves as the canonical form; times are UTC.
func (e Entry) sum() string {
	e.Hash = ""
	b, err := json.Marshal(e)
	if err != nil { // a struct of strings, numbers and times always encodes
		panic(err)
	}
	h := sha256.Sum256(b)
	return hex.EncodeToString(h[:])
}

// Intact reports whether the entry has the hash that what it says gives.
func (e Entry) Intact() bool { return e.Hash == e.sum() }

// Next chains an entry to the head and returns both. Times are kept to the microsecond,
// and text that is not UTF-8 is made so, because JSON would do it after the hash was made.
func (h Head) Next(e Entry) (Head, Entry) {
	for _, text := range []*string{&e.Before, &e.After, &e.Why, &e.Actor.Name} {
		*text = strings.ToValidUTF8(*text, "\uFFFD")
	}
	e.Seq = h.Seq + 1
	e.At = e.At.UTC().Truncate(time.Microsecond)
	e.Prev = h.Hash
	e.Hash = e.sum()
	return Head{Seq: e.Seq, Hash: e.Hash}, e
}

// VerifyHistory checks that entries are one unbroken chain that ends at head. The
// error names the first entry that was altered, removed or is out of place.
func VerifyHistory(entries []Entry, head Head) error {
	at, err := Head{}.Verify(entries)
	if err != nil {
		return fmt.Errorf("history of %s: %w", entries[0].Request, err)
	}
	if at != head {
		return fmt.Errorf("history ends at entry %d, the request says %d", at.Seq, head.Seq)
	}
	return nil
}

// Verify checks that entries go on a chain whose end was h, and returns its new end. The
// error names the first that was altered, removed or is out of place.
func (h Head) Verify(entries []Entry) (Head, error) {
	for _, e := range entries {
		switch {
		case e.Seq != h.Seq+1:
			return h, fmt.Errorf("entry %d follows entry %d", e.Seq, h.Seq)
		case e.Prev != h.Hash:
			return h, fmt.Errorf("entry %d does not continue entry %d", e.Seq, h.Seq)
		case !e.Intact():
			return h, fmt.Errorf("entry %d was altered", e.Seq)
		}
		h = Head{Seq: e.Seq, Hash: e.Hash}
	}
	return h, nil
}

// Change is a request while it is being changed, with what the change adds to its
// history. A Store hands one to the closure of Update or Accept and then commits
// request, indexes and entries together.
type Change struct {
	Request
	// Entries are the new lines, already chained.
	Entries []Entry
	// Done, when set, gives the claim back in the same commit.
	Done *Done
}

// Done ends a claim and says when the request is due again.
type Done struct {
	Claim Claim
	// Due is when to look again. Zero: only when something hints at it. A hint that
	// came after the claim makes the request due at once, whatever is said here.
	Due time.Time
}

// note adds a line to the history.
func (c *Change) note(now time.Time, by Actor, what What, before, after, why string) {
	head, e := c.Head.Next(Entry{
		Request: c.ID, At: now, Actor: by, What: what, Before: before, After: after, Why: why,
	})
	c.Head = head
	c.Entries = append(c.Entries, e)
}
