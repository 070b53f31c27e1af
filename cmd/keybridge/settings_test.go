package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"keybridge/bridge"
	"keybridge/bridge/ledger"
	"keybridge/store/bolt"
)

// plainConfig has something of everything that is compared in a way of its own.
const plainConfig = `
public_url: https://bridge.example
data: /tmp
retain: 730d
pages: {contact: help@bridge.example}
portals:
  - name: main
    url: https://dashboard.example
    home: https://portal.example
    organisation: org
    secret_env: MAIN_SECRET
    handoff: {bare: {}}
outgoing:
  - {name: crm, url: "https://crm.example/hooks/hidden-token", secret_env: CRM_SECRET}
`

func settingsUnder(t *testing.T, text string, secrets map[string]string, digest func(string) string) map[string]settings {
	t.Helper()
	cfg, err := parseConfig(filepath.Join(t.TempDir(), "keybridge.yaml"), []byte(text), func(name string) (string, bool) {
		value, ok := secrets[name]
		return value, ok
	})
	if err != nil {
		t.Fatal(err)
	}
	return settingsOf(cfg, digest)
}

func TestTheHouseSaysWhatDiffersFromTheLastStart(t *testing.T) {
	t.Parallel()
	store, err := bolt.Open(bolt.Config{Path: filepath.Join(t.TempDir(), "keybridge.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	key, err := ledger.KeyFile(filepath.Join(t.TempDir(), "audit.key"), strings.NewReader(strings.Repeat("k", 64)))
	if err != nil {
		t.Fatal(err)
	}
	digest := ledger.New(ledger.Config{Store: store, Key: key}).Digest
	secrets := map[string]string{"MAIN_SECRET": strings.Repeat("m", 40), "CRM_SECRET": "whsec_" + strings.Repeat("s", 32)}
	after := uint64(0)
	// start returns what the house says at a start.
	start := func(text string) (said []string) {
		t.Helper()
		if err := keepSettings(t.Context(), store, settingsUnder(t, text, secrets, digest)); err != nil {
			t.Fatal(err)
		}
		lines, err := store.House(t.Context(), after, 1000)
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range lines {
			e := l.Entry
			said, after = append(said, e.Why+": "+e.Before+" → "+e.After), e.Seq
			if e.What != bridge.WhatSettings || e.Actor.Kind != bridge.ByClock {
				t.Errorf("%+v", e)
			}
		}
		return said
	}
	if said := start(plainConfig); len(said) != 1 || !strings.HasPrefix(said[0], "the first start with this store") {
		t.Errorf("at the first start: %q", said)
	}
	if said := start(plainConfig); len(said) > 0 {
		t.Errorf("where nothing differs: %q", said)
	}
	if said := start(strings.Replace(plainConfig, "retain: 730d", "retain: 365d", 1)); !slices.Equal(said, []string{"retain: 17520h0m0s → 8760h0m0s"}) {
		t.Errorf("after a change: %q", said)
	}
	secrets["MAIN_SECRET"] = strings.Repeat("n", 40)
	said := start(strings.NewReplacer("retain: 730d", "retain: 365d", "hidden-token", "hidden-other", "help@", "desk@", "name: main\n", "name: main\n    title: Weather\n").Replace(plainConfig))
	slices.Sort(said)
	if len(said) != 4 {
		t.Fatalf("after four changes: %q", said)
	}
	for i, want := range []string{"outgoing[crm].url: https://crm.example/…, ", "pages.contact: an e-mail address, ", "portals[main].secret: a secret, ", "portals[main].title:  → Weather"} {
		if !strings.HasPrefix(said[i], want) {
			t.Errorf("%q, want %q", said[i], want)
		}
	}
	for _, hidden := range []string{"nnnn", "mmmm", "hidden", "@"} {
		if strings.Contains(strings.Join(said, "\n"), hidden) {
			t.Errorf("%q is told: %q", hidden, said)
		}
	}
	less, _, _ := strings.Cut(plainConfig, "outgoing:")
	said = start(less)
	if !slices.ContainsFunc(said, func(s string) bool { return s == "outgoing[crm].personal: false → " }) {
		t.Errorf("of a receiver that is gone: %q", said)
	}
}
