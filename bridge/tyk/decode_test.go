package tyk

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
)

func sample(t testing.TB, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// The samples of Tyk's documents (seeds 002 and 003), as they are there but for the comments, commas and quotes that keep
// them from being JSON.
func TestSeedSamplesOfKeyRequests(t *testing.T) {
	eastern := time.FixedZone("", -4*60*60)
	listed := func(name string, i int) []byte {
		p, err := decodePage(sample(t, name))
		if err != nil || i >= len(p.Data) {
			t.Fatalf("%s: %d entries, %v", name, len(p.Data), err)
		}
		return p.Data[i]
	}
	for name, one := range map[string]struct {
		body      []byte
		id        string
		approved  bool
		asked     bridge.Asked
		applicant bridge.Applicant
	}{
		"seed 002: list": {
			body: listed("seed002_list.json", 0), id: "5ad097c87af3f40001b27f40",
			asked: bridge.Asked{
				Policies: []string{"5a9847db3602190001f44427"}, Entry: "New catalogue",
				At: time.Date(2018, 4, 13, 11, 43, 4, 698e6, time.UTC),
			},
			applicant: bridge.Applicant{ID: "5a9ea3a019efc400011107ae", Email: "developer@example.com"},
		},
		"seed 002: get": {
			body: sample(t, "seed002_get.json"), id: "554c789030c55e4ca0000002", approved: true,
			asked: bridge.Asked{
				Policies: []string{"554c789030c55e4ca0101002"}, At: time.Date(2015, 5, 8, 4, 49, 20, 992e6, eastern),
			},
		},
		"seed 003: list, version 2": {
			body: listed("seed003_list.json", 0), id: "554c789030c55e4ca0000002", approved: true,
			asked: bridge.Asked{
				Policies: []string{"554c789030c55e4ca0101002"}, At: time.Date(2015, 5, 8, 4, 49, 20, 992e6, eastern),
				Reasons: map[string]string{"custom1": "sdf", "custom2": "sdf"},
			},
		},
		"seed 003: list, legacy": {
			body: listed("seed003_list.json", 1), id: "5527e9ef30c55e7a2c000005", approved: true,
			asked: bridge.Asked{
				At:      time.Date(2015, 4, 10, 11, 19, 11, 770e6, eastern),
				Reasons: map[string]string{"custom1": "sdf", "custom2": "sdf"},
			},
		},
		"seed 003: get": {
			body: sample(t, "seed003_get.json"), id: "554c789030c55e4ca0000002", approved: true,
			asked: bridge.Asked{
				Policies: []string{"554c789030c55e4ca0101002"}, At: time.Date(2015, 5, 8, 4, 49, 20, 992e6, eastern),
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := decodeKeyRequest(one.body)
			if err != nil {
				t.Fatal(err)
			}
			if r.id() != one.id || r.Approved != one.approved {
				t.Errorf("id %q approved %t, want %q %t", r.id(), r.Approved, one.id, one.approved)
			}
			got := r.asked()
			if len(got.Reasons) == 0 {
				got.Reasons = nil
			}
			if diff := cmp.Diff(one.asked, got); diff != "" {
				t.Errorf("asked (-want +got):\n%s", diff)
			}
			var applicant bridge.Applicant
			if d := r.embedded(); d != nil {
				applicant = d.applicant()
			}
			if diff := cmp.Diff(one.applicant, applicant); diff != "" {
				t.Errorf("applicant (-want +got):\n%s", diff)
			}
		})
	}
}

func TestSeedSamplesOfEnvelopes(t *testing.T) {
	for name, enveloped := range map[string]bool{
		"seed002_approve.json": false, "seed002_create.json": true, "seed002_delete.json": true, "seed002_get.json": false,
	} {
		e, ok := envelopeOf(sample(t, name))
		if ok != enveloped || e.isError() {
			t.Errorf("%s: envelope %t, error %t", name, ok, e.isError())
		}
	}
}

func TestListsAreToldFromOtherAnswers(t *testing.T) {
	for body, pages := range map[string]int{
		`{"Data":[],"Pages":3}`: 3, `{"Data":null,"Pages":0}`: 0, `{"Data":[{"id":"a"}]}`: 0,
		`{"Pages":1}`: -1, `{}`: -1, `[]`: -1, `null`: -1, `{"Status":"OK","Message":"x"}`: -1, `{"Data":{},"Pages":1}`: -1, ``: -1,
	} {
		p, err := decodePage([]byte(body))
		if (err != nil) != (pages < 0) || err == nil && p.Pages != pages {
			t.Errorf("%s: %d pages, %v", body, p.Pages, err)
		}
	}
}

func TestKeyRequestMembersComeInManyShapes(t *testing.T) {
	r, err := decodeKeyRequest([]byte(`{"_id":"a1","for_plan":"p1","apply_policies":["p2","p1","p2",null,""],"date_created":"0001-01-01T00:00:00Z",
		"by_user":17,"fields":{"text":"a","number":12345678901234567890.50,"yes":true,"none":null,"nested":{"a": [1, 2]}},
		"catalogues":[{"name":"One"},{"name":"Two"},{}],"unheard_of":{"of":1}}`))
	if err != nil {
		t.Fatal(err)
	}
	want := bridge.Asked{
		Policies: []string{"p1", "p2"}, Entry: "One, Two",
		Reasons: map[string]string{"text": "a", "number": "12345678901234567890.50", "yes": "true", "none": "", "nested": `{"a":[1,2]}`},
	}
	if diff := cmp.Diff(want, r.asked()); diff != "" {
		t.Errorf("asked (-want +got):\n%s", diff)
	}
	for _, odd := range []string{`[]`, `""`, `null`, `7`, `[{"a":"b"}]`} {
		r, err := decodeKeyRequest([]byte(`{"id":"a","fields":` + odd + `,"apply_policies":"p"}`))
		if err != nil || len(r.Fields) != 0 || r.policies()[0] != "p" {
			t.Errorf("fields %s: %v, %v", odd, r, err)
		}
	}
}

func TestFreeTextIsBounded(t *testing.T) {
	var fields []string
	for i := range 200 {
		fields = append(fields, `"`+strings.Repeat("n", 300)+string(rune('0'+i%10))+strings.Repeat("é", i)+`":"`+strings.Repeat("é", 3000)+`"`)
	}
	r, err := decodeKeyRequest([]byte(`{"id":"a","fields":{` + strings.Join(fields, ",") + `},"catalogue_entry":{"name":"` + strings.Repeat("x", 5000) + `"}}`))
	if err != nil {
		t.Fatal(err)
	}
	asked := r.asked()
	if len(asked.Reasons) > maxFields || len(asked.Entry) > maxName {
		t.Errorf("%d fields, %d bytes of name", len(asked.Reasons), len(asked.Entry))
	}
	for name, answer := range asked.Reasons {
		if len(name) > maxName || len(answer) > maxText || strings.ContainsRune(answer, '\uFFFD') {
			t.Errorf("a field of %d bytes, an answer of %d", len(name), len(answer))
		}
	}
}

func TestDates(t *testing.T) {
	for text, want := range map[text]time.Time{
		"2015-05-08T04:49:20.992-04:00":       time.Date(2015, 5, 8, 8, 49, 20, 992e6, time.UTC),
		"2024-08-09T14:40:34.87614+03:00":     time.Date(2024, 8, 9, 11, 40, 34, 876140e3, time.UTC),
		"2018-04-13T11:43:04Z":                time.Date(2018, 4, 13, 11, 43, 4, 0, time.UTC),
		"2018-04-13T11:43:04.123456789+05:30": time.Date(2018, 4, 13, 6, 13, 4, 123456789, time.UTC),
		"0001-01-01T00:00:00Z":                {}, "": {}, "yesterday": {}, "1431074960": {},
	} {
		if got := date(text); !got.Equal(want) {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
	}
}

func TestARequestIsNotYoungerThanItsObjectID(t *testing.T) {
	for name, one := range map[string]struct {
		id, created string
		want        time.Time
	}{
		"the id is earlier":         {"5ad097c87af3f40001b27f40", "2030-01-01T00:00:00Z", time.Unix(0x5ad097c8, 0)},
		"the date is earlier":       {"5ad097c87af3f40001b27f40", "2015-01-01T00:00:00Z", time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC)},
		"the id is no ObjectID":     {"17", "2015-01-01T00:00:00Z", time.Date(2015, 1, 1, 0, 0, 0, 0, time.UTC)},
		"neither says when":         {"zzzzzzzzzzzzzzzzzzzzzzzz", "", time.Time{}},
		"only the id says anything": {"5ad097c87af3f40001b27f40", "", time.Unix(0x5ad097c8, 0)},
	} {
		r := keyRequest{ID: text(one.id), DateCreated: text(one.created)}
		if got := r.since(); !got.Equal(one.want) {
			t.Errorf("%s: %v, want %v", name, got, one.want)
		}
	}
}

func TestWhatErrorsOfTheDashboardMean(t *testing.T) {
	for message, want := range map[string]error{
		"Key request not found":                   errMissing,
		"not found":                               errMissing,
		"Could not be found":                      errMissing,
		"Key not found":                           errMissing,
		"Developer not found":                     errDeveloper,
		"Policy not found":                        errPolicy,
		"policy not found: \"5e27\"":              errPolicy,
		"Key request has already been processed.": errProcessed,
		"Request was already approved":            errProcessed,
		"Key requested by hash but key hashing is not enabled": errUnhashed,
		"Database host not found":                              nil,
		"no such host":                                         nil,
		"redis: connection lost, key not found":                nil,
		"Failed to retrieve data":                              nil,
		"":                                                     nil,
	} {
		body, err := json.Marshal(map[string]any{"Status": "Error", "Message": message, "Meta": nil})
		if err != nil {
			t.Fatal(err)
		}
		e, ok := envelopeOf(body)
		if !ok || !e.isError() || e.meaning() != want { //nolint:errorlint // these are the sentinels themselves
			t.Errorf("%q means %v, want %v", message, e.meaning(), want)
		}
	}
}

// What the gateway keeps of a key comes back as it was, but for the one member: unknown members, order of digits, nested
// secrets.
func TestASessionIsWrittenBackAsItWasRead(t *testing.T) {
	const members = `"allowance":1e3,"quota_max":9223372036854775807,"rate":0.1000,"big":123456789012345678901234567890.5,` +
		`"apply_policies":["p"],"basic_auth_data":{"password":"s<&>\u00e9cret","hash_type":""},"future":[{"a":null}],"is_inactive":`
	s, err := decodeSession([]byte(`{"api_model":{},"key_id":"k","key_hash":"h","data":{` + members + `false}}`))
	if err != nil {
		t.Fatal(err)
	}
	body, err := s.encode(true)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(exact(t, []byte(`{`+members+`true}`)), exact(t, body)); diff != "" {
		t.Errorf("session (-want +got):\n%s", diff)
	}
}

// exact reads an object with its members' values as the text they are.
func exact(t *testing.T, body []byte) map[string]string {
	t.Helper()
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(body, &raw); err != nil {
		t.Fatal(err)
	}
	out := map[string]string{}
	for name, value := range raw {
		var compact bytes.Buffer
		if err := json.Compact(&compact, value); err != nil {
			t.Fatal(err)
		}
		out[name] = compact.String()
	}
	return out
}

func TestSessionsComeInTwoShapes(t *testing.T) {
	for body, ok := range map[string]bool{
		`{"data":{"apply_policies":[],"is_inactive":true}}`: true,
		`{"access_rights":{},"is_inactive":true}`:           true,
		`{"Status":"OK","Message":"Key updated"}`:           false,
		`{"data":{"apply_policies":[],"is_inactive":"no"}}`: false,
		`{"data":null}`: false, `{}`: false, `[]`: false, `null`: false,
	} {
		s, err := decodeSession([]byte(body))
		if (err == nil) != ok || ok && !s.inactive {
			t.Errorf("%s: %v", body, err)
		}
	}
}

func TestHowKeysAreKnown(t *testing.T) {
	for id, hashed := range map[string]bool{
		"55b1ba47": true, "2ac7b253c36e210d": true, "2ac7b253c36e210d2ac7b253c36e210d": true,
		"53ac07777cbb8c2d5300000215811f02c21540dd5257eb68d3d73f35": false, "my-own-key": false, "2AC7B253C36E210D": false, "": false,
	} {
		if looksHashed(id) != hashed {
			t.Errorf("%q looks hashed: %t, want %t", id, !hashed, hashed)
		}
	}
	name := known("the key", false, "dev1")
	if strings.Contains(name, "the key") || holderOf(name) != "dev1" || holderOf("2ac7b253c36e210d") != "" {
		t.Errorf("%q names %q", name, holderOf(name))
	}
}

func TestRetryAfter(t *testing.T) {
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for header, want := range map[string]time.Duration{
		"": 0, "7": 7 * time.Second, " 0 ": 0, "-3": 0, "soon": 0, "99999999": 24 * time.Hour,
		"Fri, 02 Jan 2026 03:05:05 GMT": time.Minute, "Fri, 02 Jan 2026 03:03:05 GMT": 0, "Fri, 02 Jan 2099 03:03:05 GMT": 24 * time.Hour,
	} {
		if got := retryAfter(header, now); got != want {
			t.Errorf("%q: %v, want %v", header, got, want)
		}
	}
}

func TestTheKeyOfARecordWithoutSubscriptions(t *testing.T) {
	r := &keyRequest{ApplyPolicies: texts{"a", "b"}}
	for name, one := range map[string]struct {
		keys map[string]texts
		want []string
	}{
		"one covers all":     {map[string]texts{"k1": {"a", "b", "c"}, "k2": {"a"}}, []string{"k1"}},
		"none covers all":    {map[string]texts{"k1": {"a"}, "k2": {"b"}}, nil},
		"two cover all":      {map[string]texts{"k1": {"a", "b"}, "k2": {"a", "b"}}, nil},
		"there is no key":    {nil, nil},
		"its id is no id":    {map[string]texts{"..": {"a", "b"}}, nil},
		"nothing asked for":  {map[string]texts{"k1": {}}, nil},
		"an id out of bound": {map[string]texts{strings.Repeat("k", 2000): {"a", "b"}}, nil},
	} {
		d := &developer{Keys: one.keys}
		asked := r
		if name == "nothing asked for" {
			asked = &keyRequest{}
		}
		if diff := cmp.Diff(one.want, d.keysFor(asked)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}
