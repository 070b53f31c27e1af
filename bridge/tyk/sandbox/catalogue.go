package sandbox

import (
	"net/http"
	"slices"
)

// CatalogueEntry is one offer of the portal's catalogue: not an API but a policy, since the same API may be published in
// several tiers. AuthType "oauth" makes its key requests OAuth requests.
type CatalogueEntry struct {
	Name             string            `json:"name"`
	ShortDescription string            `json:"short_description"`
	LongDescription  string            `json:"long_description"`
	Show             bool              `json:"show"`
	APIID            string            `json:"api_id"`
	PolicyID         string            `json:"policy_id"`
	Documentation    string            `json:"documentation"`
	Version          string            `json:"version"`
	IsKeyless        bool              `json:"is_keyless"`
	Config           Configuration     `json:"config"`
	Fields           map[string]string `json:"fields"`
	AuthType         string            `json:"auth_type"`
}

// Policy is what a key may do: an amount of calls, to the APIs the policy grants.
type Policy struct {
	ID        string `json:"_id"`
	Name      string `json:"name"`
	OrgID     string `json:"org_id"`
	Rate      int    `json:"rate"`
	Per       int    `json:"per"`
	QuotaMax  int    `json:"quota_max"`
	QuotaRate int    `json:"quota_renewal_rate"`
	Active    bool   `json:"active"`
	Inactive  bool   `json:"is_inactive"`
}

func weatherPlans() []CatalogueEntry {
	plan := func(policy, name, short, long string) CatalogueEntry {
		return CatalogueEntry{
			Name: name, ShortDescription: short, LongDescription: long, Show: true, PolicyID: policy, Version: "v2", AuthType: "authToken",
		}
	}
	return []CatalogueEntry{
		plan(FreePolicy, "Weather Free", "Forecasts for one place, free of charge.",
			"1,000 calls a day, temperatures and rain for the next 24 hours. Good for trying things out."),
		plan(PaidPolicy, "Weather Pro", "Forecasts for every place, for a price.",
			"100,000 calls a day, hourly forecasts for ten days and the history of the last year. Payment is asked for before the key is issued."),
		plan(ReviewedPolicy, "Weather Enterprise", "Warnings and raw model output, after a review.",
			"No daily limit, severe weather warnings and raw model output. Somebody looks at each request before the key is issued."),
	}
}

// addPolicy makes a policy known, filling what is left open. A policy that is known already stays as it is.
func (s *Server) addPolicy(policy Policy) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.addPolicyLocked(policy)
}

func (s *Server) addPolicyLocked(policy Policy) {
	if _, known := s.policies[policy.ID]; known {
		return
	}
	policy.OrgID = s.org
	if policy.Rate == 0 {
		policy.Rate, policy.Per = 1000, 60
	}
	if policy.QuotaMax == 0 {
		policy.QuotaMax, policy.QuotaRate = 100_000, 86_400
	}
	policy.Active = !policy.Inactive
	s.policies[policy.ID] = policy
	s.policyOrder = append(s.policyOrder, policy.ID)
}

func (s *Server) listPolicies(*http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Policy, 0, len(s.policyOrder))
	for _, id := range s.policyOrder {
		all = append(all, s.policies[id])
	}
	return struct {
		Data  []Policy
		Pages int
	}{all, 0}, nil
}

func (s *Server) getPolicy(r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	policy, known := s.policies[r.PathValue("id")]
	if !known {
		return nil, notThere("Policy not found")
	}
	return policy, nil
}

// wholeCatalogue is the catalogue as GET and PUT carry it.
type wholeCatalogue struct {
	ID    string           `json:"id"`
	OrgID string           `json:"org_id"`
	APIs  []CatalogueEntry `json:"apis"`
	Email string           `json:"email"`
}

func (s *Server) getCatalogue(*http.Request) (any, error) {
	return wholeCatalogue{ID: s.catalogueID, OrgID: s.org, APIs: s.Catalogue()}, nil
}

func (s *Server) putCatalogue(r *http.Request) (any, error) {
	var sent wholeCatalogue
	if err := readJSON(r, &sent); err != nil {
		return nil, err
	}
	s.SetCatalogue(sent.APIs)
	return ok("Data updated"), nil
}

// Catalogue returns the offers in the order they are shown.
func (s *Server) Catalogue() []CatalogueEntry {
	s.mu.Lock()
	defer s.mu.Unlock()
	entries := slices.Clone(s.catalogue)
	for i := range entries {
		entries[i] = entries[i].whole()
	}
	return entries
}

// SetCatalogue replaces the offers. It makes no policies: an entry for a policy that does not exist can be asked for and
// never be approved, as with Tyk.
func (s *Server) SetCatalogue(entries []CatalogueEntry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.catalogue = slices.Clone(entries)
}

// whole replaces what JSON would show as null by what Tyk shows.
func (e CatalogueEntry) whole() CatalogueEntry {
	if e.Fields == nil {
		e.Fields = map[string]string{}
	}
	e.Config = e.Config.whole()
	return e
}

// offers reports whether an entry is of one of the policies.
func (e CatalogueEntry) offers(policies []string) bool {
	return e.PolicyID != "" && slices.Contains(policies, e.PolicyID)
}

// entriesLocked returns the catalogue entries for the given policies, in the order of the catalogue.
func (s *Server) entriesLocked(policies []string) []CatalogueEntry {
	var found []CatalogueEntry
	for _, entry := range s.catalogue {
		if entry.offers(policies) {
			found = append(found, entry.whole())
		}
	}
	return found
}
