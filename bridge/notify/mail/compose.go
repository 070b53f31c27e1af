package mail

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"regexp"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"

	"keybridge/bridge"
)

// noReplies asks Exchange for none of the answers that nobody reads; reports of what
// could not be delivered are still wanted (MS-OXCMAIL, 2.1.3.2.21).
const noReplies = "DR, RN, NRN, OOF, AutoReply"

// compose writes a mail: a text and the same in HTML (RFC 2046, 5.1.4). The same
// arguments make the same bytes. Auto-Submitted (RFC 3834) keeps holiday replies away.
// An error is Internal, and quotes nothing.
func compose(e envelope, id string, at time.Time, w written) ([]byte, error) {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithBoundary(boundary(id, w)))
	m.FromMailAddress(e.from)
	if err := m.To(e.to); err != nil {
		return nil, unmade(errNoAddress) // the library's error quotes it
	}
	if e.replyTo != nil {
		m.ReplyToMailAddress(e.replyTo)
	}
	m.SetMessageIDWithValue(messageID(id) + "@" + domainOf(e.from.Address))
	m.SetDateWithValue(at.UTC())
	m.Subject(literal(w.subject))
	m.SetGenHeader("Auto-Submitted", "auto-generated")
	m.SetGenHeader("X-Auto-Response-Suppress", noReplies)
	m.SetBodyString(gomail.TypeTextPlain, w.text)
	m.AddAlternativeString(gomail.TypeTextHTML, w.html)
	var b bytes.Buffer
	if _, err := m.WriteTo(&b); err != nil {
		return nil, unmade(err)
	}
	return b.Bytes(), nil
}

func unmade(err error) error {
	return &bridge.Error{Kind: bridge.Internal, Msg: "The mail could not be put together", Err: err}
}

// atom is what may stand left of the @ in a Message-ID (RFC 5322, 3.2.3), less what
// nobody uses.
var atom = regexp.MustCompile(`^[0-9A-Za-z_+-]+(\.[0-9A-Za-z_+-]+)*$`)

// messageID is the left-hand side of a Message-ID: the id itself where it may stand
// there, else its hash.
func messageID(id string) string {
	if len(id) <= 100 && atom.MatchString(id) {
		return id
	}
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}

// boundary is what stands between the parts: a hash of all of it, so that it is the
// same every time and nothing within can hold it.
func boundary(id string, w written) string {
	h := sha256.New()
	for _, part := range []string{id, w.subject, w.text, w.html} {
		h.Write([]byte(part))
		h.Write([]byte{0})
	}
	return hex.EncodeToString(h.Sum(nil)[:24])
}

// literal keeps a subject that looks encoded (RFC 2047) from being decoded into
// something else by who reads it.
func literal(subject string) string { return strings.ReplaceAll(subject, "=?", "= ?") }
