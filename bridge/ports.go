package bridge

import (
	"context"
	"time"
)

// Store keeps requests. Every write goes through one committer, so that writes
// that happen together share a commit, and a call returns only once its write is
// on stable storage. The suite in store/storetest says what else holds.
type Store interface {
	// Accept takes a hint: it finds the request (see Hint), or creates the hint's
	// Intake, applies then (which may be nil) to it, marks it due and records the
	// hint's id, all in one commit. A duplicate, and a hint that leads
	// nowhere, change nothing and are no error; then is not called for them. An
	// error of then is returned as it is, and nothing is kept. then does no I/O and
	// may run more than once.
	Accept(ctx context.Context, h Hint, then func(*Change) error) (Accepted, error)
	// Update changes one request. fn sees it as it is now, does no I/O and may run
	// more than once; an error of fn is returned as it is, and nothing is kept. The
	// changed request is returned. NotFound when there is none.
	Update(ctx context.Context, id ID, fn func(*Change) error) (Request, error)
	// Get returns a request; NotFound when there is none.
	Get(ctx context.Context, id ID) (Request, error)
	// Find returns the request a ref leads to; NotFound when there is none.
	Find(ctx context.Context, ref Ref) (Request, error)
	// FindKey returns the request of a portal's key request; NotFound when there is
	// none.
	FindKey(ctx context.Context, portal, key string) (Request, error)
	// List returns a page of requests, newest first.
	List(ctx context.Context, f Filter) (Page, error)
	// History returns all entries of a request, oldest first.
	History(ctx context.Context, id ID) ([]Entry, error)
	// Claim takes up to limit requests of a portal that are due at now and leases
	// them until lease, longest due first. next is when another one will be due;
	// zero when none is in sight.
	Claim(ctx context.Context, portal string, now, lease time.Time, limit int) (claims []Claim, next time.Time, err error)
	// Feed returns the entries of all requests in the order in which they were
	// committed, after a place, at most limit (1 to 1000, 0 for 100). They stay in it for
	// good. FeedEnd returns the newest place, 0 when there is none.
	Feed(ctx context.Context, after uint64, limit int) ([]Line, error)
	FeedEnd(ctx context.Context) (uint64, error)
	// Ledger returns the lines of the ledger after a place, in their order, at most limit
	// (1 to 1000, 0 for 100): the feed with the house's own entries among the others, and
	// with what is missing or damaged. LedgerEnd returns the ends of the ledger and of the
	// house's chain as one commit left them, once that is on stable storage. Checkpoints
	// returns what the end of the ledger was at the end of each day, from the first one at
	// or after a place, at most limit (as above).
	Ledger(ctx context.Context, after uint64, limit int) ([]LedgerLine, error)
	LedgerEnd(ctx context.Context) (Ledger, Head, error)
	Checkpoints(ctx context.Context, from uint64, limit int) ([]Ledger, error)
	// Bookmark returns a small named value, nil when there is none; SetBookmark keeps
	// one, and removes it when it is nil. Invalid for a name of more than 100 bytes or a
	// value of more than 64 KiB.
	Bookmark(ctx context.Context, name string) ([]byte, error)
	SetBookmark(ctx context.Context, name string, value []byte) error
	// Count returns how many requests fit, counted up to most; more says that there are
	// more, or that counting on would take too long.
	Count(ctx context.Context, f Filter, most int) (n int, more bool, err error)
	// Paper returns a paper's value, nil when there is none. Papers returns those of a
	// kind by name, after a name, at most limit (1 to 1000, 0 for 100).
	Paper(ctx context.Context, kind, name string) ([]byte, error)
	Papers(ctx context.Context, kind, after string, limit int) ([]Paper, error)
	// SetPaper changes a paper. change sees its value, nil when there is none, and returns
	// the new one, nil to remove it; it does no I/O and may run more than once, and its
	// error is returned as it is, and nothing kept. Invalid for a kind of more than 50
	// bytes, a name of more than 200 or a value of more than 64 KiB.
	SetPaper(ctx context.Context, kind, name string, change func(old []byte) ([]byte, error)) error
	// SetPaperBeside is SetPaper of a change that depends on another paper of the kind: it
	// sees that one, too, as it is in the same commit.
	SetPaperBeside(ctx context.Context, kind, name, beside string, change func(old, beside []byte) ([]byte, error)) error
	// Record adds an entry to the house's own chain: who signed in, looked at a request, was
	// refused. It gives it its Seq, Prev and Hash. A repetition is a second entry. House
	// returns those after a Seq, oldest first, at most limit (1 to 1000, 0 for 100), and
	// HouseEnd the end of the chain.
	Record(ctx context.Context, e Entry) error
	House(ctx context.Context, after uint64, limit int) ([]Line, error)
	HouseEnd(ctx context.Context) (Head, error)
	// Drop removes a request and everything that leads to it: for what turned out
	// never to have been a key request. An entry of the house says so (WhatDropped), in
	// the same commit. It may be repeated.
	Drop(ctx context.Context, id ID) error
}

