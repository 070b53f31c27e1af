package web

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"keybridge/bridge"
)

// Whom calls are made to.
const (
	toPortal   = "portal"
	toProvider = "provider"
	toMail     = "mail"
)

// toWhom says who is called in what bridge.Try says was done.
func toWhom(doing string) string {
	switch doing {
	case string(bridge.Tell):
		return toMail
	case string(bridge.ApproveKey), string(bridge.DeclineKey), string(bridge.SuspendKey), string(bridge.ResumeKey), string(bridge.RevokeKey),
		"read portal", "list pending", "create key request":
		return toPortal
	}
	return toProvider
}

// far is what was last heard of those who are called.
type far struct {
	mu  sync.Mutex
	all map[farEnd]*silence
}

// farEnd is somebody who is called. Only portals have names: the others are called for
// all portals alike.
type farEnd struct{ to, name string }

// silence is since when somebody has not answered; zero while they do.
type silence struct {
	since  time.Time
	failed int
	// kind is Unavailable, or Refused where they do answer, and do not let us in.
	kind bridge.Kind
}

// tried takes in how a call ended. An answer of any kind is one, but for those that
// say that the other side is broken, or lets nobody in.
func (f *far) tried(t bridge.Try) {
	end := farEnd{to: toWhom(t.Doing)}
	if end.to == toPortal {
		end.name = t.Portal
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.all == nil {
		f.all = map[farEnd]*silence{}
	}
	s := f.all[end]
	if s == nil {
		s = &silence{}
		f.all[end] = s
	}
	switch t.Kind {
	case bridge.Unavailable, bridge.Refused:
		if s.since.IsZero() {
			s.since = time.Now().Add(-t.Took)
		}
		s.failed++
		s.kind = t.Kind
	case bridge.Limited, bridge.Internal: // it says nothing of whether they answer
	default:
		*s = silence{}
	}
}

func (m *Metrics) showFar() {
	unanswered := m.gauge("keybridge_unanswered_seconds",
		"For how long a portal, the provider or the mail server has not answered, or refused our credentials; 0 while it answers.", "to", "portal")
	m.registry.MustRegister(readings{[]*prometheus.Desc{unanswered}, func(tell func(*prometheus.Desc, float64, ...string)) {
		m.far.mu.Lock()
		defer m.far.mu.Unlock()
		for end, s := range m.far.all {
			tell(unanswered, s.age().Seconds(), end.to, end.name)
		}
	}})
}

func (s *silence) age() time.Duration {
	if s.since.IsZero() {
		return 0
	}
	return time.Since(s.since)
}

// Answering says of everybody who was called since the start whether they answer. It is
// no reason to take nothing in: what they have to be told waits for them.
func (m *Metrics) Answering() []Check {
	m.far.mu.Lock()
	defer m.far.mu.Unlock()
	var all []Check
	for end, s := range m.far.all {
		c := Check{Name: strings.TrimSpace(end.to + " " + end.name), Status: CheckOK}
		if !s.since.IsZero() {
			c.Status, c.Says = CheckWarning, s.words(end)
		}
		all = append(all, c)
	}
	slices.SortFunc(all, func(a, b Check) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// words tell of a silence.
func (s *silence) words(end farEnd) string {
	who := map[string]string{toPortal: "The portal " + end.name, toProvider: "The payment provider", toMail: "The mail server"}[end.to]
	since := s.since.UTC().Format("2006-01-02 15:04 UTC")
	if s.kind == bridge.Refused {
		return fmt.Sprintf("%s has refused our credentials since %s. What it has to be told waits.", who, since)
	}
	return fmt.Sprintf("%s has not answered since %s (calls that failed: %d). What it has to be told waits.", who, since, s.failed)
}
