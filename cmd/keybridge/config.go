package main

import (
	"crypto/x509"
	"log/slog"
	"net/mail"
	"net/netip"
	"net/url"
	"time"

	"keybridge/bridge"
)

// The configuration is one YAML file, read by loadConfig. What each key means is
// said once, in the comments of this file: configReference makes the table of the
// README from them, and the messages about missing keys quote them. Bounds,
// defaults and choices are in the tags, from which the decoder takes them too.
//
// Tags: yaml is the key; default is what an absent key means, in the file's own
// syntax; required:"yes" refuses a file without it; min, max and oneof bound a value,
// where oneof:"events" stands for the types of outgoing events; off:"yes" lets a
// length of time or a size be off, which is negative then; empty:"yes" lets a list be empty. A
// field of type secret has two keys, …_env and …_file, and so has a list of secrets.
//
// Decisions:
//
//   - The syntax tree is walked here instead of by the YAML library's strict mode,
//     which stops at the first error. An operator gets all of them, each with its
//     place, from unknown keys to plans that contradict each other.
//   - Values are taken as they are written: 49.00 never was a float, and a policy
//     id of nothing but digits stays what it is.
//   - Aliases are followed, and bounded; merge keys and tags are refused, because
//     with them a reader cannot see what a section holds.
//   - A hand-off is allowed by writing it down. Of the three ways the unsigned one
//     is the easiest to set up, and should not be the one that nobody chose.
//   - steps has to be written, if only as []: who forgets it would give keys away.
//   - A key that does nothing where it stands is an error: whoever wrote it meant
//     something by it.
//   - Which plan fits a request is never decided by the order of the file: two plans
//     that fit one equally well are refused.

// config is the whole file.
type config struct {
	// Where the bridge answers: hand-off, pages and webhooks, as host:port. No host: every address of the machine; port 0: a free one.
	Listen string `yaml:"listen" default:"127.0.0.1:8080"`
	// The address under which browsers, the portals and Stripe reach the bridge, without a path. https, or http on a loopback address.
	PublicURL *url.URL `yaml:"public_url" required:"yes"`
	// Where health (/livez, /readyz) and metrics (/metrics) are answered, as host:port, or off. Not for the public.
	Operations string `yaml:"operations" default:"127.0.0.1:9090"`
	// The folder that holds the store, the page secret and the operator's socket. A relative path starts at the folder of this file.
	Data string `yaml:"data" default:"/var/lib/keybridge"`
	// Addresses (or networks, 10.0.0.0/8) of the proxies in front, whose X-Forwarded-For is believed. None: the connection's own address counts.
	TrustedProxies []netip.Prefix `yaml:"trusted_proxies" empty:"yes"`
	// What is logged, and how.
	Log logConfig `yaml:"log"`
	// How long a stopping bridge waits for what it is doing.
	Shutdown time.Duration `yaml:"shutdown" default:"20s" min:"1s" max:"5m"`
	// The pages that developers see.
	Pages pagesConfig `yaml:"pages"`
	// The portals whose key requests are worked on.
	Portals []portalConfig `yaml:"portals" required:"yes"`
	// The Stripe account. Required where a plan has a validation or a payment.
	Stripe *stripeConfig `yaml:"stripe"`
	// What is demanded for the policies, products and plans of the portals. What no plan names goes to review, never to automatic approval.
	Plans []planConfig `yaml:"plans" empty:"yes"`
	// The mail server through which applicants are told. Absent: keybridge tells nobody anything.
	Mail *mailConfig `yaml:"mail"`
	// How long names, addresses, reasons and notes are kept once a request is over; then they are blanked, and amounts and history stay. off: for good.
	Retain time.Duration `yaml:"retain" default:"off" min:"1d" max:"3650d" off:"yes"`
	// The console of finance, at /console/. Absent: the defaults, and the people that keybridge users adds.
	Console consoleConfig `yaml:"console"`
	// The store's file, keybridge.db in the data folder.
	Store storeConfig `yaml:"store"`
	// How it is proved that history is as it was written.
	Audit auditConfig `yaml:"audit"`
	// When Stripe, the portals and keybridge are compared, and how.
	Reconcile reconcileConfig `yaml:"reconcile"`
	// Where keybridge sends word of what happens, as signed webhooks (standardwebhooks.com).
	Outgoing []outgoingConfig `yaml:"outgoing" empty:"yes"`

	// Warnings are what is unwise and not wrong, in the order of the file.
	Warnings configErrors `yaml:"-"`
}

