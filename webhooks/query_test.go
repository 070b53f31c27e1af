package webhooks_test

import (
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"keybridge/bridge"
	"keybridge/webhooks"
)

func queryVerifier(t testing.TB, secrets ...string) *webhooks.QueryVerifier {
	t.Helper()
	v, err := webhooks.NewQueryVerifier(webhooks.QueryConfig{Portal: "main", Secrets: secrets})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

// signQuery signs pairs name=value, not encoded.
func signQuery(pairs ...string) string {
	return webhooks.SignQuery(handoffPath, values(pairs...), querySecret)
}

const stamped = "timestamp=1700000000"

func TestTheExampleOfThePackageCommentIsRight(t *testing.T) {
	query := values("key_request_id="+keyID, "note=two words", stamped)
	canonical := webhooks.CanonicalQuery(handoffPath, query)
	address := webhooks.SignQuery(handoffPath, query, querySecret)
	_, sig, _ := strings.Cut(address, "signature=")
	sig = sig[:64]
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range append(strings.Split(canonical, "\n"), querySecret, sig,
		handoffPath+"?key_request_id="+keyID+"&note=two+words&"+stamped+"&signature="+sig) {
		if !strings.Contains(string(text), "//\t"+line+"\n") {
			t.Errorf("doc.go has no line %q", line)
		}
	}
}

func TestCanonicalQuery(t *testing.T) {
	for _, c := range []struct {
		name  string
		query url.Values
		want  string
	}{
		{"nothing", nil, ""},
		{"unreserved characters stay", values("aZ09-._~=aZ09-._~"), "aZ09-._~=aZ09-._~"},
		{"everything else is escaped", values("a= +!*'()/:?#[]@&=%"), "a=%20%2B%21%2A%27%28%29%2F%3A%3F%23%5B%5D%40%26%3D%25"},
		{"UTF-8 byte for byte", values("é=ü€"), "%C3%A9=%C3%BC%E2%82%AC"},
		{"sorted by name as it is encoded", values("a-=1", "a =2", "a=3"), "a=3&a%20=2&a-=1"},
		{"equal names by value", values("a=2", "a=10", "a="), "a=&a=10&a=2"},
		{"the signature is left out", values("b=1", "signature=x", "signature=y"), "b=1"},
		{"names differ by case", values("b=1", "B=2", "Signature=3"), "B=2&Signature=3&b=1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := webhooks.CanonicalQuery("/p", c.query); got != "/p\n"+c.want {
				t.Errorf("got %q, want %q", got, "/p\n"+c.want)
			}
		})
	}
}

