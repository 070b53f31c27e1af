package web

import (
	"fmt"
	"net/http"
	"strings"

	"keybridge/bridge"
)

// CreateOrder is a key request that a person has made for a developer.
type CreateOrder struct {
	// Portal is the configured name of the portal. Required.
	Portal string `json:"portal"`
	// Developer is the developer's e-mail address, or id at the portal. Required.
	Developer string `json:"developer"`
	// Plan is the configured name of a plan, Policies the ids of policies (Classic) or
	// products (Enterprise). One of them is required; both choose among the plan's own.
	Plan     string   `json:"plan,omitempty"`
	Policies []string `json:"policies,omitempty"`
	// PortalPlan is the portal's own plan, where it has one beside the policies and Plan
	// does not say which.
	PortalPlan string `json:"portal_plan,omitempty"`
	// App is the developer's app by its id or name. Empty: the only one they have.
	App string `json:"app,omitempty"`
	// Reasons are dynamic fields to file it with.
	Reasons map[string]string `json:"reasons,omitempty"`
	// Waive says why nothing is to be paid or validated. The applicant reads it, and it
	// stays in the history. Empty: what the plan demands holds.
	Waive string `json:"waive,omitempty"`
	// By is who made it, for the history: a name and never an e-mail address, at most 100
	// bytes. Empty: Operator.Person.
	By string `json:"by,omitempty"`
}

// complete returns the order without white space around what is a name and with who it is
// by, or what is wrong with it.
func (o CreateOrder) complete(by string) (CreateOrder, error) {
	for _, name := range []*string{&o.Portal, &o.Developer, &o.Plan, &o.PortalPlan, &o.App, &o.Waive, &o.By} {
		*name = strings.TrimSpace(*name)
	}
	if o.By == "" {
		o.By = by
	}
	wrong := ""
	switch {
	case o.Portal == "":
		wrong = "Say in which portal: portal is missing."
	case o.Developer == "":
		wrong = "Say for which developer: developer is missing."
	case o.Plan == "" && len(o.Policies) == 0:
		wrong = "Say what for: plan or policies is missing."
	case strings.Contains(o.By, "@"):
		wrong = "by stays in the history when people are forgotten: give a name and not an e-mail address."
	case len(o.By) > mostName:
		wrong = fmt.Sprintf("by is a name, of at most %d bytes.", mostName)
	}
	if wrong != "" {
		return o, &bridge.Error{Kind: bridge.Invalid, Msg: wrong}
	}
	return o, nil
}

func (o *Operator) create(r *http.Request) (any, error) {
	var order CreateOrder
	if err := ReadOrder(r, &order); err != nil {
		return nil, err
	}
	if o.Create == nil {
		return nil, notOffered("Key requests cannot be made here: no portal is configured that lets them be made.")
	}
	order, err := order.complete(o.Person.Name)
	if err != nil {
		return nil, err
	}
	made, err := o.Create(r.Context(), order)
	if err != nil {
		return nil, err
	}
	return o.view(r.Context(), made.ID)
}
