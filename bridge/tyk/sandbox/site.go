package sandbox

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"time"
)

// site is what both portals stand on: a name and an address, a clock, ids and secrets, and the bookkeeping of what was
// called, what goes wrong on purpose, and which mails and webhooks went out. It knows nothing of either product's records.
type site struct {
	name     string
	now      func() time.Time
	log      *slog.Logger
	ids      *idSource
	handler  http.Handler
	pages    pageSet
	calls    callLog
	faults   faultBoard
	webhooks *webhookSender
	post     postbox
	address  atomic.Pointer[string]
}

// newSite returns a site; what is nil gets what the documentation of [Config] promises. failed writes what the product
// answers when a fault decides, in the product's own shape.
func newSite(name, url string, now func() time.Time, random io.Reader, log *slog.Logger, client *http.Client, failed faultAnswer) *site {
	if now == nil {
		now = time.Now
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	if random == nil {
		random = rand.Reader
	}
	s := &site{
		name: name, now: now, log: log, ids: newIDSource(random, now),
		faults: faultBoard{answer: failed}, webhooks: newWebhookSender(client, log),
	}
	s.SetURL(url)
	return s
}

// SetURL sets the public base URL for links in mails, once the address is known.
func (s *site) SetURL(url string) {
	url = strings.TrimSuffix(url, "/")
	s.address.Store(&url)
}

// base returns the URL that links in mails begin with.
func (s *site) base(r *http.Request) string {
	if url := *s.address.Load(); url != "" || r == nil {
		return url
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

// Close stops sending webhooks and waits for those under way to be given up. It always returns nil.
func (s *site) Close() error {
	s.webhooks.close()
	return nil
}

// today is the clock to the millisecond, as Tyk's databases keep it.
func (s *site) today() time.Time { return s.now().Truncate(time.Millisecond) }

// password is what a portal keeps of one.
type password struct{ salt, hash []byte }

// passwordRounds is low: this guards a sandbox, and a load test signs up thousands.
const passwordRounds = 4096

// hashed returns what to keep of a password. An empty one is kept as one that nothing matches, at no cost.
func (s *site) hashed(text string) (password, error) {
	if text == "" {
		return password{}, nil
	}
	salt := s.ids.bytes(16)
	hash, err := pbkdf2.Key(sha256.New, text, salt, passwordRounds, 32)
	return password{salt, hash}, err
}

func (p password) is(text string) bool {
	hash, err := pbkdf2.Key(sha256.New, text, p.salt, passwordRounds, 32)
	return err == nil && len(p.hash) > 0 && subtle.ConstantTimeCompare(hash, p.hash) == 1
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}
