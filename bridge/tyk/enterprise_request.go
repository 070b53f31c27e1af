package tyk

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/go-json-experiment/json/v1"

	"keybridge/bridge"
)

// accessRequest is what is needed of the portal's record of an access request. Names stand in it where ids would help:
// of the app, the products and the plan.
type accessRequest struct {
	ID          number
	Status      word
	User        word // "User#1"
	Client      word // the app's name
	Products    products
	Plan        word
	CreatedAt   word
	UpdatedAt   word
	DeletedAt   word
	Credentials *[]credential // nil: the answer does not say
}

// products are the names of products: a list of them, or one text in which they are joined with commas.
type products struct {
	list   words
	joined string
}

// UnmarshalJSON never fails on valid JSON.
func (p *products) UnmarshalJSON(b []byte) error {
	*p = products{}
	if len(b) > 0 && b[0] == '[' {
		return p.list.UnmarshalJSON(b)
	}
	var w word
	err := w.UnmarshalJSON(b)
	p.joined = string(w)
	return err
}

// credential is what an app calls products with. The credential itself, its hash and an OAuth client's secret have no
// member here.
type credential struct{ ID number }

// number is an id of the portal's: a whole number from 1, written as a number or as text. Anything else is 0.
type number int

// UnmarshalJSON never fails on valid JSON.
func (n *number) UnmarshalJSON(b []byte) error {
	var w word
	if err := w.UnmarshalJSON(b); err != nil {
		return err
	}
	*n = numberIn(string(w))
	return nil
}

func (n number) String() string { return strconv.Itoa(int(n)) }

// numberIn reads an id; 0 for what is none. There is one way to write each: "17" is an id, "017" and "+17" are not.
func numberIn(text string) number {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || strconv.Itoa(n) != text {
		return 0
	}
	return number(n)
}

// decodeAccessRequest reads one access request. One without an id or a status, or with a credential that cannot be named,
// is none: each would be mistaken for something else.
func decodeAccessRequest(body []byte) (*accessRequest, error) {
	var r accessRequest
	if json.Unmarshal(body, &r) != nil || r.ID == 0 || r.state() == "" {
		return nil, errNotJSON
	}
	if r.Credentials != nil && unnamed(*r.Credentials) {
		return nil, errNotJSON
	}
	return &r, nil
}

func unnamed(all []credential) bool {
	for _, one := range all {
		if one.ID == 0 {
			return true
		}
	}
	return false
}

// state is what the portal's admin, or the plan, has decided: pending, granted or gone; empty where the status is none of
// the three that Tyk documents.
func (r *accessRequest) state() bridge.AccessState {
	if r.deleted() {
		return bridge.Gone
	}
	return map[string]bridge.AccessState{
		"pending": bridge.Pending, "approved": bridge.Granted, "rejected": bridge.Gone,
	}[strings.ToLower(string(r.Status))]
}

// deleted reports whether the record is one that was deleted and can still be read. Never is empty, the year 1 or the
// beginning of the epoch.
func (r *accessRequest) deleted() bool { return dateIn(r.DeletedAt, time.UTC).Year() > 1970 }

// user is the id of the developer whose request it is; 0 where the record does not say.
func (r *accessRequest) user() number {
	return numberIn(strings.TrimPrefix(string(r.User), "User#"))
}

// date reads a date of the portal's.
func (e *Enterprise) date(w word) time.Time { return dateIn(w, e.zone) }

// dateIn reads a date: "2006-01-02 15:04", which is in the zone, or RFC 3339. What is none is the zero time.
func dateIn(w word, zone *time.Location) time.Time {
	for _, layout := range []string{"2006-01-02 15:04", time.DateTime} {
		if at, err := time.ParseInLocation(layout, string(w), zone); err == nil && at.Year() > 1 {
			return at.UTC()
		}
	}
	return date(text(w))
}

// accessRequest reads an access request; nil without an error when the portal says that there is none.
func (e *Enterprise) accessRequest(ctx context.Context, id number) (*accessRequest, error) {
	read := call{method: http.MethodGet, route: "/access_requests/{id}", ids: []string{id.String()}}
	body, err := e.do(ctx, read)
	switch {
	case errors.Is(err, errMissing):
		return nil, nil // not there is an answer, not a failure
	case err != nil:
		return nil, err
	}
	defer clear(body) // credentials are in it
	r, err := decodeAccessRequest(body)
	if err == nil && r.ID != id {
		err = errNotJSON // a cache that answers with what was asked before
	}
	if err != nil {
		return nil, e.failure(read, bridge.Unavailable, "the portal's answer is not an access request; check the portal's url", err)
	}
	return r, nil
}