// Paper is a small named document that is about no request: a user of the console, a
// session, a saved view.
type Paper struct {
	Kind, Name string
	Value      []byte
}

// Filter chooses requests. Zero members choose everything, and all that are set have to
// fit.
type Filter struct {
	State  State
	Portal string
	// Portals are those to choose from where Portal is empty. None: all.
	Portals []string
	// Applicant is the developer's id at Portal, which has to be given too.
	Applicant string
	// Tags have all to be among Request.Tags.
	Tags []Tag
	// Words have each to be a word of the request (see WholeWords), or its beginning.
	Words []string
	// Least and Most bound Terms.Total, whose currency has to be theirs. They are looked
	// at request by request, so a page may be short though there are more.
	Least, Most Amount
	// From and Before bound Request.Created.
	From, Before time.Time
	// Oldest first; else the newest are.
	Oldest bool
	// After is the Next of the page before.
	After string
	// Limit is how many at most: 1 to 1000, 0 for 100.
	Limit int
}

// Line is an entry of some request's history with its place among all of a store.
type Line struct {
	// Place grows with every commit. Places may be missing.
	Place uint64
	Entry Entry
}

// Page is part of a list.
type Page struct {
	Requests []Request
	// Next is where the following page begins; empty on the last one. A page that has one
	// may be short, or empty, where much was looked through for little.
	Next string
}

// Portal is an API portal. Each call may be repeated: it reads before it writes,
// and what is already so is no error. The calls that change something return the
// facts as they are afterwards. No call returns a key, a client secret or any
// other credential. The suite in bridge/portaltest says what else holds.
//
// Each is given the id of the key request and what is known of its access: the
// keys that were seen (they tell its own keys from the developer's others) and whose
// it is. Both are empty when nothing is known yet.
//
// Errors: Conflict where the key request was decided otherwise meanwhile,
// Refused for credentials, Limited, Unavailable, Invalid for what can never
// succeed (a policy that does not exist). A key request that is not there is no
// error but Gone; one that belongs to another organisation is as one that is not
// there. Gone is for what the portal itself says is gone: an answer that may come
// of a wrong address, a proxy or a gateway without its database is Unavailable.
type Portal interface {
	// Read says how the key request stands.
	Read(ctx context.Context, key string, known Access) (KeyRequest, error)
	// Approve grants what is pending. What is granted, suspended or gone stays so.
	Approve(ctx context.Context, key string, known Access) (KeyRequest, error)
	// Decline turns down what is pending. Conflict when it was approved meanwhile.
	Decline(ctx context.Context, key string, known Access, why string) (KeyRequest, error)
	// Suspend makes the keys open nothing, and Resume undoes that. Conflict while
	// the key request is pending; Invalid where there is nothing that could be
	// suspended (no key was generated yet) or resumed.
	Suspend(ctx context.Context, key string, known Access) (KeyRequest, error)
	Resume(ctx context.Context, key string, known Access) (KeyRequest, error)
	// Revoke removes the keys, and whatever another could be made from. Conflict
	// while the key request is pending, which is for Decline.
	Revoke(ctx context.Context, key string, known Access) (KeyRequest, error)
	// ListPending calls yield with the id of every key request that waits, until
	// yield returns an error, which it returns.
	ListPending(ctx context.Context, yield func(key string) error) error
	// Create makes a key request for a developer and returns its id. One of theirs for
	// exactly the same that still waits is returned instead of a second one. NotFound
	// when there is no such developer, Invalid for what the portal does not offer or
	// where it is not clear for which app it is.
	Create(ctx context.Context, a Asking) (key string, err error)
}

// Asking is a key request that a person makes for a developer, after an offline sale,
// say.
type Asking struct {
	// Developer is the developer's e-mail address, or id at the portal.
	Developer string
	// Policies and Plan are as in Asked.
	Policies []string
	Plan     string
	// App is the developer's app by its id or name, where the portal has apps. Empty:
	// the only one they have.
	App string
	// Reasons are dynamic fields to file it with, where the portal has them.
	Reasons map[string]string
}

