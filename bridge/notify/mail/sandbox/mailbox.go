package sandbox

import (
	"cmp"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// How much a page of the mailbox lists.
const (
	mailsListed = 50
	boxesListed = 20
)

// mailboxPage is the body of the page that lists mails.
type mailboxPage struct {
	To        string // what is searched for
	Boxes     []boxLine
	MoreBoxes int
	Mails     []mailLine // newest first
	Count     int        // of all mails that were found, whatever the page
	Older     string     // the address of the next page; empty on the last
	Here      string     // the address of the first page
	Forgotten int
}

// boxLine is a mailbox: an address mail came for.
type boxLine struct {
	Address    string
	Mails, New int
	latest     int
}

// mailLine is a mail in a list.
type mailLine struct {
	*Mail
	New   bool
	Times int // how often its Message-ID came
}

// list makes the page of the mails for addresses that contain to, from the one numbered before on; 0 is the newest.
func (b *box) list(to string, before int) mailboxPage {
	b.mu.Lock()
	defer b.mu.Unlock()
	page := mailboxPage{To: to, Forgotten: b.unwanted, Here: mailboxAt(to, 0)}
	boxes := map[string]*boxLine{}
	for _, m := range slices.Backward(b.mails) {
		isNew := !b.read[m.Number]
		countBoxes(boxes, m, isNew)
		if !isFor(m, to) {
			continue
		}
		page.Count++
		switch {
		case before > 0 && m.Number >= before:
		case len(page.Mails) < mailsListed:
			page.Mails = append(page.Mails, mailLine{Mail: m, New: isNew, Times: b.timesLocked(m)})
		case page.Older == "":
			page.Older = mailboxAt(to, page.Mails[mailsListed-1].Number)
		}
	}
	page.Boxes, page.MoreBoxes = latestBoxes(boxes)
	return page
}

func isFor(m *Mail, to string) bool {
	return to == "" || slices.ContainsFunc(m.To, func(address string) bool { return strings.Contains(mailbox(address), mailbox(to)) })
}

func mailboxAt(to string, before int) string {
	query := url.Values{}
	if to != "" {
		query.Set("to", to)
	}
	if before > 0 {
		query.Set("before", strconv.Itoa(before))
	}
	return (&url.URL{Path: "/", RawQuery: query.Encode()}).String()
}

// countBoxes adds a mail to the mailboxes of its recipients; the newest mail comes first.
func countBoxes(boxes map[string]*boxLine, m *Mail, isNew bool) {
	for i, to := range m.To {
		address := mailbox(to)
		if slices.ContainsFunc(m.To[:i], func(earlier string) bool { return mailbox(earlier) == address }) {
			continue
		}
		line := boxes[address]
		if line == nil {
			line = &boxLine{Address: address, latest: m.Number}
			boxes[address] = line
		}
		line.Mails++
		if isNew {
			line.New++
		}
	}
}

// latestBoxes returns the mailboxes with the latest mails, and how many others there are.
func latestBoxes(boxes map[string]*boxLine) (latest []boxLine, others int) {
	for _, line := range boxes {
		latest = append(latest, *line)
	}
	slices.SortFunc(latest, func(a, b boxLine) int {
		return cmp.Or(b.latest-a.latest, strings.Compare(a.Address, b.Address))
	})
	if len(latest) > boxesListed {
		return latest[:boxesListed], len(latest) - boxesListed
	}
	return latest, 0
}

// timesLocked is how often a mail's Message-ID came for one of its recipients.
func (b *box) timesLocked(m *Mail) int {
	times := m.Delivery
	for _, to := range m.To {
		times = max(times, b.seen[mailbox(to)+"\n"+m.MessageID].times)
	}
	return times
}

func (s *Server) showMailbox(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	before, err := strconv.Atoi(orElse(query.Get("before"), "0"))
	if err != nil {
		s.sorry(w, refuse(http.StatusBadRequest, "“before” must be a mail’s number."))
		return
	}
	page := sheet{Title: "Mailbox", Body: s.box.list(strings.TrimSpace(valid(query.Get("to"))), before)}
	if query.Get("done") == "empty" {
		page.Notice = "All mail is forgotten."
	}
	s.show(w, http.StatusOK, "mailbox", page)
}

func (s *Server) empty(w http.ResponseWriter, r *http.Request) {
	s.Clear()
	http.Redirect(w, r, "/?done=empty", http.StatusSeeOther)
}
