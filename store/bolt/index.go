package bolt

import (
	"bytes"
	"slices"
	"sync"

	"keybridge/bridge"
)

// The indexes. Each follows from the records and, but for that of tags, is written in the
// same commit.
//
//	key        portal, key → id
//	ref        system, kind, id of the ref → id
//	applicant  portal, applicant, id → nothing
//
// Those that lists are made from are in tag.go and stale.go.
var (
	bucketRequest   = []byte("request")
	bucketHistory   = []byte("history")
	bucketKey       = []byte("key")
	bucketRef       = []byte("ref")
	bucketApplicant = []byte("applicant")
)

// indexed is where a request stands in the indexes that may change.
type indexed struct {
	applicant []byte // nil: none known
	tags      *taglist
	refs      [][]byte
}

// taglist is the tags of a request, made when they are asked for the first time: it takes
// longer than to copy the request, and most changes are of one that the index of tags is
// stale of already.
type taglist struct {
	request *bridge.Request
	once    sync.Once
	tags    []bridge.Tag
}

// all returns them, sorted. They are not to be changed. Nil stands for none.
func (t *taglist) all() []bridge.Tag {
	if t == nil {
		return nil
	}
	t.once.Do(func() { t.tags, t.request = t.request.Tags(), nil })
	return t.tags
}

// indexesOf is where a request stands, which is not to be changed until its tags were asked
// for.
func indexesOf(r *bridge.Request) indexed {
	x := indexed{tags: &taglist{request: r}}
	if r.Applicant.ID != "" {
		x.applicant = append(key(r.Portal, r.Applicant.ID), r.ID...)
	}
	for _, ref := range r.Refs {
		x.refs = append(x.refs, refKey(ref))
	}
	slices.SortFunc(x.refs, bytes.Compare)
	x.refs = slices.CompactFunc(x.refs, bytes.Equal)
	return x
}

// indexesOfRecord are those of a request that was just encoded. Text that is not UTF-8
// is changed by that, and what it is found by has to be what is read back.
func indexesOfRecord(r *bridge.Request, record []byte) (indexed, error) {
	if !bytes.Contains(record, []byte(`\ufffd`)) {
		return indexesOf(r), nil
	}
	as, err := openRequest([]byte(r.ID), record)
	return indexesOf(&as), err
}

func refKey(ref bridge.Ref) []byte { return key(ref.System, string(ref.Kind), ref.ID) }

// claimedRef returns an error when a ref leads to another request already. Those that led
// to this one before need no looking up.
func (t *txn) claimedRef(r bridge.Request, from indexed) error {
	for _, ref := range r.Refs {
		k := refKey(ref)
		if _, there := slices.BinarySearchFunc(from.refs, k, bytes.Compare); there {
			continue
		}
		if id := t.bucket(bucketRef).Get(k); id != nil && string(id) != string(r.ID) {
			return errInternal("the %s %q of %s leads to request %s and cannot lead to request %s as well",
				ref.Kind, ref.ID, ref.System, id, r.ID)
		}
	}
	return nil
}

// reindex brings the indexes of a request, but for that of tags, in step with a change. A
// zero indexed stands for "nothing".
func (t *txn) reindex(r bridge.Request, from, to indexed) error {
	if err := t.replace(bucketApplicant, from.applicant, to.applicant); err != nil {
		return err
	}
	for _, k := range from.refs {
		if _, stays := slices.BinarySearchFunc(to.refs, k, bytes.Compare); stays {
			continue
		}
		if err := t.delete(bucketRef, k); err != nil {
			return err
		}
	}
	for _, k := range to.refs {
		if _, there := slices.BinarySearchFunc(from.refs, k, bytes.Compare); there {
			continue
		}
		if err := t.put(bucketRef, k, []byte(r.ID)); err != nil {
			return err
		}
	}
	return nil
}

func (t *txn) replace(bucket, from, to []byte) error {
	if bytes.Equal(from, to) {
		return nil
	}
	if from != nil {
		if err := t.delete(bucket, from); err != nil {
			return err
		}
	}
	if to != nil {
		return t.put(bucket, to, []byte{})
	}
	return nil
}
