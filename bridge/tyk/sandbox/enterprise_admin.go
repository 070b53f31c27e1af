package sandbox

import (
	"context"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// section is one of the admin's pages.
type section struct {
	Name, Title string
	body        func() any
}

func (e *Enterprise) sections() []section {
	return []section{
		{"access-requests", "API Consumers: Access Requests", func() any { return e.latestRequests() }},
		{"users", "API Consumers: Users", func() any { return e.latestUsers() }},
		{"plans", "Plans", func() any { return e.Plans() }},
		{"webhooks", "Webhooks", func() any { return e.webhookDesk() }},
		{"emails", "E-mails", func() any { return e.latestMail() }},
		{"settings", "Settings", func() any { settings := e.Settings(); return settings.boxes() }},
		{"faults", "Faults", func() any { return e.breakage("/portal-api/") }},
	}
}

// adminPortal serves the admin's pages. Nobody has to sign in: it is a sandbox.
func (e *Enterprise) adminPortal(mux *http.ServeMux) {
	mux.Handle("GET /admin/{$}", http.RedirectHandler("/admin/access-requests", http.StatusSeeOther))
	for _, s := range e.sections() {
		file := map[string]string{"access-requests": "access_requests", "faults": "breakage"}
		mux.HandleFunc("GET /admin/"+s.Name, func(w http.ResponseWriter, r *http.Request) {
			e.show(w, r, http.StatusOK, orElse(file[s.Name], s.Name), enterpriseSheet{
				Title: s.Title, Section: s.Name, Notice: enterpriseNotices[r.URL.Query().Get("done")], Body: s.body(),
			})
		})
	}
	acts := e.sharedActs()
	maps.Copy(acts, map[string]adminAct{
		"POST /admin/access-requests/{id}/approve":            e.adminDecides(Approved),
		"POST /admin/access-requests/{id}/reject":             e.adminDecides(Rejected),
		"POST /admin/access-requests/{id}/delete":             e.adminDeletes,
		"POST /admin/access-requests/{credential}/revoke":     e.adminRevokes,
		"POST /admin/users/{id}/activate":                     e.adminActivates(true),
		"POST /admin/users/{id}/deactivate":                   e.adminActivates(false),
		"POST /admin/plans/{id}/save":                         e.adminSavesPlan,
		"POST /admin/channels/add":                            e.adminAddsChannel,
		"POST /admin/channels/{id}/remove":                    e.adminRemovesChannel,
		"POST /admin/channels/{id}/test":                      e.adminTestsChannel,
		"POST /admin/channels/{id}/header":                    e.adminAddsHeader,
		"POST /admin/channels/{id}/headers/{header}/unheader": e.adminRemovesHeader,
		"POST /admin/emails/templates":                        e.adminSavesTemplates,
		"POST /admin/settings/save":                           e.adminSets,
	})
	for pattern, act := range acts {
		mux.HandleFunc(pattern, acted(act, sectionOf, e.sorry))
	}
	mux.HandleFunc("/admin/", func(w http.ResponseWriter, r *http.Request) {
		e.sorry(w, r, refuse(http.StatusNotFound, "There is no such page."))
	})
}

// sectionOf returns the page an act belongs to.
func sectionOf(r *http.Request) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/admin/"), "/")
	if name == "channels" {
		name = "webhooks"
	}
	return "/admin/" + name
}

// enterpriseNotices are the sentences after an act, by the name in the address: no text comes in from outside.
var enterpriseNotices = map[string]string{
	"approve": "The access request was approved.", "reject": "The access request was rejected.",
	"delete": "The access request was deleted, and its credentials were revoked.", "revoke": "The credential was deleted.",
	"activate": "The user was activated.", "deactivate": "The user was deactivated.",
	"save": "Your changes were saved.", "add": "The webhook was added.", "remove": "The webhook was deleted.",
	"test":   "The connection was tested with HEAD and without headers; the outcome is in the first line of the table.",
	"header": "The header was added.", "unheader": "The header was deleted.", "templates": "The e-mail templates were saved.",
	"faults": "The fault was set.", "clear": "All faults were cleared.", "replay": "The webhook was sent again.",
}

