package sandbox

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"
)

// Delivery is one webhook: what was to be sent, and what became of it. The headers it was sent with are not part of it,
// since they may hold the receiver's secret.
type Delivery struct {
	ID      string          `json:"id"` // counts from 1
	Event   string          `json:"event"`
	Request string          `json:"request"` // the id of the key request or access request, if it is about one
	Channel string          `json:"channel"` // of an Enterprise Portal: the configured webhook's id
	Method  string          `json:"method"`
	URL     string          `json:"url"`
	Body    json.RawMessage `json:"body"`
	At      time.Time       `json:"at"`
	Sent    int             `json:"sent"`   // attempts: 0 when held, 1, or more when replayed
	Status  int             `json:"status"` // of the last attempt; 0 when there was no answer
	Error   string          `json:"error,omitempty"`
}

// outgoing is a delivery with what is needed to send it, now or again.
type outgoing struct {
	Delivery
	headers http.Header
	timeout time.Duration // 0: the client's own
}

// deliveriesKept bounds the memory of a sandbox under load: of more webhooks, the older half is forgotten.
const deliveriesKept = 20_000

// atOnce is how many webhooks are under way at the same time; more wait.
const atOnce = 32

// webhookSender sends webhooks beside the requests that cause them. Each is attempted once: Tyk documents no retry.
type webhookSender struct {
	client *http.Client
	log    *slog.Logger
	ctx    context.Context //nolint:containedctx // the sender's own life, ended by close
	stop   context.CancelFunc
	slots  chan struct{}

	mu         sync.Mutex
	closed     bool
	added      int
	deliveries []*outgoing
	underWay   int
	quiet      chan struct{} // closed while nothing is under way
}

func newWebhookSender(client *http.Client, log *slog.Logger) *webhookSender {
	if client == nil {
		client = &http.Client{
			Timeout:   10 * time.Second,
			Transport: &http.Transport{MaxIdleConnsPerHost: atOnce, IdleConnTimeout: 30 * time.Second},
		}
	}
	w := &webhookSender{client: client, log: log, slots: make(chan struct{}, atOnce), quiet: make(chan struct{})}
	w.ctx, w.stop = context.WithCancel(context.Background())
	close(w.quiet)
	return w
}

// add records a delivery and, unless it is held, sends it. done is closed when the attempt is over.
func (w *webhookSender) add(delivery outgoing, hold bool) (sent *outgoing, done <-chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.added++
	delivery.ID = strconv.Itoa(w.added)
	if len(w.deliveries) >= deliveriesKept {
		w.deliveries = append([]*outgoing(nil), w.deliveries[deliveriesKept/2:]...)
	}
	w.deliveries = append(w.deliveries, &delivery)
	if hold {
		return &delivery, nil
	}
	return &delivery, w.startLocked(&delivery)
}

// outcome returns a delivery as it stands.
func (w *webhookSender) outcome(sent *outgoing) Delivery {
	w.mu.Lock()
	defer w.mu.Unlock()
	return sent.Delivery
}

func (w *webhookSender) startLocked(delivery *outgoing) <-chan struct{} {
	done := make(chan struct{})
	if w.closed {
		close(done)
		return done
	}
	if w.underWay == 0 {
		w.quiet = make(chan struct{})
	}
	w.underWay++
	delivery.Sent++
	sent := *delivery
	go func() {
		defer close(done)
		status, err := w.send(sent)
		w.mu.Lock()
		defer w.mu.Unlock()
		delivery.Status, delivery.Error = status, ""
		if err != nil {
			delivery.Error = err.Error()
			w.log.Warn("a webhook failed", "delivery", delivery.ID, "error", delivery.Error)
		}
		if w.underWay--; w.underWay == 0 {
			close(w.quiet)
		}
	}()
	return done
}

func (w *webhookSender) send(delivery outgoing) (status int, err error) {
	select {
	case w.slots <- struct{}{}:
		defer func() { <-w.slots }()
	case <-w.ctx.Done():
		return 0, w.ctx.Err()
	}
	ctx := w.ctx
	if delivery.timeout > 0 {
		limited, cancel := context.WithTimeout(ctx, delivery.timeout)
		defer cancel()
		ctx = limited
	}
	request, err := http.NewRequestWithContext(ctx, delivery.Method, delivery.URL, bytes.NewReader(delivery.Body))
	if err != nil {
		return 0, errors.New("the webhook's URL is not one")
	}
	if len(delivery.Body) > 0 {
		request.Header.Set("Content-Type", "application/json")
	}
	for name, values := range delivery.headers {
		request.Header[name] = values
	}
	answer, err := w.client.Do(request)
	if err != nil {
		return 0, withoutURL(err)
	}
	defer answer.Body.Close()                                        //nolint:errcheck // it was only read
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, maxBody)) //nolint:errcheck // read so that the connection can be used again
	return answer.StatusCode, nil
}

// withoutURL takes the URL out of an error: it holds the receiver's secret, and errors get logged.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

func (w *webhookSender) close() {
	w.mu.Lock()
	w.closed = true
	quiet := w.quiet
	w.mu.Unlock()
	w.stop()
	<-quiet
}

// Webhooks returns the webhooks so far, oldest first: the last 10,000 at least. Those under way have no status yet; see
// the method Settle.
func (s *site) Webhooks() []Delivery {
	s.webhooks.mu.Lock()
	defer s.webhooks.mu.Unlock()
	all := make([]Delivery, len(s.webhooks.deliveries))
	for i, delivery := range s.webhooks.deliveries {
		all[i] = delivery.Delivery
	}
	return all
}

// Replay sends a webhook again, or for the first time when it was held; the body is the one of then, the URL and the
// headers too. It returns an error when there is no such webhook.
func (s *site) Replay(id string) error {
	w := s.webhooks
	w.mu.Lock()
	defer w.mu.Unlock()
	place := slices.IndexFunc(w.deliveries, func(d *outgoing) bool { return d.ID == id })
	if place < 0 {
		return notThere("There is no such webhook.")
	}
	w.startLocked(w.deliveries[place])
	return nil
}

// Settle waits until no webhook is under way. It returns the context's error when that ends first.
func (s *site) Settle(ctx context.Context) error {
	s.webhooks.mu.Lock()
	quiet := s.webhooks.quiet
	s.webhooks.mu.Unlock()
	select {
	case <-quiet:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
