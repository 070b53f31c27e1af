package sandbox

import (
	"net/http"
	"slices"
)

// maxSource is how much of a mail's source its page shows, in bytes. The whole of it is a link away.
const maxSource = 256 << 10

// mailPage is the body of the page of one mail.
type mailPage struct {
	Mail
	Deliveries []int // the numbers of all mails that are kept of its Message-ID, this one included
	Views      []view
	Show       string // the view that is shown
	Spans      []span // of the text
	Source     string
	Size       int // in bytes
}

// view is one of the ways to show a mail.
type view struct {
	Name, Label string
	Now         bool // it is the one that is shown
}

func (s *Server) showMail(w http.ResponseWriter, r *http.Request) {
	m, err := s.numbered(r)
	if err != nil {
		s.sorry(w, err)
		return
	}
	s.box.open(m.Number)
	page := mailPage{Mail: m, Deliveries: s.deliveriesOf(m), Size: len(m.Raw)}
	page.look(r.URL.Query().Get("show"))
	s.show(w, http.StatusOK, "mail", sheet{Title: orElse(m.Subject, "(no subject)"), Body: page})
}

// look chooses what is shown: what is asked for where the mail has it, or else its HTML, its text, its source.
func (p *mailPage) look(show string) {
	has := []view{}
	if p.HTML != "" {
		has = append(has, view{Name: "html", Label: "HTML"})
	}
	if p.Text != "" {
		has = append(has, view{Name: "text", Label: "Text"})
	}
	has = append(has, view{Name: "source", Label: "Source"})
	shown := max(0, slices.IndexFunc(has, func(v view) bool { return v.Name == show }))
	has[shown].Now = true
	p.Views, p.Show = has, has[shown].Name
	switch p.Show {
	case "text":
		p.Spans = spans(p.Text)
	case "source":
		p.Source = valid(string(p.Raw[:min(len(p.Raw), maxSource)]))
	}
}

// deliveriesOf returns the numbers of the mails that repeat one another.
func (s *Server) deliveriesOf(m Mail) []int {
	if m.MessageID == "" {
		return []int{m.Number}
	}
	var numbers []int
	same, _ := s.box.search(Filter{MessageID: m.MessageID}, 0)
	for _, other := range same {
		if other.First == m.First {
			numbers = append(numbers, other.Number)
		}
	}
	return numbers
}

// open notes that a mail was looked at.
func (b *box) open(number int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.hereLocked(number) {
		b.read[number] = true
	}
}

func (b *box) hereLocked(number int) bool {
	_, here := slices.BinarySearchFunc(b.mails, number, func(m *Mail, number int) int { return m.Number - number })
	return here
}

// framePolicy is sent with whatever a stranger wrote: nothing runs, nothing is loaded from anywhere, no form is sent, and
// it is shown in a frame of the sandbox's own pages alone. All that is left of a browser is layout, and the links.
const framePolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'none'; base-uri 'none'; " +
	"frame-ancestors 'self'; sandbox allow-top-navigation-by-user-activation"

func frameHeaders(w http.ResponseWriter, kind string) {
	header := w.Header()
	header.Set("Content-Type", kind)
	header.Set("Content-Security-Policy", framePolicy)
	header.Set("Cache-Control", "no-store")
	header.Set("Referrer-Policy", "no-referrer")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Cross-Origin-Resource-Policy", "same-origin")
}

// sendHTML sends the HTML of a mail, for the frame on its page.
func (s *Server) sendHTML(w http.ResponseWriter, r *http.Request) {
	m, err := s.numbered(r)
	if err == nil && m.HTML == "" {
		err = refuse(http.StatusNotFound, "This mail has no HTML.")
	}
	if err != nil {
		s.sorry(w, err)
		return
	}
	frameHeaders(w, "text/html; charset=utf-8")
	_, _ = w.Write(tame(m.HTML)) // a browser that hung up is no business of the sandbox's
}

// sendRaw sends a mail as it came.
func (s *Server) sendRaw(w http.ResponseWriter, r *http.Request) {
	m, err := s.numbered(r)
	if err != nil {
		s.sorry(w, err)
		return
	}
	frameHeaders(w, "text/plain; charset=utf-8")
	_, _ = w.Write(m.Raw) // a browser that hung up is no business of the sandbox's
}
