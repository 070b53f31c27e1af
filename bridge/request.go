package bridge

import (
	"maps"
	"slices"
	"strings"
	"time"
)

// ID names a request: a ULID in its 26 character text form, so that ids sort by
// the time of intake.
type ID string

// ParseID returns text as an id. ok is false for what is not a ULID in its canonical
// form: 26 upper-case characters of Crockford's base 32, the first at most 7.
// Source: https://github.com/ulid/spec
func ParseID[T string | []byte](text T) (id ID, ok bool) {
	const crockford = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	if len(text) != 26 || text[0] > '7' {
		return "", false
	}
	for i := range len(text) {
		if strings.IndexByte(crockford, text[i]) < 0 {
			return "", false
		}
	}
	return ID(text), true
}

// MetadataRequest is the key under which whatever was made outside for a request
// carries the request's id in its metadata, so that a hint finds its way even when
// a crash came before the ref was recorded.
const MetadataRequest = "keybridge_request"

// Request is the correlated record of one key request, from hand-off to the end
// of the key's life. Everything known about it is here; the state shown to
// people is derived (State), never stored beside it.
type Request struct {
	ID ID `json:"id"`
	// Portal is the configured name of the portal it came from, Key the id it has
	// there. The pair is unique in a store.
	Portal string `json:"portal"`
	Key    string `json:"key"`
	// Created is when the first hint of it was committed, Updated when the record
	// last changed. UTC.
	Created time.Time `json:"created"`
	Updated time.Time `json:"updated"`
	// Revision counts the changes, from 1.
	Revision uint64 `json:"revision"`

	Applicant Applicant `json:"applicant"`
	Asked     Asked     `json:"asked"`
	Arrival   Arrival   `json:"arrival"`
	Terms     Terms     `json:"terms"`
	Steps     []Step    `json:"steps,omitempty"`
	Verdict   Verdict   `json:"verdict"`
	Access    Access    `json:"access"`
	Payment   Payment   `json:"payment"`
	// Waived is set when the request was made by a person who said that the applicant
	// has nothing to pay or validate.
	Waived Mark `json:"waived,omitzero"`
	// Ended says by whom and why the key's life came to its end. Zero while it
	// lives, or when no key was ever granted.
	Ended Mark `json:"ended,omitzero"`
	// Maker is the person who made the key request for the developer; see Desk.Create.
	Maker Actor `json:"maker,omitzero"`
	// Assigned is the name of the person who looks after the request. Empty: nobody.
	Assigned string `json:"assigned,omitempty"`
	// Seconded are those who approved while the terms ask for a second person.
	Seconded []Mark `json:"seconded,omitempty"`
	// Notes are what persons wrote about the request and asked the applicant, and what
	// the applicant answered, oldest first. Free text: blanked when people are forgotten.
	Notes []Note `json:"notes,omitempty"`
	// Forgotten is when what is personal was blanked; zero while it was not.
	Forgotten time.Time `json:"forgotten,omitzero"`
	// Refs are the ids outside that lead back here.
	Refs []Ref `json:"refs,omitempty"`
	// Work is what the worker has tried.
	Work Work `json:"work"`
	// Told is what the applicant was last told, newest last.
	Told []Told `json:"told,omitempty"`
	// Head is the end of the request's chain of history entries.
	Head Head `json:"head"`
}

// Applicant is who asks. Personal data: shown where it is needed, never logged,
// and blanked when it is to be forgotten.
type Applicant struct {
	// ID is the developer's id at the portal.
	ID           string `json:"id,omitempty"`
	Email        string `json:"email,omitempty"`
	Name         string `json:"name,omitempty"`
	Organisation string `json:"organisation,omitempty"`
	App          string `json:"app,omitempty"`
}

// Asked is what the key is for.
type Asked struct {
	// Policies are the ids of the policies (Classic) or products (Enterprise).
	Policies []string `json:"policies,omitempty"`
	// Plan is the portal's own plan, where it has one beside the policies.
	Plan string `json:"plan,omitempty"`
	// Entry is the name of the catalogue entry.
	Entry string `json:"entry,omitempty"`
	// Reasons are the dynamic fields: why access is wanted. Free text of the
	// applicant, so treated as hostile wherever it is shown.
	Reasons map[string]string `json:"reasons,omitempty"`
	// At is when the portal says it was asked.
	At time.Time `json:"at,omitzero"`
}

// Trust says how far the hand-off that brought a browser here can be believed.
type Trust string

// The degrees of trust.
const (
	// Untold: no browser has arrived; the request is known from a webhook, a poll
	// or a person.
	Untold Trust = ""
	// Bare: the portal added an id and signed nothing. The id was read back, the
	// person was not: nothing personal is shown, and only this browser may go on.
	Bare Trust = "bare"
	// Signed: a token or query signed by the portal.
	Signed Trust = "signed"
)

