package bolt

import (
	"bytes"
	"slices"

	"keybridge/bridge"
)

// The indexes. Each follows from the records and is written in the same commit.
//
//	key        portal, key → id
//	ref        system, kind, id of the ref → id
//	applicant  portal, applicant, id → nothing
//	state      state, id → portal
var (
	bucketRequest   = []byte("request")
	bucketHistory   = []byte("history")
	bucketKey       = []byte("key")
	bucketRef       = []byte("ref")
	bucketApplicant = []byte("applicant")
	bucketState     = []byte("state")
)

// indexed is where a request stands in the indexes that may change.
type indexed struct {
	applicant []byte // nil: none known
	state     []byte
	refs      [][]byte
}

func indexesOf(r bridge.Request) indexed {
	x := indexed{state: append(key(string(r.State())), r.ID...)}
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

func refKey(ref bridge.Ref) []byte { return key(ref.System, string(ref.Kind), ref.ID) }

// claimedRef returns an error when a ref leads to another request already.
func (t *txn) claimedRef(r bridge.Request) error {
	for _, ref := range r.Refs {
		if id := t.bucket(bucketRef).Get(refKey(ref)); id != nil && string(id) != string(r.ID) {
			return errInternal("the %s %q of %s leads to request %s and cannot lead to request %s as well",
				ref.Kind, ref.ID, ref.System, id, r.ID)
		}
	}
	return nil
}

// reindex brings the indexes of a request in step with a change. A zero indexed
// stands for "nothing".
func (t *txn) reindex(r bridge.Request, from, to indexed) error {
	if err := t.replace(bucketState, from.state, to.state, []byte(r.Portal)); err != nil {
		return err
	}
	if err := t.replace(bucketApplicant, from.applicant, to.applicant, []byte{}); err != nil {
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

func (t *txn) replace(bucket, from, to, value []byte) error {
	if bytes.Equal(from, to) {
		return nil
	}
	if from != nil {
		if err := t.delete(bucket, from); err != nil {
			return err
		}
	}
	if to != nil {
		return t.put(bucket, to, value)
	}
	return nil
}
