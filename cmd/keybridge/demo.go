package main

import (
	"context"
	"crypto/rand"
	_ "embed" // the demo's configuration
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"text/template"
	"time"

	tyksandbox "keybridge/bridge/tyk/sandbox"

	"keybridge/bridge"
	"keybridge/bridge/people"
	"keybridge/webhooks"
)

// demoCommand runs the bridge and both sandboxes in one process, with the same
// wiring and the same kind of configuration file as serve.
type demoCommand struct {
	Addr string `help:"Where the bridge answers; everything else takes a free port." default:"127.0.0.1:0"`
	Data string `help:"A folder to keep everything in. Absent: a new one, removed at the end." type:"path" placeholder:"FOLDER"`
	Walk bool   `help:"Ask for the paid plan, pay for it and fetch the key, then stop."`
	JSON bool   `help:"Print one line of JSON that says where everything is; the story goes to standard error." name:"json"`
}

// The names of the sandbox portals in the demo's configuration.
const (
	demoPortal     = "weather"
	demoEnterprise = "partners"
)

//go:embed demo.yaml
var demoConfig string

// demo is a demonstration that runs.
type demo struct {
	sandboxes *sandboxes
	bridge    *running
	config    string // the file
	place     demoPlace
	// Told gets each request when it has changed.
	told chan bridge.Request
}

// demoPlace is where everything is; the JSON of demo --json.
type demoPlace struct {
	Bridge              string            `json:"bridge"`
	Console             string            `json:"console"`
	Portal              string            `json:"portal"`
	DashboardAPI        string            `json:"dashboard_api"`
	DashboardSecret     string            `json:"dashboard_secret"`
	DeveloperEmail      string            `json:"developer_email"`
	DeveloperPassword   string            `json:"developer_password"`
	PortalName          string            `json:"portal_name"`
	Policies            map[string]string `json:"policies"`
	StripeAPI           string            `json:"stripe_api"`
	StripeKey           string            `json:"stripe_key"`
	StripeWebhookSecret string            `json:"stripe_webhook_secret"`
	Ops                 string            `json:"ops"`
	Enterprise          enterprisePlace   `json:"enterprise"`
	Mailbox             string            `json:"mailbox"`
	// ConsoleUsers are one user of the console for each role.
	ConsoleUsers map[bridge.Role]consoleUser `json:"console_users"`
	SMTP         string                      `json:"smtp"`
}

// consoleUser is somebody who may sit at the console.
type consoleUser struct {
	User     string `json:"user"`
	Password string `json:"password"`
}

// enterprisePlace is where the Enterprise Portal is.
type enterprisePlace struct {
	Portal            string         `json:"portal"`
	Admin             string         `json:"admin"`
	API               string         `json:"api"`
	Secret            string         `json:"secret"`
	WebhookSecret     string         `json:"webhook_secret"`
	DeveloperEmail    string         `json:"developer_email"`
	DeveloperPassword string         `json:"developer_password"`
	PortalName        string         `json:"portal_name"`
	Plans             map[string]int `json:"plans"`
	Products          map[string]int `json:"products"`
}

// Run runs the command.
func (cmd *demoCommand) Run(c *console) error {
	folder, done, err := cmd.folder()
	if err != nil {
		return err
	}
	defer done()
	story := c.out
	if cmd.JSON {
		story = c.err
	}
	d, err := startDemo(cmd.Addr, folder, story, cmd.Walk)
	if err != nil {
		return err
	}
	defer d.stop()
	if cmd.JSON {
		if err := json.NewEncoder(c.out).Encode(d.place); err != nil {
			return err
		}
	}
	if cmd.Walk {
		return d.walk(c.ctx, story)
	}
	d.welcome(story)
	select {
	case <-c.ctx.Done():
		fmt.Fprintln(story, "\nGood-bye.")
		return nil
	case err := <-d.bridge.failed:
		return err
	}
}

// folder returns where to keep everything, and what to do at the end.
func (cmd *demoCommand) folder() (string, func(), error) {
	if cmd.Data != "" {
		return cmd.Data, func() {}, os.MkdirAll(cmd.Data, 0o700)
	}
	folder, err := os.MkdirTemp("", "keybridge-demo-")
	return folder, func() { _ = os.RemoveAll(folder) }, err
}

