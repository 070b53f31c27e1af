package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/ledger"
	"keybridge/bridge/people"
	"keybridge/bridge/web"
	"keybridge/store/bolt"
)

// operatorFlags say which bridge a command is about.
type operatorFlags struct {
	configFlag
	Data string `help:"The data folder, instead of the one in the configuration." type:"path" placeholder:"FOLDER"`
}

// resultFlags are those of a command that asks a bridge and tells what it answered.
type resultFlags struct {
	operatorFlags
	jsonFlag
}

// folder returns the data folder, and what the configuration says of the audit, where it
// was read.
func (f operatorFlags) folder(c *console) (string, auditConfig, error) {
	if f.Data != "" {
		return f.Data, auditConfig{}, nil
	}
	cfg, err := loadConfig(f.Config, c.lookup)
	if err != nil {
		return "", auditConfig{}, err
	}
	return cfg.Data, cfg.Audit, nil
}

// callTime is how long a bridge may take for an answer that is read at once.
const callTime = 10 * time.Minute

// call asks the bridge that runs on the data folder, through its socket; where none
// runs, it opens the store itself for as long as the call takes.
func (f operatorFlags) call(c *console, method, path string, body, into any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(c.ctx, callTime)
	defer cancel()
	answer, err := f.open(ctx, c, method, path, text)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Close() }() // read to its end
	return json.NewDecoder(answer).Decode(into)
}

// open is call for an answer that is read as it comes. It has to be closed.
func (f operatorFlags) open(ctx context.Context, c *console, method, path string, text []byte) (io.ReadCloser, error) {
	folder, audit, err := f.folder(c)
	if err != nil {
		return nil, err
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://operator"+path, bytes.NewReader(text))
	if err != nil {
		return nil, err
	}
	answer, err := ask(folder, audit, req, text)
	// A bridge that is starting has the store a moment before it answers on its socket.
	for deadline := time.Now().Add(startTime); bridge.KindOf(err) == bridge.Unavailable && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
		answer, err = ask(folder, audit, req, text)
	}
	if err != nil {
		return nil, err
	}
	if answer.StatusCode < 400 {
		return answer.Body, nil
	}
	defer func() { _ = answer.Body.Close() }() // read to its end
	var p struct{ Detail string }
	if err := json.NewDecoder(answer.Body).Decode(&p); err != nil {
		return nil, fmt.Errorf("the bridge answered %s", answer.Status)
	}
	return nil, errors.New(p.Detail)
}

// startTime is how long a bridge may take from opening its store to answering.
const startTime = 3 * time.Second

// ask asks the running bridge, or the store where none runs. Unavailable when another
// process has the store and does not answer.
func ask(folder string, audit auditConfig, req *http.Request, body []byte) (*http.Response, error) {
	req.Body = io.NopCloser(bytes.NewReader(body))
	answer, err := askSocket(filepath.Join(folder, socketFile), req)
	if !notRunning(err) {
		return answer, err
	}
	req.Body = io.NopCloser(bytes.NewReader(body))
	return askStore(folder, audit, req)
}

// notRunning reports that nothing listens on the socket.
func notRunning(err error) bool {
	return errors.Is(err, os.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED)
}

// askSocket asks the running bridge.
func askSocket(socket string, req *http.Request) (*http.Response, error) {
	client := http.Client{Transport: &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			var d net.Dialer
			return d.DialContext(ctx, "unix", socket)
		},
	}}
	return client.Do(req)
}

// askStore answers from the store of a bridge that does not run. What is decided
// this way is carried out when it runs again.
func askStore(folder string, audit auditConfig, req *http.Request) (*http.Response, error) {
	path := filepath.Join(folder, storeFile)
	if _, err := os.Stat(path); err != nil {
		return nil, fmt.Errorf("there is no store in %s: give the folder with --data or the configuration with --config", folder)
	}
	store, err := bolt.Open(bolt.Config{Path: path})
	if err != nil {
		return nil, err
	}
	answer, err := answerFrom(folder, store, audit, req)
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return answer, nil
}

