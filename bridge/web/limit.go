package web

import (
	"net/netip"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// limits slows down whoever keeps sending hand-offs that are refused: ten at once,
// then one in six seconds, for each address (for IPv6 each /64, which is what one
// subscriber has). A refusal is known only after the hand-off was tried, so those
// that were let in at the same moment run into debt, which is paid back before
// anything else is let in.
type limits struct {
	now func() time.Time
	mu  sync.Mutex
	by  map[netip.Prefix]*rate.Limiter
}

const (
	failuresAtOnce = 10
	failureEvery   = 6 * time.Second
	mostDebt       = 100    // refusals: ten minutes, for others may share the address
	mostAddresses  = 10_000 // a limiter is some 100 bytes
)

func newLimits(now func() time.Time) *limits {
	return &limits{now: now, by: map[netip.Prefix]*rate.Limiter{}}
}

// wait is how long an address has to wait before it may try; zero: it may.
func (l *limits) wait(ip string) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	lim, ok := l.by[network(ip)]
	if !ok {
		return 0
	}
	return time.Duration(max(1-lim.TokensAt(l.now()), 0) * float64(failureEvery))
}

// failed counts a refusal against an address.
func (l *limits) failed(ip string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	n := network(ip)
	lim, ok := l.by[n]
	if !ok {
		if len(l.by) >= mostAddresses {
			l.forget()
		}
		lim = rate.NewLimiter(rate.Every(failureEvery), failuresAtOnce)
		l.by[n] = lim
	}
	if lim.TokensAt(l.now()) > -mostDebt {
		lim.ReserveN(l.now(), 1)
	}
}

// forget drops the addresses that have been quiet long enough to start anew, and all
// of them when that is none: better to forgive than to grow without bound.
func (l *limits) forget() {
	now := l.now()
	for n, lim := range l.by {
		if lim.TokensAt(now) >= failuresAtOnce {
			delete(l.by, n)
		}
	}
	if len(l.by) >= mostAddresses {
		clear(l.by)
	}
}

// network is the range an address is counted with.
func network(ip string) netip.Prefix {
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return netip.Prefix{}
	}
	addr = addr.Unmap().WithZone("")
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	p, _ := addr.Prefix(bits) // both lengths are valid
	return p
}

// seconds writes a time to wait for Retry-After: whole seconds, rounded up.
func seconds(d time.Duration) string {
	return strconv.Itoa(int((d + time.Second - 1) / time.Second))
}
