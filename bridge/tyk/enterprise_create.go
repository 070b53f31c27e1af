package tyk

import (
	"context"
	"slices"

	"keybridge/bridge"
)

// Create makes an access request for an app of a developer and returns its id; it waits for a decision like any other,
// unless the plan approves by itself. It may be repeated: one for the same app, products and plan that still waits is
// returned instead of a second one. NotFound when there is no such developer; Invalid when there is no such app, product
// or plan, when it has to be said which app is meant, and when the portal refuses.
func (e *Enterprise) Create(ctx context.Context, asking bridge.Asking) (string, error) {
	u, err := e.userNamed(ctx, asking.Developer)
	if err != nil {
		return "", err
	}
	w, err := e.orderable(ctx, asking)
	if err != nil {
		return "", err
	}
	a, err := e.appNamed(ctx, u.ID, asking.App)
	if err != nil {
		return "", err
	}
	release, err := e.turn(ctx, "asking for app "+a.ID.String())
	if err != nil {
		return "", err
	}
	defer release()
	o := order{app: a, wish: w}
	all, err := e.alike(ctx, o)
	if err != nil {
		return "", err
	}
	waits := func(r *accessRequest) bool { return r.state() == bridge.Pending }
	if place := slices.IndexFunc(all, waits); place >= 0 {
		return all[place].ID.String(), nil
	}
	made, err := e.provision(ctx, o)
	if err != nil {
		return "", err
	}
	return made.ID.String(), nil
}

// orderable is what is asked for, all of it offered now.
func (e *Enterprise) orderable(ctx context.Context, asking bridge.Asking) (wish, error) {
	if len(asking.Policies) == 0 || asking.Plan == "" {
		return wish{}, invalid("an access request is for one product or several and one plan; name them by their ids")
	}
	c, err := e.catalogue(ctx, true)
	if err != nil {
		return wish{}, err
	}
	w := wish{plan: asking.Plan, known: true}
	for _, id := range asking.Policies {
		if _, ok := c.products.get(numberIn(id)); !ok {
			return wish{}, invalid("the portal has no product " + cut(id, maxName))
		}
		w.products = append(w.products, id)
	}
	if _, ok := c.plans.get(numberIn(asking.Plan)); !ok {
		return wish{}, invalid("the portal has no plan " + cut(asking.Plan, maxName))
	}
	slices.SortFunc(w.products, byNumber)
	w.products = slices.Compact(w.products)
	return w, nil
}
