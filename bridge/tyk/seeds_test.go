package tyk_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"keybridge/bridge"
	"keybridge/bridge/tyk"
)

// The ids of the samples in Tyk's documents.
const (
	seedSecret  = "7a7b140f-2480-4d5a-4e78-24049e3ba7f8"
	seedRequest = "554c789030c55e4ca0000002"
	seedUser    = "554c733a30c55e4b16000002"
	seedPolicy  = "554c789030c55e4ca0101002"
	seedListed  = "5ad097c87af3f40001b27f40"
	seedLegacy  = "5527e9ef30c55e7a2c000005"
	seedRawKey  = "53ac07777cbb8c2d5300000215811f02c21540dd5257eb68d3d73f35"
)

// seed is a Dashboard that answers each call as the documents' samples say, byte for byte but for what keeps those from
// being JSON. Which members are changed is said where it is done.
type seed struct {
	*dashboard
	t *testing.T
}

func newSeed(t *testing.T) *seed {
	t.Helper()
	s := &seed{newDashboard(t), t}
	s.on("GET /api/portal/developers/"+seedUser, says(200, `{"id":"`+seedUser+`","email":"dev@example.com","inactive":false,"keys":{},"subscriptions":{},"fields":{}}`))
	s.on("GET /api/portal/developers/email/dev@example.com", says(200, `{"id":"`+seedUser+`","email":"dev@example.com"}`))
	s.on("GET /api/portal/policies/"+seedPolicy, says(200, `{"_id":"`+seedPolicy+`"}`))
	return s
}

func (s *seed) sample(name string) string {
	s.t.Helper()
	text, err := os.ReadFile("testdata/" + name + ".json")
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// answers serves a sample to a call, with texts in it replaced.
func (s *seed) answers(call, name string, changes ...string) {
	s.t.Helper()
	body := s.sample(name)
	for i := 0; i < len(changes); i += 2 {
		if !strings.Contains(body, changes[i]) {
			s.t.Fatalf("%s does not hold %s", name, changes[i])
		}
	}
	answer := says(200, strings.NewReplacer(changes...).Replace(body))
	s.on(call, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != seedSecret {
			s.t.Errorf("authorization is not the key alone")
		}
		answer(w, r)
	})
}

func (s *seed) classic() *tyk.Classic {
	return s.client(s.t, func(c *tyk.Config) {
		c.Secret, c.Organisation = func() string { return seedSecret }, ""
		c.Now = func() time.Time { return now }
	})
}

func (s *seed) waiting() []string {
	s.t.Helper()
	keys := []string{}
	if err := s.classic().ListPending(s.t.Context(), func(key string) error { keys = append(keys, key); return nil }); err != nil {
		s.t.Fatal(err)
	}
	return keys
}

// called fails the test when the client has not made a documented call.
func (s *seed) called(call string) {
	s.t.Helper()
	if s.hit(call) == 0 {
		s.t.Errorf("%s was not called", call)
	}
}

// pendingSeed makes a sample of an approved request one that waits.
var pendingSeed = []string{`"approved": true`, `"approved": false`}

