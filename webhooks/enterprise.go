package webhooks

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"keybridge/bridge"
)

// SecretHeader is the header that holds the secret of an Enterprise Portal's webhook
// where no other is configured. It has a name of its own, for Authorization is what
// proxies and gateways on the way take for themselves, and what their logs and
// tools believe to know.
const SecretHeader = "X-Keybridge-Secret" //nolint:gosec // the name of a header

// enterpriseLimit is for what an admin may put into a user's custom attributes; the
// rest of an event has some hundred bytes.
const enterpriseLimit = 256 << 10

const (
	adviceEnterpriseSecret = "The secret of this webhook is missing or wrong. In the portal, the webhook has to have the configured header, once, with one of the configured secrets as its value."
	adviceEnterpriseBody   = "This is not an event of the Tyk Enterprise Developer Portal."
)

// TykEnterpriseConfig configures the receiver of one Tyk Enterprise Developer
// Portal's webhooks. All but Header is required.
type TykEnterpriseConfig struct {
	Receiver
	// Portal is the configured name of the portal.
	Portal string
	// Header is the name of the header that holds the secret, as it is set up in the
	// portal. Empty: SecretHeader. With Authorization, "Bearer" and a space may stand
	// before the secret.
	Header string
	// Secrets may each be the header's value; all of them are live. At least 16
	// characters: those of ASCII that can be seen, but no comma, with which proxies
	// join two headers into one.
	Secrets []string
	// Intake returns the request to create for an access request that is not known
	// yet: bridge.Service.Intake.
	Intake func(portal, key string) *bridge.Change
	// Requests returns the requests of a developer that are not at their end yet,
	// newest first: those of a bridge.Filter with Portal and Applicant. applicant is
	// the portal's id of the user, in decimal digits. It reads the store, and no portal.
	Requests func(ctx context.Context, portal, applicant string) ([]bridge.ID, error)
	// Look asks the worker to list what waits at the portal, soon. It is called before
	// an event that does not name its access request is answered, so it must not block;
	// calls that come together need one listing. It keeps nothing: a process that dies
	// before the listing lists at its next start.
	Look func()
}

// EnterpriseEvents lists the names of the events that are listened to: what the
// webhook in the portal has to be set up for.
func EnterpriseEvents() []string {
	return []string{
		"AccessRequestApproved",
		"AccessRequestCreated",
		"AccessRequestRejected",
		"CredentialRegistered",
		"UserAccountActivated",
		"UserAccountDeactivated",
	}
}

// TykEnterprise returns the receiver of a Tyk Enterprise Developer Portal's webhooks:
// POST, PUT or PATCH, and HEAD without a secret; 256 KiB unless Limit says otherwise.
// The package comment lists what it answers. The portal sends a webhook once.
func TykEnterprise(c TykEnterpriseConfig) (http.Handler, error) {
	source := "portal/" + c.Portal
	if c.Portal == "" || c.Intake == nil || c.Requests == nil || c.Look == nil {
		return nil, fmt.Errorf("webhooks: %s: the receiver needs Portal, Intake, Requests and Look", source)
	}
	if c.Header == "" {
		c.Header = SecretHeader
	}
	c.Header = http.CanonicalHeaderKey(c.Header)
	secrets, err := newSharedSecrets(c.Secrets, leastPortalSecret)
	if err := errors.Join(checkHeader(c.Header), err, headerSecrets(c.Secrets)); err != nil {
		return nil, fmt.Errorf("webhooks: %s: %w", source, err)
	}
	return c.receive(sender{
		source:       source,
		limit:        enterpriseLimit,
		methods:      []string{http.MethodPost, http.MethodPut, http.MethodPatch},
		head:         true,
		unauthorized: http.StatusUnauthorized,
		challenge:    `Secret realm="webhooks"`,
		admit: func(r *http.Request) error {
			return admitHeader(r.Header[c.Header], c.Header, secrets)
		},
		read: func(_ http.Header, body []byte, now time.Time) (word, error) {
			return c.word(body, now)
		},
		requests: func(ctx context.Context, developer string) ([]bridge.ID, error) {
			return c.Requests(ctx, c.Portal, developer)
		},
		look: c.Look,
	})
}

// checkHeader refuses what is not the name of a header (RFC 9110 section 5.1), and
// names of headers that do not arrive as they were sent, or that logs are made of.
func checkHeader(name string) error {
	if !isID(name, 64, "!#$%&'*+-.^_`|~") {
		return errors.New("the header with the secret has a name that cannot be one: letters, digits and -, at most 64")
	}
	switch name {
	case "Accept-Encoding", "Connection", "Content-Encoding", "Content-Length", "Content-Type", "Cookie", "Expect",
		"Forwarded", "Host", "Keep-Alive", "Origin", "Proxy-Authorization", "Proxy-Connection", "Referer", "Te",
		"Trailer", "Transfer-Encoding", "Upgrade", "User-Agent", "Via":
		return fmt.Errorf("the header %s has a meaning of its own and cannot hold the secret", name)
	}
	return nil
}

