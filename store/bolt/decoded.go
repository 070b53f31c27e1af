package bolt

import (
	"bytes"
	"sync"

	"keybridge/bridge"
)

// decoded remembers what records were decoded to. A request on its way is read a dozen times
// within moments, by its worker, its next change, its pages and the report, mostly as it was
// the time before, and a copy costs a tenth of decoding. What is remembered counts for the
// very bytes it was made from, so nothing has to be forgotten when a record changes.
type decoded struct {
	mu sync.Mutex
	// newer takes what is remembered until it is full, and is older then; what was older
	// is forgotten.
	newer, older map[bridge.ID]recalled
}

// mostDecoded is how many requests newer has at most. A record of 2 KB takes some 8 KB so.
const mostDecoded = 512

// recalled is a record and what was made of it. None of it is changed, and all of it may be
// shared but request, of which everybody gets a copy.
type recalled struct {
	record  []byte
	request bridge.Request
	// indexed is where the request stands in the indexes; nil where nobody asked yet.
	indexed *indexed
}

// open returns the request whose record is given, which is not changed after. The error
// names the request.
func (d *decoded) open(id, record []byte) (bridge.Request, error) {
	r, err := d.recall(id, record)
	if err != nil {
		return bridge.Request{}, err
	}
	return r.request.Clone(), nil
}

// original is open for who is about to change the request.
func (d *decoded) original(id, record []byte) (original, error) {
	r, err := d.recall(id, record)
	if err != nil {
		return original{}, err
	}
	return original{request: r.request.Clone(), indexed: d.indexedAs(r)}, nil
}

// indexedAs is where a request stands in the indexes by its record.
func (d *decoded) indexedAs(r recalled) indexed {
	if r.indexed == nil {
		at := indexesOf(r.request)
		r.indexed = &at
		d.keep(r)
	}
	return *r.indexed
}

// tags are those of the request whose record is given. They are not to be changed.
func (d *decoded) tags(id, record []byte) ([]bridge.Tag, error) {
	r, err := d.recall(id, bytes.Clone(record))
	if err != nil {
		return nil, err
	}
	return d.indexedAs(r).tags, nil
}

// written is open for what a change has written.
func (d *decoded) written(id []byte, w written) (bridge.Request, error) {
	r, err := d.recall(id, w.record)
	if err != nil {
		return bridge.Request{}, err
	}
	r.indexed = &w.indexed
	d.keep(r)
	return r.request.Clone(), nil
}

// recall returns what a record was decoded to, or decodes it.
func (d *decoded) recall(id, record []byte) (recalled, error) {
	d.mu.Lock()
	r, ok := d.newer[bridge.ID(id)]
	if !ok {
		r, ok = d.older[bridge.ID(id)]
	}
	d.mu.Unlock()
	if ok && bytes.Equal(r.record, record) {
		return r, nil
	}
	request, err := openRequest(id, record)
	if err != nil {
		return recalled{}, err
	}
	r = recalled{record: record, request: request}
	d.keep(r)
	return r, nil
}

func (d *decoded) keep(r recalled) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.newer == nil || len(d.newer) >= mostDecoded {
		d.newer, d.older = make(map[bridge.ID]recalled, mostDecoded), d.newer
	}
	d.newer[r.request.ID] = r
}
