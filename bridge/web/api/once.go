package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

const (
	// receipts is the kind of the papers that keep them.
	receipts = "api receipt"
	// keepReceipt is how long one is kept. It is less than bridge.Desk.Once remembers.
	keepReceipt = 7 * 24 * time.Hour
	sweepEvery  = time.Hour
	// longestWrite is how long a write may take. It ends although its program has gone, so
	// that it is known what became of it.
	longestWrite = 25 * time.Second
	// lease is how long a write that was begun is taken to be under way: longer than any is,
	// so that one which is still there afterwards was cut off.
	lease = longestWrite + 5*time.Second
	// longestKey is how long an Idempotency-Key may be, in bytes.
	longestKey = 200
)

// kept is a write under an Idempotency-Key. It has nothing personal, and not the key.
type kept struct {
	// Print is the hash of what was asked for.
	Print string `json:"print"`
	// Began is when the key was first used, Until to when it is taken to be under way.
	Began time.Time `json:"began"`
	Until time.Time `json:"until,omitzero"`
	// The others are what it was answered with; zero while it was not.
	Status   int             `json:"status,omitempty"`
	ETag     string          `json:"etag,omitempty"`
	Location string          `json:"location,omitempty"`
	Body     json.RawMessage `json:"body,omitempty"`
}

// answered is the kept answer.
func (k kept) answered() reply {
	return reply{status: k.Status, etag: k.ETag, location: k.Location, replayed: true, body: k.Body}
}

// once does a write, or answers as it was answered before where it is a repetition under
// the same Idempotency-Key. do gets the key under which the desk does it once; what it
// returns is kept, so nothing in it may be personal.
func (a *API) once(c *gin.Context, p bridge.Person, what string, o any, do func(ctx context.Context, key string) (reply, error)) (reply, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Request.Context()), longestWrite)
	defer cancel()
	key, given, err := readKey(c)
	if err != nil {
		return reply{}, err
	}
	if !given {
		return do(ctx, "")
	}
	name := hashed(p.Name, key)
	k, err := a.begin(ctx, name, printOf(key, what, o))
	if err != nil {
		return reply{}, err
	}
	if k.Status != 0 {
		return k.answered(), nil
	}
	out, err := do(ctx, hashed(key, k.Began.Format(time.RFC3339Nano)))
	if failed := a.finish(ctx, name, k, out, err); failed != nil {
		// What was done is done, and a repetition goes on with it.
		a.cfg.Log.Error("a receipt of the API could not be kept", "error", failed)
	}
	return out, err
}

// readKey reads the Idempotency-Key: 1 to 200 visible ASCII characters.
func readKey(c *gin.Context) (key string, given bool, err error) {
	values := c.Request.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return "", false, nil
	}
	visible := func(c rune) bool { return c > ' ' && c <= '~' }
	if key = values[0]; len(values) > 1 || key == "" || len(key) > longestKey || strings.TrimFunc(key, visible) != "" {
		detail := fmt.Sprintf("This is given once, and has 1 to %d visible ASCII characters.", longestKey)
		return "", false, wrong(fault{In: "header", Name: "Idempotency-Key", Detail: detail})
	}
	return key, true, nil
}

// hashed is a name for some texts, of which none has a line break.
func hashed(texts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(texts, "\n")))
	return hex.EncodeToString(sum[:])
}

// printOf is the hash of what is asked for under a key, which is kept nowhere, so that what
// was asked for cannot be guessed from it. A struct's members have a fixed order: spaces and
// order of what was sent make no difference.
func printOf(key, what string, o any) string {
	b, err := json.Marshal(o)
	if err != nil { // a struct of strings and numbers always encodes
		panic(err)
	}
	return hashed(key, what, string(b))
}

// begin notes that a write is under way, or returns the receipt of one that was done.
// Conflict while one is under way.
func (a *API) begin(ctx context.Context, name, fingerprint string) (k kept, err error) {
	now := a.cfg.Now().UTC()
	err = a.cfg.Papers.SetPaper(ctx, receipts, name, func(old []byte) ([]byte, error) {
		k = kept{}
		if len(old) > 0 {
			if err := json.Unmarshal(old, &k); err != nil {
				return nil, fmt.Errorf("a kept receipt is damaged: %w", err)
			}
		}
		switch {
		case k.Print == "" || !now.Before(k.Began.Add(keepReceipt)):
			k = kept{Print: fingerprint, Began: now}
		case k.Print != fingerprint:
			return nil, errKeyReused
		case k.Status != 0:
			return old, nil
		case now.Before(k.Until):
			return nil, &bridge.Error{Kind: bridge.Conflict, Msg: "The first call with this Idempotency-Key is still under way.", RetryAfter: k.Until.Sub(now)}
		}
		k.Until = now.Add(lease)
		return json.Marshal(k)
	})
	return k, err
}

// finish keeps the receipt of a write, or lets go of its key where nothing was done. Where
// it is not known what was done, the next one under the key goes on with it.
func (a *API) finish(ctx context.Context, name string, k kept, out reply, failed error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	body, err := json.Marshal(out.body)
	if err != nil {
		return err
	}
	return a.cfg.Papers.SetPaper(ctx, receipts, name, func(old []byte) ([]byte, error) {
		var now kept
		if err := json.Unmarshal(old, &now); err != nil || !now.Began.Equal(k.Began) || now.Status != 0 {
			return old, nil //nolint:nilerr // somebody else's by now: it took longer than the lease
		}
		switch {
		case failed == nil:
			now.Status, now.ETag, now.Location, now.Body = out.status, out.etag, out.location, body
		case undone(failed):
			return nil, nil
		}
		now.Until = time.Time{}
		return json.Marshal(now)
	})
}

// undone reports whether a failure says that nothing was done.
func undone(err error) bool {
	switch bridge.KindOf(err) {
	case bridge.Unavailable, bridge.Internal, "":
		return false
	}
	return true
}

// sweep removes receipts that are no longer kept.
func (a *API) sweep(ctx context.Context) error {
	for after := ""; ; {
		papers, err := a.cfg.Papers.Papers(ctx, receipts, after, 1000)
		if err != nil || len(papers) == 0 {
			return err
		}
		for _, paper := range papers {
			if after = paper.Name; a.stale(paper.Value) {
				if err := a.drop(ctx, paper.Name); err != nil {
					return err
				}
			}
		}
	}
}

// stale reports whether a kept write has had its time. What cannot be read never had one.
func (a *API) stale(value []byte) bool {
	var k kept
	return json.Unmarshal(value, &k) != nil || !a.cfg.Now().Before(k.Began.Add(keepReceipt))
}

// drop removes a kept write, unless its key was used again meanwhile.
func (a *API) drop(ctx context.Context, name string) error {
	return a.cfg.Papers.SetPaper(ctx, receipts, name, func(old []byte) ([]byte, error) {
		if len(old) > 0 && a.stale(old) {
			return nil, nil
		}
		return old, nil
	})
}
