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
	request *bridge.Request
	indexed indexed
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
	return original{request: r.request.Clone(), indexed: r.indexed}, nil
}

// tags are those of the request whose record is given. They are not to be changed.
func (d *decoded) tags(id, record []byte) ([]bridge.Tag, error) {
	r, err := d.recall(id, bytes.Clone(record))
	if err != nil {
		return nil, err
	}
	return r.indexed.tags.all(), nil
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
	r = recalled{record: record, request: &request, indexed: indexesOf(&request)}
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
