package mail

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	netmail "net/mail"
	"os"

	"keybridge/bridge"
)

// Notifier writes mails to applicants (bridge.Notifier) and the digest. It may be
// used by many goroutines.
type Notifier struct {
	cfg     Config
	letters map[bridge.MessageKind]letters
	digest  letters
	// places are taken by those who are connected.
	places chan struct{}
}

var _ bridge.Notifier = (*Notifier)(nil)

// New returns a notifier. It connects to nothing. Everything that is wrong with the
// configuration and the templates is returned at once.
func New(cfg Config) (*Notifier, error) {
	cfg = cfg.complete()
	wrong := cfg.wrong()
	if cfg.HELO == "" {
		name, err := os.Hostname()
		if err != nil {
			wrong = append(wrong, fmt.Errorf("mail: HELO is not given, and the host's name is unknown: %w", err))
		}
		cfg.HELO = name
	}
	sources, errs := readTemplates(cfg.Templates, cfg.Subjects)
	wrong = append(wrong, errs...)
	n := &Notifier{cfg: cfg, places: make(chan struct{}, max(cfg.Connections, 1))}
	n.letters, errs = parse(sources)
	if wrong = append(wrong, errs...); len(errs) == 0 {
		wrong = append(wrong, n.tryOut()...)
	}
	var err error
	if n.digest, err = parseDigest(); err != nil {
		wrong = append(wrong, err)
	}
	if len(wrong) > 0 {
		return nil, errors.Join(wrong...)
	}
	return n, nil
}

// Send mails the applicant. A repetition with the same Message is the same mail, byte
// for byte, under the same Message-ID. It returns once the mail server has taken the
// mail over; when it is not known whether it has, the error is Unavailable.
func (n *Notifier) Send(ctx context.Context, m bridge.Message) error {
	e, mail, err := n.put(m)
	if err != nil {
		return err
	}
	if err := n.deliver(ctx, e, mail); err != nil {
		return err
	}
	n.cfg.Log.DebugContext(ctx, "mail sent", "request", m.Request.ID, "kind", m.Kind)
	return nil
}

// put makes the mail of a message: what Send hands over.
func (n *Notifier) put(m bridge.Message) (envelope, []byte, error) {
	to, err := recipient(m.Request.Applicant.Email)
	if err != nil {
		return envelope{}, nil, &bridge.Error{Kind: bridge.Invalid, Msg: "The applicant has no e-mail address that could be written to"}
	}
	if m.ID == "" {
		return envelope{}, nil, &bridge.Error{Kind: bridge.Internal, Msg: "A mail was to be sent without an id"}
	}
	w, err := n.write(m)
	if err != nil {
		return envelope{}, nil, err
	}
	e, err := n.address(to)
	if err != nil {
		return envelope{}, nil, err
	}
	mail, err := compose(e, m.ID, cmp.Or(m.At, n.cfg.Now()), w)
	return e, mail, err
}

// Preview writes a mail about a request as Send would, and sends nothing. The
// applicant's page is a made-up address, because the real one is for them alone.
// Invalid where there is no such kind, or a template fails on this request.
func (n *Notifier) Preview(kind bridge.MessageKind, r bridge.Request) (subject, text, html string, err error) {
	w, err := n.write(n.sampleMessage(kind, r))
	return w.subject, w.text, w.html, err
}

// sampleMessage is the message of a preview.
func (n *Notifier) sampleMessage(kind bridge.MessageKind, r bridge.Request) bridge.Message {
	m := bridge.Message{ID: "preview", Kind: kind, At: r.Updated, Request: r, Page: "https://keybridge.example/r/preview"}
	if step, waits := r.Current(); waits && step.Kind != bridge.Review {
		m.Until = cmp.Or(step.Mark.At, cmp.Or(r.Updated, n.cfg.Now())).Add(cmp.Or(r.Terms.Patience, bridge.DefaultPatience))
	}
	return m
}

// write puts a message into words.
func (n *Notifier) write(m bridge.Message) (written, error) {
	templates, ok := n.letters[m.Kind]
	if !ok {
		return written{}, &bridge.Error{Kind: bridge.Invalid, Msg: fmt.Sprintf("There is no mail of the kind %q", m.Kind)}
	}
	asks := m.Kind == bridge.TellStart || m.Kind == bridge.TellReminder || m.Kind == bridge.TellQuestion
	if !isLink(m.Page, "http", "https") || asks && m.Page == "" {
		return written{}, &bridge.Error{Kind: bridge.Invalid, Msg: "The mail has no address of the applicant's page"}
	}
	return templates.write(n.letter(m))
}

// envelope is who writes to whom.
type envelope struct {
	sender, to string
	from       *netmail.Address
	replyTo    *netmail.Address // nil: nobody else than from
}

func (n *Notifier) address(to string) (e envelope, err error) {
	e.to = to
	if e.from, err = person(n.cfg.From); err != nil { // New has read it before
		return e, err
	}
	if n.cfg.ReplyTo != "" {
		if e.replyTo, err = person(n.cfg.ReplyTo); err != nil {
			return e, err
		}
	}
	e.sender, err = recipient(e.from.Address)
	return e, err
}
