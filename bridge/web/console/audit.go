package console

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
	"keybridge/bridge/web"
)

// Chain is the house's own chain of entries; a bridge.Store has it.
type Chain interface {
	// House returns the entries after a Seq, oldest first, at most limit (1 to 1000).
	House(ctx context.Context, after uint64, limit int) ([]bridge.Line, error)
	// HouseEnd returns the end of the chain.
	HouseEnd(ctx context.Context) (bridge.Head, error)
}

// Ledger is what was last found out about the ledger, which holds every entry there is.
type Ledger struct {
	// Verified is when all of it was last verified, Entries how many there were, and Wrong
	// what was wrong first; empty: nothing. A zero Verified: never.
	Verified time.Time
	Entries  uint64
	Wrong    string
	// Signed is when its head was last signed, Count how many entries that is the head of,
	// Hash the head and Key the public key to check it with. A zero Signed: never.
	Signed    time.Time
	Count     uint64
	Hash, Key string
}

// The fields of the audit's filter beside from and to.
const (
	fieldWho     = "who"
	fieldWhat    = "what"
	fieldRequest = "request"
	fieldBefore  = "before"
)

const (
	auditFile = auditPath + "/entries.jsonl"
	// auditPage is how many entries are on a page, and mostLooked how many are looked at
	// for one. auditBatch is how many are read at once.
	auditPage  = 50
	mostLooked = 20_000
	auditBatch = 500
)

// auditSubjects are those that can be chosen.
var auditSubjects = []bridge.What{
	bridge.WhatSignedIn, bridge.WhatRefused, bridge.WhatViewed, bridge.WhatExported, bridge.WhatPerson, bridge.WhatToken, bridge.WhatForgot,
	bridge.WhatDropped, bridge.WhatSettings, bridge.WhatVerified,
	bridge.WhatDropped, bridge.WhatSettings, bridge.WhatVerified,
}

func (s *Console) auditRoutes(e *gin.Engine) {
	if s.cfg.Chain != nil {
		e.Match(looked, auditPath, s.page(s.seated(s.audit)))
		e.Match(looked, auditFile, s.page(s.seated(s.auditDownload)))
	}
}

// auditFilter is which entries are looked for.
type auditFilter struct {
	Who, What, Request string
	// From and To are days as they were typed, begin and end when the first begins
	// and the last ends; zero where there is none.
	From, To   string
	begin, end time.Time
	Before     uint64 // a Seq; 0: from the newest on
	Problems   map[string]string
	query      url.Values
}

// readAudit reads a filter. Days are those of the house's own time.
func readAudit(query url.Values, zone *time.Location) auditFilter {
	f := auditFilter{query: url.Values{}, Problems: map[string]string{}}
	for field, to := range map[string]*string{fieldWho: &f.Who, fieldWhat: &f.What, fieldRequest: &f.Request, web.FieldFrom: &f.From, web.FieldTo: &f.To} {
		if value := strings.TrimSpace(query.Get(field)); value != "" && len(value) <= 200 {
			*to = value
			f.query.Set(field, value)
		}
	}
	for field, to := range map[string]*time.Time{web.FieldFrom: &f.begin, web.FieldTo: &f.end} {
		if text := f.query.Get(field); text != "" {
			at, err := time.ParseInLocation(time.DateOnly, text, zone)
			if err != nil {
				f.Problems[field] = "Write a day such as 2026-03-14."
			}
			*to = at
		}
	}
	if !f.end.IsZero() {
		f.end = f.end.AddDate(0, 0, 1)
	}
	if _, ok := bridge.ParseID(f.Request); f.Request != "" && !ok {
		f.Problems[fieldRequest] = "Write the whole id of a request: 26 letters and digits."
	}
	f.Before, _ = strconv.ParseUint(query.Get(fieldBefore), 10, 64)
	return f
}

