package bridge

import (
	"sync"
	"time"
)

// staysFresh is for how long a side of a request that was read need not be read again, as
// long as nobody says anything of it. A payment has Stripe send three or four events, and
// an approval its echo: without this each of them would have both sides asked.
const staysFresh = 5 * time.Second

// readings remembers when the sides of requests were last read by this process. It is no
// copy of what was read, which is in the record; what it forgets is read once more.
type readings struct {
	mu sync.Mutex
	of map[ID]reading
}

// mostReadings bounds what is remembered: more than are fresh at once unless thousands of
// requests are worked on in a second.
const mostReadings = 10_000

// reading is when the readings of the two sides of a request began. Zero: none, which is
// long ago.
type reading struct{ portal, money time.Time }

func (r *readings) last(id ID) reading {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of[id]
}

// keep remembers when sides were read, those that were.
func (r *readings) keep(id ID, of reading) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.of == nil || len(r.of) >= mostReadings {
		r.of = map[ID]reading{}
	}
	was := r.of[id]
	if of.portal.IsZero() {
		of.portal = was.portal
	}
	if of.money.IsZero() {
		of.money = was.money
	}
	r.of[id] = of
}

// asks says which sides a pass has to read: those that a hint spoke of since the claim
// before, and those that were not read since. What a pass was not woken for by a hint
// alone it reads whole, because then it is there to see what nobody tells; and so it does
// after a failure, which may have kept it from what it was told of.
//
// The time between a reading and the claim is covered, too: a claim is told of all hints
// since the one before it, and what was read was read under that.
func (p *pass) asks(now time.Time) (portal, money bool) {
	r, said := &p.request, p.claim.Said
	clock := !r.Work.Next.IsZero() && !now.Before(r.Work.Next)
	if p.again || clock || said == 0 || r.Work.Failures > 0 {
		return true, true
	}
	last := p.w.readings.last(r.ID)
	fresh := func(at time.Time) bool {
		age := now.Sub(at)
		return age >= 0 && age < staysFresh
	}
	told := said&SaidPortal != 0 || said&SaidGranted != 0 && r.Access.Have != Granted
	told = told || r.Access.Have == Unread || !r.Access.Missing.IsZero() // one reading did not find it
	return told || !fresh(last.portal), said&SaidMoney != 0 || !fresh(last.money)
}
