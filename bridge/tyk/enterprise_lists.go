package tyk

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-json-experiment/json/v1"

	"keybridge/bridge"
)

// perPage is how many records of an Enterprise Portal's list are asked for at once. The portal may give fewer.
const perPage = 100

// each calls take with every record of a list, each once, until take returns false. Pages count from 1. The list ends with
// a page that is empty, brings nothing new, or is shorter than one before it: nothing says how long a full one is. A
// record without an id is left out: it must not hide the others. What was read is wiped, for credentials may be in it.
func (e *Enterprise) each(ctx context.Context, list call, take func(id number, record []byte) (more bool)) error {
	seen := map[number]bool{}
	longest := 0
	for p := 1; p <= maxPages; p++ {
		records, err := e.pageOf(ctx, list, p)
		if err != nil {
			return err
		}
		known := len(seen)
		for _, record := range records {
			var named struct{ ID number }
			if json.Unmarshal(record, &named) != nil || named.ID == 0 || seen[named.ID] {
				continue
			}
			seen[named.ID] = true
			more := take(named.ID, record)
			clear(record)
			if !more {
				return nil
			}
		}
		if len(seen) == known || len(records) < longest {
			return nil
		}
		longest = len(records)
	}
	return nil
}

func (e *Enterprise) pageOf(ctx context.Context, list call, p int) ([]json.RawMessage, error) {
	list.method = http.MethodGet
	list.query = url.Values{"page": {strconv.Itoa(p)}, "per_page": {strconv.Itoa(perPage)}}
	body, err := e.do(ctx, list)
	if err != nil {
		return nil, err
	}
	defer clear(body)
	records, err := recordsIn(body)
	if err != nil {
		return nil, e.failure(list, bridge.Unavailable, "the portal's answer is not a list; check the portal's url", err)
	}
	return records, nil
}

// recordsIn reads a page of a list: the records, or, as newer portals write plans, {"data": the records}. null is an empty
// one.
func recordsIn(body []byte) ([]json.RawMessage, error) {
	var records []json.RawMessage
	if json.Unmarshal(body, &records) == nil {
		return records, nil
	}
	var wrapped struct {
		Data *[]json.RawMessage `json:"data"`
	}
	if json.Unmarshal(body, &wrapped) != nil || wrapped.Data == nil {
		return nil, errNotJSON
	}
	return *wrapped.Data, nil
}

// requests returns the access requests that a list holds, deleted ones left out, and those that cannot be read.
func (e *Enterprise) requests(ctx context.Context, list call) ([]*accessRequest, error) {
	var all []*accessRequest
	err := e.each(ctx, list, func(_ number, record []byte) bool {
		if r, err := decodeAccessRequest(record); err == nil && !r.deleted() {
			all = append(all, r)
		}
		return true
	})
	return all, err
}

// ListPending calls yield with the id of every access request that waits for a decision, each once, until yield returns an
// error, which it returns. All access requests are read, since nothing in Tyk's documents asks for the pending ones
// alone. When a page cannot be read, the ids of those before it are passed on and then the error is returned. It changes
// nothing; yield may decide what it is given.
func (e *Enterprise) ListPending(ctx context.Context, yield func(key string) error) error {
	all, failure := e.requests(ctx, call{route: "/access_requests"})
	for _, r := range all {
		if r.state() != bridge.Pending {
			continue
		}
		if err := yield(r.ID.String()); err != nil {
			return err
		}
	}
	return failure
}
