package bridge_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
)

// What is written stays verifiable for good: these hashes never change.
func TestHashesAreWhatTheyWere(t *testing.T) {
	head, e := bridge.Head{}.Next(bridge.Entry{
		Request: "01HF7YAT00ABCDEFGHJKMNPQRS", At: time.Date(2026, 3, 4, 5, 6, 7, 8009, time.UTC), Actor: bridge.Actor{Kind: bridge.ByPerson, Name: "anna"},
		What: bridge.WhatStep, Before: "review waiting", After: "review met", Why: "fine",
	})
	const entry = "4bae1b6c28a2eb63c4711a137c9605b06815aad6d13b4ff9a3d0215fe4b3a5dd"
	if e.Hash != entry || head != (bridge.Head{Seq: 1, Hash: entry}) {
		t.Errorf("the entry has %s, the head is %+v", e.Hash, head)
	}
	end := bridge.Ledger{}.Next(bridge.LedgerLine{Place: 7, Request: e.Request, Seq: e.Seq, Hash: e.Hash})
	end = end.Next(bridge.LedgerLine{Place: 9, Seq: 1, Hash: "none"})
	if want := (bridge.Ledger{Count: 2, Place: 9, Hash: "3a227092834c6fbca26178dce800c9ca1ae6910761e191bc8d209cab66494ac6"}); end != want {
		t.Errorf("the ledger's end is %+v", end)
	}
}

// The running hash is made as it is documented, by other means.
func TestTheLedgersHashCanBeMadeByAnybody(t *testing.T) {
	const id, hash = "01HF7YAT00ABCDEFGHJKMNPQRS", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
	zeros := strings.Repeat("00", sha256.Size)
	sum := func(parts ...string) string {
		var all bytes.Buffer
		for _, p := range parts {
			b, err := hex.DecodeString(p)
			if err != nil {
				t.Fatal(err)
			}
			all.Write(b)
		}
		h := sha256.Sum256(all.Bytes())
		return hex.EncodeToString(h[:])
	}
	first := sum(zeros, "0000000000000102", hex.EncodeToString([]byte(id)), "0000000000000003", hash)
	second := sum(first, "0000000000000103", "0000000000000001", zeros)
	end := bridge.Ledger{}.Next(bridge.LedgerLine{Place: 0x102, Request: id, Seq: 3, Hash: hash})
	if end.Hash != first {
		t.Errorf("the first line: %s, want %s", end.Hash, first)
	}
	if end = end.Next(bridge.LedgerLine{Place: 0x103, Seq: 1, Hash: "none"}); end.Hash != second {
		t.Errorf("one of the house's own: %s, want %s", end.Hash, second)
	}
}