// fits reports whether an entry is looked for.
func (f *auditFilter) fits(e bridge.Entry) bool {
	return (f.Who == "" || e.Actor.Name == f.Who) && (f.What == "" || string(e.What) == f.What) &&
		(f.Request == "" || string(e.Request) == f.Request) &&
		(f.begin.IsZero() || !e.At.Before(f.begin)) && (f.end.IsZero() || e.At.Before(f.end))
}

// narrow reports whether not every entry is looked for.
func (f *auditFilter) narrow() bool { return len(f.query) > 0 }

// address asks for the same again, from a place on.
func (f *auditFilter) address(path string, before uint64) string {
	query := url.Values{}
	for field, values := range f.query {
		query[field] = values
	}
	if before > 0 {
		query.Set(fieldBefore, strconv.FormatUint(before, 10))
	}
	if len(query) == 0 {
		return path
	}
	return path + "?" + query.Encode()
}

// auditView is the page of the audit.
type auditView struct {
	frame
	Filter  auditFilter
	Whats   []choice
	Problem map[string]string
	Entries []auditEntry
	// First is the list's beginning, empty on it; Onwards the page after this one.
	First, Onwards string
	// Download is the list as a file.
	Download string
	// Empty says that there is nothing, in words.
	Empty  string
	Ledger *ledgerView
}

// auditEntry is an entry as the page shows it.
type auditEntry struct {
	Seq                                   uint64
	At, Stamp, Actor, What, Before, After string
	Why, Request, Href                    string
	// Wrong says that the entry is not there, or cannot be read. The rest is empty then.
	Wrong string
}

// audit shows the house's own entries, the newest first.
func (s *Console) audit(c *gin.Context, p bridge.Person) error {
	if err := s.cfg.Service.Desk(p).May(bridge.MayAudit, ""); err != nil {
		return err
	}
	f := readAudit(c.Request.URL.Query(), s.cfg.Zone)
	view := auditView{frame: s.desk(c, p, "Audit"), Filter: f, Problem: f.Problems, Download: f.address(auditFile, 0)}
	var whats []choice
	for _, what := range auditSubjects {
		whats = append(whats, choice{Value: string(what), Text: upper(string(what))})
	}
	view.Whats = choices(f.What, "Anything", whats)
	if f.Before > 0 {
		view.First = f.address(auditPath, 0)
	}
	if len(f.Problems) > 0 {
		return s.pages.Render(c, http.StatusBadRequest, "audit", view)
	}
	if err := s.entries(c.Request.Context(), &f, &view); err != nil {
		return err
	}
	view.Ledger = s.ledger(c)
	return s.pages.Render(c, http.StatusOK, "audit", view)
}

// entries fills in the entries that fit, back from a place.
func (s *Console) entries(ctx context.Context, f *auditFilter, view *auditView) error {
	end, err := s.cfg.Chain.HouseEnd(ctx)
	if err != nil {
		return err
	}
	last := end.Seq
	switch {
	case f.Before > 0:
		last = min(last, f.Before-1)
	case !f.end.IsZero():
		last = s.lastBefore(ctx, f.end.Add(slack), last)
	}
	at, err := s.walkBack(ctx, f, view, last)
	if err != nil {
		return err
	}
	if at > 0 {
		view.Onwards = f.address(auditPath, at+1)
	}
	switch {
	case len(view.Entries) > 0:
	case at > 0:
		view.Empty = "Nothing fits among the entries " + strconv.FormatUint(at+1, 10) + " to " + strconv.FormatUint(last, 10) + ". There are earlier ones."
	case f.narrow():
		view.Empty = "Nothing fits this filter."
	default:
		view.Empty = "Nothing has been written down yet."
	}
	return nil
}