// startDemo starts sandboxes and bridge, and connects them.
func startDemo(addr, folder string, story io.Writer, quiet bool) (*demo, error) {
	s, err := startSandboxes(sandboxAddrs{})
	if err != nil {
		return nil, err
	}
	d := &demo{sandboxes: s, config: filepath.Join(folder, "keybridge.yaml"), told: make(chan bridge.Request, 256)}
	if err := d.start(addr, folder, story, quiet); err != nil {
		s.Stop()
		return nil, err
	}
	return d, nil
}

func (d *demo) start(addr, folder string, story io.Writer, quiet bool) error {
	listener, err := net.Listen("tcp", addr)
	if err != nil {
		return fmt.Errorf("listen for the bridge: %w", err)
	}
	url := "http://" + listener.Addr().String()
	to := connection{
		Bridge: url, Portal: demoPortal, PortalSecret: strings.ToLower(rand.Text()),
		Enterprise: demoEnterprise, EnterpriseSecret: rand.Text(), StripeSecret: "whsec_" + rand.Text(),
		StripeEvents: webhooks.StripeEvents(),
	}
	cfg, err := d.configure(folder, to)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	teller := &narrator{out: story, quiet: quiet}
	d.bridge, err = startBridge(cfg, newLog(cfg.Log, story), listener, func(r bridge.Request, entries []bridge.Entry) {
		teller.tell(r, entries)
		select {
		case d.told <- r:
		default: // nobody waits for it
		}
	})
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	d.place = demoPlace{
		Bridge: url, Console: url + consolePath, Portal: d.sandboxes.PortalURL + "/portal/",
		DashboardAPI: d.sandboxes.PortalURL, DashboardSecret: d.sandboxes.Portal.Secret(),
		DeveloperEmail: tyksandbox.DemoEmail, DeveloperPassword: tyksandbox.DemoPassword, PortalName: demoPortal,
		Policies: map[string]string{
			"free": tyksandbox.FreePolicy, "paid": tyksandbox.PaidPolicy, "reviewed": tyksandbox.ReviewedPolicy,
		},
		StripeAPI: d.sandboxes.StripeURL, StripeKey: d.sandboxes.Stripe.Key(), StripeWebhookSecret: to.StripeSecret,
		Ops: d.bridge.Operations, Mailbox: d.sandboxes.MailboxURL, SMTP: d.sandboxes.Mail.Addr(),
		Enterprise: enterprisePlace{
			Portal: d.sandboxes.EnterpriseURL + "/portal/", Admin: d.sandboxes.EnterpriseURL + "/admin/",
			API: d.sandboxes.EnterpriseURL + "/portal-api", Secret: d.sandboxes.Enterprise.Secret(), WebhookSecret: to.EnterpriseSecret,
			DeveloperEmail: tyksandbox.EnterpriseEmail, DeveloperPassword: tyksandbox.EnterprisePassword, PortalName: demoEnterprise,
			Plans: map[string]int{
				"free": tyksandbox.FreePlan, "paid": tyksandbox.PaidPlan, "reviewed": tyksandbox.ReviewedPlan,
			},
			Products: map[string]int{
				"forecast": tyksandbox.ForecastProduct, "history": tyksandbox.HistoryProduct, "warnings": tyksandbox.WarningsProduct,
			},
		},
	}
	if d.place.ConsoleUsers, err = d.addUsers(); err != nil {
		return err
	}
	return d.sandboxes.Connect(to)
}

// demoUsers are the people of the demonstration, by what they may do.
var demoUsers = map[bridge.Role]string{
	bridge.Viewer: "vera", bridge.Reviewer: "rita", bridge.Approver: "paul", bridge.Admin: "ada",
}

// addUsers adds a user for each role, each with a new password.
func (d *demo) addUsers() (map[bridge.Role]consoleUser, error) {
	users := map[bridge.Role]consoleUser{}
	for role, name := range demoUsers {
		u := consoleUser{name, newPassword()}
		_, err := d.bridge.register.Add(context.Background(), operator, people.Newcomer{Name: name, Role: role, Password: u.Password})
		if bridge.KindOf(err) == bridge.Conflict { // a folder that was kept
			err = d.bridge.register.SetPassword(context.Background(), operator, name, u.Password)
		}
		if err != nil {
			return nil, err
		}
		users[role] = u
	}
	return users, nil
}