// Arrival is how the applicant's browser came here.
type Arrival struct {
	Trust Trust     `json:"trust,omitempty"`
	At    time.Time `json:"at,omitzero"`
	// Browser is the hash of the cookie that binds a bare hand-off to the browser
	// it came in. Empty where nothing is bound.
	Browser string `json:"browser,omitempty"`
	// ReadBack: a bare id was read back before it was taken in, so what comes of it
	// later says nothing against it.
	ReadBack bool `json:"read_back,omitempty"`
	// Return is where the developer goes back to, already checked against the
	// portal's list of allowed addresses. Empty: the portal's home page.
	Return string `json:"return,omitempty"`
}

// ActorKind says what sort of actor did something.
type ActorKind string

// The actors.
const (
	ByPortal    ActorKind = "portal"
	ByProvider  ActorKind = "provider"
	ByDeveloper ActorKind = "developer"
	ByPerson    ActorKind = "person"
	ByClock     ActorKind = "clock"
)

// Actor is who did something. Name is the name of a portal, a provider or a user
// of the console; never an e-mail address, because history is kept when people
// are forgotten.
type Actor struct {
	Kind ActorKind `json:"kind"`
	Name string    `json:"name,omitempty"`
}

// String names the actor for people: "person anna", "clock".
func (a Actor) String() string {
	if a.Name == "" {
		return string(a.Kind)
	}
	return string(a.Kind) + " " + a.Name
}

// Mark says that something came to be: when, by whom, and why in words that may
// be shown.
type Mark struct {
	At  time.Time `json:"at,omitzero"`
	By  Actor     `json:"by,omitzero"`
	Why string    `json:"why,omitempty"`
}

// NoteKind says what a Note is.
type NoteKind string

// The kinds of notes.
const (
	// Remark is for the house alone.
	Remark NoteKind = "note"
	// Question is sent to the applicant, and Answer is what they wrote on their page.
	Question NoteKind = "question"
	Answer   NoteKind = "answer"
)

// Note is something that was written about a request.
type Note struct {
	Kind NoteKind  `json:"kind"`
	At   time.Time `json:"at"`
	By   Actor     `json:"by"`
	// Text has at most LongestNote bytes. Hostile wherever it is an answer.
	Text string `json:"text"`
}

// The bounds of notes.
const (
	LongestNote = 4000
	MostNotes   = 200
)

// Unanswered returns the question that waits for the applicant's answer.
func (r Request) Unanswered() (Note, bool) {
	for _, n := range slices.Backward(r.Notes) {
		switch n.Kind {
		case Question:
			return n, true
		case Answer:
			return Note{}, false
		}
	}
	return Note{}, false
}

// RefKind says what a Ref is an id of.
type RefKind string

// The kinds of outside things that lead back to one request. A customer is not
// among them: a developer with two requests is one customer.
const (
	RefSession      RefKind = "session"
	RefIntent       RefKind = "intent"
	RefSetup        RefKind = "setup"
	RefCharge       RefKind = "charge"
	RefInvoice      RefKind = "invoice"
	RefSubscription RefKind = "subscription"
	RefKey          RefKind = "key"
	// RefRequest is another id the portal has for the key request (KeyRequest.Also).
	RefRequest RefKind = "request"
)

// Ref is an id in an outside system that leads back to a request. System is the
// name of the provider or of the portal.
type Ref struct {
	System string  `json:"system"`
	Kind   RefKind `json:"kind"`
	ID     string  `json:"id"`
}

// Ref returns the newest ref of a kind, and whether there is one.
func (r Request) Ref(kind RefKind) (Ref, bool) {
	for _, ref := range slices.Backward(r.Refs) {
		if ref.Kind == kind {
			return ref, true
		}
	}
	return Ref{}, false
}

// Clone returns a copy that shares nothing with r.
func (r Request) Clone() Request {
	r.Asked.Policies = slices.Clone(r.Asked.Policies)
	r.Asked.Reasons = maps.Clone(r.Asked.Reasons)
	r.Terms.Steps = slices.Clone(r.Terms.Steps)
	r.Terms.Lines = slices.Clone(r.Terms.Lines)
	r.Terms.Tell = slices.Clone(r.Terms.Tell)
	r.Steps = slices.Clone(r.Steps)
	r.Access.Keys = slices.Clone(r.Access.Keys)
	r.Refs = slices.Clone(r.Refs)
	r.Work.Attempts = maps.Clone(r.Work.Attempts)
	r.Told = slices.Clone(r.Told)
	r.Seconded = slices.Clone(r.Seconded)
	r.Notes = slices.Clone(r.Notes)
	return r
}