// storeConfig is about the store's file.
type storeConfig struct {
	// The size that the file does not exceed. What needs more is answered 503 until there is room; the log and /readyz warn from four fifths of it on. Absent: no limit but the disk's.
	MaxSize byteSize `yaml:"max_size" min:"16MiB" max:"16TiB"`
	// How much of the file has to be free, and half of it at least, for a start to compact it first. off: a start never does.
	CompactFree byteSize `yaml:"compact_free" default:"256MiB" min:"1MiB" max:"16TiB" off:"yes"`
}

// auditConfig says what signs the history.
type auditConfig struct {
	// The key that signs what history was, every day: Ed25519, PKCS #8 in PEM, as openssl genpkey -algorithm ed25519 makes it. Absent: made once and kept in the data folder.
	Key secret `yaml:"key"`
	// The public keys of those that signed before, as keybridge audit key prints them.
	OldKeys []string `yaml:"old_keys" empty:"yes"`

	auditKeys
}

// logConfig says what is logged.
type logConfig struct {
	// The least severe lines to write.
	Level slog.Level `yaml:"level" default:"info" oneof:"debug info warn error"`
	// One JSON object a line, or text for people.
	Format string `yaml:"format" default:"json" oneof:"json text"`
}

// pagesConfig is about the developer's own pages.
type pagesConfig struct {
	// The secret that signs the links to the pages: at least 32 bytes. Absent: made once and kept in the data folder. All nodes share one.
	Secret secret `yaml:"secret"`
	// How long a link to a developer's page is good for.
	LinkLife time.Duration `yaml:"link_life" default:"30d" min:"1h" max:"365d"`
	// What the pages call the service.
	ServiceName string `yaml:"service_name" default:"API keys"`
	// Where the pages send people who need help: an e-mail address or an https address. Absent: the portal's home.
	Contact string `yaml:"contact"`
}

// portalConfig is one portal.
type portalConfig struct {
	// The portal's name here: part of URLs and kept in every request, so it stays as it is. Lower-case letters, digits and hyphens, at most 32.
	Name string `yaml:"name" required:"yes"`
	// What sort of portal it is: tyk-classic is the portal of the Tyk Dashboard, tyk-enterprise the Enterprise Developer Portal.
	Kind string `yaml:"kind" default:"tyk-classic" oneof:"tyk-classic tyk-enterprise"`
	// The base address of its API: for tyk-classic the Dashboard's, without /api; for tyk-enterprise the portal's own, without /portal-api.
	URL *url.URL `yaml:"url" required:"yes"`
	// The credential for its API: for tyk-classic the API access key of a Dashboard user who may read and write portal developers, key requests and keys; for tyk-enterprise the token of an admin.
	Secret secret `yaml:"secret" required:"yes"`
	// The id of the organisation whose key requests are worked on; those of others are as if they were not there. Required for tyk-classic, and for nothing else.
	Organisation string `yaml:"organisation"`
	// The address the developer's pages link back to.
	Home *url.URL `yaml:"home" required:"yes"`
	// What the developer's pages call the portal. Absent: the host of home.
	Title string `yaml:"title"`
	// Addresses that a signed hand-off may name to go back to. A named address has to have the scheme and host of one of these, and its path or one below it; home is always allowed.
	ReturnAddresses []*url.URL `yaml:"return_addresses" empty:"yes"`
	// Allows http instead of https for the addresses of this portal: its secret crosses the network in clear.
	AllowHTTP bool `yaml:"allow_http" default:"false"`
	// The secret that the portal's webhook brings: for tyk-classic in its address, 16 or more of letters, digits and - . _ ~; for tyk-enterprise in a header, 16 or more characters of ASCII without spaces and commas. One, or a list while it is changed. Absent: no webhook is taken from this portal.
	WebhookSecrets []secret `yaml:"webhook_secret"`
	// The header that brings the secret. For tyk-enterprise only.
	WebhookHeader string `yaml:"webhook_header" default:"X-Keybridge-Secret"`
	// The zone of the portal's clock, by its IANA name, as Europe/Berlin: most dates of its API have none. For tyk-enterprise only.
	TimeZone *time.Location `yaml:"time_zone" default:"UTC"`
	// How often the portal is asked for key requests that wait and that no webhook and no browser told of. off: at the start, and when a webhook says to look.
	Poll time.Duration `yaml:"poll" default:"5m" min:"10s" max:"24h" off:"yes"`
	// How the developer gets the key, for the words on the pages: by mail, by a link in a mail (secure key approval), or in the portal. Absent: mail for tyk-classic, portal for tyk-enterprise.
	KeyDelivery bridge.Delivery `yaml:"key_delivery" oneof:"mail link portal"`
	// What its applicants are told by mail. Leave out what the portal mails them itself. []: nothing. Absent: what mail says.
	Tell []bridge.MessageKind `yaml:"tell" empty:"yes"`
	// How many of its key requests are worked on at once.
	Workers int `yaml:"workers" default:"32" min:"1" max:"64"`
	// How a developer's browser may be handed over. What is not written here is refused.
	Handoff handoffConfig `yaml:"handoff"`
}

