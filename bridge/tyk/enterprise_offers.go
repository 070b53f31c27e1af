package tyk

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/go-json-experiment/json/v1"
)

// maxParts bounds how many parts of a text with commas are tried as names together.
const maxParts = 50

// offersLife is how long the names of products and plans are remembered. They change when an admin renames one.
const offersLife = time.Minute

// offers remembers what a portal offers, because access requests say it in names.
type offers struct {
	mu   sync.Mutex
	last *catalogue
	at   time.Time
}

// catalogue is the products and plans of a portal.
type catalogue struct{ products, plans shelf }

// shelf is the offers of one kind.
type shelf []offer

// offer is a product or a plan.
type offer struct {
	ID          number
	Name        word // as the gateway knows it
	DisplayName word // as developers read it
}

// title is the name for people.
func (o offer) title() string { return string(cmp.Or(o.DisplayName, o.Name)) }

// catalogue returns the portal's offers, as they are now or, unless fresh, as they were a minute ago at most.
func (e *Enterprise) catalogue(ctx context.Context, fresh bool) (*catalogue, error) {
	e.offers.mu.Lock()
	last, age := e.offers.last, e.now().Sub(e.offers.at)
	e.offers.mu.Unlock()
	if last != nil && !fresh && age >= 0 && age < offersLife {
		return last, nil
	}
	read, err := e.readCatalogue(ctx)
	if err != nil {
		return nil, err
	}
	e.offers.mu.Lock()
	defer e.offers.mu.Unlock()
	e.offers.last, e.offers.at = read, e.now()
	return read, nil
}

func (e *Enterprise) readCatalogue(ctx context.Context) (*catalogue, error) {
	var c catalogue
	for route, onto := range map[string]*shelf{"/products": &c.products, "/plans": &c.plans} {
		err := e.each(ctx, call{route: route}, func(_ number, record []byte) bool {
			var one offer
			if json.Unmarshal(record, &one) == nil {
				*onto = append(*onto, one)
			}
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	return &c, nil
}

// find returns the offer that a text stands for: a name of it, or else its id. ok is false for what is not there, and for
// a name that several have: which of them is meant nobody can tell.
func (s shelf) find(text string) (o offer, ok bool) {
	text = strings.TrimSpace(text)
	var named []offer
	for _, one := range s {
		if text != "" && (string(one.Name) == text || string(one.DisplayName) == text) {
			named = append(named, one)
		}
	}
	switch len(named) {
	case 0:
		return s.get(numberIn(text))
	case 1:
		return named[0], true
	}
	return offer{}, false
}

// get returns the offer with an id.
func (s shelf) get(id number) (o offer, ok bool) {
	place := slices.IndexFunc(s, func(o offer) bool { return id != 0 && o.ID == id })
	if place < 0 {
		return offer{}, false
	}
	return s[place], true
}

// split takes apart names that are joined with commas. A name may have a comma itself, so whole offers are looked for. A
// text that can be taken apart in more than one way is not: ok is false, and it stays whole. Parts that are no offers stay
// as they are.
func (s shelf) split(joined string) (names []string, ok bool) {
	parts := strings.Split(joined, ",")
	if len(parts) == 1 || len(parts) > maxParts {
		return parts, true
	}
	// ways[i] is in how many ways (2 stands for more) the parts from i on are whole offers, upto[i] where the first ends.
	ways, upto := make([]int, len(parts)+1), make([]int, len(parts)+1)
	ways[len(parts)] = 1
	for i := len(parts) - 1; i >= 0; i-- {
		for j := i + 1; j <= len(parts); j++ {
			if _, ok := s.find(strings.Join(parts[i:j], ",")); ok && ways[j] > 0 {
				ways[i], upto[i] = min(ways[i]+ways[j], 2), j
			}
		}
	}
	switch ways[0] {
	case 0:
		return parts, true
	case 1:
		for i := 0; i < len(parts); i = upto[i] {
			names = append(names, strings.Join(parts[i:upto[i]], ","))
		}
		return names, true
	}
	return []string{joined}, false
}

// wish is what an access request is for: ids where the portal's offers tell them. What is not known there (a product that
// was deleted since, a name that two plans have) stands in it by its name, which fits no configured plan.
type wish struct {
	products []string // in the order of their ids
	plan     string
	// titles are for people.
	titles    []string
	planTitle string
	// known: all of it is offered, so it can be asked for again.
	known bool
}

// wish reads what an access request is for.
func (c *catalogue) wish(r *accessRequest) wish {
	names, clear := []string(r.Products.list), true
	if r.Products.joined != "" {
		names, clear = c.products.split(r.Products.joined)
	}
	w := wish{known: clear && len(names) > 0}
	for _, name := range names {
		id, title, ok := c.products.resolve(name)
		if !clear {
			id = name
		}
		w.products, w.titles, w.known = append(w.products, id), append(w.titles, title), w.known && ok
	}
	slices.SortFunc(w.products, byNumber)
	w.products = slices.Compact(w.products)
	id, title, ok := c.plans.resolve(string(r.Plan))
	w.plan, w.planTitle, w.known = id, title, w.known && ok
	return w
}

// resolve returns the id and the title of what a name stands for. A name that stands for nothing is its own id, in quotes
// where it could be taken for one.
func (s shelf) resolve(name string) (id, title string, ok bool) {
	if o, ok := s.find(name); ok {
		return o.ID.String(), cut(o.title(), maxName), true
	}
	name = cut(strings.TrimSpace(name), maxName)
	if numberIn(name) != 0 {
		return strconv.Quote(name), name, false
	}
	return name, name, false
}

// wishOf returns what an access request is for. What the remembered offers do not tell is looked for among those of now.
func (e *Enterprise) wishOf(ctx context.Context, r *accessRequest) (wish, error) {
	var w wish
	for _, fresh := range []bool{false, true} {
		c, err := e.catalogue(ctx, fresh)
		if err != nil {
			return wish{}, err
		}
		if w = c.wish(r); w.known {
			break
		}
	}
	return w, nil
}

// like reports whether two wishes are for the same.
func (w wish) like(other wish) bool {
	return w.plan == other.plan && slices.Equal(w.products, other.products)
}

// entry names what is asked for in words.
func (w wish) entry() string {
	entry := strings.Join(w.titles, ", ")
	if w.planTitle != "" {
		entry += " (plan " + w.planTitle + ")"
	}
	return cut(entry, maxName)
}

// byNumber orders ids as numbers, and names after them.
func byNumber(a, b string) int {
	x, y := numberIn(a), numberIn(b)
	if x == 0 || y == 0 {
		return cmp.Or(cmp.Compare(y, x), strings.Compare(a, b))
	}
	return cmp.Compare(x, y)
}
