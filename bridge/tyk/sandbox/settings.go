package sandbox

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
)

// Settings is what the Dashboard's admin decides about the portal, and what Tyk's documents leave open. All of it may
// change while the portal runs, see [Server.SetSettings]; the control API speaks it under the JSON names given here.
type Settings struct {
	// RequireKeyApproval leaves a key request pending until somebody approves it. Without it the portal issues the key
	// as soon as the form is sent.
	RequireKeyApproval bool `json:"require_key_approval"`
	// SecureKeyApproval (Dashboard 3.1.0) mails a link instead of the key; the key comes to be only when the developer
	// has signed in and clicked Generate key. Until then the developer has no key and the approve answer holds none.
	SecureKeyApproval bool `json:"secure_key_approval"`
	// RedirectOnKeyRequest sends the developer's browser to RedirectTo after the request form, whatever
	// RequireKeyApproval says; the key request stays pending.
	RedirectOnKeyRequest bool `json:"redirect_on_key_request"`
	// RedirectTo is an absolute http or https URL. Its own query is kept.
	RedirectTo string `json:"redirect_to"`
	// RedirectParameter names the query parameter that carries the key request's id. Tyk's documents do not name it;
	// empty means "key_request_id".
	RedirectParameter string `json:"redirect_parameter"`
	// SignedRedirect makes the redirect carry a proof of its origin, as a portal with customised templates may.
	SignedRedirect SignedRedirect `json:"signed_redirect"`
	// KeyRequestFields are the labels of the questions on the request form: why access is wanted.
	KeyRequestFields []string `json:"key_request_fields"`
	// SignupFields are the labels of further questions on the sign-up form, beside e-mail, password and name.
	SignupFields []string `json:"signup_fields"`
	// EnableMultiSelection lets one request ask for several plans, answered with one key.
	EnableMultiSelection bool `json:"enable_multi_selection"`
	// DisableLogin and DisableSignup close those pages; DisableAutoLogin leaves a developer who has just signed up
	// signed out; CatalogueLoginOnly shows the catalogue to those signed in only.
	DisableLogin       bool `json:"disable_login"`
	DisableSignup      bool `json:"disable_signup"`
	DisableAutoLogin   bool `json:"disable_auto_login"`
	CatalogueLoginOnly bool `json:"catalogue_login_only"`
	// HideTokenData keeps the key out of the key mail (mail_options.email_copy.key_email.hide_token_data).
	HideTokenData bool `json:"hide_token_data"`

	// Webhook is the organisation's event_options.key_request_event.webhook: an absolute URL, or empty for none.
	Webhook string `json:"webhook"`
	// UpdateEvent is the event's name when a key request was changed or approved. Tyk's documents say that the event
	// fires then, and name only "key_request_event.submitted"; empty means "key_request_event.updated".
	UpdateEvent string `json:"update_event"`
	// HoldWebhooks records webhooks without sending them: a lost webhook, until it is replayed.
	HoldWebhooks bool `json:"hold_webhooks"`

	// HashedKeys names keys by a hash in the developer's record, as a gateway with hash_keys does. Without it a key's
	// id IS the raw key, so the developer's record is a secret too.
	HashedKeys bool `json:"hashed_keys"`
	// OmittedApprovalIsPending forgives a key request that was created through the API without "approved":false.
	// Since Dashboard 1.8 such a request counts as processed and its approval fails.
	OmittedApprovalIsPending bool `json:"omitted_approval_is_pending"`
	// DeleteRevokesKey takes the key away when its approved request is deleted. Tyk's documents do not say that it
	// does, so by default the key lives on.
	DeleteRevokesKey bool `json:"delete_revokes_key"`

	// Quirks are the ways older or particular Dashboards differ.
	Quirks Quirks `json:"quirks"`
}

