package sandbox

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// cartItem is a product and the plan it was put in the cart with.
type cartItem struct{ Product, Plan int }

// cartHolds bounds a cart.
const cartHolds = 50

// addToCart takes "Access with this Plan": the same product again changes its plan.
func (e *Enterprise) addToCart(w http.ResponseWriter, r *http.Request, user *User) error {
	if err := formOf(w, r); err != nil {
		return err
	}
	product, err := formNumber(r, "product")
	if err != nil {
		return err
	}
	plan, err := formNumber(r, "plan")
	if err != nil {
		return err
	}
	e.mu.Lock()
	found := e.offerLocked(user, func(p *Product) bool { return p.ID == product })
	e.mu.Unlock()
	if found == nil || !slices.ContainsFunc(found.Plans, func(p *Plan) bool { return p.ID == plan }) {
		return notThere("This product cannot be had with this plan.")
	}
	full := false
	e.visits.during(r, func(s *shopper) {
		kept := without(s.cart, product)
		if full = len(kept) >= cartHolds; !full {
			s.cart = slices.Concat(kept, []cartItem{{product, plan}})
		}
	})
	if full {
		return refuse(http.StatusUnprocessableEntity, "The cart is full.")
	}
	http.Redirect(w, r, "/portal/cart", http.StatusSeeOther)
	return nil
}

// without returns the items of other products: the cart that was handed out stays as it was.
func without(items []cartItem, product int) []cartItem {
	return slices.DeleteFunc(slices.Clone(items), func(i cartItem) bool { return i.Product == product })
}

func (e *Enterprise) removeFromCart(w http.ResponseWriter, r *http.Request, _ *User) error {
	if err := formOf(w, r); err != nil {
		return err
	}
	product, err := formNumber(r, "product")
	if err != nil {
		return err
	}
	e.visits.during(r, func(s *shopper) { s.cart = without(s.cart, product) })
	http.Redirect(w, r, "/portal/cart", http.StatusSeeOther)
	return nil
}

// cart is what the page of the cart shows.
type cart struct {
	Items []shownItem
	Plans []*Plan // of the items, one of which has to be chosen
	Plan  int     // chosen so far
	Apps  []*App
	App   string // chosen so far: an id, or "new"
	New   string // the name of the new app, so far
	Mixed bool   // the items are not called in the same way: it cannot be sent
}

type shownItem struct {
	Product *Product
	Plan    *Plan
}

func (e *Enterprise) cartOf(r *http.Request, user *User) cart {
	var items []cartItem
	e.visits.during(r, func(s *shopper) { items = s.cart })
	e.mu.Lock()
	defer e.mu.Unlock()
	c := cart{Apps: e.appsOfLocked(user.ID), App: "new"}
	for _, item := range items {
		one := shownItem{e.products.get(item.Product), e.plans.get(item.Plan)}
		c.Items = append(c.Items, one)
		c.Mixed = c.Mixed || one.Product.AuthType != c.Items[0].Product.AuthType
		if !slices.ContainsFunc(c.Plans, func(p *Plan) bool { return p.ID == item.Plan }) {
			c.Plans = append(c.Plans, one.Plan)
		}
	}
	if len(c.Plans) == 1 {
		c.Plan = c.Plans[0].ID
	}
	if len(c.Apps) > 0 {
		c.App = strconv.Itoa(c.Apps[0].ID)
	}
	return c
}

func (e *Enterprise) cartPage(w http.ResponseWriter, r *http.Request, user *User) error {
	e.showCart(w, r, http.StatusOK, "", e.cartOf(r, user))
	return nil
}

func (e *Enterprise) showCart(w http.ResponseWriter, r *http.Request, status int, problem string, c cart) {
	if problem == "" && c.Mixed {
		problem = "All products of one request have to use the same authentication method. Remove those that differ."
	}
	e.show(w, r, status, "cart", enterpriseSheet{Title: "Cart", Problem: problem, Body: c})
}

// submitCart makes an access request of the cart: several products, one plan of those in the cart, one app.
func (e *Enterprise) submitCart(w http.ResponseWriter, r *http.Request, user *User) error {
	if err := formOf(w, r); err != nil {
		return err
	}
	c := e.cartOf(r, user)
	c.App, c.New = r.PostFormValue("app"), strings.TrimSpace(r.PostFormValue("app_name"))
	var err error
	if c.Plan, err = formNumber(r, "plan"); err != nil {
		return err
	}
	request, err := e.fileCart(c, user, e.base(r))
	if err != nil {
		status, sentence := sayable(err)
		e.showCart(w, r, status, sentence, c)
		return nil
	}
	e.visits.during(r, func(s *shopper) { s.cart = nil })
	http.Redirect(w, r, "/portal/requests/"+strconv.Itoa(request.ID), http.StatusSeeOther)
	return nil
}

func (e *Enterprise) fileCart(c cart, user *User, base string) (*AccessRequest, error) {
	if len(c.Items) > 0 && !slices.ContainsFunc(c.Plans, func(p *Plan) bool { return p.ID == c.Plan }) {
		return nil, refuse(http.StatusUnprocessableEntity, "Choose one plan for all products.")
	}
	filed := wish{plan: c.Plan, actor: user.ID}
	for _, item := range c.Items {
		filed.products = append(filed.products, item.Product.ID)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if err := e.fitLocked(filed); err != nil {
		return nil, err
	}
	place := slices.IndexFunc(c.Apps, func(app *App) bool { return strconv.Itoa(app.ID) == c.App })
	switch {
	case place >= 0 && e.apps.get(c.Apps[place].ID) != nil:
		filed.app = c.Apps[place]
	case c.App == "new" && c.New != "":
		filed.app = e.registerAppLocked(App{UserID: user.ID, Name: c.New})
	default:
		return nil, refuse(http.StatusUnprocessableEntity, "Choose one of your apps, or name a new one.")
	}
	return e.fileLocked(filed, base)
}
