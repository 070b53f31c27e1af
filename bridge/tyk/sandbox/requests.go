package sandbox

import (
	"container/list"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// KeyRequest is a developer's wish for a key, as the Dashboard API speaks of it. What a [Server] hands out is a copy.
type KeyRequest struct {
	ID              string            `json:"id,omitempty"`
	OldID           string            `json:"_id,omitempty"` // the id under its old name, see Quirks.UnderscoreID
	OrgID           string            `json:"org_id"`
	ForAPI          string            `json:"for_api"`
	ForPlan         string            `json:"for_plan"`
	ApplyPolicies   []string          `json:"apply_policies,omitempty"`
	ByUser          string            `json:"by_user"`
	Fields          map[string]string `json:"fields"`
	Approved        bool              `json:"approved"`
	DateCreated     time.Time         `json:"date_created"`
	Version         string            `json:"version"`
	JWTSecret       string            `json:"jwt_secret"`
	Certificate     string            `json:"certificate"`
	OAuth           *OAuthAsk         `json:"oauth_info,omitempty"`
	PortalDeveloper *Developer        `json:"portal_developer,omitempty"`
	CatalogueEntry  *CatalogueEntry   `json:"catalogue_entry,omitempty"`
	Catalogues      []CatalogueEntry  `json:"catalogues,omitempty"`
}

// OAuthAsk turns a key request into a request for an OAuth client. RedirectURI may hold several URIs with commas
// between them.
type OAuthAsk struct {
	RedirectURI string `json:"redirect_uri"`
}

// Ask is what [Server.CreateKeyRequest] makes a key request of.
type Ask struct {
	// Email says who asks; somebody who has not signed up yet is signed up first, without a password.
	Email string `json:"email"`
	// Policies are asked for together, and answered with one key.
	Policies []string `json:"policies"`
	// Fields are the reasons, by the label of their question.
	Fields map[string]string `json:"fields"`
	// RedirectURI, when set, asks for an OAuth client.
	RedirectURI string `json:"redirect_uri"`
}

// requestRecord is a key request with its place in the lists. The KeyRequest within is never changed, only replaced.
type requestRecord struct {
	*KeyRequest
	processed bool // no longer to be approved; usually, but not always, because it was
	awaiting  bool // approved, and the developer has yet to click Generate key
	keyRaw    string
	places    [3]*list.Element
	mine      *list.Element // its place among its developer's requests
}

const (
	listAll = iota
	listPending
	listApproved
)

// pageLength is how many records a page of the Dashboard API holds.
const pageLength = 10

func (s *Server) listRequests(r *http.Request) (any, error) {
	page, err := pageOf(r)
	if err != nil {
		return nil, err
	}
	which := listAll
	if text := r.URL.Query().Get("approved"); text != "" {
		approved, err := strconv.ParseBool(text)
		if err != nil {
			return nil, refuse(http.StatusBadRequest, "approved must be true or false")
		}
		which = listPending
		if approved {
			which = listApproved
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	from, to, pages := window(page, s.lists[which].Len())
	found := make([]KeyRequest, 0, to-from)
	for _, record := range s.sliceLocked(which, from, to) {
		one := s.completeLocked(record)
		if s.settings.Quirks.UnderscoreID {
			one.ID, one.OldID = "", one.ID
		}
		found = append(found, one)
	}
	return struct {
		Data  []KeyRequest
		Pages int
	}{found, s.pageCountLocked(pages)}, nil
}

// sliceLocked returns the records from (inclusive) to (exclusive) of a list, newest first.
func (s *Server) sliceLocked(which, from, to int) []*requestRecord {
	place, step := s.lists[which].Front(), (*list.Element).Next
	if s.settings.Quirks.OldestFirst {
		place, step = s.lists[which].Back(), (*list.Element).Prev
	}
	records := make([]*requestRecord, 0, to-from)
	for i := 0; i < to && place != nil; i, place = i+1, step(place) {
		if i >= from {
			records = append(records, place.Value.(*requestRecord)) //nolint:errcheck,forcetypeassert // the lists hold nothing else
		}
	}
	return records
}

// completeLocked is the record with what Tyk adds when it is read: the developer as they are now, and the catalogue.
func (s *Server) completeLocked(record *requestRecord) KeyRequest {
	one := *record.KeyRequest
	one.PortalDeveloper = s.developers[one.ByUser]
	one.Catalogues = s.entriesLocked(one.ApplyPolicies)
	if len(one.Catalogues) > 0 {
		one.CatalogueEntry = &one.Catalogues[0]
	}
	if s.settings.Quirks.ForPlanOnly {
		one.ApplyPolicies = nil
	}
	return one
}

// pageOf reads the parameter p: the page, counted from 0, or -1 for everything.
func pageOf(r *http.Request) (int, error) {
	text := r.URL.Query().Get("p")
	if text == "" {
		return 0, nil
	}
	page, err := strconv.Atoi(text)
	if err != nil || page < -1 || page > 1<<20 {
		return 0, refuse(http.StatusBadRequest, "p must be a page number, or -1 for no paging")
	}
	return page, nil
}

// window returns where page begins and ends among total records, and how many pages there are.
func window(page, total int) (from, to, pages int) {
	if page == -1 {
		return 0, total, 1
	}
	pages = (total + pageLength - 1) / pageLength
	return min(page*pageLength, total), min((page+1)*pageLength, total), pages
}

func (s *Server) pageCountLocked(pages int) int {
	if s.settings.Quirks.NoPageCount {
		return 0
	}
	return pages
}

func (s *Server) getRequest(r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	record, err := s.requestLocked(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	one := s.completeLocked(record)
	if s.settings.Quirks.OmitDeveloper {
		one.PortalDeveloper, one.CatalogueEntry, one.Catalogues = nil, nil, nil
	}
	return one, nil
}

func (s *Server) requestLocked(id string) (*requestRecord, error) {
	record := s.requests[id]
	if record == nil {
		return nil, notThere("Key request not found")
	}
	return record, nil
}

// sentRequest is the body of a key request: Approved tells "not sent" from "false", which Tyk's approval later does too.
type sentRequest struct {
	KeyRequest
	Approved *bool `json:"approved"`
}

func (s *Server) postRequest(r *http.Request) (any, error) {
	var sent sentRequest
	if err := readJSON(r, &sent); err != nil {
		return nil, err
	}
	wish := sent.KeyRequest
	if err := wish.settle(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, err := s.developerLocked(wish.ByUser); err != nil {
		return nil, refuse(http.StatusBadRequest, "by_user names no developer")
	}
	omitted := sent.Approved == nil && !s.settings.OmittedApprovalIsPending
	wish.Approved = omitted || sent.Approved != nil && *sent.Approved
	record := s.addRequestLocked(wish, wish.Approved)
	s.announceLocked("key_request_event.submitted", record)
	return ok(record.ID), nil
}

// settle brings the several ways to say what is asked for into one: for_plan and apply_policies always agree.
func (k *KeyRequest) settle() error {
	if k.Version != "" && k.Version != "v2" {
		return refuse(http.StatusBadRequest, "version must be v2, or empty for a legacy request")
	}
	if len(k.ApplyPolicies) == 0 && k.ForPlan != "" {
		k.ApplyPolicies = []string{k.ForPlan}
	}
	if len(k.ApplyPolicies) > 0 && k.ForPlan == "" {
		k.ForPlan = k.ApplyPolicies[0]
	}
	if len(k.ApplyPolicies) == 0 && k.ForAPI == "" {
		return refuse(http.StatusBadRequest, "apply_policies, for_plan or for_api is needed")
	}
	return nil
}

// addRequestLocked files a key request under a new id. It is listed as it says itself: approved or pending.
func (s *Server) addRequestLocked(wish KeyRequest, processed bool) *requestRecord {
	wish.ID, wish.OldID, wish.OrgID = s.ids.objectID(), "", s.org
	wish.PortalDeveloper, wish.CatalogueEntry, wish.Catalogues = nil, nil, nil
	wish.Fields = maps.Clone(wish.Fields)
	if wish.Fields == nil {
		wish.Fields = map[string]string{}
	}
	if wish.DateCreated.IsZero() && !s.settings.Quirks.ZeroDates {
		wish.DateCreated = s.today()
	}
	record := &requestRecord{KeyRequest: &wish, processed: processed}
	s.requests[wish.ID] = record
	s.enlistLocked(record, listAll)
	if s.requestsOf[wish.ByUser] == nil {
		s.requestsOf[wish.ByUser] = list.New()
	}
	record.mine = s.requestsOf[wish.ByUser].PushFront(record)
	if wish.Approved {
		s.enlistLocked(record, listApproved)
	} else {
		s.enlistLocked(record, listPending)
	}
	return record
}

// announceLocked sends the webhook for an event of a key request, when the organisation has one.
func (s *Server) announceLocked(event string, record *requestRecord) {
	if s.settings.Webhook == "" {
		return
	}
	body, err := json.Marshal(struct {
		Event string     `json:"event"`
		Data  KeyRequest `json:"data"`
	}{event, s.completeLocked(record)})
	if err != nil {
		s.log.Error("a webhook's body cannot be written", "error", err)
		return
	}
	s.webhooks.add(outgoing{Delivery: Delivery{
		Event: event, Request: record.ID, Method: http.MethodPost, URL: s.settings.Webhook, Body: body, At: s.today(),
	}}, s.settings.HoldWebhooks)
}

func (s *Server) enlistLocked(record *requestRecord, which int) {
	record.places[which] = s.lists[which].PushFront(record)
}

func (s *Server) delistLocked(record *requestRecord, which int) {
	if place := record.places[which]; place != nil {
		s.lists[which].Remove(place)
		record.places[which] = nil
	}
}

func (s *Server) deleteRequest(r *http.Request) (any, error) {
	if err := s.Decline(r.PathValue("id")); err != nil {
		return nil, err
	}
	return ok("Data deleted"), nil
}

// Decline deletes a key request, which is how Tyk declines one. No mail is sent. A key that was issued for it lives on,
// unless Settings.DeleteRevokesKey is set. It returns an error when there is no such request.
func (s *Server) Decline(id string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	record, err := s.requestLocked(id)
	if err != nil {
		return err
	}
	for which := range s.lists {
		s.delistLocked(record, which)
	}
	s.requestsOf[record.ByUser].Remove(record.mine)
	delete(s.requests, id)
	if s.settings.DeleteRevokesKey {
		s.dropKeyLocked(s.keys[record.keyRaw])
	}
	return nil
}

// CreateKeyRequest files a key request as the portal's form does, and sends the webhook; nothing is approved and nobody
// is redirected. It returns an error when nothing is asked for or the address is none.
func (s *Server) CreateKeyRequest(ask Ask) (KeyRequest, error) {
	if _, known := s.Developer(ask.Email); !known {
		if _, err := s.AddDeveloper(Developer{Email: ask.Email}); err != nil && !errors.Is(err, errEmailTaken) {
			return KeyRequest{}, fmt.Errorf("sandbox: key request: %w", err)
		}
	}
	developer, _ := s.Developer(ask.Email)
	wish := KeyRequest{ByUser: developer.ID, ApplyPolicies: slices.Clone(ask.Policies), Fields: ask.Fields, Version: "v2"}
	if ask.RedirectURI != "" {
		wish.OAuth = &OAuthAsk{RedirectURI: ask.RedirectURI}
	}
	if err := wish.settle(); err != nil {
		return KeyRequest{}, fmt.Errorf("sandbox: key request: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	record := s.addRequestLocked(wish, false)
	s.announceLocked("key_request_event.submitted", record)
	return s.completeLocked(record).clone(), nil
}

// UpdateKeyRequest replaces the reasons of a key request, and sends the webhook for an update. It returns an error when
// there is no such request.
func (s *Server) UpdateKeyRequest(id string, fields map[string]string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	record, err := s.requestLocked(id)
	if err != nil {
		return err
	}
	changed := *record.KeyRequest
	changed.Fields = maps.Clone(fields)
	record.KeyRequest = &changed
	s.announceLocked(s.settings.updateEvent(), record)
	return nil
}

// KeyRequests returns all key requests, newest first.
func (s *Server) KeyRequests() []KeyRequest {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]KeyRequest, 0, s.lists[listAll].Len())
	for _, record := range s.sliceLocked(listAll, 0, s.lists[listAll].Len()) {
		all = append(all, s.completeLocked(record).clone())
	}
	return all
}

// KeyRequest returns the key request with the id, and whether there is one.
func (s *Server) KeyRequest(id string) (KeyRequest, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	record := s.requests[id]
	if record == nil {
		return KeyRequest{}, false
	}
	return s.completeLocked(record).clone(), true
}

func (k KeyRequest) clone() KeyRequest {
	k.ApplyPolicies, k.Fields = slices.Clone(k.ApplyPolicies), maps.Clone(k.Fields)
	if k.PortalDeveloper != nil {
		k.PortalDeveloper = k.PortalDeveloper.clone()
	}
	return k
}
