package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
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
		if bounded := k.min != "" && k.max != ""; bounded != (k.kind == durationType || k.kind == reflect.TypeFor[int]()) {
			t.Errorf("%s: numbers and times have min and max, and nothing else has", path)
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
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	public := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
	write(t, filepath.Join(folder, "portal-token.pem"), string(public), 0o644)
	c, err := parseConfig(filepath.Join(folder, "keybridge.yaml"), []byte(exampleConfig), func(name string) (string, bool) {
		return map[string]string{"STRIPE_API_KEY": "sk_test_1"}[name] + strings.Repeat("s", 32), true
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
	everyKey(reflect.TypeFor[config](), "", func(path string, k configKey) {
		for _, form := range k.forms() {
			if strings.Contains(exampleConfig, form+":") {
				return
			}
		}
		t.Errorf("the example does not show %s", path)
	})
}
