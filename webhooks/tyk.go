package webhooks

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"keybridge/bridge"
)

const (
	// tykLimit: a key request repeats the developer and the catalogue.
	tykLimit = 1 << 20
	// leastPortalSecret is 64 bits if it was drawn at random and written in hex, and
	// more in any other form: out of the reach of guesses over a network.
	leastPortalSecret = 16
	// tykEvents is what the types of a key request's events begin with. Which ones
	// there are beside .submitted is not documented, so each is a hint.
	tykEvents = "key_request_event."
)

const (
	adviceTykSecret = "The secret in the address of this webhook is missing or wrong. In the Dashboard, the webhook's URL has to end in ?secret= and one of the configured secrets."
	adviceTykBody   = "This is not a key request event of the Tyk Dashboard."
)

// TykConfig configures the receiver of one Tyk Classic Portal's webhook
// (event_options.key_request_event.webhook of the organisation).
type TykConfig struct {
	Receiver
	// Portal is the configured name of the portal. Required.
	Portal string
	// Secrets may each stand in the address as the query parameter secret: Tyk can be
	// told nothing but a URL. All of them are live. At least 16 characters, none of
	// which has to be escaped in a URL: letters, digits and -._~
	Secrets []string
	// Intake returns the request to create for a key request that is not known yet:
	// bridge.Service.Intake. Required.
	Intake func(portal, key string) *bridge.Change
}

// Tyk returns the receiver of a Tyk Classic Portal's webhook: POST, and HEAD
// without a secret; 1 MiB unless Limit says otherwise. The package comment lists
// what it answers. Tyk sends a webhook once.
//
// Whoever logs requests must not log the query of these.
func Tyk(c TykConfig) (http.Handler, error) {
	source := "portal/" + c.Portal
	if c.Portal == "" || c.Intake == nil {
		return nil, fmt.Errorf("webhooks: %s: the receiver needs Portal and Intake", source)
	}
	secrets, err := newSharedSecrets(c.Secrets, leastPortalSecret)
	if err == nil {
		err = plainSecrets(c.Secrets)
	}
	if err != nil {
		return nil, fmt.Errorf("webhooks: %s: %w", source, err)
	}
	return c.receive(sender{
		source:       source,
		limit:        tykLimit,
		head:         true,
		unauthorized: http.StatusUnauthorized,
		challenge:    `Secret realm="webhooks"`,
		admit: func(r *http.Request) error {
			return admitTyk(r, secrets)
		},
		read: func(_ http.Header, body []byte, now time.Time) (word, error) {
			return c.word(body, now)
		},
	})
}

// plainSecrets refuses secrets that would have to be escaped in a URL: one day
// somebody would forget to.
func plainSecrets(texts []string) error {
	for i, text := range texts {
		if !isID(text, len(text), "-._~") {
			return fmt.Errorf("secret %d of %d: only letters, digits and -._~ can stand in a URL as they are", i+1, len(texts))
		}
	}
	return nil
}

// admitTyk checks the secret in the address.
func admitTyk(r *http.Request, secrets *sharedSecrets) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil || len(query["secret"]) != 1 {
		// The parser's error repeats the query, so it is left out.
		return refuse(Forged, adviceTykSecret, "not exactly one secret in the address")
	}
	if !secrets.match(query["secret"][0]) {
		return refuse(Forged, adviceTykSecret, "the secret in the address is none of the configured ones")
	}
	return nil
}

// word reads {"event":"key_request_event.…","data":{"id":"…","approved":…,…}}. Of the key
// request its id is taken, which older versions call _id, and whether it says that it is
// approved: the portal has one event for all that becomes of a key request.
func (c TykConfig) word(body []byte, now time.Time) (word, error) {
	event, key, said, err := scanTyk(body)
	if err != nil {
		return word{}, refuse(Malformed, adviceTykBody, err.Error())
	}
	if !strings.HasPrefix(event, tykEvents) {
		return word{}, nil
	}
	if !isEventName(event) || !isKey(key) {
		return word{}, refuse(Malformed, adviceTykBody, "no well-formed id of a key request")
	}
	return word{known: true, hint: bridge.Hint{
		Source: "portal/" + c.Portal, What: event, Said: said, At: now,
		Portal: c.Portal, Key: key, Intake: c.Intake(c.Portal, key),
	}}, nil
}

var (
	errTwoKeys = errors.New("two different ids")
	errNoEvent = errors.New("no event")
)

func scanTyk(body []byte) (event, key string, said bridge.Said, err error) {
	said = bridge.SaidPortal
	err = scanObject(body, func(s *scan, name []byte) error {
		switch {
		case string(name) == "event":
			text, err := s.textOr()
			event = string(text)
			return err
		case string(name) == "data" && s.next() == '{':
			return s.object(func(s *scan, name []byte) error {
				switch string(name) {
				case "id", "_id":
					text, err := s.textOr()
					if len(text) == 0 {
						return err
					}
					if key != "" && key != string(text) {
						return errTwoKeys
					}
					key = string(text)
					return err
				case "approved":
					text, err := s.textOrRaw()
					if string(text) == "true" {
						said = bridge.SaidGranted
					}
					return err
				}
				return s.skip()
			})
		}
		return s.skip()
	})
	if err == nil && event == "" {
		err = errNoEvent
	}
	return event, key, said, err
}
