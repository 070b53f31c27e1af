package sandbox

import (
	"errors"
	"maps"
	"net/http"
	"net/mail"
	"slices"
	"strings"
	"time"
)

// Developer is somebody who has signed up at the portal, as the Dashboard API speaks of them. What a [Server] hands out
// is a copy.
type Developer struct {
	ID          string    `json:"id,omitempty"`
	OldID       string    `json:"_id,omitempty"` // the id under its old name, see Quirks.UnderscoreID
	Email       string    `json:"email"`
	Password    string    `json:"password,omitempty"` // taken in, never given out
	DateCreated time.Time `json:"date_created"`
	Inactive    bool      `json:"inactive"`
	OrgID       string    `json:"org_id"`
	// Keys maps a key's id to its policies; Subscriptions a policy (or, of old, an API) to the key that grants it.
	Keys          map[string][]string      `json:"keys"`
	Subscriptions map[string]string        `json:"subscriptions"`
	Fields        map[string]string        `json:"fields"`
	Nonce         string                   `json:"nonce"`
	SSOKey        string                   `json:"sso_key"`
	OAuthClients  map[string][]OAuthClient `json:"oauth_clients"`
	LastLogin     time.Time                `json:"last_login_date,omitzero"`
}

// OAuthClient is an app of a developer that may ask the gateway for tokens. Secret is a secret, and Tyk shows it in the
// developer's record.
type OAuthClient struct {
	ClientID    string    `json:"client_id"`
	Secret      string    `json:"secret"`
	RedirectURI string    `json:"redirect_uri"`
	DateCreated time.Time `json:"date_created"`
}

// Name returns what the developer calls themselves, or the e-mail address.
func (d *Developer) Name() string { return orElse(d.Fields["Name"], d.Email) }

func (d *Developer) clone() *Developer {
	c := *d
	c.Keys, c.Subscriptions, c.Fields = maps.Clone(d.Keys), maps.Clone(d.Subscriptions), maps.Clone(d.Fields)
	c.OAuthClients = maps.Clone(d.OAuthClients)
	return &c
}

// whole replaces what JSON would show as null by what Tyk shows.
func (d *Developer) whole() {
	if d.Keys == nil {
		d.Keys = map[string][]string{}
	}
	if d.Subscriptions == nil {
		d.Subscriptions = map[string]string{}
	}
	if d.Fields == nil {
		d.Fields = map[string]string{}
	}
	if d.OAuthClients == nil {
		d.OAuthClients = map[string][]OAuthClient{}
	}
}

var (
	errNoEmail    = errors.New("the e-mail address is missing or not one")
	errEmailTaken = errors.New("a developer with this e-mail address is signed up already")
	errIDTaken    = errors.New("a record with this id is there already")
)

// AddDeveloper signs a developer up and returns the record. An empty ID is generated. It returns an error when the
// address is missing, is no address or is in use, or the ID is.
func (s *Server) AddDeveloper(d Developer) (Developer, error) {
	if address, err := mail.ParseAddress(d.Email); err != nil || address.Address != d.Email {
		return Developer{}, errNoEmail
	}
	secret, err := s.hashed(d.Password)
	if err != nil {
		return Developer{}, err
	}
	record := d.clone()
	record.ID = orElse(d.ID, s.ids.objectID())
	record.Password, record.OldID, record.OrgID = "", "", s.org
	if record.DateCreated.IsZero() {
		record.DateCreated = s.today()
	}
	record.whole()
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, taken := s.developerEmails[strings.ToLower(record.Email)]; taken {
		return Developer{}, errEmailTaken
	}
	if _, taken := s.developers[record.ID]; taken {
		return Developer{}, errIDTaken
	}
	s.developers[record.ID] = record
	s.developerOrder = append(s.developerOrder, record.ID)
	s.developerEmails[strings.ToLower(record.Email)] = record.ID
	s.passwords[record.ID] = secret
	return *record.clone(), nil
}

// Developer returns the developer with the e-mail address, in any case, and whether there is one.
func (s *Server) Developer(email string) (Developer, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d := s.developers[s.developerEmails[strings.ToLower(email)]]
	if d == nil {
		return Developer{}, false
	}
	return *d.clone(), true
}

// Developers returns all developers in the order they signed up.
func (s *Server) Developers() []Developer {
	s.mu.Lock()
	defer s.mu.Unlock()
	all := make([]Developer, 0, len(s.developerOrder))
	for _, id := range s.developerOrder {
		all = append(all, *s.developers[id].clone())
	}
	return all
}

