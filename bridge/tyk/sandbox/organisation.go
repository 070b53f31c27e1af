package sandbox

import (
	"maps"
	"net/http"
)

// The Dashboard Admin API knows the organisation, and it is there that webhooks are set: in
// event_options.key_request_event.webhook. Its calls carry the header admin-auth.

func (s *Server) organisationRoutes(mux *http.ServeMux) {
	for pattern, call := range map[string]apiCall{
		"GET /admin/organisations":      s.listOrganisations,
		"GET /admin/organisations/{id}": s.getOrganisation,
		"PUT /admin/organisations/{id}": s.putOrganisation,
	} {
		mux.HandleFunc(pattern, s.guarded("admin-auth", s.adminSecret, call))
	}
}

func (s *Server) listOrganisations(*http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return map[string]any{"organisations": []any{s.organisationLocked()}, "pages": 0}, nil
}

func (s *Server) getOrganisation(r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.PathValue("id") != s.org {
		return nil, notThere("Organisation not found")
	}
	return s.organisationLocked(), nil
}

func (s *Server) organisationLocked() map[string]any {
	events := map[string]any{}
	if others, sent := s.organisation["event_options"].(map[string]any); sent {
		events = maps.Clone(others)
	}
	delete(events, "key_request_event")
	if s.settings.Webhook != "" {
		events["key_request_event"] = map[string]any{"webhook": s.settings.Webhook, "email": ""}
	}
	organisation := map[string]any{
		"owner_name": s.name, "owner_slug": "", "cname_enabled": false, "cname": "", "apis": []any{},
		"developer_quota": 0, "hybrid_enabled": false, "ui": map[string]any{}, "org_options_meta": map[string]any{},
	}
	maps.Copy(organisation, s.organisation)
	organisation["id"], organisation["event_options"], organisation["developer_count"] = s.org, events, len(s.developers)
	return organisation
}

// putOrganisation replaces the organisation: without event_options there is no webhook afterwards.
func (s *Server) putOrganisation(r *http.Request) (any, error) {
	var sent map[string]any
	if err := readJSON(r, &sent); err != nil {
		return nil, err
	}
	events, _ := sent["event_options"].(map[string]any)
	keyRequests, _ := events["key_request_event"].(map[string]any)
	webhook, _ := keyRequests["webhook"].(string)
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.PathValue("id") != s.org {
		return nil, notThere("Organisation not found")
	}
	settings := s.settings.clone()
	settings.Webhook = webhook
	if err := settings.check(); err != nil {
		return nil, refuse(http.StatusBadRequest, err.Error())
	}
	s.settings, s.organisation = settings, sent
	return ok("Org updated"), nil
}
