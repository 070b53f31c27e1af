package bridge

import "time"

// AccessState is what the portal grants.
type AccessState string

// The states of access.
const (
	// Unread: the portal was not asked yet.
	Unread AccessState = ""
	// Pending: the key request waits for a decision.
	Pending AccessState = "pending"
	// Granted: approved. Under secure key approval the developer may still have to
	// generate the key.
	Granted AccessState = "granted"
	// Suspended: there is a key, and it does not open anything.
	Suspended AccessState = "suspended"
	// Gone: the key request was deleted or rejected, or the key was removed.
	Gone AccessState = "gone"
)

// Delivery is how a portal hands out keys, which is its own to do: pages and mails say where
// the developer gets theirs.
type Delivery string

// The ways in which a portal hands out keys.
const (
	// MailsKey: the portal mails the key.
	MailsKey Delivery = "mail"
	// MailsLink: the portal mails a link behind which the key is generated (secure key
	// approval).
	MailsLink Delivery = "link"
	// ShowsKey: the key is shown in the portal.
	ShowsKey Delivery = "portal"
)

// Deliveries lists every way.
var Deliveries = []Delivery{MailsKey, MailsLink, ShowsKey}

// Access is what the portal granted when it was last read.
type Access struct {
	Have AccessState `json:"have,omitempty"`
	// Keys are the ids of the developer's keys (hashes where the portal hashes),
	// never the keys themselves.
	Keys []string `json:"keys,omitempty"`
	// Granted is when access was first seen granted. Zero: never.
	Granted time.Time `json:"granted,omitzero"`
	// Stopped is set while the portal's own admin has suspended the key: what the
	// admin does wins, so it is not resumed.
	Stopped Mark `json:"stopped,omitzero"`
	// Missing is since when the portal does not find it, unless it says so in answer to a
	// call of ours. It is believed when a reading confirmGone later says so again.
	Missing time.Time `json:"missing,omitzero"`
	// Inactive is since when the developer's account is deactivated in the portal; zero
	// while it is active. Meanwhile keys are suspended and nothing is asked for.
	Inactive time.Time `json:"inactive,omitzero"`
	// Applicant is the developer's id at the portal. It is set for a portal's calls,
	// which may need it when the key request's record is deleted and the key is not;
	// the request keeps it once, in Request.Applicant.
	Applicant string `json:"-"`
	// Since is set for a portal's calls, reading among them, after a resumption of which
	// it was never learnt what it did: when it began. What it would make and was made
	// since then is adopted, by reading too, instead of making a second one.
	Since time.Time `json:"-"`
}

// confirmGone is how far apart two readings have to say that access is gone before
// anything follows from it. It is long enough for a portal that restarts or looks
// into a database that is catching up, and short enough for an admin who watches.
const confirmGone = 20 * time.Second

// known is what a portal is told of a request's access. A resumption whose outcome was
// never learnt may have made something that nobody here knows of, so every call is
// told since when.
func (r Request) known() Access {
	a := r.Access
	a.Applicant = r.Applicant.ID
	a.Since = r.Work.Attempts[ResumeKey].First
	return a
}

// KeyRequest is the facts: what a portal says of one key request and of the key
// that came of it, read afresh. It never carries the key.
type KeyRequest struct {
	State     AccessState
	Applicant Applicant
	Asked     Asked
	// Keys are the ids of the keys it led to; see Access.Keys.
	Keys []string
	// Also are further ids the portal has for the same key request, made when its keys
	// were given anew (Resume). A hint at one of them leads to the same Request.
	Also []string
	// Inactive reports that the developer's account is deactivated in the portal; see
	// Access.Inactive.
	Inactive bool
}
