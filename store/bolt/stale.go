package bolt

import (
	"bytes"
	"encoding/binary"
	"errors"
	"slices"
	"strings"

	"go.etcd.io/bbolt"

	"keybridge/bridge"
)

// The index of tags is the widest part of the file: a request has some thirty of them, each
// on a page of its own, and on its way it changes them five times. None but lists read it. So
// a change leaves it as it is, and notes that it is stale of the request:
//
//	stale  id → the tags that the index has of the request
//
// Who looks at the index passes over what it says of such requests, and takes the tags of
// their records instead. Once there are enough of them, the index is brought in step with all
// in one commit and in its own order: what lies on one page is written once then, and what a
// request was on its way and is no more is never written. What is personal may not wait for
// that when it is forgotten.
var bucketStale = []byte("stale")

// staleMost is of how many requests the index is stale before it is brought in step. A list
// looks at each of them.
const staleMost = 128

// retag notes that a request has other tags than before.
func (t *txn) retag(id []byte, from, to *taglist) error {
	if t.bucket(bucketStale).Get(id) != nil || slices.Equal(from.all(), to.all()) { // what the index has does not change
		return nil
	}
	t.staled = true
	return t.put(bucketStale, id, encodeTags(from.all()))
}

// untag removes all that the index has of a request.
func (t *txn) untag(id []byte, from *taglist) error {
	has, stale, err := indexedTags(t.tx, id)
	switch {
	case err != nil:
		t.log.Error("tags may be left that lead to a request that was dropped", "request", string(id), "error", err)
	case !stale:
		has = from.all()
	}
	if err := t.delete(bucketStale, id); err != nil {
		return err
	}
	for _, tag := range has {
		if err := t.delete(bucketTag, tagKey(tag, id)); err != nil {
			return err
		}
	}
	return nil
}

// freshen brings the index in step with the requests it is stale of, where those are enough.
func (t *txn) freshen() error {
	if !t.staled {
		return nil
	}
	var ids [][]byte
	c := t.bucket(bucketStale).Cursor()
	for id, _ := c.First(); id != nil; id, _ = c.Next() {
		ids = append(ids, bytes.Clone(id))
	}
	if len(ids) < t.staleMost {
		return nil
	}
	return t.bringInStep(ids...)
}

// bringInStep has the index have the tags of requests, where it is stale of them. One whose record is
// damaged is left as the index has it, and where what is noted of it is damaged, tags may be
// left: a check finds that. It may not keep all others from being written.
func (t *txn) bringInStep(ids ...[]byte) error {
	var edits []edit
	for _, id := range ids {
		from, stale, err := indexedTags(t.tx, id)
		if !stale {
			continue
		}
		if err != nil {
			t.log.Error("tags may be left that a request has no more", "request", string(id), "error", err)
		}
		if edits, err = t.edits(edits, id, from); err != nil {
			t.log.Error("the index of tags is left as it is of a damaged request", "request", string(id), "error", err)
		}
		if err := t.delete(bucketStale, id); err != nil {
			return err
		}
	}
	slices.SortFunc(edits, func(a, b edit) int { return bytes.Compare(a.key, b.key) })
	for _, e := range edits {
		if err := t.apply(e); err != nil {
			return err
		}
	}
	return nil
}

// edit is an entry that comes into the index of tags, or goes.
type edit struct {
	key  []byte
	gone bool
}

func (t *txn) apply(e edit) error {
	if e.gone {
		return t.delete(bucketTag, e.key)
	}
	return t.put(bucketTag, e.key, []byte{})
}

// edits appends what has to be done for the index to have a request's tags, where it has
// others. Both are sorted.
func (t *txn) edits(edits []edit, id []byte, from []bridge.Tag) ([]edit, error) {
	to, err := t.decoded.tags(id, t.bucket(bucketRequest).Get(id))
	if err != nil {
		return edits, err
	}
	for len(from) > 0 || len(to) > 0 {
		switch order := first(from, to); {
		case order < 0:
			edits = append(edits, edit{key: tagKey(from[0], id), gone: true})
			from = from[1:]
		case order > 0:
			edits = append(edits, edit{key: tagKey(to[0], id)})
			to = to[1:]
		default:
			from, to = from[1:], to[1:]
		}
	}
	return edits, nil
}

// indexedTags are the tags that the index has of a request, where it is stale of it.
func indexedTags(tx *bbolt.Tx, id []byte) (tags []bridge.Tag, stale bool, err error) {
	record := tx.Bucket(bucketStale).Get(id)
	if record == nil {
		return nil, false, nil
	}
	tags, err = decodeTags(record)
	return tags, true, err
}

