package api

import (
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// paces bound how often something happens, each name by itself.
type paces struct {
	rate  rate.Limit
	burst int
	mu    sync.Mutex
	by    map[string]*rate.Limiter
}

// mostNames bounds the memory: a limiter is some 100 bytes.
const mostNames = 10_000

func newPaces(each float64, burst int) *paces {
	return &paces{rate: rate.Limit(each), burst: burst, by: map[string]*rate.Limiter{}}
}

// take counts one of a name, and returns zero; or counts nothing, and says how long to
// wait.
func (p *paces) take(name string, now time.Time) (wait time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, known := p.by[name]
	if !known {
		p.room(now)
		l = rate.NewLimiter(p.rate, p.burst)
		p.by[name] = l
	}
	if l.AllowN(now, 1) {
		return 0
	}
	return p.until(l, now)
}

// wait is how long a name has to wait; zero: it need not.
func (p *paces) wait(name string, now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	l, known := p.by[name]
	if !known {
		return 0
	}
	return p.until(l, now)
}

func (p *paces) until(l *rate.Limiter, now time.Time) time.Duration {
	missing := max(1-l.TokensAt(now), 0)
	return time.Duration(missing / float64(p.rate) * float64(time.Second))
}

// knows reports whether a name was seen lately.
func (p *paces) knows(name string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, known := p.by[name]
	return known
}

func (p *paces) forget(name string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.by, name)
}

// room drops the names that have been quiet long enough to start anew, and all of them
// when that is none: better to forgive than to grow without bound.
func (p *paces) room(now time.Time) {
	if len(p.by) < mostNames {
		return
	}
	for name, l := range p.by {
		if l.TokensAt(now) >= float64(p.burst) {
			delete(p.by, name)
		}
	}
	if len(p.by) >= mostNames {
		clear(p.by)
	}
}