// Quirks are differences between Tyk's versions, and between its documents. All are off by default.
type Quirks struct {
	// UnderscoreID names the id "_id" in lists, as Dashboards before 1.8 do.
	UnderscoreID bool `json:"underscore_id"`
	// ErrorsUnder200 answers errors (all but 401) with status 200, so that only the envelope tells.
	ErrorsUnder200 bool `json:"errors_under_200"`
	// MissingStatus is the status for a record that is not there: 404, or 400 or 500 as older Dashboards do; 0 = 404.
	MissingStatus int `json:"missing_status"`
	// ForPlanOnly leaves apply_policies out of key requests.
	ForPlanOnly bool `json:"for_plan_only"`
	// OmitDeveloper leaves portal_developer, catalogue_entry and catalogues out when one key request is read.
	OmitDeveloper bool `json:"omit_developer"`
	// NoPageCount answers "Pages":0 always, as the documents' sample does.
	NoPageCount bool `json:"no_page_count"`
	// OldestFirst turns the order of lists round; the documents do not give one, their samples show the newest first.
	OldestFirst bool `json:"oldest_first"`
	// ZeroDates keeps date_created at 0001-01-01T00:00:00Z when the client sent none.
	ZeroDates bool `json:"zero_dates"`
}

// The kinds of [SignedRedirect].
const (
	SignedJWT   = "jwt-hs256"
	SignedQuery = "query-hmac"
)

// SignedRedirect describes the proof a redirect carries. The zero value is Tyk's own bare id.
type SignedRedirect struct {
	// Kind is "", [SignedJWT] or [SignedQuery].
	Kind string `json:"kind"`
	// Secret is the HMAC key; required when Kind is set. The control API never shows it.
	Secret string `json:"secret,omitempty"`
	// Issuer and Audience are the token's iss and aud.
	Issuer   string `json:"issuer"`
	Audience string `json:"audience"`
	// Portal is the value of the signed query's parameter "portal".
	Portal string `json:"portal"`
	// Parameter is the token's query parameter; empty means "token".
	Parameter string `json:"parameter"`
	// Lifetime is how long the token lives, in seconds, at most 3,600; 0 means 300.
	Lifetime int `json:"lifetime"`
}

// DefaultSettings are those of a sandbox that was given none: approval required, keys hashed, two questions on the form.
func DefaultSettings() Settings {
	return Settings{
		RequireKeyApproval: true,
		HashedKeys:         true,
		KeyRequestFields:   []string{"What will you build?", "Expected calls per day"},
	}
}

// Settings returns the settings as they are.
func (s *Server) Settings() Settings {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings.clone()
}

// SetSettings replaces all settings, from the next request on. It returns an error, and changes nothing, when a URL is
// not an absolute http or https one, or a signed redirect lacks its secret.
func (s *Server) SetSettings(settings Settings) error {
	if err := settings.check(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.settings = settings.clone()
	return nil
}

func (c Settings) clone() Settings {
	c.KeyRequestFields = slices.Clone(c.KeyRequestFields)
	c.SignupFields = slices.Clone(c.SignupFields)
	return c
}

func (c Settings) check() error {
	if c.RedirectOnKeyRequest || c.RedirectTo != "" {
		if err := absoluteURL("redirect_to", c.RedirectTo); err != nil {
			return err
		}
	}
	if c.Webhook != "" {
		if err := absoluteURL("webhook", c.Webhook); err != nil {
			return err
		}
	}
	switch c.Quirks.MissingStatus {
	case 0, http.StatusBadRequest, http.StatusNotFound, http.StatusInternalServerError:
	default:
		return fmt.Errorf("sandbox settings: missing_status %d is none of 400, 404, 500", c.Quirks.MissingStatus)
	}
	return c.SignedRedirect.check("signed_redirect")
}

// check returns an error, which calls the proof by the name of its setting, when it cannot be made.
func (r SignedRedirect) check(name string) error {
	switch r.Kind {
	case "":
		return nil
	case SignedJWT, SignedQuery:
	default:
		return fmt.Errorf("sandbox settings: %s: kind %q is none of %q, %q", name, r.Kind, SignedJWT, SignedQuery)
	}
	if r.Secret == "" {
		return fmt.Errorf("sandbox settings: %s: kind %q needs a secret", name, r.Kind)
	}
	if r.Lifetime < 0 || r.Lifetime > 3600 {
		return fmt.Errorf("sandbox settings: %s: lifetime of %d s is not within 0 and 3600", name, r.Lifetime)
	}
	return nil
}

func absoluteURL(name, text string) error {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
		return fmt.Errorf("sandbox settings: %s is not an absolute http or https URL", name)
	}
	return nil
}

func (c Settings) redirectParameter() string {
	if c.RedirectParameter == "" {
		return "key_request_id"
	}
	return c.RedirectParameter
}

func (c Settings) updateEvent() string {
	if c.UpdateEvent == "" {
		return "key_request_event.updated"
	}
	return c.UpdateEvent
}
