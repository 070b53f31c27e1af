package people

import (
	"net/netip"
	"sync"
	"time"

	"keybridge/bridge"
)

// pace says how failures slow down what comes next.
type pace struct {
	// free failures cost nothing; each one after them doubles the wait, from first to
	// most; and after locked failures there is a wait of lock for each one more.
	free, locked      int
	first, most, lock time.Duration
}

// The paces of sign-in. A name has at most 10 tries, and then 4 in an hour: OWASP ASVS
// 4.0.3, 2.2.1 allows 100. An address may be a whole house behind one gateway.
var (
	paceName    = pace{free: 3, first: time.Second, most: 30 * time.Second, locked: 10, lock: 15 * time.Minute}
	paceAddress = pace{free: 20, first: time.Second, most: 30 * time.Second, locked: 100, lock: 15 * time.Minute}
)

const (
	// forgetAfter a last failure nothing is held against anybody.
	forgetAfter = time.Hour
	// mostTries bounds the memory: names and addresses, each some hundred bytes.
	mostTries = 20_000
)

// wait is how long after the nth failure nothing is looked at.
func (p pace) wait(n int) time.Duration {
	switch {
	case n <= p.free:
		return 0
	case n >= p.locked:
		return p.lock
	}
	return min(p.first<<min(n-p.free-1, 20), p.most)
}

// throttle counts failures by key. It keeps limit keys: when it is full, the one with the
// fewest failures makes room, so that whoever sends many names cannot make it forget the
// one they are after.
type throttle struct {
	mu    sync.Mutex
	limit int
	keys  map[string]failures
}

type failures struct {
	n           int
	last, until time.Time
}

// take counts a try as failed before it is looked at, so that many at once are no more
// than many in turn. Where the key has to wait it counts nothing and says how long.
func (t *throttle) take(key string, p pace, now time.Time) (wait time.Duration) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, known := t.keys[key]
	if f.until.After(now) {
		return f.until.Sub(now)
	}
	if !now.Before(f.last.Add(forgetAfter)) {
		f = failures{}
	}
	if !known {
		t.room(now)
	}
	f.n++
	f.last, f.until = now, now.Add(p.wait(f.n))
	t.keys[key] = f
	return 0
}

// room makes room for one more.
func (t *throttle) room(now time.Time) {
	if t.keys == nil {
		t.keys = make(map[string]failures)
	}
	if len(t.keys) < t.limit {
		return
	}
	var least string
	var fewest failures
	for key, f := range t.keys {
		if !now.Before(f.last.Add(forgetAfter)) {
			delete(t.keys, key)
			continue
		}
		if fewest.n == 0 || f.n < fewest.n || f.n == fewest.n && f.last.Before(fewest.last) {
			least, fewest = key, f
		}
	}
	if len(t.keys) >= t.limit {
		delete(t.keys, least)
	}
}

// giveBack takes back what take counted at a time: it was no failure. The wait it began
// is over, unless another has begun since.
func (t *throttle) giveBack(key string, at time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f, known := t.keys[key]
	if !known {
		return
	}
	if f.n--; f.n <= 0 {
		delete(t.keys, key)
		return
	}
	if f.last.Equal(at) {
		f.until = at
	}
	t.keys[key] = f
}

// clear forgets a key.
func (t *throttle) clear(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.keys, key)
}

// try is one try to come in, counted for a name and an address until it is known what
// became of it.
type try struct {
	g             *Register
	name, address string // keys; empty: not counted
	at            time.Time
}

// try begins a try. Limited where the name or address has to wait.
func (g *Register) try(name, address string) (try, error) {
	now := g.now()
	t := try{g: g, name: name, address: placeOf(address), at: now}
	if t.address != "" {
		if wait := g.tries.take(t.address, paceAddress, now); wait > 0 {
			return try{}, slower(wait)
		}
	}
	if t.name != "" {
		if wait := g.tries.take(t.name, paceName, now); wait > 0 {
			g.tries.giveBack(t.address, now) // nothing was looked at, so nothing failed
			return try{}, slower(wait)
		}
	}
	return t, nil
}

// undo is for what was no failure and no success.
func (t try) undo() {
	t.g.tries.giveBack(t.name, t.at)
	t.g.tries.giveBack(t.address, t.at)
}

// succeed forgets the name's failures. Those of the address stay: somebody who has a
// name of their own may not wash away what they tried with others.
func (t try) succeed() {
	t.g.tries.clear(t.name)
	t.g.tries.giveBack(t.address, t.at)
}

// keyOf is the key of a name. What cannot be anybody's name shares one.
func keyOf(name string) string {
	if !validName(name) {
		name = ""
	}
	return "name/" + name
}

// placeOf is the key of an address, with a port or without. An IPv6 address counts as its
// /64, which is what one subscriber has. What is no address at all shares a key.
func placeOf(address string) string {
	if address == "" {
		return ""
	}
	ip, err := netip.ParseAddr(address)
	if err != nil {
		port, err := netip.ParseAddrPort(address)
		if err != nil {
			return "address/?"
		}
		ip = port.Addr()
	}
	ip = ip.Unmap().WithZone("")
	if ip.Is4() {
		return "address/" + ip.String()
	}
	net, err := ip.Prefix(64)
	if err != nil { // not for an address that was parsed
		return "address/?"
	}
	return "address/" + net.String()
}

func slower(wait time.Duration) error {
	return &bridge.Error{
		Kind: bridge.Limited, RetryAfter: wait,
		Msg: "There were too many failed attempts. Wait a while, and try again.",
	}
}
