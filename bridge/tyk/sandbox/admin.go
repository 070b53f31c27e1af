package sandbox

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"
)

// adminShows is how many records of a kind the admin's page lists; under load there are thousands.
const adminShows = 50

func (s *Server) adminRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /admin/{$}", s.adminPage)
	acts := s.sharedActs()
	maps.Copy(acts, map[string]adminAct{
		"POST /admin/requests/{id}/approve": s.adminApproves,
		"POST /admin/requests/{id}/decline": s.adminDeclines,
		"POST /admin/keys/{hash}/suspend":   s.adminSuspends(true),
		"POST /admin/keys/{hash}/resume":    s.adminSuspends(false),
		"POST /admin/keys/{hash}/remove":    s.adminRemoves,
		"POST /admin/settings":              s.adminSets,
	})
	for pattern, act := range acts {
		mux.HandleFunc(pattern, acted(act, func(*http.Request) string { return "/admin/" }, s.sorry))
	}
	mux.HandleFunc("/admin/", func(w http.ResponseWriter, r *http.Request) {
		s.sorry(w, r, refuse(http.StatusNotFound, "There is no such page."))
	})
}

// sharedActs are what the admins of both portals may do.
func (s *site) sharedActs() map[string]adminAct {
	return map[string]adminAct{
		"POST /admin/faults":               s.adminBreaks,
		"POST /admin/faults/clear":         s.adminMends,
		"POST /admin/webhooks/{id}/replay": s.adminReplays,
	}
}

// desk is what the admin's page shows.
type desk struct {
	Pending      []ownRequest
	PendingCount int
	Developers   []deskDeveloper
	Deliveries   []Delivery
	Breakage     breakage
	Boxes        []box
}

// breakage is what the form of faults shows.
type breakage struct {
	Faults []Fault
	Kinds  []FaultKind
	Path   string // that the form begins with
}

func (s *site) breakage(path string) breakage {
	return breakage{
		Faults: s.Faults(), Path: path,
		Kinds: []FaultKind{Latency, TooManyRequests, ErrorBefore, ErrorAfter, CutBefore, CutAfter},
	}
}

// latestDeliveries returns the webhooks an admin's page lists, newest first.
func (s *site) latestDeliveries() []Delivery {
	all := s.Webhooks()
	slices.Reverse(all)
	return all[:min(len(all), adminShows)]
}

type deskDeveloper struct {
	*Developer
	Held []ownKey
}

func (s *Server) adminPage(w http.ResponseWriter, r *http.Request) {
	s.show(w, http.StatusOK, "admin", sheet{
		Title: "Key requests", Admin: true, Notice: adminNotices[r.URL.Query().Get("done")], Body: s.desk(),
	})
}

// adminNotices are the sentences after an act, by the name in the address: no text comes in from outside.
var adminNotices = map[string]string{
	"approve": "The key request was approved.", "decline": "The key request was declined, and so deleted.",
	"suspend": "The key was suspended.", "resume": "The key was resumed.", "remove": "The key was removed.",
	"settings": "The settings were saved.", "faults": "The fault was set.", "clear": "All faults were cleared.",
	"replay": "The webhook was sent again.",
}

func (s *Server) desk() desk {
	settings := s.Settings()
	d := desk{Boxes: settings.boxes(), Deliveries: s.latestDeliveries(), Breakage: s.breakage("/api/")}
	s.mu.Lock()
	defer s.mu.Unlock()
	d.PendingCount = s.lists[listPending].Len()
	for _, record := range s.sliceLocked(listPending, 0, min(adminShows, d.PendingCount)) {
		d.Pending = append(d.Pending, s.ownLocked(record))
	}
	for i := len(s.developerOrder) - 1; i >= 0 && len(d.Developers) < adminShows; i-- {
		developer := s.developers[s.developerOrder[i]]
		d.Developers = append(d.Developers, deskDeveloper{Developer: developer, Held: s.heldLocked(developer)})
	}
	return d
}

// adminAct does what a button of the admin's page asks for.
type adminAct func(*http.Request) error

// acted serves an adminAct and goes back to a page, which then says what was done.
func acted(act adminAct, back func(*http.Request) string, sorry func(http.ResponseWriter, *http.Request, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if err := formOf(w, r); err != nil {
			sorry(w, r, err)
			return
		}
		if err := act(r); err != nil {
			sorry(w, r, err)
			return
		}
		done := r.URL.Path[strings.LastIndex(r.URL.Path, "/")+1:]
		http.Redirect(w, r, back(r)+"?done="+done, http.StatusSeeOther) //nolint:gosec // a path of this host, whatever follows
	}
}

func (s *Server) adminApproves(r *http.Request) error {
	_, err := s.approve(r.PathValue("id"), s.base(r))
	return err
}

func (s *Server) adminDeclines(r *http.Request) error { return s.Decline(r.PathValue("id")) }

func (s *Server) adminSuspends(suspended bool) adminAct {
	return func(r *http.Request) error { return s.SuspendKey(r.PathValue("hash"), suspended) }
}

func (s *Server) adminRemoves(r *http.Request) error { return s.RevokeKey(r.PathValue("hash")) }

func (s *site) adminMends(*http.Request) error {
	s.ClearFaults()
	return nil
}

