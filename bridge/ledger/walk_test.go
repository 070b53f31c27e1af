package ledger

import (
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
)

// Somebody who writes an entry of the house anew, and the ledger with it, has to write all
// that come after it anew as well: each names the one before. No signed head is needed to
// see that.
func TestAnEntryOfTheHouseThatDoesNotContinueTheOneBeforeIsFound(t *testing.T) {
	for name, forged := range map[string]bool{"as they were written": false, "the second one was written anew": true} {
		var head bridge.Head
		var entries []bridge.Entry
		for i := range 3 {
			var e bridge.Entry
			head, e = head.Next(bridge.Entry{
				At: time.Date(2026, time.June, 10, 9, i, 0, 0, time.UTC), Actor: bridge.Actor{Kind: bridge.ByPerson, Name: "anna"}, What: bridge.WhatSignedIn,
			})
			entries = append(entries, e)
		}
		if forged {
			anew := entries[1]
			anew.Actor.Name = "nobody"
			_, entries[1] = bridge.Head{Seq: 1, Hash: entries[0].Hash}.Next(anew)
		}
		report := &Report{}
		w := newWalk(report, mostKnown)
		for i := range entries {
			e := &entries[i]
			w.line(bridge.LedgerLine{Place: uint64(e.At.UnixMicro()), Seq: e.Seq, Hash: e.Hash, Entry: e}) //nolint:gosec // this century
		}
		w.over()
		if !forged && len(report.Findings) > 0 {
			t.Errorf("%s: %v", name, report.Findings)
		}
		if forged && (len(report.Findings) != 1 || report.Findings[0].Seq != 3 || !strings.Contains(report.Findings[0].What, "does not continue the one before it")) {
			t.Errorf("%s: %v", name, report.Findings)
		}
	}
}
