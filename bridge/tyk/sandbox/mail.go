package sandbox

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The kinds of [Message] a Classic Portal sends.
const (
	WelcomeMail  = "welcome"
	KeyMail      = "key"
	GenerateMail = "generate"
)

// Message is a mail a portal sent. Nothing leaves the sandbox: mails are read on the portal's mail page, through the
// control API or with the portal's Mail method.
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

// postbox holds the mails of a site.
type postbox struct {
	mu     sync.Mutex
	latest []Message // whoever they went to
	sent   int       // how many there were
	boxes  map[string][]Message
}

func (p *postbox) add(message Message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent++
	message.ID = strconv.Itoa(p.sent)
	if len(p.latest) >= mailKept {
		p.latest = append([]Message(nil), p.latest[mailKept/2:]...)
	}
	p.latest = append(p.latest, message)
	if p.boxes == nil {
		p.boxes = map[string][]Message{}
	}
	address := strings.ToLower(message.To)
	p.boxes[address] = append(p.boxes[address], message)
}

// to returns the mails of one address, newest first.
func (p *postbox) to(email string) []Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	mine := append([]Message{}, p.boxes[strings.ToLower(email)]...)
	slices.Reverse(mine)
	return mine
}

// Mail returns the mails sent, oldest first: the last 25,000 at least.
func (s *site) Mail() []Message {
	s.post.mu.Lock()
	defer s.post.mu.Unlock()
	return append([]Message(nil), s.post.latest...)
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