func (s *site) adminReplays(r *http.Request) error { return s.Replay(r.PathValue("id")) }

// adminSets takes the whole settings form: a box that is not ticked is off. An empty secret keeps the one there is,
// since the page never shows it.
func (s *Server) adminSets(r *http.Request) error {
	settings := s.Settings()
	readBoxes(r, settings.boxes())
	lines := func(name string) []string {
		return strings.FieldsFunc(r.PostFormValue(name), func(c rune) bool { return c == '\n' || c == '\r' })
	}
	text := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	settings.RedirectTo, settings.RedirectParameter = text("redirect_to"), text("redirect_parameter")
	settings.Webhook, settings.UpdateEvent = text("webhook"), text("update_event")
	settings.KeyRequestFields, settings.SignupFields = lines("key_request_fields"), lines("signup_fields")
	var err error
	if settings.SignedRedirect, err = signedForm(r, settings.SignedRedirect); err != nil {
		return err
	}
	if settings.Quirks.MissingStatus, err = formNumber(r, "missing_status"); err != nil {
		return err
	}
	if err := s.SetSettings(settings); err != nil {
		return refuse(http.StatusUnprocessableEntity, "Not saved: "+strings.TrimPrefix(err.Error(), "sandbox settings: ")+".")
	}
	return nil
}

// signedForm reads the fields of a proof of origin. An empty secret keeps the one there is.
func signedForm(r *http.Request, was SignedRedirect) (SignedRedirect, error) {
	text := func(name string) string { return strings.TrimSpace(r.PostFormValue(name)) }
	lifetime, err := formNumber(r, "signed_lifetime")
	return SignedRedirect{
		Kind: text("signed_redirect"), Secret: orElse(text("signed_secret"), was.Secret), Issuer: text("signed_issuer"),
		Audience: text("signed_audience"), Portal: text("signed_portal"), Parameter: text("signed_parameter"), Lifetime: lifetime,
	}, err
}

// box is a setting that is on or off, with its label on the admin's page.
type box struct {
	Name, Label string
	value       *bool
}

// On tells whether the box is ticked.
func (b box) On() bool { return *b.value }

// boxes are the settings that are on or off. Each is named in the form as it is named in JSON.
func (c *Settings) boxes() []box {
	return []box{
		{"require_key_approval", "Require key approval", &c.RequireKeyApproval},
		{"secure_key_approval", "Secure key approval", &c.SecureKeyApproval},
		{"redirect_on_key_request", "Redirect key requests", &c.RedirectOnKeyRequest},
		{"enable_multi_selection", "Several plans in one request", &c.EnableMultiSelection},
		{"disable_login", "Disable sign-in", &c.DisableLogin},
		{"disable_signup", "Disable sign-up", &c.DisableSignup},
		{"disable_auto_login", "Do not sign in after sign-up", &c.DisableAutoLogin},
		{"catalogue_login_only", "Catalogue for those signed in only", &c.CatalogueLoginOnly},
		{"hide_token_data", "Keep the key out of the key mail", &c.HideTokenData},
		{"hold_webhooks", "Hold webhooks back", &c.HoldWebhooks},
		{"hashed_keys", "Name keys by their hash", &c.HashedKeys},
		{"omitted_approval_is_pending", "A request without “approved” is pending", &c.OmittedApprovalIsPending},
		{"delete_revokes_key", "Deleting an approved request revokes its key", &c.DeleteRevokesKey},
		{"underscore_id", "Quirk: “_id” in lists", &c.Quirks.UnderscoreID},
		{"errors_under_200", "Quirk: errors under status 200", &c.Quirks.ErrorsUnder200},
		{"for_plan_only", "Quirk: for_plan only", &c.Quirks.ForPlanOnly},
		{"omit_developer", "Quirk: no developer when one request is read", &c.Quirks.OmitDeveloper},
		{"no_page_count", "Quirk: “Pages” is always 0", &c.Quirks.NoPageCount},
		{"oldest_first", "Quirk: oldest first", &c.Quirks.OldestFirst},
		{"zero_dates", "Quirk: dates that were not sent stay at the year 1", &c.Quirks.ZeroDates},
	}
}

// readBoxes takes the boxes of a form: one that is not ticked is off.
func readBoxes(r *http.Request, boxes []box) {
	for _, b := range boxes {
		*b.value = r.PostFormValue(b.Name) != ""
	}
}

func (s *site) adminBreaks(r *http.Request) error {
	fault := Fault{
		Method: strings.TrimSpace(r.PostFormValue("method")), Path: strings.TrimSpace(r.PostFormValue("path")),
		Kind: FaultKind(r.PostFormValue("kind")),
	}
	var delay int
	for name, n := range map[string]*int{
		"times": &fault.Times, "retry_after": &fault.RetryAfter, "status": &fault.Status, "delay_ms": &delay,
	} {
		var err error
		if *n, err = formNumber(r, name); err != nil {
			return err
		}
	}
	fault.Delay = time.Duration(delay) * time.Millisecond
	if _, err := s.Fault(fault); err != nil {
		return refuse(http.StatusUnprocessableEntity, fmt.Sprintf("Not set: %s.", strings.TrimPrefix(err.Error(), "sandbox fault: ")))
	}
	return nil
}
