package main

import (
	"bytes"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

func TestSecretsAreNeverPrinted(t *testing.T) {
	c, err := loadConfig("testdata/config/good/forms.yaml", lookup)
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Portals[0].Secret.Reveal(); got != environment["TYK_DASHBOARD_SECRET"] {
		t.Fatalf("Reveal returned %q", got)
	}
	type hides struct{ s secret } // fmt cannot call the methods of what is not exported
	s := newSecret("canary")
	things := []any{
		c, *c, c.Portals, c.Portals[0], &c.Portals[0], c.Portals[0].WebhookSecrets, c.Stripe, *c.Stripe,
		s, &s, []secret{s}, map[string]secret{"a": s}, hides{s}, &hides{s}, struct{ S secret }{s}, c.Portals[0].Secret,
	}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%c", "%U", "%t", "%b", "%o", "%e", "%T", "%w", "%20v", "%-5s", "%.3s"} {
		for _, thing := range things {
			fmt.Fprintf(&out, verb+"\n", thing) //nolint:govet // every verb, also those that do not fit
		}
	}
	fmt.Fprintln(&out, things...)
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&out, nil), slog.NewTextHandler(&out, nil)} {
		for _, thing := range things {
			slog.New(handler).Info("a thing", "thing", thing, slog.Group("in", "side", thing))
		}
	}
	for _, thing := range things {
		b, err := json.Marshal(thing)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
		b, err = yaml.Marshal(thing)
		if err != nil {
			t.Fatal(err)
		}
		out.Write(b)
	}
	if at := strings.Index(out.String(), "canary"); at >= 0 {
		t.Errorf("a secret was printed: …%s…", out.String()[max(0, at-200):at+20])
	}
	for name, text := range environment {
		if text != "" && bytes.Contains(out.Bytes(), []byte(fmt.Sprintf("%x", text))) {
			t.Errorf("the secret of %s was printed in hex", name)
		}
	}
}

// withFile loads the minimal configuration with a page secret in a file.
func withFile(t *testing.T, content string, mode os.FileMode) (*config, error) {
	t.Helper()
	folder := t.TempDir()
	minimal, err := os.ReadFile("testdata/config/good/minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	write(t, filepath.Join(folder, "keybridge.yaml"), string(minimal)+"pages: {secret_file: page.secret}\n", 0o600)
	write(t, filepath.Join(folder, "page.secret"), content, mode)
	return loadConfig(filepath.Join(folder, "keybridge.yaml"), lookup)
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, mode); err != nil {
		t.Fatal(err)
	}
}

func TestSecretFilesLoseOneLineEnd(t *testing.T) {
	long := strings.Repeat("s", 32)
	for _, test := range []struct{ name, content, want, says string }{
		{"none", long, long, ""},
		{"one", long + "\n", long, ""},
		{"of Windows", long + "\r\n", long, ""},
		{"two", long + "\n\n", "", "white space"},
		{"space in front", " " + long, "", "white space"},
		{"only one", "\n", "", "is empty"},
		{"too long", strings.Repeat("s", maxSecret+1), "", "more than 64 KiB"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := withFile(t, test.content, 0o600)
			if test.says != "" {
				if err == nil || !strings.Contains(err.Error(), test.says) || strings.Contains(err.Error(), "sss") {
					t.Errorf("error %v, want it to say %q", err, test.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got := c.Pages.Secret.Reveal(); got != test.want {
				t.Errorf("got %q", got)
			}
			if len(c.Warnings) > 0 {
				t.Errorf("warnings: %v", c.Warnings)
			}
		})
	}
}

func TestASecretFileThatEverybodyReadsIsWarnedOf(t *testing.T) {
	c, err := withFile(t, strings.Repeat("s", 32), 0o644)
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) != 1 || c.Warnings[0].Line != 14 || !strings.Contains(c.Warnings[0].Msg, "pages.secret_file: everybody") {
		t.Errorf("warnings: %v", c.Warnings)
	}
}

func TestAPrivateKeyIsRefusedAsTheKeyOfTokens(t *testing.T) {
	_, key, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	text := pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})
	write(t, filepath.Join(folder, "key.pem"), string(text), 0o600)
	minimal, err := os.ReadFile("testdata/config/good/minimal.yaml")
	if err != nil {
		t.Fatal(err)
	}
	file := strings.Replace(string(minimal), "{bare: {}}", "{token: {algorithm: EdDSA, issuer: x, key_file: key.pem}}", 1)
	_, err = parseConfig(filepath.Join(folder, "keybridge.yaml"), []byte(file), lookup)
	if err == nil || !strings.Contains(err.Error(), "it is a private key") {
		t.Errorf("error: %v", err)
	}
}
