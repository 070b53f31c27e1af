package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/people"
	"keybridge/bridge/web"
)

// operator is who uses the commands, as the house knows them.
var operator = bridge.Person{Name: people.Operator, Role: bridge.Admin}

// userOrder is what a command says of a user.
type userOrder struct {
	Name     string      `json:"name,omitempty"`
	Display  string      `json:"display,omitempty"`
	Email    string      `json:"email,omitempty"`
	Role     bridge.Role `json:"role,omitempty"`
	Portals  []string    `json:"portals,omitempty"`
	Password string      `json:"password,omitempty"`
}

// userView is a user as programs see them.
type userView struct {
	Name     string      `json:"name"`
	Display  string      `json:"display,omitempty"`
	Email    string      `json:"email,omitempty"`
	Role     bridge.Role `json:"role"`
	Portals  []string    `json:"portals,omitempty"`
	Disabled bool        `json:"disabled,omitempty"`
	Factor   bool        `json:"second_factor,omitempty"`
	From     string      `json:"from,omitempty"`
	SignedIn time.Time   `json:"signed_in,omitzero"`
	// Password is there only where it was just made, by the command that tells it.
	Password string `json:"password,omitempty"`
}

func viewOf(u people.User) userView {
	return userView{
		Name: u.Name, Display: u.Display, Email: u.Email, Role: u.Role, Portals: u.Portals, Disabled: u.Disabled,
		Factor: u.Factor, From: u.From, SignedIn: u.SignedIn,
	}
}

// serveUsers adds the commands about users to those of the operator's socket.
//
//	GET  /v1/users                 all users
//	POST /v1/users                 add one; userOrder
//	POST /v1/users/{name}/{act}    password, role, disable, enable, drop-code; userOrder
func serveUsers(o *web.Operator, g *people.Register) {
	o.Handle("GET /v1/users", func(r *http.Request) (any, error) {
		users, err := g.List(r.Context())
		views := []userView{}
		for _, u := range users {
			views = append(views, viewOf(u))
		}
		return views, err
	})
	o.Handle("POST /v1/users", func(r *http.Request) (any, error) {
		var order userOrder
		if err := web.ReadOrder(r, &order); err != nil {
			return nil, err
		}
		u, err := g.Add(r.Context(), operator, people.Newcomer{
			Name: order.Name, Display: order.Display, Email: order.Email, Role: order.Role, Portals: order.Portals, Password: order.Password,
		})
		return viewOf(u), err
	})
	o.Handle("POST /v1/users/{name}/{act}", func(r *http.Request) (any, error) {
		var order userOrder
		if err := web.ReadOrder(r, &order); err != nil {
			return nil, err
		}
		name := r.PathValue("name")
		if err := changeUser(r.Context(), g, name, r.PathValue("act"), order); err != nil {
			return nil, err
		}
		u, err := g.Get(r.Context(), name)
		return viewOf(u), err
	})
}

func changeUser(ctx context.Context, g *people.Register, name, act string, o userOrder) error {
	switch act {
	case "password":
		return g.SetPassword(ctx, operator, name, o.Password)
	case "role":
		return g.SetRole(ctx, operator, name, o.Role, o.Portals)
	case "disable":
		return g.Disable(ctx, operator, name)
	case "enable":
		return g.Enable(ctx, operator, name)
	case "drop-code":
		return g.DropCode(ctx, operator, name)
	}
	return &bridge.Error{Kind: bridge.NotFound, Msg: "There is no such operation."}
}

// usersCommand is about who may sit at the console.
type usersCommand struct {
	List     usersListCommand     `cmd:"" help:"List everybody."`
	Add      usersAddCommand      `cmd:"" help:"Add somebody, and print their first password."`
	Passwd   usersPasswdCommand   `cmd:"" help:"Give somebody a new password, and print it. Their sessions end."`
	Role     usersRoleCommand     `cmd:"" help:"Give somebody another role or scope. Their sessions end."`
	Disable  usersDisableCommand  `cmd:"" help:"Shut somebody out at once."`
	Enable   usersEnableCommand   `cmd:"" help:"Let somebody in again."`
	DropCode usersDropCodeCommand `cmd:"" help:"Take the second factor from somebody who lost it." name:"drop-code"`
}

type usersListCommand struct {
	resultFlags
}

// Run runs the command.
func (cmd *usersListCommand) Run(c *console) error {
	var all []userView
	if err := cmd.call(c, "GET", "/v1/users", nil, &all); err != nil {
		return err
	}
	return cmd.tell(c, all, func() error { return printUsers(c, all) })
}

