package main

import (
	"bufio"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/ledger"
	"keybridge/bridge/web"
	finance "keybridge/bridge/web/console"
)

// The files of the audit in the data folder.
const (
	auditKeyFile = "audit.key"
	headsFile    = "heads.jsonl"
)

// mostHeads bounds the signed heads that are handed in, in bytes: a thousand years' worth.
const mostHeads = 256 << 20

// keeperOf makes what signs and verifies the audit. The key is made once where the
// configuration has none.
func keeperOf(cfg *config, store bridge.Store, log *slog.Logger) (*ledger.Keeper, error) {
	key := cfg.Audit.key
	if key == nil {
		var err error
		if key, err = ledger.KeyFile(filepath.Join(cfg.Data, auditKeyFile), rand.Reader); err != nil {
			return nil, err
		}
	}
	return ledger.New(ledger.Config{
		Store: store, Key: key, Old: cfg.Audit.old, File: filepath.Join(cfg.Data, headsFile), Log: log,
	}), nil
}

// idleKeeper is the keeper of a bridge that does not run. It makes no key.
func idleKeeper(folder string, audit auditConfig, store bridge.Store) (*ledger.Keeper, error) {
	key := audit.key
	if key == nil {
		var err error
		if key, err = ledger.KeyFile(filepath.Join(folder, auditKeyFile), nil); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
	}
	return ledger.New(ledger.Config{Store: store, Key: key, Old: audit.old, File: filepath.Join(folder, headsFile)}), nil
}