// Each call and sample of seeds 002 and 003, as the client makes and understands it. Their calls differ by members alone, so
// where a call has a sample in both it is tried with both.
func TestSeeds002And003AreUnderstood(t *testing.T) {
	const list, get = "GET /api/portal/requests", "GET /api/portal/requests/" + seedRequest
	const approve, remove = "PUT /api/portal/requests/approve/" + seedRequest, "DELETE /api/portal/requests/" + seedRequest
	eastern := time.FixedZone("", -4*60*60)
	asked := bridge.Asked{Policies: []string{seedPolicy}, At: time.Date(2015, 5, 8, 4, 49, 20, 992e6, eastern).UTC()}

	t.Run("002 list: p counts pages from 0, approved=false asks for what waits", func(t *testing.T) {
		s := newSeed(t)
		s.answers(list, "seed002_list")
		if diff := cmp.Diff([]string{seedListed}, s.waiting()); diff != "" {
			t.Error(diff)
		}
		s.called(list + "?approved=false&p=0")
	})
	t.Run("002 list: p=-1, everything on one page", func(t *testing.T) {
		s := newSeed(t)
		s.answers(list, "seed002_list", `"Pages": 0`, `"Pages": 1`)
		if diff := cmp.Diff([]string{seedListed}, s.waiting()); diff != "" || s.hit(list) != 1 {
			t.Errorf("%s, %d calls", diff, s.hit(list))
		}
	})
	t.Run("003 list: both pages of two, of a Dashboard that does not know approved", func(t *testing.T) {
		s := newSeed(t)
		s.answers(list, "seed003_list")
		if keys := s.waiting(); len(keys) != 0 {
			t.Errorf("%v wait, and are approved", keys)
		}
		s.called(list + "?approved=false&p=1")
	})
	t.Run("003 list: _id, for_api and no version, waiting", func(t *testing.T) {
		s := newSeed(t)
		s.answers(list, "seed003_list", pendingSeed...)
		if diff := cmp.Diff([]string{seedRequest, seedLegacy}, s.waiting()); diff != "" {
			t.Error(diff)
		}
	})
	for _, doc := range []string{"002", "003"} {
		t.Run(doc+" get", func(t *testing.T) {
			s := newSeed(t)
			s.answers(get, "seed"+doc+"_get")
			got, err := s.classic().Read(t.Context(), seedRequest, bridge.Access{})
			want := bridge.KeyRequest{State: bridge.Granted, Applicant: bridge.Applicant{ID: seedUser, Email: "dev@example.com"}, Asked: asked}
			if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b map[string]string) bool { return len(a) == 0 && len(b) == 0 })); err != nil || diff != "" {
				t.Errorf("%v (-want +got):\n%s", err, diff)
			}
		})
		t.Run(doc+" approve: the key in the answer goes no further", func(t *testing.T) {
			s := newSeed(t)
			s.answers(get, "seed"+doc+"_get", pendingSeed...)
			s.answers(approve, "seed002_approve")
			answer := s.answerTo(approve)
			s.on(approve, func(w http.ResponseWriter, r *http.Request) {
				s.answers(get, "seed"+doc+"_get")
				answer(w, r)
			})
			got, err := s.classic().Approve(t.Context(), seedRequest, bridge.Access{})
			if err != nil || got.State != bridge.Granted || strings.Contains(fmt.Sprintf("%+v", got), seedRawKey) {
				t.Errorf("%q, %v", got.State, err)
			}
		})
		t.Run(doc+" create", func(t *testing.T) {
			s := newSeed(t)
			s.answers(list, "seed"+doc+"_list") // of 003: the same, but approved; it is not taken for one that waits
			s.answers(get, "seed"+doc+"_get", pendingSeed...)
			var sent map[string]any
			answer := says(200, s.sample("seed002_create"))
			s.on("POST /api/portal/requests", func(w http.ResponseWriter, r *http.Request) {
				if err := json.Unmarshal([]byte(bodyOf(t, r)), &sent); err != nil {
					t.Error(err)
				}
				answer(w, r)
			})
			key, err := s.classic().Create(t.Context(), bridge.Asking{
				Developer: "dev@example.com", Policies: []string{seedPolicy}, Reasons: map[string]string{"custom1": "sdf", "custom2": "sdf"},
			})
			if err != nil || key != seedRequest {
				t.Fatalf("%q, %v", key, err)
			}
			var want map[string]any
			if err := json.Unmarshal([]byte(s.sample("seed"+doc+"_create_sent")), &want); err != nil {
				t.Fatal(err)
			}
			if sent["approved"] != false || sent["date_created"] != "2026-03-01T12:00:30Z" {
				t.Errorf("approved is %v, date_created %v", sent["approved"], sent["date_created"])
			}
			for member, value := range want {
				if member != "date_created" && !cmp.Equal(value, sent[member]) {
					t.Errorf("%s is %v, and in the sample %v", member, sent[member], value)
				}
			}
		})
		t.Run(doc+" delete", func(t *testing.T) {
			s := newSeed(t)
			s.answers(get, "seed"+doc+"_get", pendingSeed...)
			s.answers(remove, "seed002_delete")
			got, err := s.classic().Decline(t.Context(), seedRequest, bridge.Access{}, "because")
			if err != nil || got.State != bridge.Gone {
				t.Errorf("%q, %v", got.State, err)
			}
			s.called(remove)
		})
	}
	t.Run("003 a legacy request of the list, by itself: its key is found by its API", func(t *testing.T) {
		s := newSeed(t)
		var listed struct{ Data []json.RawMessage }
		if err := json.Unmarshal([]byte(s.sample("seed003_list")), &listed); err != nil {
			t.Fatal(err)
		}
		const api, dev = "b605a6f03cc14f8b74665452c263bf19", "5527e9e430c55e7a2c000004"
		s.on("GET /api/portal/requests/"+seedLegacy, says(200, string(listed.Data[1])))
		s.on("GET /api/portal/developers/"+dev, says(200, `{"id":"`+dev+`","keys":{"`+hash+`":["`+api+`"]},"subscriptions":{"`+api+`":"`+hash+`"}}`))
		s.key(hash, `,"date_created":"2015-04-10T15:19:12Z"`)
		got, err := s.classic().Read(t.Context(), seedLegacy, bridge.Access{})
		if err != nil || got.State != bridge.Granted || !slices.Equal(got.Keys, []string{hash}) || got.Asked.Reasons["custom1"] != "sdf" || got.Asked.Policies != nil {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func (d *dashboard) answerTo(call string) http.HandlerFunc {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.answers[call]
}