// printUsers prints a list of users, for people.
func printUsers(c *console, all []userView) error {
	if len(all) == 0 {
		fmt.Fprintln(c.out, "Nobody may sit at the console yet. Add somebody: keybridge users add NAME --role approver")
		return nil
	}
	w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tROLE\tPORTALS\tSECOND FACTOR\tLAST SIGNED IN\tSTANDS")
	for _, u := range all {
		seen, stands := "never", "well"
		if !u.SignedIn.IsZero() {
			seen = age(u.SignedIn) + " ago"
		}
		if u.Disabled {
			stands = "disabled"
		}
		portals := "all"
		if len(u.Portals) > 0 {
			portals = strings.Join(u.Portals, ", ")
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%t\t%s\t%s\n", u.Name, u.Role, portals, u.Factor, seen, stands)
	}
	return w.Flush()
}

// scopeFlags say what somebody may do.
type scopeFlags struct {
	Role   string   `help:"What they may do, each what the ones before it may: ${enum}." enum:"${roles}" required:""`
	Portal []string `help:"Only the requests of this portal. May be repeated. Absent: all." placeholder:"NAME"`
}

type usersAddCommand struct {
	resultFlags
	scopeFlags
	Name    string `arg:"" help:"What history calls them, for good: letters, digits, dot, dash. No e-mail address."`
	Display string `help:"What pages call them."`
	Email   string `help:"Their e-mail address: nobody approves what was asked for with it."`
}

// Run runs the command.
func (cmd *usersAddCommand) Run(c *console) error {
	u := userView{Password: newPassword()}
	err := cmd.call(c, "POST", "/v1/users", userOrder{
		Name: cmd.Name, Display: cmd.Display, Email: cmd.Email, Role: bridge.Role(cmd.Role), Portals: cmd.Portal, Password: u.Password,
	}, &u)
	if err != nil {
		return err
	}
	return cmd.tell(c, u, line(c, cmd.Name+" may sign in at /console/ with this password, which is shown once:\n"+u.Password))
}

// newPassword is one that nobody guesses: 128 bits in the letters and digits that cannot
// be mistaken for each other.
func newPassword() string {
	text := strings.ToLower(rand.Text())
	return text[:6] + "-" + text[6:12] + "-" + text[12:18] + "-" + text[18:]
}

type usersPasswdCommand struct {
	resultFlags
	Name string `arg:"" help:"Who."`
}

// Run runs the command.
func (cmd *usersPasswdCommand) Run(c *console) error {
	u := userView{Password: newPassword()}
	if err := cmd.change(c, cmd.Name, "password", userOrder{Password: u.Password}, &u); err != nil {
		return err
	}
	return cmd.tell(c, u, line(c, "The new password of "+cmd.Name+", which is shown once:\n"+u.Password))
}

type usersRoleCommand struct {
	resultFlags
	scopeFlags
	Name string `arg:"" help:"Who."`
}

// Run runs the command.
func (cmd *usersRoleCommand) Run(c *console) error {
	return cmd.changed(c, cmd.Name, "role", userOrder{Role: bridge.Role(cmd.Role), Portals: cmd.Portal}, "is "+cmd.Role+" now.")
}

type usersDisableCommand struct {
	resultFlags
	Name string `arg:"" help:"Who."`
}

// Run runs the command.
func (cmd *usersDisableCommand) Run(c *console) error {
	return cmd.changed(c, cmd.Name, "disable", userOrder{}, "is shut out, and their sessions have ended.")
}

type usersEnableCommand struct {
	resultFlags
	Name string `arg:"" help:"Who."`
}

// Run runs the command.
func (cmd *usersEnableCommand) Run(c *console) error {
	return cmd.changed(c, cmd.Name, "enable", userOrder{}, "may sign in again.")
}

type usersDropCodeCommand struct {
	resultFlags
	Name string `arg:"" help:"Who."`
}

// Run runs the command.
func (cmd *usersDropCodeCommand) Run(c *console) error {
	return cmd.changed(c, cmd.Name, "drop-code", userOrder{}, "signs in with the password alone, until they take a new second factor.")
}

// changed changes a user and says so.
func (f resultFlags) changed(c *console, name, act string, o userOrder, done string) error {
	var u userView
	if err := f.change(c, name, act, o, &u); err != nil {
		return err
	}
	return f.tell(c, u, line(c, name+" "+done))
}

func (f resultFlags) change(c *console, name, act string, o userOrder, u *userView) error {
	return f.call(c, "POST", "/v1/users/"+url.PathEscape(name)+"/"+act, o, u)
}