// handoffConfig lists the ways a browser may arrive.
type handoffConfig struct {
	// A signed token (JWT).
	Token *tokenConfig `yaml:"token"`
	// A signed query (HMAC-SHA256).
	Query *queryConfig `yaml:"query"`
	// An id that nobody signed, as Tyk's Redirect Key Request sends it. Write {} to allow it as it is.
	Bare *bareConfig `yaml:"bare"`
}

// tokenConfig pins how the portal's tokens are signed.
type tokenConfig struct {
	// The one algorithm that tokens are signed with; what a token says of itself chooses nothing.
	Algorithm string `yaml:"algorithm" required:"yes" oneof:"HS256 HS384 HS512 RS256 ES256 EdDSA"`
	// The shared secret of HS256, HS384 or HS512: at least 32, 48 or 64 bytes. One, or a list while it is changed.
	Secrets []secret `yaml:"secret"`
	// The public key (PEM) of RS256 (2048 bits or more), ES256 (P-256) or EdDSA (Ed25519). One, or a list while it is changed.
	Keys []secret `yaml:"key"`
	// What the token's iss has to be, to the letter.
	Issuer string `yaml:"issuer" required:"yes"`
	// What the token's aud has to be, to the letter. Absent: public_url.
	Audience string `yaml:"audience"`
	// By how much the portal's clock may differ.
	Leeway time.Duration `yaml:"leeway" default:"30s" min:"1s" max:"2m"`
}

// queryConfig is about signed queries.
type queryConfig struct {
	// The secret shared with the portal: at least 32 bytes. One, or a list while it is changed.
	Secrets []secret `yaml:"secret" required:"yes"`
	// The parameter with the id of the key request.
	Parameter string `yaml:"parameter" default:"key_request_id"`
	// How far the timestamp may lie in the past or in the future.
	Tolerance time.Duration `yaml:"tolerance" default:"5m" min:"1s" max:"5m"`
}

// bareConfig is about ids that nobody signed.
type bareConfig struct {
	// The parameters that may hold the id of the key request: Tyk does not say which one it uses.
	Parameters []string `yaml:"parameters" default:"key_request_id request_id id"`
	// How old a key request may be that is handed over by its bare id.
	Fresh time.Duration `yaml:"fresh" default:"15m" min:"1m" max:"24h"`
}

// stripeConfig is the Stripe account.
type stripeConfig struct {
	// A secret (sk_…) or restricted (rk_…) API key.
	Key secret `yaml:"key" required:"yes"`
	// The signing secret of the webhook endpoint (whsec_…). One, or a list while it is rolled.
	WebhookSecrets []secret `yaml:"webhook_secret" required:"yes"`
	// The base address of the API, for the sandbox. Plain http is taken on a loopback address, and elsewhere with a test key only.
	URL *url.URL `yaml:"url" default:"https://api.stripe.com"`
	// How long a checkout stays open; while its step waits, an expired one is opened again.
	CheckoutExpiry time.Duration `yaml:"checkout_expiry" default:"24h" min:"30m" max:"24h"`
	// Makes Stripe write an invoice for each one-off payment, for which Stripe charges a fee.
	Invoices bool `yaml:"invoices" default:"false"`
	// Asks for no card where a free trial makes the first payment nothing. The subscription ends with the trial unless a card was added.
	TrialWithoutCard bool `yaml:"trial_without_card" default:"false"`
	// The language of the checkout page, from Stripe's list; auto: the browser's.
	Locale string `yaml:"locale" default:"auto" oneof:"auto bg cs da de el en en-GB es es-419 et fi fil fr fr-CA hr hu id it ja ko lt lv ms mt nb nl pl pt pt-BR ro ru sk sl sv th tr vi zh zh-HK zh-TW"`
}

