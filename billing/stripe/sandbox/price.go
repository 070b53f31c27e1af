package sandbox

import (
	"slices"
	"strconv"
)

// product is what is sold.
type product struct {
	id, name, description, url string
	active                     bool
	metadata                   map[string]string
	images                     []string
	created, updated           int64
}

func (p *product) key() string { return p.id }
func (p *product) made() int64 { return p.created }

func (p *product) render(*ledger) object {
	images := make([]any, len(p.images))
	for i, at := range p.images {
		images[i] = at
	}
	return object{
		"id": p.id, "object": "product", "active": p.active, "created": p.created, "updated": p.updated,
		"default_price": nil, "description": orNull(p.description), "features": []any{}, "images": images,
		"livemode": false, "metadata": p.metadata, "name": p.name, "package_dimensions": nil, "shippable": nil,
		"statement_descriptor": nil, "tax_code": nil, "unit_label": nil, "url": orNull(p.url),
	}
}

// price is what a product costs, once or in every interval.
type price struct {
	id, product, currency, lookup, nickname string
	amount                                  int64 // minor units
	interval                                string
	count                                   int64 // intervals in a period
	active                                  bool
	metadata                                map[string]string
	behavior                                string
	sold                                    *product // made along with the price and not kept yet
	created                                 int64
}

func (p *price) key() string { return p.id }
func (p *price) made() int64 { return p.created }

func (p *price) render(*ledger) object {
	kind, recurring := "one_time", any(nil)
	if p.interval != "" {
		kind = "recurring"
		recurring = object{
			"aggregate_usage": nil, "interval": p.interval, "interval_count": p.count,
			"usage_type": "licensed",
		}
	}
	return object{
		"id": p.id, "object": "price", "active": p.active, "billing_scheme": "per_unit", "created": p.created,
		"currency": p.currency, "custom_unit_amount": nil, "livemode": false, "lookup_key": orNull(p.lookup),
		"metadata": p.metadata, "nickname": orNull(p.nickname), "product": p.product, "recurring": recurring,
		"tax_behavior": p.behavior, "tiers_mode": nil, "transform_quantity": nil, "type": kind,
		"unit_amount": p.amount, "unit_amount_decimal": strconv.FormatInt(p.amount, 10),
	}
}

func recurringShape() field {
	return nested(shape{
		"interval": choice("day", "week", "month", "year").must(), "interval_count": number(1, 365),
	})
}

func productShape() shape {
	return shape{
		"name": text(5000).must(), "description": text(40000), "metadata": metadata(),
		"images": listOf(address(), 8),
	}
}

func priceCalls() []call {
	change := answers().with(shape{
		"active": yesNo(), "lookup_key": text(200), "nickname": text(5000), "metadata": metadata(),
		"transfer_lookup_key": yesNo(),
	})
	return []call{
		{"POST", "/v1/products", answers().with(productShape()).with(shape{
			"id": text(5000), "active": yesNo(), "url": address(),
		}), "product", createProduct},
		{"GET", "/v1/products", pages().with(shape{"active": yesNo(), "ids": listOf(text(5000), 0)}), "list:product", listProducts},
		{"GET", "/v1/products/{id}", answers(), "product", readProduct},
		{"POST", "/v1/prices", change.with(shape{
			"currency": text(3).must(), "unit_amount": number(0, 0), "product": text(5000),
			"product_data": nested(shape{"name": text(5000).must(), "metadata": metadata(), "id": text(5000), "active": yesNo()}),
			"recurring":    recurringShape(), "billing_scheme": choice("per_unit"),
			"tax_behavior": choice("exclusive", "inclusive", "unspecified"),
		}), "price", createPrice},
		{"GET", "/v1/prices", pages().with(shape{
			"active": yesNo(), "product": text(5000), "lookup_keys": listOf(text(5000), 10), "currency": text(3),
			"type": choice("one_time", "recurring"),
		}), "list:price", listPrices},
		{"GET", "/v1/prices/{price}", answers(), "price", readPrice},
		{"POST", "/v1/prices/{price}", change, "price", updatePrice},
	}
}

func createProduct(t *turn) (object, *problem) {
	if id := t.in.text("id"); id != "" {
		if _, taken := t.products.get(id); taken {
			return nil, refused("resource_already_exists", "id", "Product already exists.")
		}
	}
	p := t.newProduct(t.in)
	t.products.add(p)
	made := p.render(t.ledger)
	t.emit("product.created", made, nil)
	return made, nil
}

func (l *ledger) newProduct(in values) *product {
	p := &product{
		id: in.text("id"), name: in.text("name"), description: in.text("description"), url: in.text("url"),
		active: !in.has("active") || in.flag("active"), metadata: in.metadataOver(nil),
		images: in.texts("images"), created: l.unix(), updated: l.unix(),
	}
	if p.id == "" {
		p.id = l.id("prod_", 14)
	}
	return p
}

