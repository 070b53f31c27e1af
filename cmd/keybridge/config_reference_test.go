package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/ledger"
)

// everyKey calls visit for each key of the file.
func everyKey(section reflect.Type, path string, visit func(path string, k configKey)) {
	for _, k := range configKeys(section) {
		here := join(path, k.name)
		visit(here, k)
		inner := k.element()
		if k.kind.Kind() == reflect.Slice {
			here += "[]"
		}
		if inner.Kind() == reflect.Pointer {
			inner = inner.Elem()
		}
		if strings.HasSuffix(inner.Name(), "Config") {
			everyKey(inner, here, visit)
		}
	}
}

func TestTheReferenceExplainsEveryKey(t *testing.T) {
	reference := configReference()
	count := 0
	everyKey(reflect.TypeFor[config](), "", func(path string, k configKey) {
		count++
		for _, form := range k.forms() {
			name := strings.TrimSuffix(path, k.name) + form
			if !strings.Contains(reference, "`"+name+"`") {
				t.Errorf("the reference has no row for %s", name)
			}
		}
		if configMeaning(k.owner, k.field) == "" {
			t.Errorf("%s has no comment", path)
		}
	})
	if rows := strings.Count(reference, "\n") - 2; rows != count {
		t.Errorf("the reference has %d rows for %d keys", rows, count)
	}
	for _, line := range strings.Split(strings.TrimSpace(reference), "\n") {
		if strings.Count(line, "|")-strings.Count(line, "\\|") != 5 {
			t.Errorf("not four cells: %s", line)
		}
	}
}

func TestDefaultsAreValuesThatAFileCouldGive(t *testing.T) {
	everyKey(reflect.TypeFor[config](), "", func(path string, k configKey) {
		if bounded := k.min != "" && k.max != ""; bounded != (k.kind == durationType || k.kind == sizeType || k.kind == reflect.TypeFor[int]()) {
			t.Errorf("%s: numbers, times and sizes have min and max, and nothing else has", path)
		}
		for _, text := range strings.Fields(k.fallback) {
			if path == "pages.service_name" {
				continue // the one default with a space in it
			}
			if problem := k.set(reflect.New(k.element()).Elem(), text); problem != "" {
				t.Errorf("%s: the default %s: %s", path, text, problem)
			}
		}
		if k.required && k.fallback != "" {
			t.Errorf("%s is required and has a default", path)
		}
	})
}

func TestTheExampleLoadsAndShowsEveryKey(t *testing.T) {
	folder := t.TempDir()
	public, certificate := pemOf(t)
	write(t, filepath.Join(folder, "portal-token.pem"), public, 0o644)
	write(t, filepath.Join(folder, "mail-ca.pem"), certificate, 0o644)
	if _, err := ledger.KeyFile(filepath.Join(folder, "audit.key"), rand.Reader); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(filepath.Join(folder, "templates"), 0o700); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(folder, "keybridge.yaml")
	secrets := func(name string) (string, bool) {
		return map[string]string{"STRIPE_API_KEY": "sk_test_1", "CRM_WEBHOOK_SECRET": "whsec_"}[name] + strings.Repeat("s", 32), true
	}
	c, err := parseConfig(path, []byte(exampleConfig), secrets)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
	if c.Mail.roots == nil {
		t.Error("the certificates of ca_file were not read")
	}
	if d := cmp.Diff(bridge.MessageKinds, c.Mail.Tell); d != "" {
		t.Errorf("the example does not tell of every kind (-kinds +example):\n%s", d)
	}
	shown := writtenKeys(t, path, exampleConfig, secrets)
	everyKey(reflect.TypeFor[config](), "", func(path string, k configKey) {
		for _, form := range k.forms() {
			if shown[strings.TrimSuffix(path, k.name)+form] {
				return
			}
		}
		t.Errorf("the example does not show %s", path)
	})
}

// writtenKeys are the keys that a file gives, without the numbers of list items.
func writtenKeys(t *testing.T, path, text string, lookup func(string) (string, bool)) map[string]bool {
	t.Helper()
	r := newReading(path, lookup)
	root, ok := r.parse([]byte(text))
	if !ok {
		t.Fatal(r.errs)
	}
	r.fill(&config{}, root)
	keys := map[string]bool{}
	for _, at := range r.places {
		if !at.absent {
			keys[regexp.MustCompile(`\[[0-9]+\]`).ReplaceAllString(at.path, "[]")] = true
		}
	}
	return keys
}

// pemOf makes a public key and a certificate for it.
func pemOf(t *testing.T) (public, certificate string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	about := &x509.Certificate{SerialNumber: big.NewInt(1)}
	signed, err := x509.CreateCertificate(rand.Reader, about, about, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	text := func(kind string, der []byte) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
	}
	return text("PUBLIC KEY", der), text("CERTIFICATE", signed)
}