// signStop signs what history was when the bridge stopped: the last thing that is written.
func signStop(keeper *ledger.Keeper) error {
	if keeper == nil {
		return nil // it never got so far
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if _, err := keeper.Sign(ctx); err != nil {
		return fmt.Errorf("the audit cannot be signed: %w", err)
	}
	return nil
}

// showLedger tells the console what is known of the ledger.
func showLedger(keeper *ledger.Keeper) func(context.Context) (finance.Ledger, error) {
	return func(ctx context.Context) (out finance.Ledger, err error) {
		last, ok, err := keeper.Last(ctx)
		if err != nil {
			return out, err
		}
		if ok {
			out.Verified, out.Entries = last.At, last.Entries
			if !last.Whole() {
				out.Wrong = last.Findings[0].What
			}
		}
		h, ok, err := keeper.Latest(ctx)
		if err != nil || !ok {
			return out, err
		}
		out.Signed, out.Count, out.Hash, out.Key = h.At, h.Ledger.Count, h.Ledger.Hash, h.Key
		return out, nil
	}
}

// auditLine is one line of the answer to a verification: how far it is, or what came of it.
type auditLine struct {
	Done   uint64         `json:"done,omitempty"`
	Of     uint64         `json:"of,omitempty"`
	Report *ledger.Report `json:"report,omitempty"`
	Error  string         `json:"error,omitempty"`
}

// serveAudit adds the commands about the audit to those of the operator's socket.
//
//	POST /v1/audit/verify   signed heads as JSON lines; ?key= believes that key alone.
//	                        The answer is JSON lines (auditLine), the last with the report
//	GET  /v1/audit/export   an export, as JSON lines; one with "error" says that it failed
//	GET  /v1/audit/heads    the signed heads
//	GET  /v1/audit/key      {"key"}: the public key
func serveAudit(o *web.Operator, keeper *ledger.Keeper) {
	o.Stream("POST /v1/audit/verify", func(w http.ResponseWriter, r *http.Request) error { return answerVerify(w, r, keeper) })
	o.Stream("GET /v1/audit/export", func(w http.ResponseWriter, r *http.Request) error {
		if err := keeper.WriteExport(r.Context(), w, nil); err != nil {
			_ = json.NewEncoder(w).Encode(auditLine{Error: bridge.Explain(err)}) // who has gone has lost nothing
		}
		return nil
	})
	o.Handle("GET /v1/audit/heads", func(r *http.Request) (any, error) { return keeper.Heads(r.Context()) })
	o.Handle("GET /v1/audit/key", func(*http.Request) (any, error) {
		keys := keeper.Keys()
		if len(keys) == 0 {
			return nil, &bridge.Error{Kind: bridge.NotFound, Msg: "There is no key of the audit in this folder. One is made when the bridge starts."}
		}
		return map[string]string{"key": ledger.KeyText(keys[0])}, nil
	})
}

// answerVerify verifies the store, and says meanwhile how far it is.
func answerVerify(w http.ResponseWriter, r *http.Request, keeper *ledger.Keeper) error {
	var o ledger.Options
	if text := r.URL.Query().Get("key"); text != "" {
		key, err := ledger.ParseKey(text)
		if err != nil {
			return err
		}
		o.Keys = []ed25519.PublicKey{key}
	}
	given, err := ledger.ReadHeads("the heads that were given", http.MaxBytesReader(w, r.Body, mostHeads))
	if err != nil {
		return &bridge.Error{Kind: bridge.Invalid, Msg: "The signed heads cannot be read."}
	}
	if len(given.Heads)+len(given.Wrong) > 0 {
		o.Heads = []ledger.Heads{given}
	}
	out := json.NewEncoder(w)
	flush := http.NewResponseController(w)
	o.Progress = func(done, of uint64) {
		_ = out.Encode(auditLine{Done: done, Of: of}) // who has gone has lost nothing
		_ = flush.Flush()
	}
	end := auditLine{}
	if report, err := keeper.Verify(r.Context(), operator.Actor(), o); err != nil {
		end.Error = bridge.Explain(err)
	} else {
		end.Report = &report
	}
	_ = out.Encode(end)
	return nil
}

// exitDamaged is what the program exits with where history is not as it was written.
const exitDamaged = 3

// auditCommand is about the history of what was done.
type auditCommand struct {
	Verify auditVerifyCommand `cmd:"" help:"Check that all of history is as it was written, and name the first that is not. Exits with 3 where something is not."`
	Export auditExportCommand `cmd:"" help:"Take all of history away as a file that proves itself."`
	Heads  auditHeadsCommand  `cmd:"" help:"Print the signed heads, one a line: keep them where nobody of the house can change them."`
	Key    auditKeyCommand    `cmd:"" help:"Print the public key that the heads are signed with."`
}

type auditVerifyCommand struct {
	resultFlags
	Heads string `help:"Signed heads that were kept elsewhere, to compare as well." type:"existingfile" placeholder:"FILE"`
	File  string `help:"Verify an export instead of the store; takes --key." type:"existingfile" placeholder:"FILE"`
	Key   string `help:"Believe this public key alone, as keybridge audit key printed it." placeholder:"ed25519:..."`
}

// Run runs the command.
func (cmd *auditVerifyCommand) Run(c *console) error {
	verify := cmd.store
	if cmd.File != "" {
		verify = cmd.export
	}
	report, err := verify(c)
	if err != nil {
		return err
	}
	err = cmd.tell(c, report, func() error {
		if report.Whole() {
			fmt.Fprintln(c.out, wholeWords(report))
			fmt.Fprintln(c.out, headsWords(report))
		}
		return nil
	})
	if err == nil && !report.Whole() {
		err = &exitError{exitDamaged, errors.New(damage(report))}
	}
	return err
}

// wholeWords says what is as it was written. An export has no requests, only their entries.
func wholeWords(r ledger.Report) string {
	if r.Requests == 0 {
		return fmt.Sprintf("%d entries of requests, and %d of the house's own, are as they were written.", r.Entries-r.House, r.House)
	}
	return fmt.Sprintf("%d entries of %d requests, and %d of the house's own, are as they were written.", r.Entries-r.House, r.Requests, r.House)
}

// headsWords says what the signed heads prove.
func headsWords(r ledger.Report) string {
	switch {
	case r.Heads == 0:
		return "No head of it has been signed yet."
	case !r.Signed:
		return fmt.Sprintf("Signed heads that fit: %d. There is no key here, so their signatures were not checked: give one with --key.", r.Heads)
	}
	return fmt.Sprintf("Signed heads that fit: %d.", r.Heads)
}

// damage tells all findings.
func damage(r ledger.Report) string {
	text := "the history is not as it was written: " + r.Findings[0].What
	for _, f := range r.Findings[1:] {
		text += "\n  also: " + f.What
	}
	if r.More {
		text += "\n  and more"
	}
	return text
}

// store verifies the store of a bridge.
func (cmd *auditVerifyCommand) store(c *console) (ledger.Report, error) {
	path := "/v1/audit/verify"
	if cmd.Key != "" {
		path += "?key=" + url.QueryEscape(cmd.Key)
	}
	var heads []byte
	if cmd.Heads != "" {
		var err error
		if heads, err = os.ReadFile(cmd.Heads); err != nil {
			return ledger.Report{}, err
		}
	}
	answer, err := cmd.open(c.ctx, c, "POST", path, heads)
	if err != nil {
		return ledger.Report{}, err
	}
	defer func() { _ = answer.Close() }() // read to its end
	tell := progressTo[uint64](c, "verified")
	for lines := json.NewDecoder(answer); ; {
		var line auditLine
		if err := lines.Decode(&line); err != nil {
			return ledger.Report{}, fmt.Errorf("the verification was broken off: %w", err)
		}
		switch {
		case line.Error != "":
			return ledger.Report{}, errors.New(line.Error)
		case line.Report != nil:
			return *line.Report, nil
		}
		tell(line.Done, line.Of)
	}
}

// export verifies a file by itself.
func (cmd *auditVerifyCommand) export(c *console) (ledger.Report, error) {
	if cmd.Key == "" {
		return ledger.Report{}, &exitError{exitUsage, errors.New("--file takes --key: the public key that keybridge audit key printed when you got to know this bridge")}
	}
	key, err := ledger.ParseKey(cmd.Key)
	if err != nil {
		return ledger.Report{}, &exitError{exitUsage, errors.New(bridge.Explain(err))}
	}
	o := ledger.Options{Keys: []ed25519.PublicKey{key}, Progress: progressTo[uint64](c, "verified")}
	if cmd.Heads != "" {
		heads, err := ledger.OpenHeads(cmd.Heads)
		if err != nil {
			return ledger.Report{}, err
		}
		o.Heads = []ledger.Heads{heads}
	}
	f, err := os.Open(cmd.File)
	if err != nil {
		return ledger.Report{}, err
	}
	defer func() { _ = f.Close() }() // nothing was written
	return ledger.VerifyExport(c.ctx, f, o)
}

type auditExportCommand struct {
	operatorFlags
	To string `arg:"" help:"The file to write. It must not exist." type:"path"`
}

// Run runs the command.
func (cmd *auditExportCommand) Run(c *console) error {
	if _, err := os.Lstat(cmd.To); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already", cmd.To)
	}
	answer, err := cmd.open(c.ctx, c, "GET", "/v1/audit/export", nil)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Close() }() // read to its end
	half := cmd.To + ".part"
	f, err := os.OpenFile(half, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) //nolint:gosec // the operator says which file
	if err != nil {
		return err
	}
	lines, err := copyExport(c, f, answer)
	if err = errors.Join(err, f.Sync(), f.Close()); err == nil {
		err = os.Rename(half, cmd.To)
	}
	if err != nil {
		_ = os.Remove(half) // the error is the one to tell
		return err
	}
	fmt.Fprintf(c.out, "%s: %d lines. Verify it with: keybridge audit verify --file %s --key ...\n", cmd.To, lines, cmd.To)
	return nil
}

