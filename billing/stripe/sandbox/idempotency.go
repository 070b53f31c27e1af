package sandbox

import (
	"net/http"
	"sync"
	"time"
)

// Stripe's rules for idempotency keys: the first answer to a key is kept, a 500
// as well as a 200, and given again for at least a day; the same key with other
// parameters or at another endpoint is an error; a second request while the
// first is under way is a conflict. A request that was refused before it began
// to run is not kept. Source: https://stripe.com/docs/api/idempotent_requests

const (
	keptAnswers = 24 * time.Hour
	longestKey  = 255
)

// replays holds the answers that were given under idempotency keys.
type replays struct {
	mu     sync.Mutex
	byKey  map[string]*replay
	oldest []string // keys in the order they were first seen, for forgetting
}

type replay struct {
	path, form string
	seen       time.Time
	answer     *reply // nil while the request is under way
}

func newReplays() *replays { return &replays{byKey: map[string]*replay{}} }

// claim is the right to carry a request out under its key. A nil claim belongs
// to a request without one.
type claim struct {
	of   *replays
	key  string
	kept bool
}

// claim gives the right to carry on, the answer that is stored already, or the
// reason why neither is to be had.
func (rs *replays) claim(key, path, form string, now time.Time) (*claim, *reply, *problem) {
	if len(key) > longestKey {
		return nil, nil, invalid("", "", "Idempotency keys can be at most %d characters long.", longestKey)
	}
	rs.mu.Lock()
	defer rs.mu.Unlock()
	rs.forget(now)
	was, ok := rs.byKey[key]
	switch {
	case !ok:
		rs.byKey[key] = &replay{path: path, form: form, seen: now}
		rs.oldest = append(rs.oldest, key)
		return &claim{of: rs, key: key}, nil, nil
	case was.path != path:
		return nil, nil, misused("Keys for idempotent requests can only be used for the same endpoint they were first used for ('%s' vs '%s'). Try using a key other than '%s' if you meant to execute a different request.", path, was.path, key)
	case was.form != form:
		return nil, nil, misused("Keys for idempotent requests can only be used with the same parameters they were first used with. Try using a key other than '%s' if you meant to execute a different request.", key)
	case was.answer == nil:
		p := misused("There is currently another in-progress request using this Idempotent Key (that probably means you submitted twice, and the other request is still going through): %s. Please try again later.", key)
		p.status, p.code = http.StatusConflict, "idempotency_key_in_use"
		return nil, nil, p
	}
	again := *was.answer
	again.replayed = true
	return nil, &again, nil
}

func misused(format string, args ...any) *problem {
	p := invalid("", "", format, args...)
	p.kind = "idempotency_error"
	return p
}

// forget drops answers older than a day. One that is under way stays.
func (rs *replays) forget(now time.Time) {
	for len(rs.oldest) > 0 {
		key := rs.oldest[0]
		if was, ok := rs.byKey[key]; ok {
			if was.answer == nil || now.Sub(was.seen) < keptAnswers {
				return
			}
			delete(rs.byKey, key)
		}
		rs.oldest = rs.oldest[1:]
	}
}

// keep stores the answer under the key.
func (c *claim) keep(out reply) {
	if c == nil {
		return
	}
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	if was, ok := c.of.byKey[c.key]; ok {
		was.answer, c.kept = &out, true
	}
}

// release frees the key again when no answer was kept under it.
func (c *claim) release() {
	if c == nil || c.kept {
		return
	}
	c.of.mu.Lock()
	defer c.of.mu.Unlock()
	delete(c.of.byKey, c.key)
}