// planConfig says what some policies of a portal demand.
type planConfig struct {
	// The plan's name, shown to people. Two plans of one portal have two names.
	Name string `yaml:"name" required:"yes"`
	// The portal it is for. May be absent where there is only one.
	Portal string `yaml:"portal"`
	// The ids of the policies, for tyk-enterprise of the products, that it is for. Required for tyk-classic; for tyk-enterprise absent means every product asked for under one of portal_plans.
	Policies []string `yaml:"policies"`
	// The ids of the portal's own plans that it is for. Only for tyk-enterprise, where each request is for one; absent: whichever it is. A plan that names both fits best, then one that names the portal's plan.
	PortalPlans []string `yaml:"portal_plans"`
	// What has to be met before the key is approved, in this order: {validation: card} (a card is checked without a charge), review (a person says yes), payment (the price is paid). [] approves at once.
	Steps []bridge.StepKind `yaml:"steps" required:"yes" empty:"yes"`
	// What is paid; it goes with a payment step.
	Price *priceConfig `yaml:"price"`
	// Only holds the payment, before the review, and takes it with the approval. One-off prices only; an authorisation usually lapses after 7 days.
	Hold bool `yaml:"hold" default:"false"`
	// Days of free trial at the start of a subscription.
	TrialDays int `yaml:"trial_days" default:"0" min:"0" max:"730"`
	// Lets Stripe compute tax.
	Tax bool `yaml:"tax" default:"false"`
	// Asks for a tax number.
	TaxIDs bool `yaml:"tax_ids" default:"false"`
	// Takes promotion codes.
	Promotions bool `yaml:"promotions" default:"false"`
	// How long a validation or payment waits for the developer before the request is declined.
	Patience time.Duration `yaml:"patience" default:"7d" min:"30m" max:"365d"`
	// How long access stays while a subscription is overdue.
	Grace time.Duration `yaml:"grace" default:"0s" min:"0s" max:"90d"`
	// What becomes of access when the money was refunded in full.
	Refunded bridge.Policy `yaml:"refunded" default:"revoke" oneof:"keep suspend revoke"`
	// What becomes of access when the payment is disputed.
	Disputed bridge.Policy `yaml:"disputed" default:"suspend" oneof:"keep suspend revoke"`
	// Asks for two persons' approval in the review of what costs more than this. Absent: one is enough.
	TwoPersons *thresholdConfig `yaml:"two_persons"`
}

// thresholdConfig is an amount that something begins above.
type thresholdConfig struct {
	// The amount, as a decimal number: 0 for everything that has a price.
	Above string `yaml:"above" required:"yes"`
	// Its currency: a three-letter ISO 4217 code. What is priced in another one is taken to be above.
	Currency string `yaml:"currency" required:"yes"`

	// amount is what the two come to.
	amount bridge.Amount
}

// consoleConfig is about the console of finance.
type consoleConfig struct {
	// How long somebody who does nothing stays signed in.
	Idle time.Duration `yaml:"idle" default:"30m" min:"1m" max:"12h"`
	// How long anybody stays signed in.
	Longest time.Duration `yaml:"longest" default:"12h" min:"10m" max:"7d"`
	// The zone of the times that are shown, by its IANA name, as Europe/Berlin.
	TimeZone *time.Location `yaml:"time_zone" default:"UTC"`
	// A provider of OpenID Connect that people sign in with.
	OIDC *oidcConfig `yaml:"oidc"`
}

// reconcileConfig is about comparing what Stripe, the portals and keybridge say.
type reconcileConfig struct {
	// When it is done every day, in the time zone of console; or off: only when keybridge reconcile is called.
	At daily `yaml:"at" default:"03:30"`
	// How long a request has to have stood still before it is called different. One that has not is looked at once more after that time.
	Settle time.Duration `yaml:"settle" default:"1m" min:"100ms" max:"15m"`
}

// oidcConfig is an OpenID Connect provider.
type oidcConfig struct {
	// What the button is called.
	Name string `yaml:"name" default:"single sign-on"`
	// The issuer's address, whose /.well-known/openid-configuration is read.
	Issuer *url.URL `yaml:"issuer" required:"yes"`
	// The id that the provider gave keybridge.
	ClientID string `yaml:"client_id" required:"yes"`
	// The secret that goes with it.
	ClientSecret secret `yaml:"client_secret" required:"yes"`
	// What is asked for beside openid.
	Scopes []string `yaml:"scopes" default:"profile email groups" empty:"yes"`
	// The claim that names a person for good, as history will.
	NameClaim string `yaml:"name_claim" default:"preferred_username"`
	// The claim with the person's groups.
	GroupsClaim string `yaml:"groups_claim" default:"groups"`
	// What members of groups may do. Who is in none of them is not let in.
	Groups []groupConfig `yaml:"groups" required:"yes"`
}

// groupConfig is what the members of a group may do.
type groupConfig struct {
	// The group, as the provider calls it.
	Group string `yaml:"group" required:"yes"`
	// Their role: each may do what the ones before it may.
	Role bridge.Role `yaml:"role" required:"yes" oneof:"viewer reviewer approver admin"`
	// The portals whose requests they see. Absent: all.
	Portals []string `yaml:"portals"`
}

