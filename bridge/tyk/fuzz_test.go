package tyk

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"keybridge/bridge"
)

// canary is a raw key. It is put where Tyk puts secrets, and may come out nowhere.
const canary = "53ac07777cbb8c2d53000002c0ffeec0ffeec0ffeec0ffeec0ffeec0"

// laced returns the input with the canary in every member that holds a secret, or ok false when the input is no object or
// holds the canary elsewhere, from where it may rightly come out.
func laced(input []byte, members ...string) (body []byte, ok bool) {
	var object map[string]json.RawMessage
	if strings.Contains(string(input), canary) || json.Unmarshal(input, &object) != nil || object == nil {
		return nil, false
	}
	for _, member := range members {
		object[member] = json.RawMessage(`"` + canary + `"`)
	}
	body, err := json.Marshal(object)
	return body, err == nil
}

func FuzzKeyRequest(f *testing.F) {
	for _, name := range []string{"seed002_get.json", "seed003_get.json", "seed002_approve.json"} {
		f.Add(sample(f, name))
	}
	for _, name := range []string{"seed002_list.json", "seed003_list.json"} {
		p, err := decodePage(sample(f, name))
		if err != nil {
			f.Fatal(err)
		}
		for _, one := range p.Data {
			f.Add([]byte(one))
		}
	}
	f.Add([]byte(`{"id":"a","fields":{"a":[1,{"b":null}],"c":1e400},"apply_policies":{"x":1},"oauth_info":{"redirect_uri":7}}`))
	f.Fuzz(func(t *testing.T, input []byte) {
		if _, err := decodeKeyRequest(input); err != nil && err.Error() != errNotJSON.Error() {
			t.Fatalf("an error of its own words: %v", err)
		}
		body, ok := laced(input, "RawKey", "Password", "jwt_secret", "certificate", "secret", "key", "client_secret")
		if !ok {
			return
		}
		r, err := decodeKeyRequest(body)
		if err != nil {
			return
		}
		s := standing{record: r, holder: r.embedded()}.conclude(bridge.Access{})
		facts(t, s.facts)
		if s.facts.State != bridge.Pending && !r.Approved {
			t.Errorf("a request that is not approved is %q", s.facts.State)
		}
		if policies := r.policies(); len(policies) != len(slices.Compact(slices.Sorted(slices.Values(policies)))) {
			t.Errorf("a policy twice: %q", policies)
		}
	})
}

// facts checks that facts are within bounds and hold no secret.
func facts(t *testing.T, got bridge.KeyRequest) {
	t.Helper()
	if strings.Contains(fmt.Sprintf("%+v", got), canary) {
		t.Error("the key came out")
	}
	if len(got.Asked.Reasons) > maxFields || len(got.Asked.Entry) > maxName || len(got.Applicant.Name) > maxName || len(got.Applicant.Email) > 320 {
		t.Error("out of bounds")
	}
	for name, answer := range got.Asked.Reasons {
		if len(name) > maxName || len(answer) > maxText || !utf8.ValidString(answer) {
			t.Errorf("a field of %d bytes with an answer of %d", len(name), len(answer))
		}
	}
}

func FuzzDeveloper(f *testing.F) {
	f.Add([]byte(`{"id":"5a9ea3a019efc400011107ae","email":"a@example.com","keys":{"55b1ba47":["p"]},"subscriptions":{"p":"55b1ba47"},"fields":{"Name":"Dana"}}`))
	f.Add([]byte(`{"_id":"a","keys":{},"oauth_clients":{"p":[{"client_id":"c","secret":"s","redirect_uri":"u"}]}}`))
	f.Add([]byte(`{"id":"a","keys":null,"subscriptions":{"p":7},"fields":[],"PWHistory":[1]}`))
	f.Add([]byte(`{"id":"a","keys":{"x":"p","y":[["p"]]},"fields":{"name":{"first":"D"}}}`))
	f.Fuzz(func(t *testing.T, input []byte) {
		if _, err := decodeDeveloper(input); err != nil && err.Error() != errNotJSON.Error() {
			t.Fatalf("an error of its own words: %v", err)
		}
		body, ok := laced(input, "password", "nonce", "sso_key", "secret")
		if !ok {
			return
		}
		d, err := decodeDeveloper(body)
		if err != nil {
			return
		}
		if d.Keys == nil {
			d.Keys = map[string]texts{}
		}
		d.Keys[canary] = texts{"p"} // a portal that does not hash its keys
		s := standing{record: &keyRequest{ID: "a", ApplyPolicies: texts{"p"}, Approved: true}, holder: d}
		for _, id := range d.keyIDs() {
			s.keys = append(s.keys, held{id: id, name: known(id, looksHashed(id), d.id())})
		}
		for _, id := range d.clientIDs() {
			s.keys = append(s.keys, holdClient(id, d.id()))
		}
		facts(t, s.conclude(bridge.Access{}).facts)
		for _, id := range append(d.keysFor(s.record), d.keyIDs()...) {
			if !isKeyID(id) {
				t.Errorf("%q is taken for a key's id", id)
			}
		}
	})
}