// Provider is a payment provider. Every call that changes something is given an
// idempotency key and may be repeated with it: it has one effect. Such calls
// return the facts as they are afterwards. The suite in billing/billingtest says
// what else holds.
//
// Errors: Conflict where the object has moved on (a checkout that is complete
// cannot expire), so that reading again tells; Refused, Limited, Unavailable,
// Invalid. Error.Answered is set where the provider will repeat its answer for
// the same key.
type Provider interface {
	// Quote fills in what the provider knows of a price: its id, amount, currency
	// and interval. It changes nothing.
	Quote(ctx context.Context, p Price) (Price, error)
	// Open opens a checkout. A subscription whose first payment failed is ended first; where
	// that came in after all, or is on its way, nothing is opened and that is returned.
	Open(ctx context.Context, o Order) (Money, error)
	// Read reads everything there is about a request's payment.
	Read(ctx context.Context, r Request) (Money, error)
	// Expire closes an open checkout.
	Expire(ctx context.Context, r Request, key string) (Money, error)
	// Capture takes held money. Void lets go of it, or withdraws an invoice that
	// nobody paid.
	Capture(ctx context.Context, r Request, key string) (Money, error)
	Void(ctx context.Context, r Request, key string) (Money, error)
	// Refund gives back an amount of what was collected.
	Refund(ctx context.Context, r Request, a Amount, key string) (Money, error)
	// Cancel ends a subscription now.
	Cancel(ctx context.Context, r Request, key string) (Money, error)
	// Missed calls yield with a hint for each event since a time that the provider
	// could not deliver, oldest first, until yield returns an error, which it
	// returns.
	Missed(ctx context.Context, since time.Time, yield func(Hint) error) error
	// List calls yield with every checkout that was opened for a request since a time,
	// whatever became of it, newest first, until yield returns an error, which it returns.
	// It keeps a page at most. It may know less of a subscription's earlier periods than
	// Read does.
	List(ctx context.Context, since time.Time, yield func(Opened) error) error
}

// Opened is a checkout as a provider lists it.
type Opened struct {
	// Request and Portal are those it was opened for, by its own word: they may be of
	// another installation on the same account.
	Request ID
	Portal  string
	At      time.Time
	// Money is what became of it, and of it alone.
	Money Money
}

// Order is a checkout to be opened.
type Order struct {
	Request Request
	// For is the step the checkout serves.
	For StepKind
	// Key is the idempotency key, At when it was written down: whatever the order
	// says is derived from it, so that a repetition under the key says the same.
	Key string
	At  time.Time
	// Success and Cancel are where the browser comes back to. Success takes the
	// provider's own placeholders.
	Success, Cancel string
	// Customer is the payer's id at the provider where one is known and the
	// hand-off was signed; Email likewise. Both show on the provider's page.
	Customer, Email string
	// Since is set when an earlier attempt ended without our learning what it did:
	// a checkout of this request that was made since then is adopted instead of
	// making a second one. So is one whose payment failed, where its subscription can
	// still ask for money: nobody would end it.
	Since time.Time
}

// Notifier tells the applicant something. Sending the same Message.ID twice is
// allowed and should reach them once. Errors are logged: they hold no address.
//
// Errors: Invalid where this applicant can never be told this (an address that the
// server refuses for good, a template that fails on this request), Refused for
// credentials, Limited, Unavailable.
type Notifier interface {
	Send(ctx context.Context, m Message) error
}

// Message is what the applicant is to be told of a request.
type Message struct {
	// ID is stable: derived from the request, the kind and how often it was told.
	ID   string
	Kind MessageKind
	// At is when it was first tried: the same for every repetition.
	At      time.Time
	Request Request
	// Page is the address of the developer's own page, for the applicant alone: who
	// has it is taken to be them.
	Page string
	// Until is when the applicant's time for the step that waits is over; zero where
	// nothing waits for them.
	Until time.Time
}

// MessageKind says what a message is about.
type MessageKind string

// The kinds of messages.
const (
	// TellStart: there is something to pay or validate, and no browser has come.
	TellStart MessageKind = "start"
	// TellReminder: it still waits, and the time for it is nearly over.
	TellReminder MessageKind = "reminder"
	// TellQuestion: a person asks the applicant something; the answer goes onto their page.
	TellQuestion  MessageKind = "question"
	TellApproved  MessageKind = "approve"
	TellDeclined  MessageKind = "reject"
	TellSuspended MessageKind = "suspend"
	TellResumed   MessageKind = "resume"
	TellEnded     MessageKind = "end"
)

// MessageKinds lists every kind, in the order of a request's life.
var MessageKinds = []MessageKind{
	TellStart, TellReminder, TellQuestion, TellApproved, TellDeclined, TellSuspended, TellResumed, TellEnded,
}

// Told records that the applicant was told something.
type Told struct {
	Kind MessageKind `json:"kind"`
	// For is the step that a start or reminder was about.
	For StepKind  `json:"for,omitempty"`
	At  time.Time `json:"at"`
	ID  string    `json:"id,omitempty"`
	// Unsent: the terms do not say so, or the applicant could not be reached. It counts
	// as told, so that what comes next is seen to be new.
	Unsent bool `json:"unsent,omitempty"`
}
