package sandbox

import (
	"encoding/base64"
	"net/http"
	"slices"
	"strings"
)

// rawKey is the answer to an approval with key authentication. It is a live secret.
type rawKey struct {
	RawKey   string
	Password string
}

// rawClient is the answer to an approval of an OAuth request. It is a live secret.
type rawClient struct {
	ClientID    string `json:"client_id"`
	Secret      string `json:"secret"`
	PolicyID    string `json:"policy_id"`
	RedirectURI string `json:"redirect_uri"`
}

func (s *Server) putApproval(r *http.Request) (any, error) {
	return s.approve(r.PathValue("id"), s.base(r))
}

// Approve approves a key request as the Dashboard's admin does: the key is issued and mailed, or, under secure approval,
// a link to generate it. It returns an error when there is no such request, it was processed before, its developer is
// gone or one of its policies does not exist. The key itself is not returned: read the mail.
func (s *Server) Approve(id string) error {
	_, err := s.approve(id, s.base(nil))
	return err
}

// approve returns what the Dashboard answers to an approval, a live secret.
func (s *Server) approve(id, base string) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	record, err := s.requestLocked(id)
	if err != nil {
		return nil, err
	}
	if record.processed {
		return nil, refuse(http.StatusBadRequest, "Key request has already been processed.")
	}
	developer, err := s.approvableLocked(record)
	if err != nil {
		return nil, err
	}
	s.markApprovedLocked(record)
	if s.rulesLocked(record.ApplyPolicies).SecureKeyApproval {
		record.awaiting = true
		s.post.add(generateMail(s.name, developer, record.ID, base, s.today()))
		s.announceLocked(s.settings.updateEvent(), record)
		return rawKey{}, nil
	}
	answer := s.issueLocked(record)
	s.post.add(s.keyMailLocked(developer, answer, base))
	s.announceLocked(s.settings.updateEvent(), record)
	return answer, nil
}

// approvableLocked returns who gets the key, or why nobody can.
func (s *Server) approvableLocked(record *requestRecord) (*Developer, error) {
	developer := s.developers[record.ByUser]
	if developer == nil {
		return nil, refuse(http.StatusBadRequest, "Developer not found")
	}
	for _, policy := range record.ApplyPolicies {
		if _, known := s.policies[policy]; !known {
			return nil, refuse(http.StatusBadRequest, "Policy not found")
		}
	}
	return developer, nil
}

func (s *Server) markApprovedLocked(record *requestRecord) {
	approved := *record.KeyRequest
	approved.Approved = true
	record.KeyRequest, record.processed = &approved, true
	s.delistLocked(record, listPending)
	s.enlistLocked(record, listApproved)
}

// issueLocked makes the key or the OAuth client of an approved request and returns it as the Dashboard answers it.
func (s *Server) issueLocked(record *requestRecord) any {
	record.awaiting = false
	if s.asksForOAuthLocked(record.KeyRequest) {
		return s.issueClientLocked(record)
	}
	issued := s.issueKeyLocked(record.ByUser, record.ApplyPolicies, record.ForAPI)
	record.keyRaw = issued.raw
	return rawKey{RawKey: issued.raw}
}

func (s *Server) asksForOAuthLocked(request *KeyRequest) bool {
	oauth := func(entry CatalogueEntry) bool {
		return entry.AuthType == "oauth" && entry.offers(request.ApplyPolicies)
	}
	return request.OAuth != nil || slices.ContainsFunc(s.catalogue, oauth)
}

func (s *Server) issueClientLocked(record *requestRecord) rawClient {
	client := OAuthClient{
		ClientID:    s.ids.secret(16),
		Secret:      base64.RawStdEncoding.EncodeToString([]byte(s.ids.secret(18))),
		DateCreated: s.today(),
	}
	if record.OAuth != nil {
		client.RedirectURI = record.OAuth.RedirectURI
	}
	s.changeDeveloperLocked(record.ByUser, func(d *Developer) {
		for _, policy := range record.ApplyPolicies {
			d.OAuthClients[policy] = append(slices.Clone(d.OAuthClients[policy]), client)
		}
	})
	return rawClient{ClientID: client.ClientID, Secret: client.Secret, PolicyID: record.ForPlan, RedirectURI: client.RedirectURI}
}

// generate issues what a developer may fetch themselves under secure approval. It returns an error when the request is
// not theirs or there is nothing to fetch.
func (s *Server) generate(id, developer string) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	record := s.requests[id]
	if record == nil || record.ByUser != developer {
		return nil, notThere("This key request is not there, or not yours.")
	}
	if !record.awaiting {
		return nil, refuse(http.StatusConflict, "There is no key to generate here: it was generated before, or the request is still waiting.")
	}
	return s.issueLocked(record), nil
}

// deleteOAuthClient takes an OAuth client away from whoever has it.
func (s *Server) deleteOAuthClient(r *http.Request) (any, error) {
	app := r.PathValue("appID")
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, id := range s.developerOrder {
		if s.dropClientLocked(id, app) {
			return ok("Data deleted"), nil
		}
	}
	return nil, notThere("OAuth client not found")
}

func (s *Server) dropClientLocked(developer, app string) bool {
	isApp := func(client OAuthClient) bool { return strings.EqualFold(client.ClientID, app) }
	found := false
	for policy, clients := range s.developers[developer].OAuthClients {
		if !slices.ContainsFunc(clients, isApp) {
			continue
		}
		found = true
		s.changeDeveloperLocked(developer, func(d *Developer) {
			if d.OAuthClients[policy] = slices.DeleteFunc(slices.Clone(clients), isApp); len(d.OAuthClients[policy]) == 0 {
				delete(d.OAuthClients, policy)
			}
		})
	}
	return found
}
