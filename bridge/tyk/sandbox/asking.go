package sandbox

import (
	"net/http"
	"slices"
	"strings"
)

// wishForm is what the request form shows.
type wishForm struct {
	Plans  []CatalogueEntry
	Fields []field
	OAuth  bool
}

// wishOf reads the plans a request form is about. It returns an error when one is not in the catalogue, or there are
// several where only one may be asked for.
func (s *Server) wishOf(r *http.Request) (wishForm, Settings, error) {
	policies := slices.Compact(slices.Sorted(slices.Values(r.Form["policy"])))
	s.mu.Lock()
	defer s.mu.Unlock()
	plans := slices.DeleteFunc(s.entriesLocked(policies), func(entry CatalogueEntry) bool { return !entry.Show })
	if len(policies) == 0 {
		return wishForm{}, Settings{}, refuse(http.StatusUnprocessableEntity, "Choose a plan first.")
	}
	if len(plans) != len(policies) {
		return wishForm{}, Settings{}, refuse(http.StatusNotFound, "One of these plans is not in the catalogue.")
	}
	if len(plans) > 1 && !s.settings.EnableMultiSelection {
		return wishForm{}, Settings{}, refuse(http.StatusUnprocessableEntity, "Only one plan can be asked for at a time.")
	}
	rules := s.rulesLocked(policies)
	form := wishForm{Plans: plans, Fields: fieldsOf(rules.KeyRequestFields, r)}
	form.OAuth = slices.ContainsFunc(plans, func(entry CatalogueEntry) bool { return entry.AuthType == "oauth" })
	return form, rules, nil
}

func (s *Server) requestForm(w http.ResponseWriter, r *http.Request, developer *Developer) error {
	if err := formOf(w, r); err != nil {
		return err
	}
	form, _, err := s.wishOf(r)
	if err != nil {
		return err
	}
	s.show(w, http.StatusOK, "request", sheet{Title: "Ask for a key", Developer: developer, Body: form})
	return nil
}

// request files a key request and sends the developer on: to another system where the portal redirects, to the key where
// no approval is needed, else to the page that says the request is waiting.
func (s *Server) request(w http.ResponseWriter, r *http.Request, developer *Developer) error {
	if err := formOf(w, r); err != nil {
		return err
	}
	form, rules, err := s.wishOf(r)
	if err != nil {
		return err
	}
	record := s.file(form, developer, strings.TrimSpace(r.PostFormValue("redirect_uri")))
	if rules.RedirectOnKeyRequest {
		target, err := s.handOff(rules, record, developer)
		if err != nil {
			return err
		}
		http.Redirect(w, r, target, http.StatusSeeOther) //nolint:gosec // the host is the portal's setting, not the browser's
		return nil
	}
	if rules.RequireKeyApproval {
		http.Redirect(w, r, "/portal/requests/"+record.ID, http.StatusSeeOther)
		return nil
	}
	issued, err := s.approve(record.ID, s.base(r))
	if err != nil {
		return err
	}
	if issued != (rawKey{}) { // under secure approval there is nothing to show yet
		s.keepForShowing(r, issued)
	}
	http.Redirect(w, r, "/portal/keys", http.StatusSeeOther)
	return nil
}

