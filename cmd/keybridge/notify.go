package main

import (
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/notify/mail"
)

// notifierOf makes what tells applicants.
func notifierOf(cfg *config, log *slog.Logger) (*mail.Notifier, error) {
	m := cfg.Mail
	out := mail.Config{
		Host: m.Host, Port: m.Port, TLS: mail.TLSMode(m.TLS), RootCAs: m.roots, Username: m.Username, Password: m.Password.Reveal,
		SendTimeout: m.Timeout, From: m.From.String(), Service: cfg.Pages.ServiceName, Contact: contactOf(cfg.Pages.Contact),
		Console: cfg.PublicURL.String() + consolePath, Zone: m.TimeZone, Templates: m.Templates, Subjects: m.Subjects, Portals: map[string]mail.Portal{}, Log: log,
	}
	if m.ReplyTo != nil {
		out.ReplyTo = m.ReplyTo.String()
	}
	for _, p := range cfg.Portals {
		out.Portals[p.Name] = mail.Portal{
			Title: titleOf(p), Home: p.Home.String(), KeyDelivery: p.KeyDelivery,
		}
	}
	return mail.New(out)
}

// digestsOf says when finance is sent what waits, and to whom.
func digestsOf(m *mailConfig, service *bridge.Service, store bridge.Store) mail.DigestConfig {
	out := mail.DigestConfig{
		At: m.Digest.At.String(), Zone: m.TimeZone, List: service.List, Bookmark: store.Bookmark, SetBookmark: store.SetBookmark,
	}
	for _, to := range m.Digest.To {
		out.To = append(out.To, to.Address)
	}
	return out
}

// notifyCommand is about what applicants are told.
type notifyCommand struct {
	Preview   notifyPreviewCommand   `cmd:"" help:"Show the mails as applicants will get them."`
	Variables notifyVariablesCommand `cmd:"" help:"List what a template may use."`
	Test      notifyTestCommand      `cmd:"" help:"Send the mails about made-up requests to an address of yours."`
}

type notifyPreviewCommand struct {
	configFlag
	Kind   string `help:"Only this kind: ${enum}." enum:",${kinds}" default:""`
	Portal string `help:"As from this portal. Absent: the first one."`
	To     string `help:"A folder to write them to, as text and HTML." type:"path" placeholder:"FOLDER"`
	jsonFlag
}

// mailPreview is a mail as an applicant would get it.
type mailPreview struct {
	Kind    bridge.MessageKind `json:"kind"`
	Name    string             `json:"name"`
	Subject string             `json:"subject"`
	Text    string             `json:"text"`
	HTML    string             `json:"html"`
}

// Run runs the command.
func (cmd *notifyPreviewCommand) Run(c *console) error {
	notifier, samples, err := cmd.samples(c, cmd.Kind, cmd.Portal)
	if err != nil {
		return err
	}
	mails := []mailPreview{}
	for _, s := range samples {
		m := mailPreview{Kind: s.Kind, Name: s.Name}
		if m.Subject, m.Text, m.HTML, err = notifier.Preview(s.Kind, s.Request); err != nil {
			return fmt.Errorf("%s (%s): %w", s.Kind, s.Name, err)
		}
		mails = append(mails, m)
	}
	if cmd.To == "" {
		return cmd.tell(c, mails, func() error { return printMails(c, mails) })
	}
	if err := writeMails(cmd.To, mails); err != nil {
		return err
	}
	return cmd.tell(c, mails, line(c, fmt.Sprintf("%d mails, each as text and as HTML, are in %s", len(mails), cmd.To)))
}

// printMails prints mails as text.
func printMails(c *console, mails []mailPreview) error {
	for _, m := range mails {
		fmt.Fprintf(c.out, "--- %s: %s\nSubject: %s\n\n%s\n\n", m.Kind, m.Name, m.Subject, strings.TrimSpace(m.Text))
	}
	return nil
}

// writeMails writes mails to a folder, two files each.
func writeMails(folder string, mails []mailPreview) error {
	if err := os.MkdirAll(folder, 0o750); err != nil {
		return err
	}
	for _, m := range mails {
		name := filepath.Join(folder, string(m.Kind)+"-"+strings.NewReplacer(" ", "-", ",", "").Replace(m.Name))
		for path, content := range map[string]string{name + ".txt": "Subject: " + m.Subject + "\n\n" + m.Text, name + ".html": m.HTML} {
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				return err
			}
		}
	}
	return nil
}

// samples returns the notifier of a configuration and the made-up requests to try it
// with, as from a portal.
func (f configFlag) samples(c *console, kind, portal string) (*mail.Notifier, []mail.Sample, error) {
	cfg, err := f.load(c)
	if err != nil {
		return nil, nil, err
	}
	if cfg.Mail == nil {
		return nil, nil, fmt.Errorf("nobody is told anything: there is no section mail in %s", f.Config)
	}
	names := portalNames(cfg)
	if portal == "" {
		portal = names[0]
	}
	if !slices.Contains(names, portal) {
		return nil, nil, &exitError{exitUsage, fmt.Errorf("there is no portal %q; it can be %s", portal, inWords(names))}
	}
	notifier, err := notifierOf(cfg, nil)
	if err != nil {
		return nil, nil, err
	}
	samples := mail.Samples()
	if kind != "" {
		samples = slices.DeleteFunc(samples, func(s mail.Sample) bool { return string(s.Kind) != kind })
	}
	for i := range samples {
		samples[i].Request.Portal = portal
	}
	return notifier, samples, nil
}

type notifyVariablesCommand struct{ jsonFlag }

// Run runs the command.
func (cmd *notifyVariablesCommand) Run(c *console) error {
	return cmd.tell(c, mail.Variables(), func() error {
		w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
		fmt.Fprintln(w, "VARIABLE\tEXAMPLE\tWHAT IT IS")
		for _, v := range mail.Variables() {
			fmt.Fprintf(w, "%s\t%s\t%s\n", v.Name, dash(printable(v.Example)), v.Description)
		}
		return w.Flush()
	})
}

type notifyTestCommand struct {
	configFlag
	To     string `arg:"" help:"The address to send them to."`
	Kind   string `help:"Only this kind: ${enum}." enum:",${kinds}" default:"approve"`
	Portal string `help:"As from this portal. Absent: the first one."`
	jsonFlag
}

// sentMail is a mail that was sent to try it.
type sentMail struct {
	Kind bridge.MessageKind `json:"kind"`
	Name string             `json:"name"`
	// ID is the message's own: it is in its Message-ID.
	ID string `json:"id"`
}

// Run runs the command.
func (cmd *notifyTestCommand) Run(c *console) error {
	notifier, samples, err := cmd.samples(c, cmd.Kind, cmd.Portal)
	if err != nil {
		return err
	}
	sent := []sentMail{}
	for i, s := range samples {
		s.Request.Applicant.Email = cmd.To
		now := time.Now()
		id := fmt.Sprintf("kb_test_%d_%d", now.UnixNano(), i)
		err := notifier.Send(c.ctx, bridge.Message{
			ID: id, Kind: s.Kind, At: now, Request: s.Request,
			Page: "https://example.com/r/a-link-that-leads-nowhere", Until: now.Add(7 * 24 * time.Hour),
		})
		if err != nil {
			return fmt.Errorf("%s (%s): %w", s.Kind, s.Name, err)
		}
		sent = append(sent, sentMail{s.Kind, s.Name, id})
		if !cmd.JSON {
			fmt.Fprintf(c.out, "sent: %s, %s\n", s.Kind, s.Name)
		}
	}
	return cmd.tell(c, sent, func() error { return nil })
}