// walkBack fills in a page of entries, beginning with last, and returns the one before
// which it stopped; 0: there is nothing earlier to be looked for.
func (s *Console) walkBack(ctx context.Context, f *auditFilter, view *auditView, last uint64) (uint64, error) {
	at, lowest := last, last-min(last, mostLooked)
	for at > lowest && len(view.Entries) < auditPage {
		first := at - min(at-lowest, auditBatch)
		found, err := s.house(ctx, first, at)
		if err != nil {
			return 0, err
		}
		for ; at > first && len(view.Entries) < auditPage; at-- {
			h := found[at-first-1]
			if h.wrong == "" && h.entry.At.Before(f.begin.Add(-slack)) {
				return 0, nil
			}
			if shown, ok := s.shown(f, at, h); ok {
				view.Entries = append(view.Entries, shown)
			}
		}
	}
	return at, nil
}

// slack is how far the chain's order and its times may differ: entries are written at once
// by many, and a clock may be set. Who looks for a day is not shown too little by it.
const slack = 24 * time.Hour

// lastBefore is the newest entry from before a time, so that nothing later is walked
// through. Where it cannot be found, the walk begins at the end.
func (s *Console) lastBefore(ctx context.Context, t time.Time, end uint64) uint64 {
	known := true
	n := sort.Search(int(end), func(i int) bool { //nolint:gosec // there are not that many entries
		lines, err := s.cfg.Chain.House(ctx, uint64(i), 1) //nolint:gosec // i is not negative
		known = known && err == nil && len(lines) > 0
		return !known || !lines[0].Entry.At.Before(t)
	})
	if !known {
		return end
	}
	return uint64(n) //nolint:gosec // n is not negative
}

// houseEntry is an entry, or what is wrong where it should be.
type houseEntry struct {
	entry bridge.Entry
	wrong string
}

// house reads the entries after first up to last. One that is missing or damaged is said to
// be so: whoever reads the audit has to see it.
func (s *Console) house(ctx context.Context, first, last uint64) ([]houseEntry, error) {
	found := make([]houseEntry, last-first)
	for i := range found {
		found[i].wrong = "This entry is missing."
	}
	lines, err := s.cfg.Chain.House(ctx, first, int(last-first)) //nolint:gosec // it is at most auditBatch
	if unreadable(ctx, err) {
		return found, s.houseOneByOne(ctx, first, found)
	}
	put(found, first, lines)
	return found, err
}

func put(found []houseEntry, first uint64, lines []bridge.Line) {
	for _, line := range lines {
		if place := line.Entry.Seq - first - 1; line.Entry.Seq > first && place < uint64(len(found)) {
			found[place] = houseEntry{entry: line.Entry}
		}
	}
}

// houseOneByOne reads entries among which one is damaged.
func (s *Console) houseOneByOne(ctx context.Context, first uint64, found []houseEntry) error {
	for i := range found {
		lines, err := s.cfg.Chain.House(ctx, first+uint64(i), 1) //nolint:gosec // i is not negative
		switch {
		case unreadable(ctx, err):
			found[i].wrong = "This entry cannot be read."
		case err != nil:
			return err
		default:
			put(found[i:i+1], first+uint64(i), lines) //nolint:gosec // as above
		}
	}
	return nil
}

// unreadable reports whether an error is the store's word that what it keeps is damaged.
func unreadable(ctx context.Context, err error) bool {
	e, ok := errors.AsType[*bridge.Error](err)
	return ok && e.Kind == bridge.Internal && ctx.Err() == nil
}

// shown is an entry as the page shows it, if it is looked for. What is wrong always is.
func (s *Console) shown(f *auditFilter, seq uint64, h houseEntry) (auditEntry, bool) {
	if h.wrong != "" {
		return auditEntry{Seq: seq, Wrong: h.wrong}, true
	}
	e := h.entry
	shown := auditEntry{
		Seq: seq, At: s.moment(e.At), Stamp: e.At.UTC().Format(time.RFC3339), Actor: e.Actor.String(), What: upper(string(e.What)),
		Before: e.Before, After: e.After, Why: e.Why, Request: string(e.Request),
	}
	if id, ok := bridge.ParseID(shown.Request); ok {
		shown.Href = requestPath + string(id)
	}
	return shown, f.fits(e)
}

