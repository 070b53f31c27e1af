package ledger

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"time"

	"keybridge/bridge"
)

// An export is JSON lines (UTF-8): first what it is (exportTitle), then every signed head,
// and then the lines of the ledger up to the last head, in their order. The last head says
// where it has to end.

// exportTitle is the first line of an export.
type exportTitle struct {
	// Keybridge is always "audit export", Version always 1.
	Keybridge string    `json:"keybridge"`
	Version   int       `json:"version"`
	At        time.Time `json:"at"`
	// Heads is how many signed heads follow.
	Heads int `json:"heads"`
}

const exportName = "audit export"

// exportLine is a line of the ledger in an export.
type exportLine struct {
	Place uint64 `json:"place"`
	// Request is absent for an entry of the house.
	Request bridge.ID `json:"request,omitempty"`
	Seq     uint64    `json:"seq"`
	Hash    string    `json:"hash"`
	// Entry is absent where the request was dropped.
	Entry *bridge.Entry `json:"entry,omitempty"`
}

// longestLine bounds a line of an export, in bytes: an entry of the house has 64 KiB at
// most, and takes more in JSON only where text is escaped.
const longestLine = 1 << 20

// WriteExport signs the ledger's end, and writes all up to there. progress is told how many
// of all lines were written, and may be nil. Internal where the ledger is damaged: verify
// it then; what was written until then is no export. Unavailable without a key to sign with.
func (k *Keeper) WriteExport(ctx context.Context, w io.Writer, progress func(done, of uint64)) error {
	last, err := k.Sign(ctx)
	if err != nil {
		return err
	}
	heads, err := k.Heads(ctx)
	if err != nil {
		return err
	}
	for len(heads) > 0 && heads[len(heads)-1].Number > last.Number { // signed meanwhile
		heads = heads[:len(heads)-1]
	}
	out := bufio.NewWriterSize(w, 64<<10)
	lines := json.NewEncoder(out)
	if err := lines.Encode(exportTitle{Keybridge: exportName, Version: 1, At: k.cfg.Now().UTC(), Heads: len(heads)}); err != nil {
		return err
	}
	for _, h := range heads {
		if _, err := out.Write(append(h.Line(), '\n')); err != nil {
			return err
		}
	}
	if err := k.writeLines(ctx, lines, last.Ledger, progress); err != nil {
		return err
	}
	return out.Flush()
}

func (k *Keeper) writeLines(ctx context.Context, out *json.Encoder, end bridge.Ledger, progress func(done, of uint64)) error {
	done := uint64(0)
	for after := uint64(0); after < end.Place; {
		page, err := k.cfg.Store.Ledger(ctx, after, pageLen)
		if err != nil {
			return err
		}
		if len(page) == 0 {
			return &bridge.Error{Kind: bridge.Internal, Msg: "The ledger ends before it should. Verify it."}
		}
		for _, l := range page {
			if l.Place > end.Place {
				return nil
			}
			if l.Damage != "" {
				return &bridge.Error{Kind: bridge.Internal, Msg: "The ledger is damaged after " + moment(after) + ". Verify it: " + l.Damage + "."}
			}
			if err := out.Encode(exportLine{l.Place, l.Request, l.Seq, l.Hash, l.Entry}); err != nil {
				return err
			}
			after = l.Place
			done++
		}
		if progress != nil {
			progress(done, end.Count)
		}
	}
	return nil
}

// VerifyExport verifies an export by itself: that its lines are those that were signed, and
// each entry is the one that its line stands for. Options.Heads are compared as well.
// Damage is a finding; the error is the reader's or that of ctx.
func VerifyExport(ctx context.Context, r io.Reader, o Options) (Report, error) {
	v := exportVerifier{options: o, lines: bufio.NewScanner(r)}
	v.lines.Buffer(nil, longestLine)
	v.walk = newWalk(&v.report, mostKnown)
	if err := v.everything(ctx); err != nil {
		return v.report, err
	}
	err := v.lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		v.report.find("", 0, "line %d is too long for one of an export", v.number+1)
		err = nil
	}
	return v.report, err
}

// exportVerifier verifies one export.
type exportVerifier struct {
	options Options
	report  Report
	walk    *walk
	lines   *bufio.Scanner
	number  int
}

func (v *exportVerifier) everything(ctx context.Context) error {
	last, ok := v.begin()
	if !ok {
		return nil
	}
	for v.next() {
		if err := ctx.Err(); err != nil {
			return err
		}
		var l exportLine
		if !readExact(v.lines.Bytes(), &l) || l.Place == 0 {
			v.report.find("", 0, "line %d is none of an export", v.number)
			return nil
		}
		if l.Place > last.Ledger.Place {
			v.report.find(l.Request, l.Seq, "line %d was added: it comes after what was signed", v.number)
			return nil
		}
		v.walk.line(bridge.LedgerLine{Place: l.Place, Request: l.Request, Seq: l.Seq, Hash: l.Hash, Entry: l.Entry})
		if v.report.Entries%pageLen == 0 {
			v.tell(last.Ledger.Count)
		}
	}
	v.walk.over()
	v.tell(last.Ledger.Count)
	return nil
}

// tell reports progress.
func (v *exportVerifier) tell(of uint64) {
	if v.options.Progress != nil {
		v.options.Progress(min(v.report.Entries, of), of)
	}
}

// begin reads the title and the heads.
func (v *exportVerifier) begin() (last Head, ok bool) {
	var title exportTitle
	if !v.next() || !readExact(v.lines.Bytes(), &title) || title.Keybridge != exportName || title.Version != 1 {
		v.report.find("", 0, "this is no export of the audit, or one of another version")
		return last, false
	}
	heads := Heads{Where: "the export"}
	for n := range title.Heads {
		if !v.next() {
			v.report.find("", 0, "the export ends before its signed heads do")
			return last, false
		}
		h, err := ParseHead(v.lines.Bytes())
		if err != nil {
			v.report.find("", 0, "line %d should be signed head %d: %v", v.number, n+1, err)
			return last, false
		}
		heads.Heads = append(heads.Heads, h)
	}
	if len(heads.Heads) == 0 {
		v.report.find("", 0, "the export has no signed head")
		return last, false
	}
	v.walk.expect(v.report.heads(v.options, heads))
	return heads.Heads[len(heads.Heads)-1], true
}

func (v *exportVerifier) next() bool {
	if !v.lines.Scan() {
		return false
	}
	v.number++
	return true
}

// readExact reads what was written by encoding it, and returns false for anything else:
// JSON can say the same in many ways.
func readExact(line []byte, v any) bool {
	d := json.NewDecoder(bytes.NewReader(line))
	d.DisallowUnknownFields()
	if d.Decode(v) != nil {
		return false
	}
	again, err := json.Marshal(v)
	return err == nil && bytes.Equal(again, line)
}