// answerFrom answers from an open store, which is closed with the answer.
func answerFrom(folder string, store *bolt.Store, audit auditConfig, req *http.Request) (*http.Response, error) {
	service, err := bridge.New(bridge.Config{
		Store: store, NewID: newID, Page: func(bridge.ID, time.Time) string { return "" },
		Portals: map[string]bridge.Site{"": {}},
	})
	if err != nil {
		return nil, err
	}
	o := &web.Operator{Service: service, Person: operator, Backup: backupOf(store), Create: idle{}.create, Outgoing: idle{}}
	// Nothing is sealed or opened here, so any secret will do.
	register, err := people.New(people.Config{Papers: store, Secrets: [][]byte{[]byte(rand.Text() + rand.Text())}, Record: recordTo(store, slog.New(slog.DiscardHandler))})
	if err != nil {
		return nil, err
	}
	keeper, err := idleKeeper(folder, audit, store)
	if err != nil {
		return nil, err
	}
	serveHouse(o, register, keeper)
	serveReconcile(o, nil)
	return streamed(o, req, store.Close), nil
}

// serveHouse adds what is about the house to an operator's commands: people, the audit.
func serveHouse(o *web.Operator, register *people.Register, keeper *ledger.Keeper) {
	serveUsers(o, register)
	serveTokens(o, register)
	serveAudit(o, keeper)
	serveForget(o, o.Service)
}

// idle answers for a bridge that does not run what only a running one can do.
type idle struct{}

var errIdle = &bridge.Error{Kind: bridge.Unavailable, Msg: "No bridge runs on this data folder. Start it with keybridge serve: this needs the portals and receivers that it talks to."}

func (idle) create(context.Context, web.CreateOrder) (bridge.Request, error) {
	return bridge.Request{}, errIdle
}

// Endpoints, Resume, Skip and Replay say that no bridge runs.
func (idle) Endpoints(context.Context) ([]web.Endpoint, error)    { return nil, errIdle }
func (idle) Resume(context.Context, string) (web.Endpoint, error) { return web.Endpoint{}, errIdle }
func (idle) Skip(context.Context, string) (web.Endpoint, error)   { return web.Endpoint{}, errIdle }
func (idle) Replay(context.Context, string, web.Replay) (web.Endpoint, error) {
	return web.Endpoint{}, errIdle
}

// backupOf writes copies of a store. Operators are told what is wrong with the file
// they named.
func backupOf(store *bolt.Store) func(context.Context, string) error {
	return func(ctx context.Context, path string) error {
		err := store.Backup(ctx, path, nil)
		if err != nil && bridge.KindOf(err) == bridge.Internal {
			err = &bridge.Error{Kind: bridge.Invalid, Msg: "The backup could not be written: " + err.Error()}
		}
		return err
	}
}

// backupDone says what was written.
type backupDone struct {
	Path string `json:"path"`
	// Size is in bytes.
	Size    int64   `json:"size"`
	Seconds float64 `json:"seconds"`
}

// backupCommand writes a copy of the store.
type backupCommand struct {
	resultFlags
	To string `arg:"" help:"The file to write. It must not exist." type:"path"`
}

// Run runs the command.
func (cmd *backupCommand) Run(c *console) error {
	begin := time.Now()
	fmt.Fprintln(c.err, "Copying the store...")
	order, err := json.Marshal(map[string]string{"path": cmd.To})
	if err != nil {
		return err
	}
	answer, err := cmd.open(c.ctx, c, "POST", "/v1/backup", order) // which takes as long as it takes
	if err != nil {
		return err
	}
	if _, err := io.Copy(io.Discard, answer); err != nil {
		return errors.Join(err, answer.Close())
	}
	if err := answer.Close(); err != nil {
		return err
	}
	info, err := os.Stat(cmd.To)
	if err != nil {
		return err
	}
	took := time.Since(begin).Round(time.Millisecond)
	return cmd.tell(c, backupDone{cmd.To, info.Size(), took.Seconds()}, func() error {
		fmt.Fprintf(c.out, "%s: %d KiB, checked, in %s\n", cmd.To, info.Size()/1024, took)
		return nil
	})
}

// healthCommand asks /readyz, for containers without a shell.
type healthCommand struct {
	jsonFlag
	Addr string `help:"The operations address of the bridge." default:"127.0.0.1:9090" env:"KEYBRIDGE_OPERATIONS"`
}

// Run runs the command.
func (cmd *healthCommand) Run(c *console) error {
	ctx, cancel := context.WithTimeout(c.ctx, 3*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+cmd.Addr+"/readyz", nil)
	if err != nil {
		return err
	}
	req.Header.Set("Accept", "text/plain") // what is wrong is for a person to read
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = answer.Body.Close() }() // nothing to lose
	if answer.StatusCode == http.StatusOK {
		return cmd.tell(c, map[string]bool{"ready": true}, line(c, "ready"))
	}
	text, err := io.ReadAll(io.LimitReader(answer.Body, 64<<10))
	return errors.Join(errors.New(string(bytes.TrimSpace(text))), err)
}
