package stripe

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	stripego "github.com/stripe/stripe-go/v76"

	"keybridge/bridge"
)

// Config is what a Provider needs. Only Key is required.
type Config struct {
	// Name is the provider's name in plans, and the System of every ref. Empty:
	// "stripe". Not to be changed while requests live.
	Name string
	// Key is a secret (sk_) or restricted (rk_) API key. A restricted one needs
	// write access to Checkout Sessions, PaymentIntents, Refunds and Subscriptions
	// (Stripe's "Charges and Refunds", "Payment Intents", "Checkout Sessions",
	// "Subscriptions") and read access to Disputes, Events, Invoices, Prices,
	// Products and SetupIntents.
	Key string
	// URL is the base address of the API; empty for Stripe's. Plain http is taken
	// on a loopback address, and elsewhere for a test key only.
	URL string
	// Client is used for its Transport; nil for a transport of its own. Timeout
	// bounds each call with its answer; zero for 30 seconds. A call that takes
	// longer is repeated under the same key, so nothing is done twice.
	Client  *http.Client
	Timeout time.Duration
	// Log takes a line at debug level for every call: method, path, status,
	// duration and Stripe's request id. May be nil.
	Log *slog.Logger
	// Now is the clock; nil for time.Now.
	Now func() time.Time
	// Locale is the language of the checkout page (an IETF tag of Stripe's list).
	// Empty: the browser's.
	Locale string
	// CheckoutExpiry is how long a checkout stays open: 30 minutes to 24 hours;
	// zero for 24 hours. What expired is opened again while its step waits.
	CheckoutExpiry time.Duration
	// Invoices makes Stripe write an invoice for each one-off payment, for which
	// Stripe charges a fee.
	Invoices bool
	// TrialWithoutCard asks for no card where a free trial makes the first payment
	// nothing. The subscription ends with the trial unless a card was added.
	TrialWithoutCard bool
	// Hint turns the JSON of an event into a hint, as the webhook's receiver does;
	// false for an event that is not ours. Needed by Missed only.
	Hint func(event []byte) (bridge.Hint, bool)
}

// The bounds of a checkout's life, from the time Stripe made it.
// Source: https://docs.stripe.com/api/checkout/sessions/create#create_checkout_session-expires_at
const (
	shortestExpiry = 30 * time.Minute
	longestExpiry  = 24 * time.Hour
)

// Provider implements bridge.Provider on one Stripe account. It is safe for
// concurrent use and holds no state but its configuration.
type Provider struct {
	cfg     Config
	backend stripego.Backend
}

var _ bridge.Provider = (*Provider)(nil)

// New returns a provider. It makes no call; a configuration that cannot work is an
// error that names every fault.
func New(cfg Config) (*Provider, error) {
	cfg, err := cfg.complete()
	if err != nil {
		return nil, err
	}
	backend := stripego.GetBackendWithConfig(stripego.APIBackend, &stripego.BackendConfig{
		EnableTelemetry:   stripego.Bool(false),
		HTTPClient:        cfg.client(),
		LeveledLogger:     &stripego.LeveledLogger{Level: stripego.LevelNull},
		MaxNetworkRetries: stripego.Int64(0),
		URL:               stripego.String(cfg.URL),
	})
	return &Provider{cfg: cfg, backend: backend}, nil
}

// String names the provider without its key, so that printing one is safe.
func (p *Provider) String() string {
	return fmt.Sprintf("stripe provider %q at %s", p.cfg.Name, p.cfg.URL)
}

// complete fills in the defaults and reports every fault.
func (c Config) complete() (Config, error) {
	if c.Name == "" {
		c.Name = "stripe"
	}
	if c.URL == "" {
		c.URL = stripego.APIURL
	}
	if c.Timeout == 0 {
		c.Timeout = 30 * time.Second
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.CheckoutExpiry == 0 {
		c.CheckoutExpiry = longestExpiry
	}
	if c.Hint == nil {
		c.Hint = func([]byte) (bridge.Hint, bool) { return bridge.Hint{}, false }
	}
	return c, errors.Join(c.checkKey(), c.checkURL(), c.checkTimes())
}

// checkKey refuses what cannot be a key for a server. The key itself is never part
// of an error.
func (c Config) checkKey() error {
	switch {
	case c.Key == "":
		return fmt.Errorf("provider %q: no Stripe key is given", c.Name)
	case strings.HasPrefix(c.Key, "pk_"):
		return fmt.Errorf("provider %q: the Stripe key is a publishable one (pk_); a secret (sk_) or restricted (rk_) key is needed", c.Name)
	case !strings.HasPrefix(c.Key, "sk_") && !strings.HasPrefix(c.Key, "rk_"):
		return fmt.Errorf("provider %q: the Stripe key begins neither with sk_ nor with rk_", c.Name)
	case strings.ContainsFunc(c.Key, func(r rune) bool { return r <= ' ' || r > '~' }):
		return fmt.Errorf("provider %q: the Stripe key holds a space, a line end or another character that no key has", c.Name)
	}
	return nil
}

func (c Config) checkURL() error {
	u, err := url.Parse(c.URL)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("provider %q: the API address must be https://host[:port]", c.Name)
	}
	switch {
	case u.Scheme == "https":
		return nil
	case u.Scheme != "http":
		return fmt.Errorf("provider %q: the API address must begin with https://", c.Name)
	case loopback(u.Hostname()):
		return nil
	case strings.HasPrefix(c.Key, "sk_test_"), strings.HasPrefix(c.Key, "rk_test_"):
		c.Log.Warn("the Stripe API is reached without encryption; fit for a sandbox only", "provider", c.Name, "host", u.Host)
		return nil
	}
	return fmt.Errorf("provider %q: a live key is not sent over plain http", c.Name)
}

func (c Config) checkTimes() error {
	if c.CheckoutExpiry < shortestExpiry || c.CheckoutExpiry > longestExpiry {
		return fmt.Errorf("provider %q: a checkout can stay open for 30 minutes to 24 hours, not %s", c.Name, c.CheckoutExpiry)
	}
	if c.Timeout < 0 {
		return fmt.Errorf("provider %q: the time-out is negative", c.Name)
	}
	return nil
}
