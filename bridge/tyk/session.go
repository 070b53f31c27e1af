package tyk

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"time"

	"github.com/go-json-experiment/json/v1"

	"keybridge/bridge"
)

// session is what the gateway keeps of a key. Its members are held exactly as they were read and only to be written
// back: they may hold secrets (basic_auth_data, jwt_data, hmac_string).
type session struct {
	members map[string]json.RawMessage
	// hashed: the gateway knows the key by its hash.
	hashed   bool
	inactive bool
	// created is when the key was made; zero where the gateway does not say.
	created time.Time
	// holder is the developer whose key it is; empty where the session does not say.
	holder string
}

// decodeSession reads the answer of GET /api/keys/{id}: {"api_model","key_id","key_hash","data":session}, or the session
// by itself, as the gateway has it.
func decodeSession(body []byte) (*session, error) {
	var wrapped struct {
		Data map[string]json.RawMessage `json:"data"`
	}
	if json.Unmarshal(body, &wrapped) != nil {
		return nil, errNotJSON
	}
	s := &session{members: wrapped.Data}
	if s.members == nil && json.Unmarshal(body, &s.members) != nil {
		return nil, errNotJSON
	}
	_, policies := s.members["apply_policies"]
	_, rights := s.members["access_rights"]
	if !policies && !rights {
		return nil, errNotJSON
	}
	if raw, ok := s.members["is_inactive"]; ok && json.Unmarshal(raw, &s.inactive) != nil {
		return nil, errNotJSON
	}
	s.created = date(memberText(s.members["date_created"]))
	var meta map[string]text
	if json.Unmarshal(s.members["meta_data"], &meta) == nil {
		s.holder = string(meta["tyk_developer_id"])
	}
	return s, nil
}

func memberText(raw json.RawMessage) text {
	var t text
	if len(raw) == 0 || t.UnmarshalJSON(raw) != nil {
		return ""
	}
	return t
}

// encode is the session with is_inactive set, every other member byte for byte as it was but for white space.
func (s *session) encode(inactive bool) ([]byte, error) {
	s.members["is_inactive"] = json.RawMessage("false")
	if inactive {
		s.members["is_inactive"] = json.RawMessage("true")
	}
	var body bytes.Buffer
	encoder := json.NewEncoder(&body)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(s.members); err != nil {
		return nil, errNotJSON
	}
	return body.Bytes(), nil
}

// session reads the session of a key; nil without an error when the gateway does not know it. The id may be a hash or a
// key: which it is shows by the name under which the gateway knows it.
func (c *Classic) session(ctx context.Context, id string) (*session, error) {
	forms := []bool{false, true}
	if looksHashed(id) {
		forms = []bool{true, false}
	}
	for _, hashed := range forms {
		if s, err := c.sessionBy(ctx, id, hashed); err != nil || s != nil {
			return s, err
		}
	}
	return nil, nil // unknown is an answer, not a failure
}

// sessionBy reads the session of a key by its hash or by itself; nil without an error when the gateway does not know it
// so.
func (c *Classic) sessionBy(ctx context.Context, id string, hashed bool) (*session, error) {
	read := call{method: http.MethodGet, route: "/api/keys/{id}", ids: []string{id}, query: keyQuery(hashed)}
	body, err := c.do(ctx, read)
	switch {
	case errors.Is(err, errMissing), errors.Is(err, errUnhashed):
		return nil, nil // unknown is an answer, not a failure
	case err != nil:
		return nil, err
	}
	s, err := decodeSession(body)
	if err != nil {
		return nil, c.failure(read, bridge.Unavailable, "the portal's answer is not a key's session; check the portal's url", err)
	}
	s.hashed = hashed
	return s, nil
}

// writeSession stops a key or starts it again and leaves all else of its session as it was. suppress_reset keeps what is
// left of the quota.
func (c *Classic) writeSession(ctx context.Context, id string, s *session, inactive bool) error {
	write := call{method: http.MethodPut, route: "/api/keys/{id}", ids: []string{id}, query: keyQuery(s.hashed)}
	write.query.Set("suppress_reset", "1")
	body, err := s.encode(inactive)
	if err != nil {
		return c.failure(write, bridge.Internal, "", err)
	}
	write.body, write.wipe = body, true
	_, err = c.do(ctx, write)
	return err
}

func keyQuery(hashed bool) url.Values {
	if hashed {
		return url.Values{"hashed": {"true"}}
	}
	return url.Values{}
}