// encodeTags encloses tags, each after its length.
func encodeTags(tags []bridge.Tag) []byte {
	var b []byte
	for _, tag := range tags {
		b = append(binary.AppendUvarint(b, uint64(len(tag))), tag...)
	}
	return enclose(b)
}

func decodeTags(record []byte) (tags []bridge.Tag, err error) {
	b, err := body(record)
	if err != nil {
		return nil, err
	}
	for len(b) > 0 {
		n, size := binary.Uvarint(b)
		b = b[max(size, 0):]
		if size <= 0 || n > uint64(len(b)) {
			return nil, errors.New("the tags make no sense")
		}
		tags, b = append(tags, bridge.Tag(b[:n])), b[n:]
	}
	return tags, nil
}

// tagIndex is the index of tags with what it is stale of put right.
type tagIndex struct {
	tx      *bbolt.Tx
	decoded *decoded
	order   order
	// stale are the ids of the requests that the index is not in step with, from the least to
	// the greatest, and tags are theirs, once they were looked for.
	looked bool
	stale  [][]byte
	tags   [][]bridge.Tag
}

// look finds out of which requests the index is stale. One whose record is damaged has the
// tags that the index has: so it is found by something, and whoever comes to it is told.
func (x *tagIndex) look() {
	if x.looked {
		return
	}
	x.looked = true
	c := x.tx.Bucket(bucketStale).Cursor()
	for id, record := c.First(); id != nil; id, record = c.Next() {
		tags, err := x.decoded.tags(id, x.tx.Bucket(bucketRequest).Get(id))
		if err != nil {
			if tags, err = decodeTags(record); err != nil {
				continue // the index has it right or wrong, and says so
			}
		}
		x.stale, x.tags = append(x.stale, id), append(x.tags, tags)
	}
}

// of are the ids of the requests that have a tag.
func (x *tagIndex) of(tag bridge.Tag) ids {
	x.look()
	all := ids(newPosting(x.tx, bucketTag, key(string(tag)), x.order))
	if len(x.stale) == 0 {
		return all
	}
	return union{any: []ids{x.fresh(all), x.those(func(its bridge.Tag) bool { return its == tag })}, order: x.order}
}

// those are the ids of the stale requests with such a tag.
func (x *tagIndex) those(such func(bridge.Tag) bool) ids {
	found := sorted{order: x.order}
	for i, tags := range x.tags {
		if slices.ContainsFunc(tags, such) {
			found.ids = append(found.ids, x.stale[i])
		}
	}
	return found
}

// fresh leaves out the stale ones.
func (x *tagIndex) fresh(all ids) ids {
	if len(x.stale) == 0 {
		return all
	}
	return &without{all: all, not: x.stale, order: x.order}
}

func (x *tagIndex) isStale(id []byte) bool {
	_, stale := slices.BinarySearchFunc(x.stale, id, bytes.Compare)
	return stale
}

// beginning are the ids of all requests with a word that begins like this. A beginning is
// looked up in one of two ways: the requests of a word that few have are gathered, and one
// that many have is walked along. So much of either is bounded. Invalid where too many words
// begin so.
func (x *tagIndex) beginning(word string) (ids, error) {
	x.look()
	prefix := key(string(bridge.TagWord(word)))
	prefix = prefix[:len(prefix)-2] // without the end of the part
	var few [][]byte
	all := union{order: x.order}
	c := x.tx.Bucket(bucketTag).Cursor()
	for k, _ := c.Seek(prefix); k != nil && bytes.HasPrefix(k, prefix); {
		tag := k[:max(0, len(k)-idLen)]
		n := len(few)
		for ; len(few)-n < wordFew && k != nil && bytes.HasPrefix(k, tag); k, _ = c.Next() {
			if id := k[len(tag):]; !x.isStale(id) {
				few = append(few, id)
			}
		}
		if k != nil && bytes.HasPrefix(k, tag) {
			few = few[:n]
			all.any = append(all.any, x.fresh(newPosting(x.tx, bucketTag, tag, x.order)))
			k, _ = c.Seek(ended(tag))
		}
		if len(few) > wordsAll || len(all.any) > wordsOft {
			return nil, &bridge.Error{Kind: bridge.Invalid, Msg: "Too many words begin like one of these. Type more of it."}
		}
	}
	slices.SortFunc(few, bytes.Compare)
	all.any = append(all.any, sorted{ids: few, order: x.order}, x.those(func(its bridge.Tag) bool {
		return strings.HasPrefix(string(its), string(bridge.TagWord(word)))
	}))
	return all, nil
}

// The bounds of beginning.
const (
	wordFew  = 16
	wordsAll = 20_000
	wordsOft = 100
)

// ended is what comes after every key that begins with a tag's part.
func ended(tag []byte) []byte {
	after := bytes.Clone(tag)
	after[len(after)-1]++ // 0 1 ends a part
	return after
}