// requestDesk is what the admin's page of access requests shows: the pending ones first.
type requestDesk struct {
	Pending      []shownRequest
	PendingCount int
	Decided      []shownRequest
}

func (e *Enterprise) latestRequests() requestDesk {
	e.mu.Lock()
	defer e.mu.Unlock()
	var desk requestDesk
	for _, request := range slices.Backward(e.requests.all()) {
		if request.Status != Pending {
			if len(desk.Decided) < adminShows {
				desk.Decided = append(desk.Decided, e.shownRequestLocked(request))
			}
			continue
		}
		desk.PendingCount++
		if len(desk.Pending) < adminShows {
			desk.Pending = append(desk.Pending, e.shownRequestLocked(request))
		}
	}
	return desk
}

func (e *Enterprise) latestUsers() []User {
	users := e.Users()
	slices.Reverse(users)
	return users[:min(len(users), adminShows)]
}

func (e *Enterprise) latestMail() []Message {
	mails := e.Mail()
	slices.Reverse(mails)
	return mails[:min(len(mails), adminShows)]
}

// webhookDesk is what the admin's page of webhooks shows.
type webhookDesk struct {
	Channels   []Channel
	Events     []string
	Deliveries []Delivery
}

func (e *Enterprise) webhookDesk() webhookDesk {
	return webhookDesk{Channels: e.Channels(), Events: portalEvents, Deliveries: e.latestDeliveries()}
}

// pathNumber reads a part of the path that is an id.
func pathNumber(r *http.Request, part string) (int, error) {
	id, err := strconv.Atoi(r.PathValue(part))
	if err != nil {
		return 0, notThere("There is no such record.")
	}
	return id, nil
}

func (e *Enterprise) adminDecides(status string) adminAct {
	return func(r *http.Request) error {
		id, err := pathNumber(r, "id")
		if err != nil {
			return err
		}
		return e.decide(id, status, e.base(r))
	}
}

func (e *Enterprise) adminDeletes(r *http.Request) error {
	id, err := pathNumber(r, "id")
	if err != nil {
		return err
	}
	return e.DeleteAccessRequest(id)
}

func (e *Enterprise) adminRevokes(r *http.Request) error {
	id, err := pathNumber(r, "credential")
	if err != nil {
		return err
	}
	return e.RevokeCredential(id)
}

func (e *Enterprise) adminActivates(active bool) adminAct {
	return func(r *http.Request) error {
		e.mu.Lock()
		defer e.mu.Unlock()
		user, err := foundIn(r, "id", &e.users)
		if err != nil || user.ID == adminID {
			return notThere("There is no such developer.")
		}
		e.setActiveLocked(user, active, e.base(r))
		return nil
	}
}

func (e *Enterprise) adminSavesPlan(r *http.Request) error {
	id, err := pathNumber(r, "id")
	if err != nil {
		return err
	}
	return e.SetAutoApprove(id, r.PostFormValue("auto_approve") != "")
}

func (e *Enterprise) adminAddsChannel(r *http.Request) error {
	timeout, err := formNumber(r, "timeout")
	if err != nil {
		return err
	}
	text := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	_, err = e.addChannel(Channel{
		Name: text("name"), URL: text("url"), Method: text("method"), Timeout: timeout, Events: r.PostForm["event"],
	})
	return err
}

func (e *Enterprise) adminRemovesChannel(r *http.Request) error {
	return e.RemoveChannel(r.PathValue("id"))
}

// adminTestsChannel waits for the outcome, which the page then shows.
func (e *Enterprise) adminTestsChannel(r *http.Request) error {
	ctx, cancel := context.WithTimeout(r.Context(), time.Minute)
	defer cancel()
	_, err := e.TestConnection(ctx, r.PathValue("id"))
	return err
}

