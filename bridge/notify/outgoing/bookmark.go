package outgoing

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"keybridge/bridge"
)

// bookmark is all that is kept of an endpoint: how far it has come, and how it is.
// Everything else follows from it and the feed.
type bookmark struct {
	// Place is where in the feed everything up to was delivered or is not wanted.
	Place uint64 `json:"place"`
	// Failures counts the tries in a row that failed, the first of them at Since. Next
	// is when to try again. Refused is the message that was tried.
	Failures int       `json:"failures,omitempty"`
	Since    time.Time `json:"since,omitzero"`
	Next     time.Time `json:"next,omitzero"`
	Refused  *refused  `json:"refused,omitempty"`
	// Paused is since when nothing is sent until somebody resumes it.
	Paused time.Time `json:"paused,omitzero"`
	// Why says in words why the last try failed.
	Why string `json:"why,omitempty"`
	// Status is the last answer's, Tried when it was; 0 when there was none. Delivered
	// is when a message was last taken.
	Status    int       `json:"status,omitempty"`
	Tried     time.Time `json:"tried,omitzero"`
	Delivered time.Time `json:"delivered,omitzero"`
	// Replay is what is being sent again, before anything else is.
	Replay *replay `json:"replay,omitempty"`
}

// refused is the message that the endpoint did not take.
type refused struct {
	ID    string `json:"id"`
	Place uint64 `json:"place"`
	Again bool   `json:"again,omitempty"`
}

// settle moves past a message.
func (b *bookmark) settle(place uint64, again bool) {
	switch {
	case !again:
		b.Place = max(b.Place, place)
	case b.Replay != nil:
		r := *b.Replay
		r.Done = max(r.Done, place)
		b.Replay = &r
	}
}

// past reports whether a message was moved past meanwhile.
func (b *bookmark) past(m message) bool {
	if m.again {
		return b.Replay == nil || m.place <= b.Replay.Done
	}
	return m.place <= b.Place
}

// well forgets what went wrong.
func (b *bookmark) well() {
	b.Failures, b.Since, b.Next, b.Refused = 0, time.Time{}, time.Time{}, nil
	b.Paused, b.Why = time.Time{}, ""
}

// bookmarkName is the name it is kept under.
func bookmarkName(endpoint string) string { return "outgoing/" + endpoint }

// load returns the endpoint's bookmark. An endpoint that has none is new: it begins
// at the feed's end, and hears of what happens from now on. One that fails is tried at
// once after a start, because what was wrong with it may have been put right.
func (l *lane) load(ctx context.Context) (bookmark, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.loadLocked(ctx)
}

func (l *lane) loadLocked(ctx context.Context) (bookmark, error) {
	if l.kept != nil {
		return *l.kept, nil
	}
	store := l.sender.cfg.Store
	value, err := store.Bookmark(ctx, bookmarkName(l.endpoint.Name))
	if err != nil {
		return bookmark{}, err
	}
	var b bookmark
	if value != nil {
		if err := json.Unmarshal(value, &b); err != nil {
			return b, &bridge.Error{Kind: bridge.Internal, Err: fmt.Errorf("bookmark of the webhook endpoint %q: %w", l.endpoint.Name, err)}
		}
		b.Next = time.Time{}
		l.kept = &b
		return b, nil
	}
	if b.Place, err = store.FeedEnd(ctx); err != nil {
		return b, err
	}
	return b, l.saveLocked(ctx, b)
}

// change changes the bookmark and keeps it. fn's error is returned as it is, and
// nothing is changed then.
func (l *lane) change(ctx context.Context, fn func(*bookmark) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, err := l.loadLocked(ctx)
	if err != nil {
		return err
	}
	if err := fn(&b); err != nil {
		return err
	}
	return l.saveLocked(ctx, b)
}

func (l *lane) saveLocked(ctx context.Context, b bookmark) error {
	value, err := json.Marshal(b)
	if err != nil {
		return err
	}
	if err := l.sender.cfg.Store.SetBookmark(ctx, bookmarkName(l.endpoint.Name), value); err != nil {
		return err
	}
	l.kept, l.savedAt = &b, l.sender.cfg.Now()
	return nil
}

// passEvery is how often it is kept that entries were passed over which the endpoint
// does not want. Passing over them once more costs little.
const passEvery = time.Minute

// pass moves past an entry that is not sent.
func (l *lane) pass(ctx context.Context, place uint64, again bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	b, err := l.loadLocked(ctx)
	if err != nil {
		return err
	}
	b.settle(place, again)
	if l.sender.cfg.Now().Sub(l.savedAt) >= passEvery {
		return l.saveLocked(ctx, b)
	}
	l.kept = &b
	return nil
}
