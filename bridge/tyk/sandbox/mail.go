package sandbox

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The kinds of [Message].
const (
	WelcomeMail  = "welcome"
	KeyMail      = "key"
	GenerateMail = "generate"
)

// Message is a mail the portal sent. Nothing leaves the sandbox: mails are read on the portal's mail page, through the
// control API or with [Server.Mail].
type Message struct {
	ID      string    `json:"id"` // counts from 1
	Kind    string    `json:"kind"`
	To      string    `json:"to"`
	Subject string    `json:"subject"`
	Text    string    `json:"text"` // of kind KeyMail it holds the key, unless Settings.HideTokenData
	Link    string    `json:"link"` // where the developer may go from here
	At      time.Time `json:"at"`
}

// mailKept bounds the memory of a sandbox under load: of more mails, the older half is forgotten.
const mailKept = 50_000

// Mail returns the mails sent, oldest first: the last 25,000 at least.
func (s *Server) Mail() []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Message(nil), s.mail...)
}

func (s *Server) mailLocked(message Message) {
	s.mailed++
	message.ID = strconv.Itoa(s.mailed)
	if len(s.mail) >= mailKept {
		s.mail = append([]Message(nil), s.mail[mailKept/2:]...)
	}
	s.mail = append(s.mail, message)
	address := strings.ToLower(message.To)
	s.mailbox[address] = append(s.mailbox[address], message)
}

// mailTo returns the mails of one address, newest first.
func (s *Server) mailTo(email string) []Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	mine := append([]Message{}, s.mailbox[strings.ToLower(email)]...)
	slices.Reverse(mine)
	return mine
}

// base returns the URL that links in mails begin with.
func (s *Server) base(r *http.Request) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.url != "" || r == nil {
		return s.url
	}
	if r.TLS != nil {
		return "https://" + r.Host
	}
	return "http://" + r.Host
}

func welcomeMail(portal string, to *Developer, base string, at time.Time) Message {
	return Message{
		Kind: WelcomeMail, To: to.Email, At: at, Link: base + "/portal/catalogue",
		Subject: "Welcome to the " + portal,
		Text:    fmt.Sprintf("Hello %s,\n\nyou have signed up at the %s. Choose a plan in the catalogue to ask for a key.", to.Name(), portal),
	}
}

func generateMail(portal string, to *Developer, request, base string, at time.Time) Message {
	return Message{
		Kind: GenerateMail, To: to.Email, At: at, Link: base + "/portal/generate/" + request,
		Subject: "Your key request was approved",
		Text: fmt.Sprintf("Hello %s,\n\nyour key request at the %s was approved. Follow the link and sign in to generate your key.",
			to.Name(), portal),
	}
}

// keyMailLocked is the mail with the key or the OAuth client, as it was issued.
func (s *Server) keyMailLocked(to *Developer, issued any, base string) Message {
	text := fmt.Sprintf("Hello %s,\n\nyour key request at the %s was approved.", to.Name(), s.name)
	switch secret := issued.(type) {
	case rawKey:
		if !s.settings.HideTokenData {
			text += "\n\nYour API key: " + secret.RawKey
		}
	case rawClient:
		text += "\n\nYour client id: " + secret.ClientID
		if !s.settings.HideTokenData {
			text += "\nYour client secret: " + secret.Secret
		}
	}
	return Message{
		Kind: KeyMail, To: to.Email, At: s.today(), Link: base + "/portal/keys", Subject: "Your API key", Text: text,
	}
}