func readProduct(t *turn) (object, *problem) {
	p, ok := t.products.get(t.path("id"))
	if !ok {
		return nil, missing("product", t.path("id"), "id", 404)
	}
	return p.render(t.ledger), nil
}

func listProducts(t *turn) (object, *problem) {
	ids := t.in.texts("ids")
	return page(t, t.products, t.products.along("", ""), func(p *product) bool {
		return (len(ids) == 0 || slices.Contains(ids, p.id)) && (!t.in.has("active") || p.active == t.in.flag("active"))
	})
}

func createPrice(t *turn) (object, *problem) {
	in := t.in
	if !in.has("unit_amount") {
		return nil, parameterMissing("unit_amount")
	}
	if in.has("product") == in.has("product_data") {
		return nil, invalid("parameter_missing", "product", "You must specify either `product` or `product_data`.")
	}
	p, wrong := t.newPrice(in, "")
	if wrong != nil {
		return nil, wrong
	}
	p.active = !in.has("active") || in.flag("active")
	p.nickname, p.metadata = in.text("nickname"), in.metadataOver(nil)
	if wrong := t.giveLookup(p, in); wrong != nil {
		return nil, wrong
	}
	t.keepPrice(p)
	made := p.render(t.ledger)
	t.emit("price.created", made, nil)
	return made, nil
}

// newPrice reads what price and price_data have in common.
func (l *ledger) newPrice(in values, prefix string) (*price, *problem) {
	currency, wrong := readCurrency(in.text("currency"), nameUnder(prefix, "currency"))
	if wrong != nil {
		return nil, wrong
	}
	amount := in.whole("unit_amount")
	if wrong := checkAmount(amount, currency, nameUnder(prefix, "unit_amount")); wrong != nil {
		return nil, wrong
	}
	product, sold := in.text("product"), (*product)(nil)
	if product == "" {
		sold = l.newProduct(in.under("product_data"))
		product = sold.id
	} else if _, ok := l.products.get(product); !ok {
		return nil, missing("product", product, nameUnder(prefix, "product"), 400)
	}
	p := &price{
		id: l.id("price_1", 23), product: product, currency: currency, amount: amount,
		metadata: map[string]string{}, behavior: "unspecified", sold: sold, created: l.unix(),
	}
	if in.has("tax_behavior") {
		p.behavior = in.text("tax_behavior")
	}
	if every := in.under("recurring"); every != nil {
		p.interval, p.count = every.text("interval"), max(every.whole("interval_count"), 1)
	}
	return p, nil
}

// giveLookup gives a price its lookup key, which no two active prices share.
func (l *ledger) giveLookup(p *price, in values) *problem {
	key := in.text("lookup_key")
	if key == "" {
		return nil
	}
	for _, other := range l.prices.marked("lookup_key", key) {
		if other.lookup != key || other == p || !other.active {
			continue
		}
		if !in.flag("transfer_lookup_key") {
			return refused("", "lookup_key",
				"A price (`%s`) already uses that lookup key. Use transfer_lookup_key to transfer it.", other.id)
		}
		other.lookup = ""
	}
	p.lookup = key
	l.prices.mark(p.id, "lookup_key", key)
	return nil
}

// keepPrice puts a price on its shelf, and the product that was made with it.
func (l *ledger) keepPrice(p *price) {
	if p.sold != nil {
		l.products.add(p.sold)
		p.sold = nil
	}
	l.prices.add(p, "product", p.product, "lookup_key", p.lookup)
}

func readPrice(t *turn) (object, *problem) {
	p, ok := t.prices.get(t.path("price"))
	if !ok {
		return nil, missing("price", t.path("price"), "price", 404)
	}
	return p.render(t.ledger), nil
}

func updatePrice(t *turn) (object, *problem) {
	p, ok := t.prices.get(t.path("price"))
	if !ok {
		return nil, missing("price", t.path("price"), "price", 404)
	}
	before := p.render(t.ledger)
	if t.in.has("active") {
		p.active = t.in.flag("active")
	}
	if t.in.has("nickname") {
		p.nickname = t.in.text("nickname")
	}
	if t.in.has("metadata") {
		p.metadata = t.in.metadataOver(p.metadata)
	}
	if wrong := t.giveLookup(p, t.in); wrong != nil {
		return nil, wrong
	}
	after := p.render(t.ledger)
	t.emit("price.updated", after, changed(before, after))
	return after, nil
}

func listPrices(t *turn) (object, *problem) {
	keys, in := t.in.texts("lookup_keys"), t.in
	way := t.prices.along("product", in.text("product"))
	if len(keys) == 1 && !in.has("product") {
		way = t.prices.along("lookup_key", keys[0])
	}
	return page(t, t.prices, way, func(p *price) bool {
		return (len(keys) == 0 || slices.Contains(keys, p.lookup)) &&
			(!in.has("active") || p.active == in.flag("active")) &&
			(!in.has("currency") || p.currency == in.text("currency")) &&
			(!in.has("type") || (p.interval != "") == (in.text("type") == "recurring"))
	})
}
