package bridge

import (
	"context"
	"fmt"
	"slices"
)

// create makes a key request; see Desk.Create.
func (s *Service) create(ctx context.Context, portal string, a Asking, by Actor, waive string) (Request, error) {
	site, ok := s.cfg.Portals[portal]
	if !ok {
		return Request{}, &Error{Kind: NotFound, Msg: fmt.Sprintf("There is no portal %q here.", portal)}
	}
	defer s.making(portal, &a)()
	var key string
	err := s.outside(portal, "create key request", func() (err error) { key, err = site.Portal.Create(ctx, a); return })
	if err != nil {
		return Request{}, err
	}
	now := s.cfg.Now().UTC()
	h := Hint{Source: "person", What: "create", At: now, Portal: portal, Key: key, Intake: s.Intake(portal, key)}
	done, err := s.accept(context.WithoutCancel(ctx), h, func(c *Change) error {
		c.note(now, by, WhatReceived, "", "made for the developer", waive)
		c.Maker = by
		if waive != "" {
			c.waivedBy(Mark{At: now, By: by, Why: waive})
		}
		return nil
	})
	if err != nil {
		return Request{}, err
	}
	return s.cfg.Store.Get(ctx, done.Request)
}

// making notes that a key request is being made, until what it returns is called. The
// portal tells of it before it answers, and the worker must not ask the applicant for
// anything before it is known what the person has said.
func (s *Service) making(portal string, a *Asking) (made func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.makes[a] = portal
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.makes, a)
	}
}

// isMade reports whether somebody is making a key request for just that.
func (s *Service) isMade(portal string, asked Asked) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for a, at := range s.makes {
		if at == portal && a.Plan == asked.Plan && sameSet(a.Policies, asked.Policies) {
			return true
		}
	}
	return false
}

// sameSet reports whether two lists hold the same, in whatever order.
func sameSet(a, b []string) bool {
	return slices.Equal(slices.Sorted(slices.Values(a)), slices.Sorted(slices.Values(b)))
}

// waivedBy lets go of what the applicant is asked for. A webhook may have been faster,
// so that the request has its steps already.
func (c *Change) waivedBy(mark Mark) {
	c.Waived = mark
	if c.Access.Have == Unread || c.Verdict.Outcome != Open {
		return // TakeIn will, or it is too late
	}
	c.waiveAsking(mark)
	c.conclude(mark.At)
}

// Asking returns what to ask a portal for so that a plan applies. policies and
// portalPlan choose among the plan's own, and have to where there are several. Invalid,
// with what to choose from, when that is not clear.
func (p Plans) Asking(portal, name, portalPlan string, policies []string) (a Asking, err error) {
	i := slices.IndexFunc(p, func(plan Plan) bool { return plan.Portal == portal && plan.Name == name })
	if i < 0 {
		return a, &Error{Kind: Invalid, Msg: fmt.Sprintf("There is no plan %q for the portal %q.", name, portal)}
	}
	plan := p[i]
	switch of := plan.PortalPlans; {
	case portalPlan != "" && len(of) > 0 && !slices.Contains(of, portalPlan):
		return a, &Error{Kind: Invalid, Msg: fmt.Sprintf("The plan %q is not for the portal's plan %q, but for %q.", name, portalPlan, of)}
	case portalPlan != "":
		a.Plan = portalPlan
	case len(of) > 1:
		return a, &Error{Kind: Invalid, Msg: fmt.Sprintf("The plan %q is for several plans of the portal; say which of %q.", name, of)}
	case len(of) == 1:
		a.Plan = of[0]
	}
	for _, policy := range policies {
		if len(plan.Policies) > 0 && !slices.Contains(plan.Policies, policy) {
			return a, &Error{Kind: Invalid, Msg: fmt.Sprintf("The plan %q is not for the policy %q, but for %q.", name, policy, plan.Policies)}
		}
	}
	switch {
	case len(policies) > 0:
		a.Policies = policies
	case len(plan.Policies) == 1:
		a.Policies = plan.Policies
	case len(plan.Policies) == 0:
		return a, &Error{Kind: Invalid, Msg: fmt.Sprintf("The plan %q is for every product; say for which ones the key is.", name)}
	default:
		return a, &Error{Kind: Invalid, Msg: fmt.Sprintf("The plan %q is for several policies; say which of %q.", name, plan.Policies)}
	}
	return a, nil
}
