package api

import (
	"context"
	"net/http"
	"strings"

	"github.com/gin-gonic/gin"

	"keybridge/bridge"
)

// creation is a key request to be made for a developer.
type creation struct {
	Portal     string            `json:"portal"`
	Developer  string            `json:"developer"`
	Plan       string            `json:"plan,omitempty"`
	Policies   []string          `json:"policies,omitempty"`
	PortalPlan string            `json:"portal_plan,omitempty"`
	App        string            `json:"app,omitempty"`
	Reasons    map[string]string `json:"reasons,omitempty"`
	Waive      string            `json:"waive,omitempty"`
}

func (o *creation) members() members {
	return members{
		"portal": filled(&o.Portal), "developer": filled(&o.Developer), "plan": text(&o.Plan), "policies": texts(&o.Policies),
		"portal_plan": text(&o.PortalPlan), "app": text(&o.App), "reasons": textsByName(&o.Reasons), "waive": text(&o.Waive),
	}
}

// create answers POST /requests: it makes a key request in a portal, as
// bridge.Desk.Create does.
func (a *API) create(c *gin.Context, p bridge.Person) (reply, error) {
	if _, err := readQuery(c); err != nil {
		return reply{}, err
	}
	desk := a.cfg.Service.Desk(p)
	if p.May(bridge.MayCreate, "") != nil {
		return reply{}, desk.May(bridge.MayCreate, "")
	}
	o, err := readCreation(c)
	if err != nil {
		return reply{}, err
	}
	if err := desk.May(bridge.MayCreate, o.Portal); err != nil {
		return reply{}, noPortal(err)
	}
	return a.once(c, p, "create", o, func(ctx context.Context, _ string) (reply, error) {
		asking, err := a.askingOf(o)
		if err != nil {
			return reply{}, err
		}
		r, err := desk.Create(ctx, o.Portal, asking, o.Waive)
		if err != nil {
			return reply{}, err
		}
		return a.receipted(http.StatusCreated, "create", p, r), nil
	})
}

// noPortal puts into words that a portal is not there, or not to be known of.
func noPortal(err error) error {
	if bridge.KindOf(err) == bridge.NotFound {
		return &bridge.Error{Kind: bridge.NotFound, Msg: "There is no such portal.", Err: err}
	}
	return err
}

func readCreation(c *gin.Context) (creation, error) {
	sent, err := readObject(c)
	if err != nil {
		return creation{}, err
	}
	var o creation
	faults := append(o.members().read("", sent), missing("", sent, "portal", "developer")...)
	if len(faults) == 0 && o.Plan == "" && len(o.Policies) == 0 {
		faults = append(faults, inBody("plan", "Say what for: plan or policies is missing."))
	}
	if len(faults) > 0 {
		return o, wrong(faults...)
	}
	return o, nil
}

// askingOf is what a portal is asked for.
func (a *API) askingOf(o creation) (bridge.Asking, error) {
	if _, known := a.cfg.Portals[o.Portal]; !known {
		return bridge.Asking{}, &bridge.Error{Kind: bridge.NotFound, Msg: "There is no such portal."}
	}
	asking := bridge.Asking{Policies: o.Policies, Plan: o.PortalPlan}
	if o.Plan != "" {
		var err error
		if asking, err = a.cfg.Plans.Asking(o.Portal, o.Plan, o.PortalPlan, o.Policies); err != nil {
			return asking, err
		}
	}
	asking.Developer, asking.App, asking.Reasons = strings.TrimSpace(o.Developer), o.App, o.Reasons
	return asking, nil
}
