package web

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"keybridge/bridge"
)

// Operator answers the commands of an operator on the same machine. It is served on
// a socket in the data folder and asks for no credential: who may open that folder
// may read the store itself.
//
//	GET  /v1/requests?state=&portal=&limit=&after=   a page of requests
//	POST /v1/requests                                make a key request; CreateOrder
//	GET  /v1/requests/{id}                           one, with its history
//	POST /v1/requests/{id}/{deed}                    a bridge.DeedKind; RequestOrder
//	GET  /v1/outgoing                                how the outgoing webhooks stand
//	POST /v1/outgoing/{name}/resume                  go on with an endpoint
//	POST /v1/outgoing/{name}/skip                    pass over what it does not take
//	POST /v1/outgoing/{name}/replay                  send it again; Replay
//	POST /v1/backup                                  {"path"}: write a backup there
//
// Others are added (Handle, Stream) where what they are about is known. What is not
// configured is answered 501, with what to configure. Members of a body that are not known
// are refused: a word misspelt is never taken for one left out.
type Operator struct {
	Service *bridge.Service
	// Person is who acts, as history names them.
	Person bridge.Person
	// Backup writes a copy of the store to a file. Nil: not offered.
	Backup func(ctx context.Context, path string) error
	// Create makes a key request in a portal. The order is complete, but whether there
	// are such a portal, developer and plan is for Create to say (NotFound, Invalid).
	// Nil: not offered.
	Create func(ctx context.Context, o CreateOrder) (bridge.Request, error)
	// Outgoing is the outgoing webhooks; nil where there are none.
	Outgoing Outgoing
	// Now is the clock; nil for time.Now.
	Now func() time.Time

	once sync.Once
	mux  *http.ServeMux
}

// RequestView is a request as programs see it.
type RequestView struct {
	ID        bridge.ID        `json:"id"`
	State     bridge.State     `json:"state"`
	Stage     bridge.State     `json:"stage"`
	Portal    string           `json:"portal"`
	Key       string           `json:"key"`
	Created   time.Time        `json:"created"`
	Updated   time.Time        `json:"updated"`
	Revision  uint64           `json:"revision"`
	Applicant bridge.Applicant `json:"applicant"`
	Asked     bridge.Asked     `json:"asked"`
	Plan      string           `json:"plan,omitempty"`
	Price     []string         `json:"price,omitempty"`
	Steps     []bridge.Step    `json:"steps,omitempty"`
	Verdict   bridge.Verdict   `json:"verdict"`
	Access    HaveWant         `json:"access"`
	Payment   HaveWant         `json:"payment"`
	// Inactive is since when the developer's account is deactivated in the portal; Waived
	// says who said, and why, that nothing is asked of the applicant.
	Inactive  time.Time      `json:"inactive,omitzero"`
	Waived    bridge.Mark    `json:"waived,omitzero"`
	Collected string         `json:"collected,omitempty"`
	Returned  string         `json:"returned,omitempty"`
	Refs      []bridge.Ref   `json:"refs,omitempty"`
	Next      string         `json:"next_action,omitempty"`
	Due       time.Time      `json:"due,omitzero"`
	Failures  int            `json:"failures,omitempty"`
	Doing     string         `json:"doing,omitempty"`
	Error     string         `json:"error,omitempty"`
	Told      []bridge.Told  `json:"told,omitempty"`
	History   []bridge.Entry `json:"history,omitempty"`
	// Broken says where the chain of the history is broken: a line was altered, removed
	// or put in. Empty: it is whole.
	Broken string `json:"history_broken,omitempty"`
}

// HaveWant is what is, beside what should be.
type HaveWant struct {
	Have string `json:"have"`
	Want string `json:"want"`
}

// RequestPage is a page of requests. Next, when set, is the after of the next one.
type RequestPage struct {
	Requests []RequestView `json:"requests"`
	Next     string        `json:"next,omitempty"`
}

// NewRequestView returns a request as programs see it at a time.
func NewRequestView(r bridge.Request, now time.Time) RequestView {
	want := r.Want(now)
	v := RequestView{
		ID: r.ID, State: r.State(), Stage: r.Stage(), Portal: r.Portal, Key: r.Key,
		Created: r.Created, Updated: r.Updated, Revision: r.Revision,
		Applicant: r.Applicant, Asked: r.Asked, Plan: r.Terms.Plan, Steps: r.Steps, Verdict: r.Verdict,
		Access:   HaveWant{string(r.Access.Have), string(want.Access)},
		Payment:  HaveWant{string(r.Payment.Have), string(want.Payment)},
		Inactive: r.Access.Inactive, Waived: r.Waived, Told: r.Told,
		Refs: r.Refs, Due: r.Work.Next, Failures: r.Work.Failures, Doing: r.Work.Doing, Error: r.Work.Error,
	}
	for _, line := range r.Terms.Lines {
		if price := FormatPrice(line); price != "" {
			v.Price = append(v.Price, price)
		}
	}
	if r.Payment.Collected.Currency != "" {
		v.Collected = FormatAmount(r.Payment.Collected)
	}
	if r.Payment.Returned.Minor > 0 {
		v.Returned = FormatAmount(r.Payment.Returned)
	}
	if act, ok := bridge.Next(r, now); ok {
		v.Next = act.String()
	}
	return v
}