// configure writes the demo's configuration, with each secret in a file of its own,
// and reads it back as serve would.
func (d *demo) configure(folder string, to connection) (*config, error) {
	host, port, err := net.SplitHostPort(d.sandboxes.Mail.Addr())
	if err != nil {
		return nil, err
	}
	for name, text := range map[string]string{
		"dashboard.secret": d.sandboxes.Portal.Secret(), "webhook.secret": to.PortalSecret,
		"enterprise.secret": d.sandboxes.Enterprise.Secret(), "enterprise.webhook.secret": to.EnterpriseSecret,
		"mail.secret": mailPassword, "mail-ca.pem": string(d.sandboxes.Mail.CA()),
		"stripe.key": d.sandboxes.Stripe.Key(), "stripe.webhook.secret": to.StripeSecret,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(text), 0o600); err != nil {
			return nil, err
		}
	}
	t, err := template.New("demo.yaml").Parse(demoConfig)
	if err != nil {
		return nil, err
	}
	var text strings.Builder
	err = t.Execute(&text, map[string]any{
		"URL": to.Bridge, "Folder": folder, "Name": demoPortal, "Portal": d.sandboxes.PortalURL, "Stripe": d.sandboxes.StripeURL,
		"Enterprise": demoEnterprise, "EnterpriseURL": d.sandboxes.EnterpriseURL, "MailHost": host, "MailPort": port, "MailUser": mailUser,
		"FreePlan": tyksandbox.FreePlan, "PaidPlan": tyksandbox.PaidPlan, "ReviewedPlan": tyksandbox.ReviewedPlan,
		"Org": d.sandboxes.Portal.Org(), "Free": tyksandbox.FreePolicy, "Paid": tyksandbox.PaidPolicy, "Reviewed": tyksandbox.ReviewedPolicy,
	})
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(d.config, []byte(text.String()), 0o600); err != nil {
		return nil, err
	}
	return loadConfig(d.config, os.LookupEnv)
}

func (d *demo) stop() {
	_ = d.bridge.Stop() // the folder goes with it
	d.sandboxes.Stop()
}

// welcome says where to click.
func (d *demo) welcome(out io.Writer) {
	fmt.Fprintf(out, `
keybridge demo: two portals, a Stripe, a mail server and the bridge between them, all
on this machine.

  1. Open the portal   %[1]s
     and sign in as    %[2]s   password  %[3]s
  2. Ask for a key. "Weather Free" comes at once, "Weather Pro" is paid at the
     sandbox's checkout (no card needed), "Weather Enterprise" is reviewed:
     approve it in the console of finance
                       %[13]s
     as                %[14]s   password  %[15]s
     or as the portal's own admin at %[4]s/admin/
  3. An Enterprise Developer Portal leads nobody to a checkout. Sign in at
                       %[9]s
     as                %[10]s   password  %[11]s
     put a product with the plan "Pro" into the cart, send it, and pay by the link in
     the mail          %[12]s/
  4. Look behind it    %[5]s/   what Stripe holds; refund, dispute
                       %[6]s/metrics
                       %[8]s requests list --config %[7]s

  To watch one paid request go all the way by itself: %[8]s demo --walk
  To set it up for real: README.md. Stop with Ctrl-C. What happens is told below.

`, d.place.Portal, d.place.DeveloperEmail, d.place.DeveloperPassword, d.place.DashboardAPI,
		d.place.StripeAPI, d.place.Ops, d.config, self(), d.place.Enterprise.Portal, d.place.Enterprise.DeveloperEmail,
		d.place.Enterprise.DeveloperPassword, d.place.Mailbox, d.place.Console,
		d.place.ConsoleUsers[bridge.Approver].User, d.place.ConsoleUsers[bridge.Approver].Password)
}

// self is what a person types to run this program again.
func self() string {
	if strings.Contains(os.Args[0], "go-build") {
		return "go run ./cmd/keybridge"
	}
	return filepath.Base(os.Args[0])
}

// narrator tells how requests move, a line a change.
type narrator struct {
	mu    sync.Mutex
	out   io.Writer
	quiet bool
}

func (n *narrator) tell(r bridge.Request, entries []bridge.Entry) {
	if n.quiet {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, e := range entries {
		fmt.Fprintf(n.out, "%s  %s  %s\n", e.At.Local().Format(time.TimeOnly), r.ID[20:], printable(entryLine(e)))
	}
}

// await waits until a request of the demo is as wanted.
func (d *demo) await(ctx context.Context, what string, wanted func(bridge.Request) bool) (bridge.Request, error) {
	for {
		select {
		case r := <-d.told:
			if wanted(r) {
				return r, nil
			}
		case <-ctx.Done():
			return bridge.Request{}, fmt.Errorf("waited too long for %s", what)
		}
	}
}