// priceConfig names a price in exactly one of three ways: stripe, lookup_key, or
// amount with currency.
type priceConfig struct {
	// The id of a price in the Stripe account (price_…).
	Stripe string `yaml:"stripe"`
	// The lookup key of a price in the Stripe account.
	LookupKey string `yaml:"lookup_key"`
	// What is paid each time, as a decimal number with at most as many decimals as the currency has: 49.00, or 4900 yen as 4900.
	Amount string `yaml:"amount"`
	// The currency of amount: a three-letter ISO 4217 code.
	Currency string `yaml:"currency"`
	// How often amount is paid. Absent: once.
	Interval string `yaml:"interval" oneof:"day week month year"`
	// How many intervals lie between two payments; at most three years in all.
	Every int `yaml:"every" default:"1" min:"1" max:"1095"`

	// line is what the keys above come to.
	line bridge.Price
}

// mailConfig is the mail server, and what applicants are told through it.
type mailConfig struct {
	// The mail server's host.
	Host string `yaml:"host" required:"yes"`
	// Its port. Absent: 587 with starttls, 465 with tls, 25 with none.
	Port int `yaml:"port" min:"1" max:"65535"`
	// How the connection is kept private: starttls asks for it once connected and goes on only with it, tls has it from the start. none is for servers on a loopback address.
	TLS string `yaml:"tls" default:"starttls" oneof:"starttls tls none"`
	// The name to sign in with. Absent: the server asks for none.
	Username string `yaml:"username"`
	// The password that goes with it.
	Password secret `yaml:"password"`
	// Who the mail is from: an address, or a name with one, as Example APIs <keys@example.com>.
	From *mail.Address `yaml:"from" required:"yes"`
	// Where answers go. Absent: to from.
	ReplyTo *mail.Address `yaml:"reply_to"`
	// A file of certificates (PEM), one of which has to stand behind the server's. Absent: those of the system.
	CAFile string `yaml:"ca_file"`
	// A folder of templates that take the place of the built-in ones of the same name.
	Templates string `yaml:"templates"`
	// The subject of each kind of message. Absent: the built-in one.
	Subjects map[bridge.MessageKind]string `yaml:"subjects"`
	// The zone of the times in messages and of the digest, by its IANA name, as Europe/Berlin.
	TimeZone *time.Location `yaml:"time_zone" default:"UTC"`
	// How long the server may take for one message.
	Timeout time.Duration `yaml:"timeout" default:"30s" min:"1s" max:"1m"`
	// What applicants are told. []: nothing. Absent: all of these.
	Tell []bridge.MessageKind `yaml:"tell" empty:"yes"`
	// How long before their time for a validation or payment is over applicants are reminded; at the earliest when half of it is over.
	Remind time.Duration `yaml:"remind" default:"24h" min:"1h" max:"30d"`
	// A daily list of what waits for people. Absent: none is sent.
	Digest *digestConfig `yaml:"digest"`

	// roots are the certificates of CAFile; nil where there is none.
	roots *x509.CertPool
}

// digestConfig is about the daily list for finance.
type digestConfig struct {
	// Who it is sent to.
	To []*mail.Address `yaml:"to" required:"yes"`
	// When it is sent, in the time zone of mail.
	At timeOfDay `yaml:"at" default:"08:00"`
}

// outgoingConfig is one receiver of outgoing webhooks.
type outgoingConfig struct {
	// The receiver's name here, by which commands and logs call it. Lower-case letters, digits and hyphens, at most 32.
	Name string `yaml:"name" required:"yes"`
	// The address that is called.
	URL *url.URL `yaml:"url" required:"yes"`
	// Allows http instead of https for the address: what is sent crosses the network in clear.
	AllowHTTP bool `yaml:"allow_http" default:"false"`
	// The secret that signs what is sent: whsec_ and 24 to 64 bytes in base64. One, or a list while it is changed; each signs.
	Secrets []secret `yaml:"secret" required:"yes"`
	// The types of events that are sent, or groups of them. Absent: all.
	Events []string `yaml:"events" oneof:"events"`
	// Sends the applicant's name and e-mail address too.
	Personal bool `yaml:"personal" default:"false"`
	// How long the receiver may take for an answer.
	Timeout time.Duration `yaml:"timeout" default:"15s" min:"1s" max:"1m"`
	// How long the receiver may fail before it is paused, until a person resumes it. Nothing is lost meanwhile.
	GiveUp time.Duration `yaml:"give_up" default:"3d" min:"1h" max:"30d"`
}