// copyExport copies an export line by line, and finds the line that says that it failed.
func copyExport(c *console, to io.Writer, from io.Reader) (lines int, err error) {
	in, out := bufio.NewReaderSize(from, 64<<10), bufio.NewWriter(to)
	begin := time.Now()
	for {
		line, err := in.ReadBytes('\n')
		if errors.Is(err, io.EOF) && len(line) == 0 {
			return lines, out.Flush()
		}
		if err != nil {
			return lines, fmt.Errorf("the export was broken off: %w", err)
		}
		var failed auditLine
		if json.Unmarshal(line, &failed) == nil && failed.Error != "" {
			return lines, errors.New(failed.Error)
		}
		if _, err := out.Write(line); err != nil {
			return lines, err
		}
		if lines++; time.Since(begin) > tellEvery {
			begin = time.Now()
			fmt.Fprintf(c.err, "%d lines so far\n", lines)
		}
	}
}

type auditHeadsCommand struct {
	resultFlags
}

// Run runs the command.
func (cmd *auditHeadsCommand) Run(c *console) error {
	var heads []ledger.Head
	if err := cmd.call(c, "GET", "/v1/audit/heads", nil, &heads); err != nil {
		return err
	}
	return cmd.tell(c, heads, func() error {
		for _, h := range heads {
			fmt.Fprintf(c.out, "%s\n", h.Line())
		}
		return nil
	})
}

type auditKeyCommand struct {
	resultFlags
}

// Run runs the command.
func (cmd *auditKeyCommand) Run(c *console) error {
	var said struct {
		Key string `json:"key"`
	}
	if err := cmd.call(c, "GET", "/v1/audit/key", nil, &said); err != nil {
		return err
	}
	return cmd.tell(c, said, line(c, said.Key))
}
