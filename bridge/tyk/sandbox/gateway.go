package sandbox

import (
	"maps"
	"net/http"
)

// gateway stands for an API behind Tyk's gateway: it answers 200 to a key whose policies include the one in the path, and
// 401 or 403 as the gateway does. It is there so that "suspended" and "granted" can be seen from the outside.
func (s *Server) gateway(w http.ResponseWriter, r *http.Request) {
	status, message := s.admit(r.Header.Get("Authorization"), r.PathValue("policy"))
	if status != http.StatusOK {
		writeJSON(w, status, map[string]string{"error": message})
		return
	}
	writeJSON(w, http.StatusOK, map[string]string{"forecast": message})
}

// Admits tells whether the gateway lets a raw key through to what a policy grants. It uses up one call of the quota.
func (s *Server) Admits(raw, policy string) bool {
	status, _ := s.admit(raw, policy)
	return status == http.StatusOK
}

func (s *Server) admit(raw, policy string) (status int, message string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.keys[raw]
	switch {
	case raw == "":
		return http.StatusUnauthorized, "Authorization field missing"
	case found == nil:
		return http.StatusForbidden, "Access to this API has been disallowed"
	case inactive(found.session):
		return http.StatusForbidden, "Key is inactive, please renew"
	case !found.grants(policy):
		return http.StatusForbidden, "Access to this API has been disallowed"
	}
	if number(found.session, "quota_max") < 0 {
		return http.StatusOK, "sunny"
	}
	left := number(found.session, "quota_remaining")
	if left < 1 {
		return http.StatusForbidden, "Quota exceeded"
	}
	used := maps.Clone(found.session)
	used["quota_remaining"] = left - 1
	found.session = used
	return http.StatusOK, "sunny"
}

func (k *key) grants(policy string) bool {
	policies, _ := k.session["apply_policies"].([]any)
	for _, granted := range policies {
		if granted == policy {
			return true
		}
	}
	rights, _ := k.session["access_rights"].(map[string]any)
	_, granted := rights[policy]
	return granted
}
