package bolt

import (
	"bytes"
	"context"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// The bounds of a page.
const (
	pageDefault = 100
	pageMax     = 1000
)

// List returns a page of requests, newest first; see bridge.Store. Invalid for a
// filter that cannot be answered. The cursor is the id of the last request seen,
// so that requests that come in meanwhile move nothing. A damaged record is an
// error and never left out in silence.
//
// The cost is that of the index that fits best: the applicant's requests, else
// those in the state, else the schedule, which is small and names the portal.
func (s *Store) List(ctx context.Context, f bridge.Filter) (bridge.Page, error) {
	limit, err := checkFilter(f)
	if err != nil {
		return bridge.Page{}, err
	}
	var found [][2][]byte
	err = s.view(ctx, func(tx *bbolt.Tx) error {
		found, err = walk(tx, f, limit+1)
		return err
	})
	if err != nil {
		return bridge.Page{}, err
	}
	var page bridge.Page
	for i, f := range found {
		if i == limit {
			page.Next = string(found[limit-1][0])
			break
		}
		r, err := openRequest(f[0], f[1])
		if err != nil {
			return bridge.Page{}, err
		}
		page.Requests = append(page.Requests, r)
	}
	return page, nil
}

func checkFilter(f bridge.Filter) (limit int, err error) {
	switch {
	case f.Limit < 0 || f.Limit > pageMax:
		return 0, errInvalid("list: the limit is 1 to %d", pageMax)
	case f.Applicant != "" && f.Portal == "":
		return 0, errInvalid("list: an applicant needs a portal")
	case f.After != "" && len(f.After) != idLen:
		return 0, errInvalid("list: %q is no place in a list", f.After)
	case f.Limit == 0:
		return pageDefault, nil
	}
	return f.Limit, nil
}

// walk returns copies of the ids and records that match, at most n.
func walk(tx *bbolt.Tx, f bridge.Filter, n int) ([][2][]byte, error) {
	bucket, prefix := bucketSchedule, []byte(nil)
	switch {
	case f.Applicant != "":
		bucket, prefix = bucketApplicant, key(f.Portal, f.Applicant)
	case f.State != "":
		bucket, prefix = bucketState, key(string(f.State))
	}
	requests := tx.Bucket(bucketRequest)
	var found [][2][]byte
	c := tx.Bucket(bucket).Cursor()
	for k, v := last(c, prefix, f.After); k != nil && bytes.HasPrefix(k, prefix) && len(found) < n; k, v = c.Prev() {
		id := k[len(prefix):]
		if !inPortal(bucket, v, f.Portal) {
			continue
		}
		record := requests.Get(id)
		if record == nil {
			return nil, errInternal("request %s is in an index and nowhere else", id)
		}
		if f.Applicant != "" && f.State != "" {
			r, err := openRequest(id, record)
			if err != nil {
				return nil, err
			}
			if r.State() != f.State {
				continue
			}
		}
		found = append(found, [2][]byte{bytes.Clone(id), bytes.Clone(record)})
	}
	return found, nil
}

// inPortal reports whether an entry of an index is of a portal; "" is every one.
func inPortal(bucket, value []byte, portal string) bool {
	switch {
	case portal == "" || bytes.Equal(bucket, bucketApplicant):
		return true
	case bytes.Equal(bucket, bucketState):
		return string(value) == portal
	}
	s, err := decodeSlot(value)
	return err != nil || s.portal == portal // a damaged entry does not hide a request
}

// last moves a cursor to the last key of a prefix that is before the place after.
func last(c *bbolt.Cursor, prefix []byte, after string) (k, v []byte) {
	end := append(bytes.Clone(prefix), after...)
	if after == "" {
		end = append(end, bytes.Repeat([]byte{0xff}, idLen)...)
	}
	if k, _ = c.Seek(end); k == nil {
		return c.Last()
	}
	return c.Prev()
}
