package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web"
	"keybridge/store/bolt"
)

// hollowShare is how much of a file has to be free for a start to compact it, beside
// what the configuration says.
const hollowShare = 0.5

// storeOf is what the file says of the store.
func storeOf(cfg *config, log *slog.Logger) bolt.Config {
	return bolt.Config{
		Path: filepath.Join(cfg.Data, storeFile), Log: log, MaxSize: int64(cfg.Store.MaxSize),
		Compact: bolt.Compaction{Free: int64(cfg.Store.CompactFree), Share: hollowShare},
	}
}

// checkLine is one line of a check as it is told: how far it is, something that is
// wrong, or the end of it. A check without an end was broken off.
type checkLine struct {
	Done    int64         `json:"done,omitempty"`
	Of      int64         `json:"of,omitempty"`
	Finding *bolt.Finding `json:"finding,omitempty"`
	End     bool          `json:"end,omitempty"`
	// Broken says why it cannot be walked: it is no store, or cut short. Error is about
	// anything else, and leaves open how the store is.
	Broken string `json:"broken,omitempty"`
	Error  string `json:"error,omitempty"`
}

// checking walks a store and says meanwhile how far it is.
type checking func(ctx context.Context, progress func(done, total int64)) ([]bolt.Finding, error)

// writeCheck runs a check and writes its lines.
func writeCheck(ctx context.Context, w io.Writer, flush func(), check checking) {
	out := json.NewEncoder(w) // who has gone has lost nothing
	last := time.Now()
	findings, err := check(ctx, func(done, total int64) {
		if time.Since(last) > time.Second {
			last = time.Now()
			_ = out.Encode(checkLine{Done: done, Of: total})
			flush()
		}
	})
	for _, f := range findings {
		_ = out.Encode(checkLine{Finding: &f})
	}
	end := checkLine{End: true}
	switch e, ours := errors.AsType[*bridge.Error](err); {
	case err == nil:
	case ours && e.Kind == bridge.Internal:
		end.Broken = err.Error()
	case ours:
		end.Error = bridge.Explain(err)
	default: // of the system: no permission, say
		end.Error = err.Error()
	}
	_ = out.Encode(end)
}

// serveCheck adds a check of the store that runs to the commands of the operator's socket.
//
//	POST /v1/check   JSON lines (checkLine), the last of which says that it is the end
func serveCheck(o *web.Operator, store *bolt.Store) {
	o.Stream("POST /v1/check", func(w http.ResponseWriter, r *http.Request) error {
		flush := http.NewResponseController(w)
		writeCheck(r.Context(), w, func() { _ = flush.Flush() }, store.Check)
		return nil
	})
}

// checkCommand walks a store.
type checkCommand struct {
	resultFlags
	File string `arg:"" optional:"" help:"A file that no bridge has open, a backup say, instead of the bridge's store." type:"path"`
	// Here walks the file in this process: it is what the command runs as a child.
	Here bool `hidden:""`
}

// checked is what came of a check.
type checked struct {
	File string `json:"file"`
	Good bool   `json:"good"`
	// Findings are what is wrong.
	Findings []bolt.Finding `json:"findings,omitempty"`
	// Broken says why not all of it could be walked: it is no store, cut short, or
	// damaged so badly that reading it ends the process.
	Broken string `json:"broken,omitempty"`
}

// Run runs the command.
func (cmd *checkCommand) Run(c *console) error {
	if cmd.Here {
		writeCheck(c.ctx, c.out, func() {}, func(ctx context.Context, progress func(done, total int64)) ([]bolt.Finding, error) {
			return bolt.CheckFile(ctx, cmd.File, progress)
		})
		return nil
	}
	done, err := cmd.check(c)
	if err != nil {
		return err
	}
	err = cmd.tell(c, done, func() error {
		if done.Good {
			fmt.Fprintf(c.out, "%s is good: everything in it is as it was written.\n", done.File)
		}
		return nil
	})
	if err == nil && !done.Good {
		err = &exitError{exitDamaged, errors.New(done.words())}
	}
	return err
}

// words say everything that is wrong.
func (d checked) words() string {
	lines := []string{d.File + " is not good:"}
	for _, f := range d.Findings {
		lines = append(lines, f.String())
	}
	if d.Broken != "" {
		lines = append(lines, d.Broken)
	}
	return strings.Join(lines, "\n  ") + "\nTo go on from a backup, stop the bridge, move the file away, and keybridge restore BACKUP."
}

// check asks the bridge that runs, and walks the file in a child process where none does.
func (cmd *checkCommand) check(c *console) (checked, error) {
	path := cmd.File
	if path == "" {
		folder, _, err := cmd.folder(c)
		if err != nil {
			return checked{}, err
		}
		path = filepath.Join(folder, storeFile)
		req, err := http.NewRequestWithContext(c.ctx, http.MethodPost, "http://operator/v1/check", nil)
		if err != nil {
			return checked{}, err
		}
		answer, err := askSocket(filepath.Join(folder, socketFile), req)
		if err == nil {
			defer func() { _ = answer.Body.Close() }() // read to its end
			done, _, err := readCheck(c, path, answer.Body)
			return done, err
		}
		if !notRunning(err) {
			return checked{}, err
		}
	}
	if _, err := os.Stat(path); err != nil {
		return checked{}, fmt.Errorf("there is nothing to check: %w", err)
	}
	return checkFile(c, path)
}

