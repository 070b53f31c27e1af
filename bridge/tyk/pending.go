package tyk

import (
	"context"
	"net/http"
	"net/url"
	"strconv"

	"github.com/go-json-experiment/json/v1"

	"keybridge/bridge"
)

// maxPages bounds one listing. At Tyk's ten records a page that is 100,000 key requests.
const maxPages = 10_000

// page is one page of a list of key requests.
type page struct {
	Data  []json.RawMessage
	Pages int
}

// ListPending calls yield with the id of every key request that waits for a decision, each once, until yield returns an
// error, which it returns. When a page cannot be read, the ids of those before it are passed on and then the error is
// returned. It changes nothing; yield may decide what it is given.
func (c *Classic) ListPending(ctx context.Context, yield func(key string) error) error {
	keys, failure := c.pending(ctx, c.waits)
	for _, key := range keys {
		if err := yield(key); err != nil {
			return err
		}
	}
	return failure
}

// pending returns the ids of those listed that are wanted. It reads the pages one after the other until one is empty or
// the last. Older Dashboards say "Pages":0 always; then a page that brings nothing new ends the list too, in case the
// parameter p is not known there either. An entry that cannot be read is left out: it must not hide the others.
func (c *Classic) pending(ctx context.Context, wanted func(*keyRequest) bool) ([]string, error) {
	var keys []string
	seen := map[string]bool{}
	for p := range maxPages {
		page, err := c.page(ctx, p)
		if err != nil {
			return keys, err
		}
		known := len(seen)
		for _, raw := range page.Data {
			record, err := decodeKeyRequest(raw)
			if err != nil || seen[record.id()] {
				continue
			}
			seen[record.id()] = true
			if wanted(record) {
				keys = append(keys, record.id())
			}
		}
		counted := page.Pages > 0
		if len(page.Data) == 0 || counted && p+1 >= page.Pages || !counted && len(seen) == known {
			return keys, nil
		}
	}
	return keys, nil
}

// waits reports whether a listed record is a pending one of this organisation. Older Dashboards do not know the parameter
// approved and list all.
func (c *Classic) waits(record *keyRequest) bool {
	return !record.Approved && isRecordID(record.id()) && !c.foreign(string(record.OrgID))
}

func (c *Classic) page(ctx context.Context, p int) (page, error) {
	list := call{
		method: http.MethodGet, route: "/api/portal/requests",
		query: url.Values{"approved": {"false"}, "p": {strconv.Itoa(p)}},
	}
	body, err := c.do(ctx, list)
	if err != nil {
		return page{}, err
	}
	got, err := decodePage(body)
	if err != nil {
		return page{}, c.failure(list, bridge.Unavailable, "the portal's answer is not a list of key requests; check the portal's url", err)
	}
	return got, nil
}

// decodePage reads one page. Tyk may write an empty one as "Data":null; an answer without Data is no list.
func decodePage(body []byte) (page, error) {
	var members map[string]json.RawMessage
	var got page
	if json.Unmarshal(body, &members) != nil || json.Unmarshal(body, &got) != nil {
		return page{}, errNotJSON
	}
	if _, there := members["Data"]; !there {
		return page{}, errNotJSON
	}
	return got, nil
}