func (e *Enterprise) adminAddsHeader(r *http.Request) error {
	_, err := e.addHeader(r.PathValue("id"), ChannelHeader{
		Name: strings.TrimSpace(r.PostFormValue("name")), Value: strings.TrimSpace(r.PostFormValue("value")),
	})
	return err
}

func (e *Enterprise) adminRemovesHeader(r *http.Request) error {
	_, err := e.deleteHeader(r)
	return err
}

func (e *Enterprise) adminSavesTemplates(r *http.Request) error {
	return e.adminKeeps(func(settings *EnterpriseSettings) error {
		text := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
		lines := func(name string) string { return strings.ReplaceAll(text(name), "\r\n", "\n") }
		settings.Approve = MailTemplate{Subject: text("approve_subject"), Text: lines("approve_text")}
		settings.Reject = MailTemplate{Subject: text("reject_subject"), Text: lines("reject_text")}
		return nil
	})
}

// adminSets takes the whole settings form: a box that is not ticked is off. An empty secret keeps the one there is.
func (e *Enterprise) adminSets(r *http.Request) error {
	return e.adminKeeps(func(settings *EnterpriseSettings) error {
		text := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
		readBoxes(r, settings.boxes())
		settings.ThemeLink, settings.ThemeLinkText = text("theme_link"), text("theme_link_text")
		settings.ThemeLinkParameter = text("theme_link_parameter")
		var err error
		if settings.SignedLink, err = signedForm(r, settings.SignedLink); err != nil {
			return err
		}
		settings.Quirks.MissingStatus, err = formNumber(r, "missing_status")
		return err
	})
}

// adminKeeps changes the settings as a form asks.
func (e *Enterprise) adminKeeps(change func(*EnterpriseSettings) error) error {
	settings := e.Settings()
	if err := change(&settings); err != nil {
		return err
	}
	if err := e.SetSettings(settings); err != nil {
		return refuse(http.StatusUnprocessableEntity, "Not saved: "+strings.TrimPrefix(err.Error(), "sandbox settings: ")+".")
	}
	return nil
}

// boxes are the settings that are on or off. Each is named in the form as it is named in JSON.
func (c *EnterpriseSettings) boxes() []box {
	return []box{
		{"disable_signup", "Disable sign-up", &c.DisableSignup},
		{"inactive_signup", "Those who sign up wait for an admin to activate them", &c.InactiveSignup},
		{"email_service", "The e-mail service is configured", &c.EmailService},
		{"hold_webhooks", "Hold webhooks back", &c.HoldWebhooks},
		{"products_as_list", "Write an access request’s products as a list", &c.ProductsAsList},
		{"display_names", "Write plans and products by the names developers see", &c.DisplayNames},
		{"provisioning_fails", "Provisioning fails: nothing can be approved", &c.ProvisioningFails},
		{"repeats_succeed", "The same decision again succeeds", &c.RepeatsSucceed},
		{"decisions_change", "A decision may be changed", &c.DecisionsChange},
		{"deactivation_revokes", "Deactivating a user revokes their credentials", &c.DeactivationRevokes},
		{"published_samples", "Quirk: webhooks as the published samples", &c.Quirks.PublishedSamples},
		{"old_events", "Quirk: webhooks as 1.9 named them", &c.Quirks.OldEvents},
		{"by_actor", "Quirk: “ByUser” is who acted", &c.Quirks.ByActor},
		{"list_omits_credentials", "Quirk: no credentials in the list of access requests", &c.Quirks.ListOmitsCredentials},
		{"bare_app_requests", "Quirk: no id and status below an app", &c.Quirks.BareAppRequests},
		{"deleted_stay_readable", "Quirk: deleted access requests stay readable", &c.Quirks.DeletedStayReadable},
		{"new_plans", "Quirk: plans as 1.14 describes them", &c.Quirks.NewPlans},
		{"oldest_first", "Quirk: oldest first", &c.Quirks.OldestFirst},
	}
}
