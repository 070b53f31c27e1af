package sandbox

import (
	"bytes"
	"encoding/base64"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"

	"golang.org/x/text/encoding/htmlindex"
)

// The bounds of what is read of a mail for show. Anybody may have sent it.
const (
	maxDepth = 8       // of multiparts in multiparts
	maxParts = 100     // of all of them, and of links
	maxShown = 1 << 20 // of a text, in bytes
	maxField = 998     // of a header field, in bytes; RFC 5322, 2.1.1, of a line
)

// read fills in what a mail's bytes say. It never fails: what cannot be read is said in Problem.
func (s *Server) read(m Mail) Mail {
	m.Attachments = []Attachment{}
	message, err := mail.ReadMessage(bytes.NewReader(m.Raw))
	if err != nil {
		m.Problem = "The header cannot be read."
		m.Links = []string{}
		return m
	}
	m.Header = message.Header
	m.Subject, m.Sender = header(message.Header, "Subject"), header(message.Header, "From")
	m.MessageID = strings.Trim(header(message.Header, "Message-Id"), "<>")
	m.Kind = header(message.Header, s.kindHeader)
	parts := reading{mail: &m}
	if err := parts.take(textproto.MIMEHeader(message.Header), message.Body, 0); err != nil {
		m.Problem = "Not all of it can be read: " + valid(err.Error()) + "."
	}
	m.Links = links(m.Text, m.HTML)
	return m
}

// header returns a header field as people read it.
func header(h mail.Header, name string) string { return words(strings.TrimSpace(h.Get(name))) }

// words decodes the encoded words of a text (RFC 2047), and shortens it to maxField.
func words(text string) string {
	decoder := mime.WordDecoder{CharsetReader: decoded}
	text = text[:min(len(text), 4*maxField)] // encoded, it is longer
	if plain, err := decoder.DecodeHeader(text); err == nil {
		text = plain
	}
	return valid(text[:min(len(text), maxField)])
}

// decoded reads a charset as UTF-8.
func decoded(charset string, r io.Reader) (io.Reader, error) {
	encoding, err := htmlindex.Get(charset)
	if err != nil {
		return nil, errors.New("its charset is unknown")
	}
	return encoding.NewDecoder().Reader(r), nil
}

// valid makes any text fit for JSON and pages.
func valid(text string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(text, "\uFFFD"), "\x00", "\uFFFD")
}

// reading walks the parts of a mail.
type reading struct {
	mail  *Mail
	parts int
}

// take reads a part, or the parts within it. Of what cannot be read to its end, it takes what there is.
func (r *reading) take(h textproto.MIMEHeader, body io.Reader, depth int) error {
	if r.parts++; r.parts > maxParts || depth > maxDepth {
		return errors.New("it has too many parts")
	}
	kind, params, err := mime.ParseMediaType(orElse(h.Get("Content-Type"), "text/plain"))
	if err != nil {
		kind, params = "application/octet-stream", nil
	}
	if strings.HasPrefix(kind, "multipart/") {
		return r.takeAll(multipart.NewReader(body, params["boundary"]), depth)
	}
	body = transferred(h.Get("Content-Transfer-Encoding"), body)
	disposition, names, err := mime.ParseMediaType(h.Get("Content-Disposition"))
	if err != nil {
		disposition = ""
	}
	into := map[string]*string{"text/plain": &r.mail.Text, "text/html": &r.mail.HTML}[kind]
	if into == nil || *into != "" || disposition == "attachment" {
		return r.attach(orElse(names["filename"], params["name"]), kind, body)
	}
	*into, err = text(params["charset"], body)
	return err
}

func (r *reading) takeAll(parts *multipart.Reader, depth int) error {
	var problems error
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return problems
		}
		if err != nil {
			return errors.Join(problems, errors.New("a part is cut off"))
		}
		if err := r.take(part.Header, part, depth+1); err != nil {
			problems = err
		}
		if r.parts > maxParts {
			return problems
		}
	}
}

func (r *reading) attach(name, kind string, body io.Reader) error {
	size, err := io.Copy(io.Discard, body)
	r.mail.Attachments = append(r.mail.Attachments, Attachment{Name: words(name), Type: words(kind), Size: size})
	if err != nil {
		return errors.New("an attachment is damaged")
	}
	return nil
}

// transferred undoes a transfer encoding. One that is unknown is taken as none.
func transferred(encoding string, body io.Reader) io.Reader {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "base64":
		return base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		return quotedprintable.NewReader(body)
	default:
		return body
	}
}

// text reads a part as UTF-8.
func text(charset string, body io.Reader) (string, error) {
	var problem error
	if charset = strings.ToLower(charset); charset != "" && charset != "utf-8" && charset != "us-ascii" {
		if other, err := decoded(charset, body); err == nil {
			body = other
		} else {
			problem = err
		}
	}
	read, err := io.ReadAll(io.LimitReader(body, maxShown+1))
	if err != nil {
		problem = errors.New("a text is damaged")
	}
	if len(read) > maxShown {
		read, problem = read[:maxShown], errors.New("a text is too long to be shown whole")
	}
	return strings.ReplaceAll(valid(string(read)), "\r\n", "\n"), problem
}
