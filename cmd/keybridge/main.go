// Command keybridge stands between an API developer portal and a payment provider: it
// sees to it that what a plan demands is met before a key request is approved, and
// keeps money and access in agreement for as long as the key lives.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"keybridge/bridge"
)

// cli is the command line.
type cli struct {
	Serve     serveCommand     `cmd:"" help:"Run the bridge."`
	Demo      demoCommand      `cmd:"" help:"Run the bridge with a portal and a Stripe to try it with, on this machine."`
	Sandbox   sandboxCommand   `cmd:"" help:"Run only the portal and the Stripe to try things with."`
	Config    configCommand    `cmd:"" help:"About the configuration file."`
	Requests  requestsCommand  `cmd:"" help:"See requests and act on them."`
	Notify    notifyCommand    `cmd:"" help:"See what applicants are told."`
	Outgoing  outgoingCommand  `cmd:"" help:"See outgoing webhooks and act on them."`
	Users     usersCommand     `cmd:"" help:"Say who may sit at the finance console."`
	Tokens    tokensCommand    `cmd:"" help:"Let programs come in at the API."`
	Reconcile reconcileCommand `cmd:"" help:"Compare what Stripe, the portals and the bridge say, and make due what differs. Exits with 3 where something does."`
	Audit     auditCommand     `cmd:"" help:"Prove that history is as it was written."`
	Forget    forgetCommand    `cmd:"" help:"Blank what is personal in the requests of an applicant that are over."`
	Backup    backupCommand    `cmd:"" help:"Write a copy of the store to a file, while the bridge runs."`
	Check     checkCommand     `cmd:"" help:"Walk everything in the store, or in a backup, and name what is damaged. Exits with 3 where something is."`
	Restore   restoreCommand   `cmd:"" help:"Put a backup in the place of a store that is not there, once it is checked."`
	Compact   compactCommand   `cmd:"" help:"Make the store's file smaller, while no bridge runs on it."`
	Ops       opsCommand       `cmd:"" help:"What a watching system is set up with: a dashboard, alert rules."`
	Health    healthCommand    `cmd:"" help:"Ask a running bridge whether it is ready; for container health checks."`
	Version   versionCommand   `cmd:"" help:"Print the version."`
}

// console is what a command talks to.
type console struct {
	ctx    context.Context
	out    io.Writer
	err    io.Writer
	lookup func(string) (string, bool) // the environment
}

// exitError ends the program with a code after its message was printed.
type exitError struct {
	code int
	err  error
}

func (e *exitError) Error() string { return e.err.Error() }
func (e *exitError) Unwrap() error { return e.err }

// What the program exits with.
const (
	exitFailed = 1
	exitUsage  = 2 // also: a configuration that is wrong
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// flagWords are the words of the domain that flags take.
func flagWords() kong.Vars {
	return kong.Vars{"operator": operator.Name, "roles": listed(bridge.Roles), "kinds": listed(bridge.MessageKinds)}
}

// listed are words as a flag's enum has them.
func listed[T ~string](words []T) string {
	var texts []string
	for _, w := range words {
		texts = append(texts, string(w))
	}
	return strings.Join(texts, ",")
}

// run is the program with its surroundings handed to it.
func run(ctx context.Context, args []string, out, errOut io.Writer) int {
	var c cli
	exited := -1
	parser, err := kong.New(&c, kong.Name("keybridge"),
		kong.Description("Keeps key requests of an API portal and their payments in agreement."),
		flagWords(),
		kong.Writers(out, errOut), kong.Exit(func(code int) { exited = code }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}), kong.UsageOnError())
	if err != nil {
		fmt.Fprintln(errOut, "keybridge:", err)
		return exitFailed
	}
	command, err := parser.Parse(args)
	if exited >= 0 {
		return exited
	}
	if err != nil {
		fmt.Fprintf(errOut, "keybridge: %s\nTry: keybridge --help\n", err)
		return exitUsage
	}
	err = command.Run(&console{ctx: ctx, out: out, err: errOut, lookup: os.LookupEnv})
	if err == nil {
		return 0
	}
	var wrong configErrors
	if errors.As(err, &wrong) {
		fmt.Fprintln(errOut, wrong)
		return exitUsage
	}
	fmt.Fprintln(errOut, "keybridge:", err)
	if e, ok := errors.AsType[*exitError](err); ok {
		return e.code
	}
	return exitFailed
}
