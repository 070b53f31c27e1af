package main

import (
	"context"
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

// tokenOrder is a token that a command wants to have made.
type tokenOrder struct {
	Name    string      `json:"name"`
	For     string      `json:"for"`
	Role    bridge.Role `json:"role"`
	Portals []string    `json:"portals,omitempty"`
	// Life is how long it lasts; zero: the register's own.
	Life time.Duration `json:"life,omitempty"`
}

// tokenView is a token as programs see it.
type tokenView struct {
	Name    string      `json:"name"`
	Of      string      `json:"of"`
	Role    bridge.Role `json:"role"`
	Portals []string    `json:"portals,omitempty"`
	Expires time.Time   `json:"expires"`
	Used    time.Time   `json:"used,omitzero"`
	// Token is there only where it was just made, by the command that tells it.
	Token string `json:"token,omitempty"`
}

func viewOfToken(t people.Token) tokenView {
	return tokenView{Name: t.Name, Of: t.Of, Role: t.Role, Portals: t.Portals, Expires: t.Expires, Used: t.Used}
}

// serveTokens adds the commands about tokens to those of the operator's socket.
//
//	GET  /v1/tokens                  all tokens
//	POST /v1/tokens                  make one; tokenOrder. The answer has its secret
//	POST /v1/tokens/{name}/revoke    it opens nothing any more
func serveTokens(o *web.Operator, g *people.Register) {
	o.Handle("GET /v1/tokens", func(r *http.Request) (any, error) {
		tokens, err := g.Tokens(r.Context())
		views := []tokenView{}
		for _, t := range tokens {
			views = append(views, viewOfToken(t))
		}
		return views, err
	})
	o.Handle("POST /v1/tokens", func(r *http.Request) (any, error) {
		var order tokenOrder
		if err := web.ReadOrder(r, &order); err != nil {
			return nil, err
		}
		return issue(r.Context(), g, order)
	})
	o.Handle("POST /v1/tokens/{name}/revoke", func(r *http.Request) (any, error) {
		name := r.PathValue("name")
		return tokenView{Name: name}, g.Revoke(r.Context(), operator, name)
	})
}

// issue makes a token, and returns it as it is kept with the secret that is not.
func issue(ctx context.Context, g *people.Register, o tokenOrder) (tokenView, error) {
	order := people.TokenOrder{Name: o.Name, For: o.For, Role: o.Role, Portals: o.Portals}
	if o.Life != 0 {
		order.Expires = time.Now().Add(o.Life)
	}
	secret, err := g.Issue(ctx, operator, order)
	if err != nil {
		return tokenView{}, err
	}
	tokens, err := g.Tokens(ctx)
	for _, t := range tokens {
		if t.Name == o.Name {
			view := viewOfToken(t)
			view.Token = secret
			return view, err
		}
	}
	return tokenView{Name: o.Name, Token: secret}, err
}

// tokensCommand is about what programs come in with.
type tokensCommand struct {
	Issue  tokensIssueCommand  `cmd:"" help:"Make a token for the API, and print it."`
	List   tokensListCommand   `cmd:"" help:"List every token."`
	Revoke tokensRevokeCommand `cmd:"" help:"Let a token open nothing any more, at once."`
}

type tokensIssueCommand struct {
	resultFlags
	scopeFlags
	Name string        `arg:"" help:"What the token is called: letters, digits, dot, dash."`
	For  string        `help:"Whose it is: history names them, and it may do at most what they may." required:"" placeholder:"USER"`
	Life time.Duration `help:"How long it lasts, at most 8784h. Absent: 90 days." placeholder:"DURATION"`
}

// Run runs the command.
func (cmd *tokensIssueCommand) Run(c *console) error {
	var t tokenView
	err := cmd.call(c, "POST", "/v1/tokens", tokenOrder{cmd.Name, cmd.For, bridge.Role(cmd.Role), cmd.Portal, cmd.Life}, &t)
	if err != nil {
		return err
	}
	return cmd.tell(c, t, line(c, fmt.Sprintf("%s opens /api/v1/ as %s until %s. It is shown once:\n%s",
		cmd.Name, cmd.For, t.Expires.UTC().Format(time.DateOnly), t.Token)))
}

type tokensListCommand struct {
	resultFlags
}

// Run runs the command.
func (cmd *tokensListCommand) Run(c *console) error {
	var all []tokenView
	if err := cmd.call(c, "GET", "/v1/tokens", nil, &all); err != nil {
		return err
	}
	return cmd.tell(c, all, func() error { return printTokens(c, all) })
}

// printTokens prints a list of tokens, for people.
func printTokens(c *console, all []tokenView) error {
	if len(all) == 0 {
		return line(c, "There are no tokens. Make one: keybridge tokens issue NAME --for USER --role viewer")()
	}
	w := tabwriter.NewWriter(c.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "NAME\tOF\tROLE\tPORTALS\tEXPIRES\tLAST USED")
	for _, t := range all {
		used, portals := "never", "all"
		if !t.Used.IsZero() {
			used = age(t.Used) + " ago"
		}
		if len(t.Portals) > 0 {
			portals = strings.Join(t.Portals, ", ")
		}
		expires := t.Expires.UTC().Format(time.DateOnly)
		if !t.Expires.After(time.Now()) {
			expires += " (over)"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\n", t.Name, t.Of, t.Role, portals, expires, used)
	}
	return w.Flush()
}

type tokensRevokeCommand struct {
	resultFlags
	Name string `arg:"" help:"Which."`
}

// Run runs the command.
func (cmd *tokensRevokeCommand) Run(c *console) error {
	var t tokenView
	if err := cmd.call(c, "POST", "/v1/tokens/"+url.PathEscape(cmd.Name)+"/revoke", struct{}{}, &t); err != nil {
		return err
	}
	return cmd.tell(c, t, line(c, cmd.Name+" opens nothing any more."))
}