func TestSignedQueryIsBelievedOrNot(t *testing.T) {
	good := signQuery("key_request_id="+keyID, stamped)
	sig := good[strings.Index(good, "signature=")+10:][:64]
	seconds := func(n string) string { return signQuery("key_request_id="+keyID, "timestamp="+n) }
	for _, c := range []struct {
		name, path, query string
		want              webhooks.Reason
	}{
		{"signed", "", good, ""},
		{"signed with the other live secret", "", webhooks.SignQuery(handoffPath, values("key_request_id="+keyID, stamped), strings.Repeat("o", 32)), ""},
		{"in another order", "", "signature=" + sig + "&" + stamped + "&key_request_id=" + keyID, ""},
		{"needless escapes", "", strings.Replace(good, "key_request_id", "%6bey%5Frequest_id", 1), ""},
		{"empty pairs", "", "&&" + good + "&", ""},
		{"names the portal", "", signQuery("key_request_id="+keyID, stamped, "portal=main"), ""},
		{"with other parameters, repeated", "", signQuery("key_request_id="+keyID, stamped, "x=1", "x=2", "y="), ""},
		{"with a return address", "", signQuery("key_request_id="+keyID, stamped, "return=https://portal.example/keys?a=b&c"), ""},
		{"exactly 5 minutes old", "", seconds("1699999700"), ""},
		{"exactly 5 minutes ahead", "", seconds("1700000300"), ""},

		{"too old", "", seconds("1699999699"), webhooks.Expired},
		{"from the future", "", seconds("1700000301"), webhooks.Early},
		{"for another portal", "", signQuery("key_request_id="+keyID, stamped, "portal=other"), webhooks.Misdirected},
		{"for two portals", "", signQuery("key_request_id="+keyID, stamped, "portal=main", "portal=other"), webhooks.Misdirected},
		{"for another path", "/handoff/other", good, webhooks.Forged},
		{"another id", "", strings.Replace(good, keyID, keyID[:23]+"2", 1), webhooks.Forged},
		{"another time", "", strings.Replace(good, "1700000000", "1700000001", 1), webhooks.Forged},
		{"a parameter added", "", good + "&x=1", webhooks.Forged},
		{"an empty parameter added", "", good + "&x", webhooks.Forged},
		{"a parameter repeated", "", good + "&" + stamped, webhooks.Forged},
		{"a parameter left out", "", strings.Replace(good, stamped, "", 1), webhooks.Forged},
		{"another secret", "", webhooks.SignQuery(handoffPath, values("key_request_id="+keyID, stamped), strings.Repeat("x", 32)), webhooks.Forged},
		{"upper-case signature", "", strings.Replace(good, sig, strings.ToUpper(sig), 1), webhooks.Forged},
		{"a short signature", "", strings.Replace(good, sig, sig[:62], 1), webhooks.Forged},
		{"an empty signature", "", strings.Replace(good, sig, "", 1), webhooks.Forged},
		{"no signature", "", "key_request_id=" + keyID + "&" + stamped, webhooks.Forged},
		{"two signatures", "", good + "&signature=" + sig, webhooks.Forged},
		{"two signatures, one escaped", "", good + "&%73ignature=" + sig, webhooks.Forged},
		{"nothing", "", "", webhooks.Forged},

		{"no id", "", signQuery(stamped), webhooks.Malformed},
		{"two ids", "", signQuery("key_request_id="+keyID, "key_request_id="+keyID, stamped), webhooks.Malformed},
		{"an id that is none", "", signQuery("key_request_id=../x", stamped), webhooks.Malformed},
		{"an empty id", "", signQuery("key_request_id=", stamped), webhooks.Malformed},
		{"an id that is too long", "", signQuery("key_request_id="+strings.Repeat("a", 65), stamped), webhooks.Malformed},
		{"no timestamp", "", signQuery("key_request_id=" + keyID), webhooks.Malformed},
		{"two timestamps", "", signQuery("key_request_id="+keyID, stamped, stamped), webhooks.Malformed},
		{"a timestamp in milliseconds", "", seconds("1700000000000"), webhooks.Malformed},
		{"a timestamp with a fraction", "", seconds("1700000000.5"), webhooks.Malformed},
		{"a negative timestamp", "", seconds("-1700000000"), webhooks.Malformed},
		{"two return addresses", "", signQuery("key_request_id="+keyID, stamped, "return=a", "return=b"), webhooks.Malformed},
		{"a return address of two lines", "", signQuery("key_request_id="+keyID, stamped, "return=https://a\r\nb"), webhooks.Malformed},
		{"a return address that is too long", "", signQuery("key_request_id="+keyID, stamped, "return="+strings.Repeat("a", 2049)), webhooks.Malformed},
		{"a broken escape", "", good + "&x=%zz", webhooks.Malformed},
		{"a semicolon", "", good + ";x=1", webhooks.Malformed},
		{"too many parameters", "", good + strings.Repeat("&x=1", 64), webhooks.Malformed},
		{"too long", "", good + "&x=" + strings.Repeat("x", 8<<10), webhooks.Malformed},
		{"a path with a line end", handoffPath + "\nx", good, webhooks.Malformed},
		{"no path", "handoff", good, webhooks.Malformed},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := handoffPath
			if c.path != "" {
				path = c.path
			}
			got, err := queryVerifier(t, strings.Repeat("o", 32), querySecret).Verify(path, c.query, now)
			checkRefusal(t, err, c.want)
			if err == nil && (got.Key != keyID || got.Portal != "main" || len(got.ID) != 64) {
				t.Errorf("%+v", got)
			}
		})
	}
}

// checkRefusal checks an error of the hand-off: its reason, its kind and what a
// person is told.
func checkRefusal(t *testing.T, err error, want webhooks.Reason) {
	t.Helper()
	if got := webhooks.ReasonOf(err); got != want || (err == nil) != (want == "") {
		t.Fatalf("got %v, want reason %q", err, want)
	}
	if err == nil {
		return
	}
	kind := bridge.Refused
	if want == webhooks.Malformed {
		kind = bridge.Invalid
	}
	if bridge.KindOf(err) != kind {
		t.Errorf("kind %q, want %q", bridge.KindOf(err), kind)
	}
	said := bridge.Explain(err)
	if !strings.Contains(strings.ToLower(said), "go back to the portal") {
		t.Errorf("says nothing of what to do next: %q", said)
	}
	for _, word := range []string{"signature", "secret", "algorithm", "key_request_id", "aud", "iss", keyID} {
		if strings.Contains(said, word) {
			t.Errorf("%q tells a forger of %q", said, word)
		}
	}
	if strings.Contains(err.Error(), keyID) || strings.Contains(err.Error(), "canary") {
		t.Errorf("the error repeats what was sent: %v", err)
	}
}