// headerSecrets refuses secrets that a header may not bring as they are.
func headerSecrets(texts []string) error {
	for i, text := range texts {
		if strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r == ',' || r > '~' }) {
			return fmt.Errorf("secret %d of %d: only characters of ASCII that can be seen, and no comma, can stand in a header", i+1, len(texts))
		}
	}
	return nil
}

// admitHeader checks the secret in the header. No secret has a space in it, so what
// is taken for a scheme is not part of one.
func admitHeader(sent []string, name string, secrets *sharedSecrets) error {
	if len(sent) != 1 {
		return refuse(Forged, adviceEnterpriseSecret, "not exactly one header with a secret")
	}
	value := sent[0]
	if scheme, rest, ok := strings.Cut(value, " "); ok && name == "Authorization" && strings.EqualFold(scheme, "Bearer") {
		value = rest
	}
	if !secrets.match(value) {
		return refuse(Forged, adviceEnterpriseSecret, "the secret in the header is none of the configured ones")
	}
	return nil
}

// word reads {"Event":"AccessRequestCreated","Message":{"ID":1,…},"Timestamp":"…"}.
// Of the message only ids are taken.
func (c TykEnterpriseConfig) word(body []byte, now time.Time) (word, error) {
	e, err := scanEnterprise(body)
	if err != nil {
		return word{}, refuse(Malformed, adviceEnterpriseBody, err.Error())
	}
	said := word{known: true, hint: bridge.Hint{Source: "portal/" + c.Portal, What: e.name, Said: bridge.SaidPortal, At: now}}
	switch e.name {
	case "AccessRequestCreated", "NewAccessRequest":
		err = c.aboutRequest(&said, e)
		if said.hint.Key != "" {
			said.hint.Intake = c.Intake(c.Portal, said.hint.Key)
		}
	case "AccessRequestApproved":
		said.hint.Said = bridge.SaidGranted
		err = c.aboutRequest(&said, e)
	case "AccessRequestRejected":
		err = c.aboutRequest(&said, e)
	case "CredentialRegistered", "NewCredentialRegistration":
		c.name(&said, e.request)
		said.developer = e.user.named()
		if said.hint.Key == "" && said.developer == "" {
			err = errNobody
		}
	case "UserAccountActivated", "UserAccountDeactivated":
		if said.developer = e.id.named(); said.developer == "" {
			err = errNobody // ByUser is the admin who did it
		}
	default:
		return word{}, nil
	}
	if err != nil {
		return word{}, refuse(Malformed, adviceEnterpriseBody, err.Error())
	}
	return said, nil
}

// aboutRequest takes the access request that an event names, or all that can be
// asked after where its id is 0.
func (c TykEnterpriseConfig) aboutRequest(said *word, e enterpriseEvent) error {
	switch e.id {
	case "":
		return errNoSerial
	case "0":
		said.look, said.developer = true, e.user.named()
		return nil
	}
	c.name(said, e.id)
	return nil
}

// name has the hint lead to an access request by its id: that of the key request, or
// another that the portal gave it since.
func (c TykEnterpriseConfig) name(said *word, id serial) {
	said.hint.Key = id.named()
	if said.hint.Key == "" {
		return
	}
	said.hint.Portal = c.Portal
	said.hint.Refs = []bridge.Ref{{System: c.Portal, Kind: bridge.RefRequest, ID: said.hint.Key}}
}

var (
	errTwice    = errors.New("a member that is there twice")
	errNoSerial = errors.New("no id of an access request that is a whole number")
	errNobody   = errors.New("no id of a user or of an access request that is a whole number from 1")
)

// enterpriseEvent is what is read of an event.
type enterpriseEvent struct {
	name string
	// id is that of what the event is about, user who did it or whose it is, and
	// request the access request that a credential belongs to.
	id, user, request serial
}

// serial is an id at the portal: a whole number, as text. "" is none, or something
// that is no id; "0" is one that the portal did not know yet.
type serial string

// named returns an id that names something, "" for one that does not.
func (s serial) named() string {
	if s == "0" {
		return ""
	}
	return string(s)
}

// scanEnterprise reads an event. The names of its members began with small letters
// until 1.9.
func scanEnterprise(body []byte) (e enterpriseEvent, err error) {
	var event, message bool
	err = scanObject(body, func(s *scan, name []byte) error {
		switch string(name) {
		case "Event", "event":
			if event {
				return errTwice
			}
			event = true
			text, err := s.textOr()
			if isEventName(text) {
				e.name = string(text)
			}
			return err
		case "Message", "message":
			if message {
				return errTwice
			}
			message = true
			if s.next() == '{' {
				return e.message(s)
			}
		}
		return s.skip()
	})
	if err == nil && e.name == "" {
		err = errNoEvent
	}
	return e, err
}

// message reads what the event says.
func (e *enterpriseEvent) message(s *scan) error {
	seen := map[string]bool{}
	return s.object(func(s *scan, name []byte) error {
		var to *serial
		switch string(name) {
		case "ID":
			to = &e.id
		case "ByUser":
			to = &e.user
		case "AccessRequestID":
			to = &e.request
		default:
			return s.skip()
		}
		if seen[string(name)] {
			return errTwice
		}
		seen[string(name)] = true
		text, err := s.textOrRaw()
		if isSerial(text) {
			*to = serial(text)
		}
		return err
	})
}
