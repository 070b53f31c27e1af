// Package ledger proves that nothing in a store's history was altered, removed or
// reordered, and signs what the history was at a time, so that this can be proved to
// others and later.
//
// # The idea
//
// Each request's history is a chain, and so are the house's own entries. Above them lies
// the ledger (bridge.Ledger): one running hash over every entry in the order of their
// commits, written in the commit of the entry itself. Whoever changes a byte breaks a hash;
// whoever makes that hash anew breaks the chain; whoever writes the chain and the ledger
// anew has to forge a signature: the ledger's end is signed once a day and at each stop
// (Head), and a signed head is kept in the store, in a file beside it and in the log, which
// is somewhere else.
//
// # How data walks
//
// Keeper signs. Verify reads a store: first the lines of the ledger, in their order, each
// with the entry it stands for; then every request with its history; then what came
// meanwhile. WriteExport takes the ledger away as JSON lines with its signed heads, and
// VerifyExport needs nothing but that file and the public key.
//
// # What is found, and what is not
//
// Found and named: a byte changed, an entry removed, added or moved, a whole request
// removed, a chain cut short whose head was made to fit, a line of the ledger removed, a
// signed head that was altered or does not fit. What was added and removed again between
// two signed heads by somebody who can write the store's file and make every hash anew
// leaves no trace. Neither is anything proved of the time before the ledger, which was
// built by a migration from what there was.
//
// # Decisions
//
//   - Verify goes on after damage and names what else it meets, up to mostFindings. The
//     first is the first in the order of commits, unless a line of the ledger itself is
//     missing: that shows only where the running hash is next compared.
//   - A running hash says that something is missing and not what. So gaps in the numbers of
//     a history are remembered, and told when the hash does not fit.
//   - For each request it is known up to which entry the ledger goes: about 80 bytes each.
//     Beyond mostKnown requests the lower half of the ids is finished first, and the lines
//     are read again for the others, so memory is bounded however many there are.
//   - The store goes on meanwhile. What a history has more than the ledger had is looked
//     for in the lines that came since; a reader may see a commit before it is synced, and
//     so it is waited for, but not for long.
//   - Signed heads are a chain too and are numbered, so that one taken out of the middle is
//     missed.
//   - A head's text is signed, and parsed text is taken only if writing it again gives the
//     same bytes: what is signed can be read in one way only.
//   - Requests that were dropped have lines without entries, and an entry of the house that
//     says so (bridge.WhatDropped). Without that they were removed by somebody else.
//
// # Measured
//
// 200,000 entries of 20,000 requests were verified in 14.6 s with 6 MiB of memory, on two
// cores that had seven times as much to do (BenchmarkVerify).
//
// # What it must never do
//
// It changes no entry, keeps no secret but the signing key it is given, which it never
// writes or logs, and says nothing personal: a finding names ids and numbers.
package ledger