func TestASignedQueryHandsOver(t *testing.T) {
	query := signQuery("key_request_id="+keyID, stamped, "return=https://portal.example/keys?a=b")
	got, err := queryVerifier(t, querySecret).Verify(handoffPath, query, now)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := url.ParseQuery(query)
	if err != nil {
		t.Fatal(err)
	}
	want := webhooks.Handoff{
		Portal: "main", Key: keyID, ID: parsed.Get("signature"), Return: "https://portal.example/keys?a=b",
		Expires: now.Add(5 * time.Minute),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestSigningChangesNothingOfWhatItIsGiven(t *testing.T) {
	query := values("a=1", "signature=old")
	once := webhooks.SignQuery("/p", query, querySecret)
	if diff := cmp.Diff(values("a=1", "signature=old"), query); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if again := webhooks.SignQuery("/p", values("a=1"), querySecret); once != again {
		t.Errorf("the old signature was signed as well: %q, %q", once, again)
	}
	if got := webhooks.SignQuery("/p", nil, querySecret); !strings.HasPrefix(got, "signature=") {
		t.Errorf("nothing, signed: %q", got)
	}
}

func TestTheIDMayHaveAnotherName(t *testing.T) {
	v, err := webhooks.NewQueryVerifier(webhooks.QueryConfig{Portal: "main", Secrets: []string{querySecret}, KeyName: "id"})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := v.Verify(handoffPath, signQuery("id="+keyID, stamped), now); err != nil || got.Key != keyID {
		t.Errorf("%+v, %v", got, err)
	}
	if _, err := v.Verify(handoffPath, signQuery("key_request_id="+keyID, stamped), now); err == nil {
		t.Error("the default name was taken as well")
	}
}

func TestQueryVerifierRefusesConfigurationThatCannotBe(t *testing.T) {
	for name, c := range map[string]webhooks.QueryConfig{
		"no portal":            {Secrets: []string{querySecret}},
		"no secret":            {Portal: "main"},
		"a short secret":       {Portal: "main", Secrets: []string{querySecret[:31]}},
		"the id in signature":  {Portal: "main", Secrets: []string{querySecret}, KeyName: "signature"},
		"too much tolerance":   {Portal: "main", Secrets: []string{querySecret}, Tolerance: time.Hour},
		"a negative tolerance": {Portal: "main", Secrets: []string{querySecret}, Tolerance: -1},
	} {
		if _, err := webhooks.NewQueryVerifier(c); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

// Whatever is signed is believed in any order and spelling, and never after any
// change of what was signed.
func TestSignedQueriesRoundTrip(t *testing.T) {
	v := queryVerifier(t, querySecret)
	rapid.Check(t, func(t *rapid.T) {
		query := url.Values{}
		for range rapid.IntRange(0, 6).Draw(t, "others") {
			query.Add("x"+rapid.String().Draw(t, "name"), rapid.String().Draw(t, "value"))
		}
		query.Set("key_request_id", keyID)
		query.Set("timestamp", "1700000000")
		pairs := strings.Split(webhooks.SignQuery(handoffPath, query, querySecret), "&")
		raw := strings.Join(rapid.Permutation(pairs).Draw(t, "order"), "&")
		if rapid.Bool().Draw(t, "spaces as %20") {
			raw = strings.ReplaceAll(raw, "+", "%20")
		}
		got, err := v.Verify(handoffPath, raw, now)
		if err != nil || got.Key != keyID {
			t.Fatalf("%q: %v", raw, err)
		}
		if _, err := v.Verify(handoffPath, raw+"&x=added", now); err == nil {
			t.Fatalf("believed with a parameter added: %q", raw)
		}
	})
}

// FuzzSignedQuery: a query is believed only if it has the signature that SignQuery
// makes of its parameters; and what SignQuery makes is never called forged.
func FuzzSignedQuery(f *testing.F) {
	f.Add(handoffPath, signQuery("key_request_id="+keyID, stamped))
	f.Add(handoffPath, signQuery("key_request_id="+keyID, stamped, "note=two words", "portal=main"))
	f.Add("/", "a=1;b&%zz&=&signature=")
	v := queryVerifier(f, querySecret)
	f.Fuzz(func(t *testing.T, path, raw string) {
		got, err := v.Verify(path, raw, now)
		parsed, parseErr := url.ParseQuery(raw)
		if err == nil {
			again, _ := url.ParseQuery(webhooks.SignQuery(path, parsed, querySecret))
			if parseErr != nil || again.Get("signature") != got.ID || parsed.Get("key_request_id") != got.Key {
				t.Fatalf("believed %q: %+v", raw, got)
			}
			return
		}
		if parseErr != nil || !strings.HasPrefix(path, "/") || len(parsed) > 50 || len(raw) > 2000 {
			return
		}
		_, err = v.Verify(path, webhooks.SignQuery(path, parsed, querySecret), now)
		if webhooks.ReasonOf(err) == webhooks.Forged {
			t.Fatalf("what was signed is called forged: %q %q: %v", path, raw, err)
		}
	})
}
