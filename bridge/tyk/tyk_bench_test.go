package tyk

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"keybridge/bridge"
)

// canned answers every call with one body.
type canned []byte

func (c canned) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, ProtoMajor: 1, ProtoMinor: 1, ContentLength: -1,
		Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(c)),
	}, nil
}

// BenchmarkReading reads a key request that waits, but for the way to the portal and back.
func BenchmarkReading(b *testing.B) {
	body := []byte(strings.NewReplacer(`"approved": true`, `"approved": false`, `"fields": {}`, `"fields": {"What will you build?": "A boat."},
		"portal_developer": {"id": "554c733a30c55e4b16000002", "email": "anna@example.com", "fields": {"Name": "Anna", "Company": "Boats"},
			"keys": {}, "subscriptions": {}, "oauth_clients": null, "password_max_days": 0, "last_login_date": "2015-05-08T04:40:00Z"}`,
	).Replace(string(sample(b, "seed002_get.json"))))
	record, err := decodeKeyRequest(body)
	if err != nil {
		b.Fatal(err)
	}
	c, err := NewClassic(Config{
		Name: "main", URL: "http://portal.example", Secret: func() string { return "secret" }, Client: &http.Client{Transport: canned(body)},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		facts, err := c.Read(b.Context(), record.id(), bridge.Access{})
		if err != nil || facts.State != bridge.Pending {
			b.Fatal(facts.State, err)
		}
	}
}
