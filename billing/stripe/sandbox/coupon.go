package sandbox

import (
	"strconv"
	"strings"
)

// coupon takes something off. Percentages are kept in parts of a million, so
// that no amount ever passes through a float.
type coupon struct {
	id, name, duration, currency string
	off                          int64 // amount_off in minor units
	share                        int64 // percent_off, in parts of a million
	months, redeemed, most       int64
	metadata                     map[string]string
	created                      int64
}

func (c *coupon) key() string { return c.id }
func (c *coupon) made() int64 { return c.created }

func (c *coupon) valid() bool { return c.most == 0 || c.redeemed < c.most }

func (c *coupon) render(*ledger) object {
	percent := any(nil)
	if c.share > 0 {
		percent = float64(c.share) / (million / 100)
	}
	return object{
		"id": c.id, "object": "coupon", "amount_off": numberOrNull(c.off), "created": c.created,
		"currency": orNull(c.currency), "duration": c.duration, "duration_in_months": numberOrNull(c.months),
		"livemode": false, "max_redemptions": numberOrNull(c.most), "metadata": c.metadata, "name": orNull(c.name),
		"percent_off": percent, "redeem_by": nil, "times_redeemed": c.redeemed, "valid": c.valid(),
	}
}

// promotion is a code a customer may enter for a coupon.
type promotion struct {
	id, code string
	coupon   *coupon
	active   bool
	metadata map[string]string
	redeemed int64
	created  int64
}

func (p *promotion) key() string { return p.id }
func (p *promotion) made() int64 { return p.created }

func (p *promotion) render(l *ledger) object {
	return object{
		"id": p.id, "object": "promotion_code", "active": p.active, "code": p.code, "coupon": p.coupon.render(l),
		"created": p.created, "customer": nil, "expires_at": nil, "livemode": false, "max_redemptions": nil,
		"metadata": p.metadata, "times_redeemed": p.redeemed,
		"restrictions": object{
			"first_time_transaction": false, "minimum_amount": nil, "minimum_amount_currency": nil,
		},
	}
}

// discount is a coupon that was applied.
type discount struct {
	id, promotion string
	coupon        *coupon
	start         int64
}

func couponCalls() []call {
	return []call{
		{"POST", "/v1/coupons", answers().with(shape{
			"id": text(5000), "name": text(40), "amount_off": number(1, largest), "currency": text(3),
			"percent_off": text(20), "duration": choice("once", "repeating", "forever"),
			"duration_in_months": number(1, 0), "max_redemptions": number(1, 0), "metadata": metadata(),
		}), "coupon", createCoupon},
		{"GET", "/v1/coupons/{coupon}", answers(), "coupon", readCoupon},
		{"POST", "/v1/promotion_codes", answers().with(shape{
			"coupon": text(5000).must(), "code": text(500), "active": yesNo(), "metadata": metadata(),
		}), "promotion_code", createPromotion},
		{"GET", "/v1/promotion_codes", pages().with(shape{
			"code": text(5000), "coupon": text(5000), "active": yesNo(),
		}), "list:promotion_code", listPromotions},
		{"GET", "/v1/promotion_codes/{promotion_code}", answers(), "promotion_code", readPromotion},
	}
}

func createCoupon(t *turn) (object, *problem) {
	in := t.in
	if in.has("amount_off") == in.has("percent_off") {
		return nil, invalid("", "", "Must provide exactly one of percent_off or amount_off.")
	}
	c := &coupon{
		id: in.text("id"), name: in.text("name"), duration: "once", off: in.whole("amount_off"),
		months: in.whole("duration_in_months"), most: in.whole("max_redemptions"),
		metadata: in.metadataOver(nil), created: t.unix(),
	}
	if in.has("duration") {
		c.duration = in.text("duration")
	}
	if (c.duration == "repeating") != (c.months > 0) {
		return nil, invalid("", "duration_in_months", "duration_in_months goes with duration=repeating, and with nothing else.")
	}
	if in.has("amount_off") {
		currency, wrong := readCurrency(in.text("currency"), "currency")
		if wrong != nil {
			return nil, wrong
		}
		c.currency = currency
	} else if c.share = readPercent(in.text("percent_off")); c.share <= 0 || c.share > million {
		return nil, invalid("", "percent_off", "Invalid percent_off: must be greater than 0 and at most 100")
	}
	if c.id == "" {
		c.id = t.id("", 8)
	}
	if _, taken := t.coupons.get(c.id); taken {
		return nil, refused("resource_already_exists", "id", "Coupon already exists.")
	}
	t.coupons.add(c)
	return c.render(t.ledger), nil
}

