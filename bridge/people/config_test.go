package people_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/people"
)

func TestEverythingThatIsWrongWithAConfigurationIsSaidAtOnce(t *testing.T) {
	_, err := people.New(people.Config{
		Secrets: [][]byte{[]byte("canary")}, Idle: time.Hour, Absolute: time.Minute, AtOnce: -1, Cost: people.Cost{Memory: 1},
		OIDC: &people.OIDC{
			Issuer: "http://idp.example", RedirectURL: "//x", Algorithms: []string{"HS256"},
			Groups: map[string]people.Grant{"a": {Role: "root"}},
		},
	})
	if err == nil {
		t.Fatal("it will do")
	}
	for _, want := range []string{
		"Papers and Record", "secret 1 has 6 bytes", "1h0m0s unused and 1m0s at all", "-1 passwords at once", "1 KiB", "the issuer",
		"the redirect address", "client id", `group "a"`, `algorithm "HS256"`,
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("nothing of %q in: %v", want, err)
		}
	}
	if strings.Contains(err.Error(), "canary") {
		t.Errorf("%v repeats a secret", err)
	}
}

func TestWhereAProviderMayBe(t *testing.T) {
	for address, good := range map[string]bool{
		"https://idp.example": true, "https://idp.example/realms/x": true, "http://localhost:5556/dex": true, "http://127.0.0.1:80": true,
		"http://[::1]:80": true, "http://idp.example": false, "http://localhost.example": false, "idp.example": false, "": false,
		"https://user:password@idp.example": false, "https://": false, "ftp://idp.example": false, "http://10.0.0.1": false,
	} {
		h := newHouse(t)
		h.cfg.OIDC = &people.OIDC{
			Issuer: address, ClientID: "x", RedirectURL: redirectURL, Groups: map[string]people.Grant{"a": {Role: bridge.Viewer}},
		}
		if _, err := people.New(h.cfg); (err == nil) != good {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestWhatIsLeftOutOfAConfigurationIsSafe(t *testing.T) {
	g, err := people.New(people.Config{
		Papers: &shelf{papers: map[[2]string][]byte{}}, Secrets: [][]byte{oldSecret}, Record: func(context.Context, bridge.Entry) {},
	})
	if err != nil {
		t.Fatal(err)
	}
	count, cost := g.CountHashes()
	if _, err := g.Add(t.Context(), boss, people.Newcomer{Name: "ada", Role: bridge.Viewer, Password: good}); err != nil {
		t.Fatal(err)
	}
	token, s, err := g.SignIn(t.Context(), people.Attempt{Name: "ada", Password: good})
	if err != nil || count.Load() != 2 || cost.Load() != people.DefaultCost {
		t.Errorf("%v after %d hashes at %v", err, count.Load(), cost.Load())
	}
	if s.Ends.Sub(s.Opened) != 30*time.Minute || s.Last.Sub(s.Opened) != 12*time.Hour {
		t.Errorf("session %+v", s)
	}
	if p, _, err := g.Who(t.Context(), token); err != nil || p.Name != "ada" {
		t.Errorf("%+v, %v", p, err)
	}
}
