package sandbox

import (
	"fmt"
	"net/http"
	"strings"
)

// EnterpriseSettings is what the Enterprise Portal's admin decides, and what Tyk's documents leave open. All of it may
// change while the portal runs, see [Enterprise.SetSettings]; the control API speaks it under the JSON names given here.
type EnterpriseSettings struct {
	// DisableSignup closes the sign-up page; InactiveSignup leaves those who sign up inactive until an admin activates them.
	DisableSignup  bool `json:"disable_signup"`
	InactiveSignup bool `json:"inactive_signup"`
	// EmailService tells that the e-mail service is configured: without it no mail is sent.
	EmailService bool `json:"email_service"`
	// Approve and Reject are the templates "approve" and "reject".
	Approve MailTemplate `json:"approve"`
	Reject  MailTemplate `json:"reject"`
	// HoldWebhooks records webhooks without sending them: a lost webhook, until it is replayed.
	HoldWebhooks bool `json:"hold_webhooks"`

	// ThemeLink is a link a customised theme puts on the page after an access request was sent, as long as the request is
	// pending: an absolute http or https URL in which {id} stands for the access request's id. Where it has no {id}, or the
	// link is signed as a query, the id is added under ThemeLinkParameter. Empty means no link: the portal itself has none.
	ThemeLink string `json:"theme_link"`
	// ThemeLinkText is what the link says; empty means "Continue to payment".
	ThemeLinkText string `json:"theme_link_text"`
	// ThemeLinkParameter names the parameter that carries the id; empty means "request_id".
	ThemeLinkParameter string `json:"theme_link_parameter"`
	// SignedLink makes the link carry a proof of its origin.
	SignedLink SignedRedirect `json:"signed_link"`

	// ProductsAsList writes the member Products of an access request as a list of names. Tyk's documents write text in the
	// calls for access requests ("Names of products") and a list within an app; several names are then joined with ", ".
	ProductsAsList bool `json:"products_as_list"`
	// DisplayNames writes the names of plan and products as developers see them. Tyk's samples show the names the gateway
	// knows them by ("free_plan").
	DisplayNames bool `json:"display_names"`
	// ProvisioningFails makes every approval fail: the gateway cannot be reached, the request stays pending, 422.
	ProvisioningFails bool `json:"provisioning_fails"`
	// RepeatsSucceed answers 200 to an approval of what is approved and a rejection of what is rejected, which then do
	// nothing. Tyk's documents tell 200 and 422 without saying which is when; by default a decision is made once.
	RepeatsSucceed bool `json:"repeats_succeed"`
	// DecisionsChange lets an approved request be rejected, which revokes its credentials, and a rejected one be approved.
	DecisionsChange bool `json:"decisions_change"`
	// DeactivationRevokes takes away the credentials of a user who is deactivated. Tyk's documents say only that they can no
	// longer sign in.
	DeactivationRevokes bool `json:"deactivation_revokes"`

	// Quirks are the ways releases differ, from each other and from their documents.
	Quirks EnterpriseQuirks `json:"quirks"`
}

// MailTemplate is what one kind of mail says. In both, {name} stands for the user, {portal} for the portal, {app},
// {products} and {plan} for what was asked for, and {id} for the access request's id.
type MailTemplate struct {
	Subject string `json:"subject"`
	Text    string `json:"text"`
}

// EnterpriseQuirks are differences between the portal's releases, and between its documents. All are off by default.
type EnterpriseQuirks struct {
	// PublishedSamples makes webhooks what the documents' samples show: AccessRequestCreated with "ID":0,
	// "Status":"approved" and the year 1, AccessRequestRejected with no products.
	PublishedSamples bool `json:"published_samples"`
	// OldEvents names events and their members as 1.9 did: "event", "message", "timestamp"; NewAccessRequest,
	// NewCredentialRegistration, NewApplicationRegistration, NewUserRegistration, NewOrganisationRegistration.
	OldEvents bool `json:"old_events"`
	// ByActor makes ByUser the one who acted, an admin perhaps, and not the user whose access request it is. The documents
	// do not say which; their samples allow both.
	ByActor bool `json:"by_actor"`
	// ListOmitsCredentials leaves Credentials out of GET /access_requests, as the OpenAPI description has it.
	ListOmitsCredentials bool `json:"list_omits_credentials"`
	// BareAppRequests leaves ID, Status, AuthType, DCREnabled and ProvisionImmediately out of one access request read below
	// its app, as the OpenAPI description has it.
	BareAppRequests bool `json:"bare_app_requests"`
	// DeletedStayReadable lets a deleted access request be read by its id, with its DeletedAt, though it is listed no more.
	DeletedStayReadable bool `json:"deleted_stay_readable"`
	// NewPlans writes plans as 1.14 describes them: the list within "data", rate limit and quota as numbers.
	NewPlans bool `json:"new_plans"`
	// MissingStatus is the status for a record that is not there when it is read or deleted: 404, or 422 or 400 as the
	// OpenAPI description has it for some calls; 0 = 404.
	MissingStatus int `json:"missing_status"`
	// OldestFirst turns the order of lists round; the documents do not give one.
	OldestFirst bool `json:"oldest_first"`
}

// DefaultEnterpriseSettings are those of a portal that was given none: mails are sent, and nothing goes wrong.
func DefaultEnterpriseSettings() EnterpriseSettings {
	return EnterpriseSettings{
		EmailService: true,
		Approve: MailTemplate{
			Subject: "Your access request was approved",
			Text:    "Hello {name},\n\nyour request for {products} with the plan {plan} was approved. The credentials are in your app {app} at the {portal}.",
		},
		Reject: MailTemplate{
			Subject: "Your access request was rejected",
			Text:    "Hello {name},\n\nyour request for {products} with the plan {plan} was rejected. No access was granted to your app {app}.",
		},
	}
}

// Settings returns the settings as they are.
func (e *Enterprise) Settings() EnterpriseSettings {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.settings
}

// SetSettings replaces all settings, from the next request on. It returns an error, and changes nothing, when the link is
// not an absolute http or https URL, a signed link lacks its secret, or a mail has no subject.
func (e *Enterprise) SetSettings(settings EnterpriseSettings) error {
	if err := settings.check(); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.settings = settings
	return nil
}

func (c EnterpriseSettings) check() error {
	if c.ThemeLink != "" {
		if err := absoluteURL("theme_link", c.ThemeLink); err != nil {
			return err
		}
	}
	for name, template := range map[string]MailTemplate{"approve": c.Approve, "reject": c.Reject} {
		if strings.ContainsAny(template.Subject, "\r\n") {
			return fmt.Errorf("sandbox settings: %s: the subject has more than one line", name)
		}
		if c.EmailService && strings.TrimSpace(template.Subject) == "" {
			return fmt.Errorf("sandbox settings: %s: the subject is missing", name)
		}
	}
	switch c.Quirks.MissingStatus {
	case 0, http.StatusBadRequest, http.StatusNotFound, http.StatusUnprocessableEntity:
	default:
		return fmt.Errorf("sandbox settings: missing_status %d is none of 400, 404, 422", c.Quirks.MissingStatus)
	}
	return c.SignedLink.check("signed_link")
}