const million = 1_000_000

// readPercent reads a percentage of up to four decimals as parts of a million,
// without a float; 0 means it is none.
func readPercent(given string) int64 {
	whole, rest, _ := strings.Cut(given, ".")
	if len(rest) > 4 || len(whole) > 3 {
		return 0
	}
	n, err := strconv.ParseInt(whole+(rest + "0000")[:4], 10, 64)
	if err != nil {
		return 0
	}
	return n
}

func readCoupon(t *turn) (object, *problem) {
	c, ok := t.coupons.get(t.path("coupon"))
	if !ok {
		return nil, missing("coupon", t.path("coupon"), "coupon", 404)
	}
	return c.render(t.ledger), nil
}

func createPromotion(t *turn) (object, *problem) {
	c, ok := t.coupons.get(t.in.text("coupon"))
	if !ok {
		return nil, missing("coupon", t.in.text("coupon"), "coupon", 400)
	}
	p := &promotion{
		id: t.id("promo_1", 23), code: t.in.text("code"), coupon: c,
		active: !t.in.has("active") || t.in.flag("active"), metadata: t.in.metadataOver(nil), created: t.unix(),
	}
	if p.code == "" {
		p.code = strings.ToUpper(t.id("", 8))
	}
	if _, taken := t.promotionByCode(p.code); taken {
		return nil, refused("", "code", "An active promotion code with `code: %s` already exists.", p.code)
	}
	t.promotions.add(p, "code", strings.ToUpper(p.code), "coupon", c.id)
	return p.render(t.ledger), nil
}

func (l *ledger) promotionByCode(code string) (*promotion, bool) {
	for _, p := range l.promotions.marked("code", strings.ToUpper(code)) {
		if p.active {
			return p, true
		}
	}
	return nil, false
}

func readPromotion(t *turn) (object, *problem) {
	p, ok := t.promotions.get(t.path("promotion_code"))
	if !ok {
		return nil, missing("promotion code", t.path("promotion_code"), "promotion_code", 404)
	}
	return p.render(t.ledger), nil
}

func listPromotions(t *turn) (object, *problem) {
	way := t.promotions.along("coupon", t.in.text("coupon"))
	return page(t, t.promotions, way, func(p *promotion) bool {
		return (!t.in.has("code") || strings.EqualFold(p.code, t.in.text("code"))) &&
			(!t.in.has("active") || p.active == t.in.flag("active"))
	})
}

// offered is what a session's discounts parameter names.
func (l *ledger) offered(in values) (*discount, *problem) {
	given := in.items("discounts")
	if len(given) == 0 {
		return nil, nil
	}
	if in.flag("allow_promotion_codes") {
		return nil, invalid("", "discounts", "You may only specify one of these parameters: allow_promotion_codes, discounts.")
	}
	if id := given[0].text("promotion_code"); id != "" {
		p, ok := l.promotions.get(id)
		if !ok {
			return nil, missing("promotion code", id, "discounts[0][promotion_code]", 400)
		}
		return &discount{id: l.id("di_1", 23), promotion: p.id, coupon: p.coupon, start: l.unix()}, nil
	}
	c, ok := l.coupons.get(given[0].text("coupon"))
	if !ok {
		return nil, missing("coupon", given[0].text("coupon"), "discounts[0][coupon]", 400)
	}
	if !c.valid() {
		return nil, refused("coupon_expired", "discounts[0][coupon]", "Coupon %s is used up.", c.id)
	}
	return &discount{id: l.id("di_1", 23), coupon: c, start: l.unix()}, nil
}

// from is what the coupon takes off an amount; never more than there is.
func (c *coupon) from(amount int64) int64 {
	if c.off > 0 {
		return min(c.off, amount)
	}
	return (amount*c.share + million/2) / million
}
