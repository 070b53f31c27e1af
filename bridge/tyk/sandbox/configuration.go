package sandbox

import "net/http"

// Configuration is the portal's configuration as the Dashboard API speaks it, for the whole portal and, within a
// [CatalogueEntry], for one offer: there it counts only when Override is set.
type Configuration struct {
	ID                   string      `json:"id"`
	OrgID                string      `json:"org_id"`
	SignupFields         []string    `json:"signup_fields"`
	KeyRequestFields     []string    `json:"key_request_fields"`
	RequireKeyApproval   bool        `json:"require_key_approval"`
	SecureKeyApproval    bool        `json:"secure_key_approval"`
	RedirectOnKeyRequest bool        `json:"redirect_on_key_request"`
	RedirectTo           string      `json:"redirect_to"`
	EnableMultiSelection bool        `json:"enable_multi_selection"`
	DisableLogin         bool        `json:"disable_login"`
	DisableSignup        bool        `json:"disable_signup"`
	DisableAutoLogin     bool        `json:"disable_auto_login"`
	CatalogueLoginOnly   bool        `json:"catalogue_login_only"`
	OAuthUsageLimit      int         `json:"oauth_usage_limit"`
	Email                string      `json:"email"`
	MailOptions          MailOptions `json:"mail_options"`
	Override             bool        `json:"override"`
	HashKeys             bool        `json:"HashKeys"`
}

// MailOptions say who mails come from and what they say; the sandbox keeps them, and honours only
// email_copy.key_email.hide_token_data (see [Settings.HideTokenData]).
type MailOptions struct {
	FromName  string    `json:"mail_from_name"`
	FromEmail string    `json:"mail_from_email"`
	Copy      EmailCopy `json:"email_copy"`
}

// EmailCopy is the text of the mails Tyk sends.
type EmailCopy struct {
	Welcome       EmailText `json:"welcome_email"`
	Key           EmailText `json:"key_email"`
	ResetPassword EmailText `json:"reset_password_email"`
}

// EmailText is the text of one mail.
type EmailText struct {
	Enabled       bool   `json:"enabled"`
	Subject       string `json:"subject"`
	Body          string `json:"body"`
	SignOff       string `json:"sign_off"`
	HideTokenData bool   `json:"hide_token_data"`
}

// whole replaces what JSON would show as null by what Tyk shows.
func (c Configuration) whole() Configuration {
	if c.SignupFields == nil {
		c.SignupFields = []string{}
	}
	if c.KeyRequestFields == nil {
		c.KeyRequestFields = []string{}
	}
	return c
}

func (s *Server) getConfiguration(*http.Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.settings.over(s.configuration).whole(), nil
}

// putConfiguration replaces the configuration: a member that is not sent is off afterwards, since Tyk knows no partial
// change. What is no member of Tyk's configuration keeps its value.
func (s *Server) putConfiguration(r *http.Request) (any, error) {
	var sent Configuration
	if err := readJSON(r, &sent); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	settings := s.settings.from(sent)
	if err := settings.check(); err != nil {
		return nil, refuse(http.StatusBadRequest, err.Error())
	}
	sent.ID, sent.OrgID = s.configuration.ID, s.org
	s.settings, s.configuration = settings.clone(), sent
	return ok("Data updated"), nil
}

// over lays the settings over the other members of a configuration.
func (c Settings) over(rest Configuration) Configuration {
	rest.SignupFields, rest.KeyRequestFields = c.SignupFields, c.KeyRequestFields
	rest.RequireKeyApproval, rest.SecureKeyApproval = c.RequireKeyApproval, c.SecureKeyApproval
	rest.RedirectOnKeyRequest, rest.RedirectTo = c.RedirectOnKeyRequest, c.RedirectTo
	rest.EnableMultiSelection, rest.HashKeys = c.EnableMultiSelection, c.HashedKeys
	rest.DisableLogin, rest.DisableSignup, rest.DisableAutoLogin = c.DisableLogin, c.DisableSignup, c.DisableAutoLogin
	rest.CatalogueLoginOnly = c.CatalogueLoginOnly
	rest.MailOptions.Copy.Key.HideTokenData = c.HideTokenData
	return rest
}

// from takes over the members that Tyk's configuration holds. HashKeys is not among them: it is the gateway's to set.
func (c Settings) from(sent Configuration) Settings {
	c.SignupFields, c.KeyRequestFields = sent.SignupFields, sent.KeyRequestFields
	c.RequireKeyApproval, c.SecureKeyApproval = sent.RequireKeyApproval, sent.SecureKeyApproval
	c.RedirectOnKeyRequest, c.RedirectTo = sent.RedirectOnKeyRequest, sent.RedirectTo
	c.EnableMultiSelection = sent.EnableMultiSelection
	c.DisableLogin, c.DisableSignup, c.DisableAutoLogin = sent.DisableLogin, sent.DisableSignup, sent.DisableAutoLogin
	c.CatalogueLoginOnly = sent.CatalogueLoginOnly
	c.HideTokenData = sent.MailOptions.Copy.Key.HideTokenData
	return c
}

// rulesLocked returns the settings that hold for a request for the given policies: an entry that overrides replaces the
// portal's. Of several that do, each demand holds, and the first redirect is the one taken.
func (s *Server) rulesLocked(policies []string) Settings {
	rules, overridden := s.settings.clone(), false
	for _, entry := range s.entriesLocked(policies) {
		switch own := entry.Config; {
		case !own.Override:
		case !overridden:
			overridden = true
			rules.KeyRequestFields = own.KeyRequestFields
			rules.RequireKeyApproval, rules.SecureKeyApproval = own.RequireKeyApproval, own.SecureKeyApproval
			rules.RedirectOnKeyRequest, rules.RedirectTo = own.RedirectOnKeyRequest, own.RedirectTo
		default:
			rules.KeyRequestFields = append(rules.KeyRequestFields, own.KeyRequestFields...)
			rules.RequireKeyApproval = rules.RequireKeyApproval || own.RequireKeyApproval
			rules.SecureKeyApproval = rules.SecureKeyApproval || own.SecureKeyApproval
			if !rules.RedirectOnKeyRequest {
				rules.RedirectOnKeyRequest, rules.RedirectTo = own.RedirectOnKeyRequest, own.RedirectTo
			}
		}
	}
	return rules
}