func (s *Server) file(form wishForm, developer *Developer, redirectURI string) *KeyRequest {
	wish := KeyRequest{ByUser: developer.ID, Version: "v2", Fields: map[string]string{}}
	for _, plan := range form.Plans {
		wish.ApplyPolicies = append(wish.ApplyPolicies, plan.PolicyID)
	}
	wish.ForPlan = wish.ApplyPolicies[0]
	for _, question := range form.Fields {
		wish.Fields[question.Label] = question.Answer
	}
	if form.OAuth {
		wish.OAuth = &OAuthAsk{RedirectURI: redirectURI}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	record := s.addRequestLocked(wish, false)
	s.announceLocked("key_request_event.submitted", record)
	return record.KeyRequest
}

// ownRequest is one key request as its developer sees it.
type ownRequest struct {
	KeyRequest
	Names    []string // of the plans
	Awaiting bool     // the key is theirs to generate
}

func (s *Server) ownLocked(record *requestRecord) ownRequest {
	own := ownRequest{KeyRequest: s.completeLocked(record), Awaiting: record.awaiting}
	for _, plan := range own.Catalogues {
		own.Names = append(own.Names, plan.Name)
	}
	if len(own.Names) == 0 {
		own.Names = append(own.Names, record.ApplyPolicies...)
	}
	return own
}

func (s *Server) own(id string, developer *Developer) (ownRequest, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	record := s.requests[id]
	if record == nil || record.ByUser != developer.ID {
		return ownRequest{}, notThere("This key request is not there, or not yours. A request that was declined is deleted.")
	}
	return s.ownLocked(record), nil
}

func (s *Server) waiting(w http.ResponseWriter, r *http.Request, developer *Developer) error {
	own, err := s.own(r.PathValue("id"), developer)
	if err != nil {
		return err
	}
	title := "Waiting for approval"
	if own.Approved {
		title = "Approved"
	}
	s.show(w, http.StatusOK, "waiting", sheet{Title: title, Developer: developer, Body: own})
	return nil
}

// keyRing is what the page of keys shows.
type keyRing struct {
	Key      string     // issued just now, shown once
	Client   *rawClient // issued just now, shown once
	Keys     []ownKey
	Clients  []OAuthClient
	Requests []ownRequest
}

// ownKey is one key as its developer sees it: never the key itself, which the portal does not show twice.
type ownKey struct {
	Name     string // how it is called here: the beginning of its hash
	Names    []string
	Inactive bool
}

func (s *Server) myKeys(w http.ResponseWriter, r *http.Request, developer *Developer) error {
	ring := s.ringOf(developer)
	switch issued := s.showOnce(r).(type) {
	case rawKey:
		ring.Key = issued.RawKey
	case rawClient:
		ring.Client = &issued
	}
	s.show(w, http.StatusOK, "keys", sheet{Title: "My keys", Developer: developer, Body: ring})
	return nil
}

func (s *Server) ringOf(developer *Developer) keyRing {
	s.mu.Lock()
	defer s.mu.Unlock()
	var ring keyRing
	ring.Keys = s.heldLocked(developer)
	for _, clients := range developer.OAuthClients {
		ring.Clients = append(ring.Clients, clients...)
	}
	slices.SortFunc(ring.Clients, func(a, b OAuthClient) int { return strings.Compare(a.ClientID, b.ClientID) })
	ring.Clients = slices.CompactFunc(ring.Clients, func(a, b OAuthClient) bool { return a.ClientID == b.ClientID })
	if mine := s.requestsOf[developer.ID]; mine != nil {
		for place := mine.Front(); place != nil; place = place.Next() {
			ring.Requests = append(ring.Requests, s.ownLocked(place.Value.(*requestRecord))) //nolint:errcheck,forcetypeassert // the lists hold nothing else
		}
	}
	return ring
}

// heldLocked returns the keys of a developer, sorted by name.
func (s *Server) heldLocked(developer *Developer) []ownKey {
	var held []ownKey
	for id, policies := range developer.Keys {
		known := s.keyByIDLocked(id)
		if known == nil {
			continue // the record may name keys the gateway never had: the API takes any
		}
		one := ownKey{Name: known.hash, Inactive: inactive(known.session), Names: slices.Clone(policies)}
		for _, plan := range s.entriesLocked(policies) {
			one.Names[slices.Index(one.Names, plan.PolicyID)] = plan.Name
		}
		held = append(held, one)
	}
	slices.SortFunc(held, func(a, b ownKey) int { return strings.Compare(a.Name, b.Name) })
	return held
}

func (s *Server) generateForm(w http.ResponseWriter, r *http.Request, developer *Developer) error {
	own, err := s.own(r.PathValue("id"), developer)
	if err != nil {
		return err
	}
	s.show(w, http.StatusOK, "generate", sheet{Title: "Generate your key", Developer: developer, Body: own})
	return nil
}

func (s *Server) generateKey(w http.ResponseWriter, r *http.Request, developer *Developer) error {
	issued, err := s.generate(r.PathValue("id"), developer.ID)
	if err != nil {
		return err
	}
	s.keepForShowing(r, issued)
	http.Redirect(w, r, "/portal/keys", http.StatusSeeOther)
	return nil
}
