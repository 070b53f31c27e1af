package tyk

import (
	"bytes"
	"errors"
	"regexp"
	"strings"

	"github.com/go-json-experiment/json/v1"
)

// What Tyk's errors mean here. They are the causes within a bridge.Error.
var (
	// errMissing: the record is not there.
	errMissing = errors.New("not found")
	// errProcessed: the key request was decided before.
	errProcessed = errors.New("already processed")
	// errPolicy: a policy that is asked for does not exist.
	errPolicy = errors.New("a policy does not exist")
	// errDeveloper: the developer who asks does not exist any more.
	errDeveloper = errors.New("the developer does not exist")
	// errUnhashed: a key was named by its hash at a gateway that does not hash keys.
	errUnhashed = errors.New("key hashing is not enabled")
	// errBroken: something behind the portal does not work now.
	errBroken = errors.New("out of order")
	// errNotJSON stands for every error of decoding: those of encoding/json may quote what was read.
	errNotJSON = errors.New("the answer is not the JSON expected")
)

// envelope is how a portal answers with an error, or with success and no record. The gateway behind a Dashboard writes
// the members in lower case, which is the same to encoding/json.
type envelope struct {
	Status  text
	Message text
	// sound: the answer is JSON, whether or not it is an envelope.
	sound bool
}

// envelopeOf reads an answer as an envelope; ok is false when it is none. An error envelope has to say so by itself: no
// record of Tyk's has a status "Error". Most records have no status at all, and are not decoded to see that.
func envelopeOf(body []byte) (e envelope, ok bool) {
	if !mentions(body, "status") || json.Unmarshal(body, &e) != nil || e.Status == "" {
		return envelope{sound: json.Valid(body)}, false
	}
	e.sound = true
	return e, true
}

// mentions reports whether JSON may have a member of a name, in whatever case of ASCII's letters. It may where anything is
// escaped.
func mentions(body []byte, name string) bool {
	if bytes.IndexByte(body, '\\') >= 0 {
		return true
	}
	for rest := body; ; {
		at := bytes.IndexByte(rest, '"')
		if at < 0 {
			return false
		}
		if rest = rest[at+1:]; len(rest) > len(name) && rest[len(name)] == '"' && strings.EqualFold(string(rest[:len(name)]), name) {
			return true
		}
	}
}

// enterpriseEnvelope reads an answer of the Enterprise Portal as an envelope. It has three shapes for an error:
// {"errors":["…"]}, and {"status":"error"} with "errors" or with "message". The status of an access request is none.
func enterpriseEnvelope(body []byte) (e envelope, ok bool) {
	var sent struct {
		Status  word
		Message word
		Errors  words
	}
	if json.Unmarshal(body, &sent) != nil {
		return envelope{sound: json.Valid(body)}, false
	}
	said := strings.Join(append(sent.Errors, string(sent.Message)), " ")
	e = envelope{Status: text(sent.Status), Message: text(strings.TrimSpace(said)), sound: true}
	if len(sent.Errors) > 0 {
		e.Status = "error"
	}
	return e, e.isError() || strings.EqualFold(string(e.Status), "ok")
}

func (e envelope) isError() bool { return strings.EqualFold(string(e.Status), "error") }

var (
	sayMissing    = regexp.MustCompile(`(?i)\bnot (be )?found\b|\bdo(es)? not exist\b|\bdoesn't exist\b|\bno such\b`)
	sayBroken     = regexp.MustCompile(`(?i)\bhost\b|\bserver|\bconnect|\bdatabase\b|\bredis\b|\bmongo|\btime ?out\b|\blookup\b|\bdial\b|\b(un)?reach(ed|able)\b|\bunavailable\b`)
	sayProcessed  = regexp.MustCompile(`(?i)\balready\b.*\b(processed|approved|rejected)\b`)
	sayPolicy     = regexp.MustCompile(`(?i)\bpolic(y|ies)\b`)
	sayDeveloper  = regexp.MustCompile(`(?i)\b(developer|user)\b`)
	sayUnhashed   = regexp.MustCompile(`(?i)\bhashing is not enabled\b`)
	sayAuthorised = regexp.MustCompile(`(?i)\bnot authori[sz]ed\b|\bunauthori[sz]ed\b|\baccess denied\b|\bpermission`)
)

// meaning says what an error envelope means, as one of the causes above; nil where it could be anything. Tyk has no error
// codes, only sentences, and they differ between versions: so words are looked for, and a sentence that speaks of hosts or
// databases is never taken for a missing record.
func (e envelope) meaning() error {
	m := string(e.Message)
	switch {
	case sayProcessed.MatchString(m):
		return errProcessed
	case sayUnhashed.MatchString(m):
		return errUnhashed
	case e.broken(), !sayMissing.MatchString(m):
		return nil
	case sayPolicy.MatchString(m):
		return errPolicy
	case sayDeveloper.MatchString(m):
		return errDeveloper
	}
	return errMissing
}

// broken reports whether an error envelope speaks of what stands behind the portal: a gateway, a database.
func (e envelope) broken() bool { return sayBroken.MatchString(string(e.Message)) }

func (e envelope) unauthorised() bool { return sayAuthorised.MatchString(string(e.Message)) }