// ledgerView is what is known of the ledger, in words.
type ledgerView struct {
	Verified, Wrong   string
	Signed, Hash, Key string
}

// ledger says what is known of the ledger; nil where nothing is. A page that shows the
// entries without it is better than none.
func (s *Console) ledger(c *gin.Context) *ledgerView {
	if s.cfg.Ledger == nil {
		return nil
	}
	l, err := s.cfg.Ledger(c.Request.Context())
	if err != nil {
		s.cfg.Log.Error("what is known of the ledger cannot be shown", "error", err)
		return &ledgerView{Wrong: "What was last found out about it cannot be read. " + bridge.Explain(err)}
	}
	view := &ledgerView{Verified: "It was not verified yet.", Signed: "Its head was not signed yet."}
	if !l.Verified.IsZero() {
		view.Verified = "Verified " + s.moment(l.Verified) + ": " + entriesOf(l.Entries) + ", of requests and of the house."
		view.Wrong = l.Wrong
		if l.Wrong == "" {
			view.Verified += " All are as they were written."
		}
	}
	if !l.Signed.IsZero() {
		view.Signed = "Its head was signed " + s.moment(l.Signed) + ", after " + entriesOf(l.Count) + "."
		view.Hash, view.Key = l.Hash, l.Key
	}
	return view
}

func entriesOf(n uint64) string {
	if n == 1 {
		return "1 entry"
	}
	return thousands(float64(n)) + " entries"
}

// auditDownload answers with the entries that fit as JSON lines, the oldest first, as they
// were when it began. A file that cannot be finished is broken off, and does not look whole.
func (s *Console) auditDownload(c *gin.Context, p bridge.Person) error {
	ctx := c.Request.Context()
	if err := s.cfg.Service.Desk(p).May(bridge.MayAudit, ""); err != nil {
		return err
	}
	f := readAudit(c.Request.URL.Query(), s.cfg.Zone)
	if len(f.Problems) > 0 {
		return &bridge.Error{Kind: bridge.Invalid, Msg: "The filter cannot be understood. Go back, and see what is said beside it."}
	}
	end, err := s.cfg.Chain.HouseEnd(ctx)
	if err != nil {
		return err
	}
	first, err := s.cfg.Chain.House(ctx, 0, auditBatch)
	if err != nil {
		return err
	}
	if c.Request.Method == http.MethodGet {
		s.cfg.Record(ctx, bridge.Entry{Actor: p.Actor(), What: bridge.WhatExported, After: "the audit up to entry " + strconv.FormatUint(end.Seq, 10), At: s.cfg.Now()})
	}
	c.Header("Content-Type", "application/jsonl; charset=utf-8")
	c.Header("Content-Disposition", `attachment; filename="audit-`+s.cfg.Now().UTC().Format(time.DateOnly)+`.jsonl"`)
	if err := s.sendEntries(c, &f, end.Seq, first); err != nil {
		s.cfg.Log.Error("a download of the audit was broken off", "error", err)
		panic(http.ErrAbortHandler)
	}
	return nil
}

// patience is how long a client may take for a batch.
const patience = 30 * time.Second

// sendEntries writes the entries up to last, batch by batch.
func (s *Console) sendEntries(c *gin.Context, f *auditFilter, last uint64, lines []bridge.Line) error {
	out, slow := json.NewEncoder(c.Writer), http.NewResponseController(c.Writer)
	out.SetEscapeHTML(false)
	var err error
	for len(lines) > 0 && err == nil {
		if err := slow.SetWriteDeadline(time.Now().Add(patience)); err != nil && !errors.Is(err, http.ErrNotSupported) {
			return err
		}
		for _, line := range lines {
			if line.Entry.Seq > last {
				return nil
			}
			if !f.fits(line.Entry) {
				continue
			}
			if err := out.Encode(line.Entry); err != nil {
				return err
			}
		}
		lines, err = s.cfg.Chain.House(c.Request.Context(), lines[len(lines)-1].Entry.Seq, auditBatch)
	}
	return err
}