// ServeHTTP answers a command.
func (o *Operator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.once.Do(o.route)
	o.mux.ServeHTTP(w, r)
}

// Handle adds a command at a pattern of http.ServeMux: what it returns is answered as JSON,
// an error as a problem document. Commands are added before the first is answered.
func (o *Operator) Handle(pattern string, do func(*http.Request) (any, error)) {
	o.once.Do(o.route)
	o.handle(pattern, http.StatusOK, do)
}

// Stream adds a command that writes its answer as it comes. It returns an error only where
// it has written nothing yet.
func (o *Operator) Stream(pattern string, do func(http.ResponseWriter, *http.Request) error) {
	o.once.Do(o.route)
	o.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		if err := do(w, r); err != nil {
			writeProblem(w, err)
		}
	})
}

// handle answers a command that was done with a status.
func (o *Operator) handle(pattern string, status int, do func(*http.Request) (any, error)) {
	o.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
		v, err := do(r)
		if err != nil {
			writeProblem(w, err)
			return
		}
		writeJSON(w, status, v)
	})
}

func (o *Operator) route() {
	o.mux = http.NewServeMux()
	o.handle("GET /v1/requests", http.StatusOK, o.list)
	o.handle("POST /v1/requests", http.StatusCreated, o.create)
	o.handle("GET /v1/requests/{id}", http.StatusOK, o.get)
	o.handle("POST /v1/requests/{id}/{deed}", http.StatusOK, o.act)
	o.handle("GET /v1/outgoing", http.StatusOK, o.endpoints)
	o.handle("POST /v1/outgoing/{name}/resume", http.StatusOK, o.resume)
	o.handle("POST /v1/outgoing/{name}/skip", http.StatusOK, o.skip)
	o.handle("POST /v1/outgoing/{name}/replay", http.StatusOK, o.replay)
	o.handle("POST /v1/backup", http.StatusOK, o.backup)
	o.handle("/", http.StatusOK, func(*http.Request) (any, error) { return nil, errNoOperation })
}

// desk is the service as the operator may use it.
func (o *Operator) desk() bridge.Desk { return o.Service.Desk(o.Person) }

// mostName is how long the name of a person may be, in bytes.
const mostName = 100

var errNoOperation = &bridge.Error{Kind: bridge.NotFound, Msg: "There is no such operation."}

// notOffered is the error of what is not configured; text says what to configure.
func notOffered(text string) error {
	return &pageError{Status: http.StatusNotImplemented, Title: "Not offered", Text: text}
}

func (o *Operator) list(r *http.Request) (any, error) {
	q := r.URL.Query()
	f := bridge.Filter{State: bridge.State(q.Get("state")), Portal: q.Get("portal"), After: q.Get("after")}
	if f.State != "" && !slices.Contains(bridge.States, f.State) {
		return nil, &bridge.Error{Kind: bridge.Invalid, Msg: "state has to be one of the states of a request"}
	}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1000 {
			return nil, &bridge.Error{Kind: bridge.Invalid, Msg: "limit has to be a number from 1 to 1000"}
		}
		f.Limit = n
	}
	page, err := o.desk().List(r.Context(), f)
	if err != nil {
		return nil, err
	}
	out := RequestPage{Requests: []RequestView{}, Next: page.Next}
	for _, r := range page.Requests {
		out.Requests = append(out.Requests, NewRequestView(r, o.now()))
	}
	return out, nil
}

func (o *Operator) get(r *http.Request) (any, error) {
	return o.view(r.Context(), bridge.ID(r.PathValue("id")))
}

// view is a request as it is now, with its history. A history that is broken is shown
// as it is: whoever has to find out what happened needs it most.
func (o *Operator) view(ctx context.Context, id bridge.ID) (any, error) {
	req, err := o.desk().Get(ctx, id)
	if err != nil {
		return nil, err
	}
	v := NewRequestView(req, o.now())
	v.History, err = o.desk().History(ctx, id)
	if err != nil && bridge.KindOf(err) == bridge.Internal {
		v.Broken, err = err.Error(), nil
	}
	return v, err
}

func (o *Operator) backup(r *http.Request) (any, error) {
	var body struct {
		Path string `json:"path"`
	}
	if err := ReadOrder(r, &body); err != nil {
		return nil, err
	}
	if o.Backup == nil {
		return nil, notOffered("This store is not backed up by keybridge: use the tools of its database.")
	}
	if body.Path == "" {
		return nil, &bridge.Error{Kind: bridge.Invalid, Msg: "Say where to write the backup."}
	}
	return body, o.Backup(r.Context(), body.Path)
}

// ReadOrder decodes a command's body of at most 64 KiB; none is fine. Invalid for anything
// else than the JSON of what it is read into.
func ReadOrder(r *http.Request, into any) error {
	d := json.NewDecoder(http.MaxBytesReader(nil, r.Body, 64<<10))
	d.DisallowUnknownFields()
	err := d.Decode(into)
	switch {
	case errors.Is(err, io.EOF):
		return nil
	case err == nil && !errors.Is(d.Decode(&struct{}{}), io.EOF):
		err = errors.New("more than one value")
	}
	if err != nil {
		return &bridge.Error{Kind: bridge.Invalid, Msg: "The request's body is not the JSON that is expected here: " + err.Error() + ".", Err: err}
	}
	return nil
}

func (o *Operator) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}
