package outgoing

import (
	"context"
	"time"

	"keybridge/bridge"
)

// Standing is how an endpoint is, for an operator.
type Standing struct {
	Name string `json:"name"`
	// Host is the address without what may be secret in it.
	Host string `json:"host"`
	// Place is how far it has come in the feed.
	Place uint64 `json:"place"`
	// Backlog is how many messages wait, those that are sent again left out, and Oldest
	// is when the first of them happened. Only so much is counted: with More there are
	// at least as many.
	Backlog int       `json:"backlog"`
	More    bool      `json:"more,omitempty"`
	Oldest  time.Time `json:"oldest,omitzero"`
	// Paused is since when nothing is sent until it is resumed; zero while it is not.
	Paused time.Time `json:"paused,omitzero"`
	// Failures counts the tries in a row that failed, the first of them at Since, the
	// next at Next. Why says why, Message is the id of what was tried.
	Failures int       `json:"failures,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Next     time.Time `json:"next,omitzero"`
	Why      string    `json:"why,omitempty"`
	Message  string    `json:"message,omitempty"`
	// Status is that of the last answer, 0 when there was none; Tried is when that was.
	// Delivered is when a message was last taken.
	Status    int       `json:"status,omitempty"`
	Tried     time.Time `json:"tried,omitzero"`
	Delivered time.Time `json:"delivered,omitzero"`
	// Replaying: messages are being sent again.
	Replaying bool `json:"replaying,omitempty"`
}

// Endpoints says how every endpoint is, in the order of the configuration. Where the
// store does not answer, Why says so.
func (s *Sender) Endpoints(ctx context.Context) []Standing {
	var out []Standing
	for _, l := range s.lanes {
		out = append(out, l.standing(ctx))
	}
	return out
}

func (l *lane) standing(ctx context.Context) Standing {
	b, err := l.load(ctx)
	out := Standing{
		Name: l.endpoint.Name, Host: l.endpoint.host(), Place: b.Place, Paused: b.Paused,
		Failures: b.Failures, Since: b.Since, Next: b.Next, Why: b.Why,
		Status: b.Status, Tried: b.Tried, Delivered: b.Delivered, Replaying: b.Replay != nil,
	}
	if b.Refused != nil {
		out.Message = b.Refused.ID
	}
	if err == nil {
		err = l.backlog(ctx, &out)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case err != nil:
		out.Why = "the store cannot be read: " + bridge.Explain(err)
	case l.stuck != "":
		out.Why = l.stuck
	}
	return out
}

// backlog counts what waits among the next thousand entries.
func (l *lane) backlog(ctx context.Context, out *Standing) error {
	lines, err := l.sender.cfg.Store.Feed(ctx, out.Place, countLen)
	for _, line := range lines {
		if _, ok := l.wanted(line.Entry); !ok {
			continue
		}
		if out.Backlog == 0 {
			out.Oldest = line.Entry.At
		}
		out.Backlog++
	}
	out.More = len(lines) == countLen
	return err
}

// Resume has an endpoint tried again at once, from where it stopped, whether it was
// paused or waits after a failure. NotFound when there is no such endpoint. It may be
// repeated.
func (s *Sender) Resume(ctx context.Context, name string) error {
	l, err := s.lane(name)
	if err != nil {
		return err
	}
	if err := l.change(ctx, func(b *bookmark) error {
		b.well()
		return nil
	}); err != nil {
		return err
	}
	s.cfg.Log.Info("a webhook endpoint was resumed", "endpoint", name)
	l.nudge()
	return nil
}

// Skip passes over the message that an endpoint does not take, on an operator's word,
// resumes it and returns the message's id. It can be sent again with Replay. NotFound
// when there is no such endpoint, Conflict when it does not fail.
func (s *Sender) Skip(ctx context.Context, name string) (id string, err error) {
	l, err := s.lane(name)
	if err != nil {
		return "", err
	}
	err = l.change(ctx, func(b *bookmark) error {
		if b.Refused == nil {
			return &bridge.Error{Kind: bridge.Conflict, Msg: "This endpoint has not failed to take a message, so there is none to pass over."}
		}
		id = b.Refused.ID
		b.settle(b.Refused.Place, b.Refused.Again)
		b.well()
		return nil
	})
	if err != nil {
		return "", err
	}
	s.cfg.Log.Warn("a webhook was passed over", "endpoint", name, "message", id)
	l.nudge()
	return id, nil
}
