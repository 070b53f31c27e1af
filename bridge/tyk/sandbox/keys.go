package sandbox

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
)

// key is a key the gateway knows: the raw key it is presented as, the hash it may be named by, and its session.
type key struct {
	raw, hash string
	id        string // what the developer's record calls it: the hash, or the raw key where keys are not hashed
	developer string
	session   map[string]any
}

// issueKeyLocked makes a key for the policies (or, of old, the API) and records it with the developer.
func (s *Server) issueKeyLocked(developer string, policies []string, api string) *key {
	issued := &key{raw: s.org + s.ids.secret(16), developer: developer}
	sum := sha256.Sum256([]byte(issued.raw))
	issued.hash = hex.EncodeToString(sum[:8])
	issued.id = issued.raw
	if s.settings.HashedKeys {
		issued.id = issued.hash
	}
	issued.session = s.sessionLocked(policies, api)
	s.keys[issued.raw], s.keysByHash[issued.hash] = issued, issued
	s.changeDeveloperLocked(developer, func(d *Developer) {
		d.Keys[issued.id] = slices.Clone(policies)
		for _, policy := range policies {
			d.Subscriptions[policy] = issued.id
		}
		if len(policies) == 0 {
			d.Keys[issued.id], d.Subscriptions[api] = []string{}, issued.id
		}
	})
	return issued
}

// sessionLocked is a fresh session object: what the gateway keeps of a key.
func (s *Server) sessionLocked(policies []string, api string) map[string]any {
	rights := map[string]any{}
	if api != "" {
		rights[api] = map[string]any{"api_id": api, "api_name": "", "versions": []any{"Default"}}
	}
	quota := 0
	for _, id := range policies {
		quota = max(quota, s.policies[id].QuotaMax)
	}
	if len(policies) == 0 {
		quota = -1
	}
	return map[string]any{
		"org_id": s.org, "apply_policies": anyOf(policies), "access_rights": rights, "is_inactive": false,
		"allowance": 1000, "rate": 1000, "per": 60, "expires": 0, "last_check": 0,
		"quota_max": quota, "quota_remaining": quota, "quota_renewal_rate": 86400, "quota_renews": s.now().Unix() + 86400,
		"oauth_client_id": "", "hmac_enabled": false, "hmac_string": "", "basic_auth_data": map[string]any{"password": ""},
		"date_created": s.today(), "meta_data": map[string]any{}, "tags": []any{}, "alias": "",
	}
}

func anyOf(texts []string) []any {
	all := make([]any, len(texts))
	for i, text := range texts {
		all[i] = text
	}
	return all
}

// keyByIDLocked finds a key by what the developer's record calls it.
func (s *Server) keyByIDLocked(id string) *key {
	if found := s.keys[id]; found != nil {
		return found
	}
	return s.keysByHash[id]
}

// dropKeyLocked removes a key from the gateway and from its developer's record. Nil is no key.
func (s *Server) dropKeyLocked(gone *key) {
	if gone == nil {
		return
	}
	delete(s.keys, gone.raw)
	delete(s.keysByHash, gone.hash)
	s.changeDeveloperLocked(gone.developer, func(d *Developer) {
		delete(d.Keys, gone.id)
		maps.DeleteFunc(d.Subscriptions, func(_, id string) bool { return id == gone.id })
	})
}

// namedKeyLocked finds the key of a call to /api/keys: by its hash with the parameter hashed, else by the raw key. A
// gateway that does not hash keys refuses to be asked by hash.
func (s *Server) namedKeyLocked(r *http.Request) (*key, error) {
	id := r.PathValue("keyID")
	found := s.keys[id]
	if r.URL.Query().Get("hashed") != "" {
		if !s.settings.HashedKeys {
			return nil, refuse(http.StatusBadRequest, "Key requested by hash but key hashing is not enabled")
		}
		found = s.keysByHash[id]
	}
	if found == nil {
		return nil, notThere("Key not found")
	}
	return found, nil
}

// keyDetail is how the Dashboard shows a key.
type keyDetail struct {
	APIModel struct{}       `json:"api_model"`
	KeyID    string         `json:"key_id"`
	KeyHash  string         `json:"key_hash"`
	Session  map[string]any `json:"data"`
}

func (s *Server) getKey(r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.namedKeyLocked(r)
	if err != nil {
		return nil, err
	}
	return keyDetail{KeyID: r.PathValue("keyID"), KeyHash: found.hash, Session: found.session}, nil
}