// checkFile walks a file in a child process, which a damaged page may end.
func checkFile(c *console, path string) (checked, error) {
	program, err := os.Executable()
	if err != nil {
		return checked{}, err
	}
	child := exec.CommandContext(c.ctx, program, "check", "--here", path) //nolint:gosec // this program itself
	child.Args[0] = os.Args[0]
	var said bytes.Buffer // of a process that ends in a fault: where it was
	child.Stderr = &said
	out, err := child.StdoutPipe()
	if err != nil {
		return checked{}, err
	}
	if err := child.Start(); err != nil {
		return checked{}, err
	}
	done, ended, err := readCheck(c, path, out)
	// What it wrote says how it went; that it ended badly is told by the missing end.
	_, _ = io.Copy(io.Discard, out)
	died := child.Wait()
	switch {
	case c.ctx.Err() != nil:
		return checked{}, c.ctx.Err()
	case err != nil || ended:
		return done, err
	}
	first, _, _ := strings.Cut(said.String(), "\n")
	done.Good, done.Broken = false, fmt.Sprintf("the walk ended in the middle (%v): %s", died, first)
	return done, nil
}

// readCheck reads the lines of a check, and tells how far it is. ended: it came to its
// end.
func readCheck(c *console, path string, lines io.Reader) (done checked, ended bool, err error) {
	done = checked{File: path}
	tell := progressTo[int64](c, "checked")
	for in := json.NewDecoder(lines); ; {
		var l checkLine
		switch err := in.Decode(&l); {
		case errors.Is(err, io.EOF):
			return done, false, nil
		case err != nil:
			return done, false, fmt.Errorf("the check was broken off: %w", err)
		}
		switch {
		case l.Error != "":
			return done, true, errors.New(l.Error)
		case l.Finding != nil:
			done.Findings = append(done.Findings, *l.Finding)
		case l.End:
			done.Broken, done.Good = l.Broken, l.Broken == "" && len(done.Findings) == 0
			return done, true, nil
		default:
			tell(l.Done, l.Of)
		}
	}
}

// restoreCommand makes the store of a backup.
type restoreCommand struct {
	resultFlags
	From string `arg:"" help:"The backup. It stays as it is." type:"existingfile"`
}

// restored is what was restored.
type restored struct {
	From string `json:"from"`
	To   string `json:"to"`
	// Size is in bytes.
	Size    int64   `json:"size"`
	Seconds float64 `json:"seconds"`
}

// Run runs the command.
func (cmd *restoreCommand) Run(c *console) error {
	folder, _, err := cmd.folder(c)
	if err != nil {
		return err
	}
	begin, to := time.Now(), filepath.Join(folder, storeFile)
	if _, err := os.Lstat(to); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already, and nothing is overwritten: stop the bridge and move the file away first", to)
	}
	err = bolt.Restore(c.ctx, cmd.From, to, func(_ context.Context, path string) error {
		done, err := checkFile(c, path)
		if err == nil && !done.Good {
			done.File = cmd.From
			err = &exitError{exitDamaged, errors.New(done.words())}
		}
		return err
	}, progressTo[int64](c, "copied"))
	if err != nil {
		return err
	}
	info, err := os.Stat(to)
	if err != nil {
		return err
	}
	took := time.Since(begin).Round(time.Millisecond)
	return cmd.tell(c, restored{cmd.From, to, info.Size(), took.Seconds()}, func() error {
		fmt.Fprintf(c.out, "%s: %d KiB, checked, in %s. Start the bridge: it goes on from there.\n", to, info.Size()/1024, took)
		return nil
	})
}

// compactCommand makes the store's file smaller.
type compactCommand struct {
	resultFlags
}

// compacted is what came of it.
type compacted struct {
	File string `json:"file"`
	// Before and After are in bytes.
	Before  int64   `json:"before"`
	After   int64   `json:"after"`
	Entries int64   `json:"entries"`
	Seconds float64 `json:"seconds"`
}

// Run runs the command.
func (cmd *compactCommand) Run(c *console) error {
	folder, _, err := cmd.folder(c)
	if err != nil {
		return err
	}
	path := filepath.Join(folder, storeFile)
	if _, err := os.Stat(path); err != nil {
		return fmt.Errorf("there is no store in %s: give the folder with --data or the configuration with --config", folder)
	}
	begin := time.Now()
	done, err := bolt.CompactFile(c.ctx, path, progressTo[int64](c, "copied and compared"))
	if bridge.KindOf(err) == bridge.Unavailable {
		return fmt.Errorf("%s; where a bridge runs, its next start compacts what has grown hollow", bridge.Explain(err))
	}
	if err != nil {
		return err
	}
	took := time.Since(begin).Round(time.Millisecond)
	return cmd.tell(c, compacted{path, done.Before, done.After, done.Entries, took.Seconds()}, func() error {
		fmt.Fprintf(c.out, "%s: %d KiB instead of %d, compared entry by entry, in %s\n", path, done.After/1024, done.Before/1024, took)
		return nil
	})
}
