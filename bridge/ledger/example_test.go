package ledger_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"

	"keybridge/bridge"
	"keybridge/bridge/ledger"
	"keybridge/store/bolt"
)

// An export is signed by who has the store, and verified by somebody who has nothing but
// the file and the public key.
func ExampleKeeper_WriteExport() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "ledger")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	store, err := bolt.Open(bolt.Config{Path: filepath.Join(dir, "keybridge.db")})
	if err != nil {
		panic(err)
	}
	defer func() { _ = store.Close() }()
	if err := store.Record(ctx, bridge.Entry{What: bridge.WhatViewed, Why: "an example"}); err != nil {
		panic(err)
	}

	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{1}, ed25519.SeedSize))
	keeper := ledger.New(ledger.Config{Store: store, Key: key})
	var file bytes.Buffer
	if err := keeper.WriteExport(ctx, &file, nil); err != nil {
		panic(err)
	}

	altered := bytes.Replace(file.Bytes(), []byte("an example"), []byte("an sample"), 1)
	for _, text := range [][]byte{file.Bytes(), altered} {
		report, err := ledger.VerifyExport(ctx, bytes.NewReader(text), ledger.Options{Keys: keeper.Keys()})
		if err != nil {
			panic(err)
		}
		fmt.Println(report.Summary())
	}
	// Output:
	// all of 1 entries are as they were written
	// of 1 entries, not all are as they were written: entry 1 of the house's own was altered
}