// Whatever a portal answers, with any status: an error holds nothing of it but the status.
func FuzzEnvelope(f *testing.F) {
	for _, name := range []string{"seed002_approve.json", "seed002_create.json", "seed002_delete.json", "seed002_get.json"} {
		f.Add(200, string(sample(f, name)))
	}
	for _, body := range []string{
		`{"Status":"Error","Message":"Key request has already been processed.","Meta":null}`,
		`{"Status":"Error","Message":"` + canary + `"}`, `{"Status":"Error","Message":{"key":"` + canary + `"}}`,
		`{"status":"error","message":"Key ` + canary + ` not found"}`, `{"errors":["record not found","` + canary + `"]}`,
		`{"status":"error","errors":"` + canary + ` cannot be reached"}`, `{"ID":1,"Status":"approved","Credentials":[{"Credential":"` + canary + `"}]}`, `{"Status":1,"Message":[]}`, `<html>` + canary, ``, `null`, `[]`,
	} {
		for _, status := range []int{200, 204, 302, 400, 401, 404, 429, 500, 503} {
			f.Add(status, body)
		}
	}
	secret := func() string { return "s" }
	classic, err := NewClassic(Config{Name: "main", URL: "http://localhost", Secret: secret})
	if err != nil {
		f.Fatal(err)
	}
	enterprise, err := NewEnterprise(EnterpriseConfig{Name: "main", URL: "http://localhost", Secret: secret})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		for _, far := range []*api{&classic.api, &enterprise.api} {
			err := far.judge(call{method: http.MethodPut, route: "/api/x"}, &http.Response{StatusCode: status, Header: http.Header{}}, []byte(body))
			if err == nil {
				if status < 200 || status > 299 {
					t.Errorf("status %d is a success", status)
				}
				continue
			}
			text := strings.ReplaceAll(err.Error()+bridge.Explain(err), fmt.Sprintf("answered %d", status), "")
			if strings.ContainsAny(text, "0123456789") { // of which every key has some
				t.Errorf("an error quotes the answer: %q", text)
			}
			if bridge.KindOf(err) == "" || bridge.KindOf(err) == bridge.Internal {
				t.Errorf("an error without a kind: %v", err)
			}
		}
	})
}

// An answer that is passed over undecoded is one that says nothing of a status, and whether it is JSON is known all the
// same.
func FuzzEnvelopeOf(f *testing.F) {
	for _, body := range []string{
		`{"Status":"Error"}`, `{"STATUS":"x"}`, `{"\u0053tatus":"Error"}`, `{"a":"status"}`, `{"a":{"status":"x"}}`, `{ "status" : "x" }`,
		`{"Status":""}`, `{"Status":null,"status":"OK"}`, `{"a":"b`, `<html "status">`, `[{"Status":"x"}]`, `"Status"`, ``, `{"Zoë":"status"}`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		var want struct{ Status, Message text }
		decoded := json.Unmarshal(body, &want) == nil
		e, ok := envelopeOf(body)
		if e.sound != json.Valid(body) {
			t.Errorf("it is JSON: %t", !e.sound)
		}
		foreign := bytes.ContainsFunc(body, func(c rune) bool { return c >= utf8.RuneSelf }) // to encoding/json the long s is an s
		if is := decoded && want.Status != ""; is != ok && !foreign {
			t.Errorf("an envelope: %t, want %t", ok, is)
		}
		if ok && (e.Status != want.Status || e.Message != want.Message) {
			t.Errorf("%+v, want %+v", e, want)
		}
	})
}