func (s *Server) listDevelopers(r *http.Request) (any, error) {
	page, err := pageOf(r)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	from, to, pages := window(page, len(s.developerOrder))
	found := make([]Developer, 0, to-from)
	for _, id := range s.developerOrder[from:to] {
		d := *s.developers[id]
		if s.settings.Quirks.UnderscoreID {
			d.ID, d.OldID = "", d.ID
		}
		found = append(found, d)
	}
	return struct {
		Data  []Developer
		Pages int
	}{found, s.pageCountLocked(pages)}, nil
}

func (s *Server) getDeveloper(r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.developerLocked(r.PathValue("id"))
}

func (s *Server) getDeveloperByEmail(r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.developerLocked(s.developerEmails[strings.ToLower(r.PathValue("email"))])
}

func (s *Server) developerLocked(id string) (*Developer, error) {
	d := s.developers[id]
	if d == nil {
		return nil, notThere("Developer not found")
	}
	return d, nil
}

func (s *Server) postDeveloper(r *http.Request) (any, error) {
	var sent Developer
	if err := readJSON(r, &sent); err != nil {
		return nil, err
	}
	sent.ID = ""
	d, err := s.AddDeveloper(sent)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, err.Error())
	}
	return ok(d.ID), nil
}

// putDeveloper replaces a developer's record: Tyk takes the whole record or nothing.
func (s *Server) putDeveloper(r *http.Request) (any, error) {
	var sent Developer
	if err := readJSON(r, &sent); err != nil {
		return nil, err
	}
	secret, err := s.hashed(sent.Password)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, err := s.developerLocked(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	if sent.Email == "" {
		return nil, refuse(http.StatusBadRequest, errNoEmail.Error())
	}
	if holder, taken := s.developerEmails[strings.ToLower(sent.Email)]; taken && holder != old.ID {
		return nil, refuse(http.StatusBadRequest, errEmailTaken.Error())
	}
	if sent.Password != "" {
		s.passwords[old.ID] = secret
	}
	record := sent.clone()
	record.ID, record.OldID, record.Password, record.OrgID = old.ID, "", "", s.org
	record.DateCreated, record.LastLogin = old.DateCreated, old.LastLogin
	record.whole()
	delete(s.developerEmails, strings.ToLower(old.Email))
	s.developerEmails[strings.ToLower(record.Email)] = record.ID
	s.developers[record.ID] = record
	return ok("Data updated"), nil
}

// deleteDeveloper removes a developer and their keys. Their key requests stay, and can no longer be approved.
func (s *Server) deleteDeveloper(r *http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, err := s.developerLocked(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	for id := range d.Keys {
		s.dropKeyLocked(s.keyByIDLocked(id))
	}
	delete(s.developers, d.ID)
	delete(s.developerEmails, strings.ToLower(d.Email))
	delete(s.passwords, d.ID)
	s.developerOrder = slices.DeleteFunc(s.developerOrder, func(id string) bool { return id == d.ID })
	s.visits.drop(func(v *visit) bool { return v.developer == d.ID })
	return ok("Data deleted"), nil
}

func (s *Server) verifyCredentials(r *http.Request) (any, error) {
	var sent struct{ Username, Password string }
	if err := readJSON(r, &sent); err != nil {
		return nil, err
	}
	if _, err := s.authenticate(sent.Username, sent.Password); err != nil {
		return nil, err
	}
	return ok("OK"), nil
}

// authenticate returns the developer whose e-mail address and password these are.
func (s *Server) authenticate(email, text string) (*Developer, error) {
	s.mu.Lock()
	d := s.developers[s.developerEmails[strings.ToLower(email)]]
	var secret password
	if d != nil {
		secret = s.passwords[d.ID]
	}
	s.mu.Unlock()
	// The comparison is slow on purpose, so it happens outside the lock, and for unknown addresses too.
	if !secret.is(text) || d == nil || d.Inactive {
		return nil, refuse(http.StatusUnauthorized, "Not authorised")
	}
	return d, nil
}

// changeDeveloperLocked replaces a developer's record by a changed copy, so that records handed out stay as they were.
func (s *Server) changeDeveloperLocked(id string, change func(*Developer)) {
	if d := s.developers[id]; d != nil {
		changed := d.clone()
		change(changed)
		s.developers[id] = changed
	}
}