// putKey replaces a key's whole session: a member that is not sent is gone. It takes the session object by itself or
// within the member "data", the shape in which it is read. Without suppress_reset=1 the quota starts anew.
func (s *Server) putKey(r *http.Request) (any, error) {
	var sent map[string]any
	if err := readJSON(r, &sent); err != nil {
		return nil, err
	}
	if within, wrapped := sent["data"].(map[string]any); wrapped {
		sent = within
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.namedKeyLocked(r)
	if err != nil {
		return nil, err
	}
	if err := s.fitLocked(sent); err != nil {
		return nil, err
	}
	old := found.session
	sent["org_id"], sent["date_created"] = s.org, old["date_created"]
	if suppress := r.URL.Query().Get("suppress_reset"); suppress == "1" {
		sent["quota_remaining"], sent["quota_renews"] = old["quota_remaining"], old["quota_renews"]
	} else {
		sent["quota_remaining"], sent["quota_renews"] = sent["quota_max"], s.now().Unix()+86400
	}
	found.session = sent
	return ok("Key updated"), nil
}

// fitLocked returns an error when a session is not one the gateway could use.
func (s *Server) fitLocked(session map[string]any) error {
	if flag, sent := session["is_inactive"]; sent {
		if _, isBool := flag.(bool); !isBool {
			return refuse(http.StatusBadRequest, "is_inactive must be true or false")
		}
	}
	policies, _ := session["apply_policies"].([]any)
	rights, _ := session["access_rights"].(map[string]any)
	if len(policies) == 0 && len(rights) == 0 {
		return refuse(http.StatusBadRequest, "The session grants nothing: apply_policies and access_rights are empty")
	}
	for _, policy := range policies {
		id, _ := policy.(string)
		if _, known := s.policies[id]; !known {
			return refuse(http.StatusBadRequest, "Policy not found")
		}
	}
	return nil
}

func (s *Server) deleteKey(r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.namedKeyLocked(r)
	if err != nil {
		return nil, err
	}
	s.dropKeyLocked(found)
	return ok("Key deleted succesfully"), nil //nolint:misspell // the spelling is Tyk's
}

// sentPolicies is the body that gives a key its policies; policy_id is the deprecated form.
type sentPolicies struct {
	ApplyPolicies []string          `json:"apply_policies"`
	PolicyID      string            `json:"policy_id"`
	Fields        map[string]string `json:"fields"`
}

// postDeveloperKey issues a key without a key request. Tyk's documents show no answer; this one is the approval's.
func (s *Server) postDeveloperKey(r *http.Request) (any, error) {
	policies, err := s.policiesOf(r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	developer, err := s.developerLocked(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	return rawKey{RawKey: s.issueKeyLocked(developer.ID, policies, "").raw}, nil
}

func (s *Server) policiesOf(r *http.Request) ([]string, error) {
	var sent sentPolicies
	if err := readJSON(r, &sent); err != nil {
		return nil, err
	}
	if len(sent.ApplyPolicies) == 0 && sent.PolicyID != "" {
		sent.ApplyPolicies = []string{sent.PolicyID}
	}
	if len(sent.ApplyPolicies) == 0 {
		return nil, refuse(http.StatusBadRequest, "apply_policies is needed")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, policy := range sent.ApplyPolicies {
		if _, known := s.policies[policy]; !known {
			return nil, refuse(http.StatusBadRequest, "Policy not found")
		}
	}
	return sent.ApplyPolicies, nil
}

// developerKeyLocked finds the key of a call below /api/portal/developers: it has to be that developer's.
func (s *Server) developerKeyLocked(r *http.Request) (*key, error) {
	developer, err := s.developerLocked(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	found := s.keyByIDLocked(r.PathValue("keyID"))
	if found == nil || found.developer != developer.ID {
		return nil, notThere("Key not found")
	}
	return found, nil
}

func (s *Server) putDeveloperKey(r *http.Request) (any, error) {
	policies, err := s.policiesOf(r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.developerKeyLocked(r)
	if err != nil {
		return nil, err
	}
	changed := maps.Clone(found.session)
	changed["apply_policies"] = anyOf(policies)
	found.session = changed
	s.changeDeveloperLocked(found.developer, func(d *Developer) {
		maps.DeleteFunc(d.Subscriptions, func(_, id string) bool { return id == found.id })
		d.Keys[found.id] = slices.Clone(policies)
		for _, policy := range policies {
			d.Subscriptions[policy] = found.id
		}
	})
	return ok("Data updated"), nil
}

func (s *Server) deleteDeveloperKey(r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.developerKeyLocked(r)
	if err != nil {
		return nil, err
	}
	s.dropKeyLocked(found)
	return ok("Data deleted"), nil
}

func (s *Server) postQuotaReset(r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, err := s.developerKeyLocked(r)
	if err != nil {
		return nil, err
	}
	changed := maps.Clone(found.session)
	changed["quota_remaining"] = changed["quota_max"]
	found.session = changed
	return ok("Quota reset"), nil
}

// SuspendKey stops a key (or, with false, starts it again) as the Dashboard's admin does. The key is named as in
// [Developer.Keys]. It returns an error when there is none.
func (s *Server) SuspendKey(id string, suspended bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.keyByIDLocked(id)
	if found == nil {
		return notThere("Key not found")
	}
	changed := maps.Clone(found.session)
	changed["is_inactive"] = suspended
	found.session = changed
	return nil
}

// RevokeKey removes a key as the Dashboard's admin does. The key is named as in [Developer.Keys]. It returns an error
// when there is none.
func (s *Server) RevokeKey(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.keyByIDLocked(id)
	if found == nil {
		return notThere("Key not found")
	}
	s.dropKeyLocked(found)
	return nil
}

// inactive tells whether a session is stopped.
func inactive(session map[string]any) bool {
	stopped, _ := session["is_inactive"].(bool)
	return stopped
}

// number reads a member of a session, which came from this program or from JSON.
func number(session map[string]any, member string) float64 {
	switch n := session[member].(type) {
	case int:
		return float64(n)
	case float64:
		return n
	case json.Number:
		f, err := n.Float64()
		if err == nil {
			return f
		}
	}
	return 0
}
