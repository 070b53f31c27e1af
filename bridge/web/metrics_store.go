package web

import (
	"context"
	"maps"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Vitals is how the store is.
type Vitals struct {
	// Bytes is the size of the store's file, Limit what it may grow to (0: as far as the
	// disk goes), and Unused how much within it waits to be used again.
	Bytes, Limit, Unused int64
	// DiskBytes is the size of the disk that it lies on and DiskFree what is free there;
	// both 0 where that is not known.
	DiskBytes, DiskFree int64
	// Queued is how many writes wait for the next commit.
	Queued int
	// Claimed is how many requests are being worked on, Attention how many need a person.
	Claimed, Attention int
	// Due is what could be worked on now, by portal. One with nothing may be left out.
	Due map[string]Due
}

// Due is what could be worked on now.
type Due struct {
	Count int
	// Since is when the first of it was due.
	Since time.Time
}

// fresh is how long the vitals are shown before they are read again: whoever scrapes
// often, or from several places, costs the store no more.
const fresh = 5 * time.Second

// storeGauges show the vitals, and read them at most every few seconds.
type storeGauges struct {
	read    func(context.Context) (Vitals, error)
	portals []string

	mu     sync.Mutex
	at     time.Time
	vitals Vitals
	err    error
}

// Store shows from now on how the store is. read is called at a scrape, at most every
// five seconds, and by one at a time. portals are those that are configured. Store is
// called once, before the first scrape.
func (m *Metrics) Store(portals []string, read func(context.Context) (Vitals, error)) {
	m.store.portals, m.store.read = portals, read
}

func (s *storeGauges) now() (Vitals, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.at.IsZero() || time.Since(s.at) >= fresh {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		s.vitals, s.err = s.read(ctx)
		s.at = time.Now()
	}
	return s.vitals, s.err
}

func (m *Metrics) showStore() {
	up := m.gauge("keybridge_store_up", "1 while the store can be read, 0 while it cannot; the other gauges of the store are absent then.")
	bytes := m.gauge("keybridge_store_bytes", "Size of the store's file.")
	limit := m.gauge("keybridge_store_limit_bytes", "What the store's file may grow to; 0 is as far as the disk goes.")
	unused := m.gauge("keybridge_store_unused_bytes", "Pages within the store's file that wait to be used again. It does not shrink by itself.")
	disk := m.gauge("keybridge_disk_bytes", "Size of the disk that the store lies on.")
	free := m.gauge("keybridge_disk_free_bytes", "What is free on the disk that the store lies on.")
	queued := m.gauge("keybridge_store_queued", "Writes that wait for the next commit.")
	claimed := m.gauge("keybridge_claimed", "Requests that are being worked on, counted up to 100,000.")
	attention := m.gauge("keybridge_needing_attention", "Requests that need a person, because a call failed for good or for long; counted up to 100,000.")
	due := m.gauge("keybridge_due", "Requests that are due and not being worked on, by portal; counted up to 100,000.", "portal")
	since := m.gauge("keybridge_due_oldest_seconds", "How long the first of them has been due, by portal; 0 when there is none.", "portal")
	gauges := []*prometheus.Desc{up, bytes, limit, unused, disk, free, queued, claimed, attention, due, since}
	m.registry.MustRegister(readings{gauges, func(tell func(*prometheus.Desc, float64, ...string)) {
		if m.store.read == nil {
			return
		}
		v, err := m.store.now()
		tell(up, oneIf(err == nil))
		if err != nil {
			return
		}
		tell(bytes, float64(v.Bytes))
		tell(limit, float64(v.Limit))
		tell(unused, float64(v.Unused))
		if v.DiskBytes > 0 {
			tell(disk, float64(v.DiskBytes))
			tell(free, float64(v.DiskFree))
		}
		tell(queued, float64(v.Queued))
		tell(claimed, float64(v.Claimed))
		tell(attention, float64(v.Attention))
		for portal, d := range m.store.due(v) {
			tell(due, float64(d.Count), portal)
			tell(since, d.age().Seconds(), portal)
		}
	}})
}

// due is what is due of every portal that is configured, and of any other that still has
// something.
func (s *storeGauges) due(v Vitals) map[string]Due {
	all := maps.Clone(v.Due)
	if all == nil {
		all = map[string]Due{}
	}
	for _, portal := range s.portals {
		if _, ok := all[portal]; !ok {
			all[portal] = Due{}
		}
	}
	return all
}

func (d Due) age() time.Duration {
	if d.Count == 0 {
		return 0
	}
	return max(time.Since(d.Since), 0)
}
