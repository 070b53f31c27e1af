package webhooks

import (
	"slices"

	"keybridge/bridge"
)

// maxRefs bounds how many ids of one event are looked up.
const maxRefs = 16

// StripeEvents lists the types of the events that are listened to: what an
// endpoint has to be subscribed to. They are those after which a request may have
// to change; money that merely begins to move is not among them.
func StripeEvents() []string {
	return []string{
		"charge.captured",
		"charge.dispute.closed",
		"charge.dispute.created",
		"charge.dispute.funds_reinstated",
		"charge.dispute.funds_withdrawn",
		"charge.dispute.updated",
		"charge.expired",
		"charge.refund.updated",
		"charge.refunded",
		"checkout.session.async_payment_failed",
		"checkout.session.async_payment_succeeded",
		"checkout.session.completed",
		"checkout.session.expired",
		"customer.subscription.created",
		"customer.subscription.deleted",
		"customer.subscription.paused",
		"customer.subscription.resumed",
		"customer.subscription.trial_will_end",
		"customer.subscription.updated",
		"invoice.finalization_failed",
		"invoice.finalized",
		"invoice.marked_uncollectible",
		"invoice.overdue",
		"invoice.paid",
		"invoice.payment_action_required",
		"invoice.payment_failed",
		"invoice.payment_succeeded",
		"invoice.voided",
		"payment_intent.amount_capturable_updated",
		"payment_intent.canceled",
		"payment_intent.payment_failed",
		"payment_intent.processing",
		"payment_intent.requires_action",
		"payment_intent.succeeded",
		"radar.early_fraud_warning.created",
		"radar.early_fraud_warning.updated",
		"refund.created",
		"refund.failed",
		"refund.updated",
		"setup_intent.canceled",
		"setup_intent.requires_action",
		"setup_intent.setup_failed",
		"setup_intent.succeeded",
	}
}

var listened = func() map[string]bool {
	out := map[string]bool{}
	for _, kind := range StripeEvents() {
		out[kind] = true
	}
	return out
}()

// StripeHint takes from an event, of whatever API version, the ids that lead to a
// request: those of the object it is about and of the objects that one is linked
// to, whether they stand there as an id or expanded. system is the System of the
// refs and the Source of the hint. known is false for a type that is not among
// StripeEvents.
//
// The signature has to be checked first: nothing here says who sent it. At is left
// to the caller. Nothing of the hint points into body. Error: Invalid, for what is
// not an event; a good event that leads nowhere is none.
//
// Where things are differs between versions. An invoice names its subscription at
// the top until 2025-03-31 (basil), under parent.subscription_details from then on,
// and its payments under payments.data, if those were expanded.
func StripeHint(system string, body []byte) (h bridge.Hint, known bool, err error) {
	e := event{system: system}
	if err := scanObject(body, e.member); err != nil {
		return bridge.Hint{}, false, refuse(Malformed, adviceStripeBody, err.Error())
	}
	if !isProviderID(e.id) || !isEventName(e.kind) {
		return bridge.Hint{}, false, refuse(Malformed, adviceStripeBody, "no id or no type")
	}
	h = bridge.Hint{Source: system, ID: string(e.id), What: string(e.kind), Said: bridge.SaidMoney}
	if !listened[h.What] {
		return h, false, nil
	}
	h.Request, h.Refs = e.named, e.refs
	if h.Request == "" {
		h.Request = e.linked
	}
	return h, true, nil
}

// event is what has been read of an event so far.
type event struct {
	system   string
	id, kind []byte
	// named is the request in the metadata of the event's own object, linked the
	// first one in that of an object it is linked to.
	named, linked bridge.ID
	// level is how many objects of Stripe's the one being read stands in.
	level int
	refs  []bridge.Ref
}

func (e *event) member(s *scan, name []byte) (err error) {
	switch string(name) {
	case "id":
		e.id, err = s.textOr()
	case "type":
		e.kind, err = s.textOr()
	case "data":
		return within(s, "object", func() error { return e.object(s, "") })
	default:
		return s.skip()
	}
	return err
}

// within reads an object of which one member matters, if that is an object too.
func within(s *scan, want string, read func() error) error {
	if s.next() != '{' {
		return s.skip()
	}
	return s.object(func(s *scan, name []byte) error {
		if string(name) != want || s.next() != '{' {
			return s.skip()
		}
		return read()
	})
}

// object reads an object of Stripe's. kind is what it is known to be; "" for the
// object of the event, which says so itself.
func (e *event) object(s *scan, kind bridge.RefKind) error {
	e.level++
	defer func() { e.level-- }()
	first := len(e.refs)
	var id, object []byte
	err := s.object(func(s *scan, name []byte) (err error) {
		switch string(name) {
		case "id":
			id, err = s.textOr()
		case "object":
			object, err = s.textOr()
		case "metadata":
			if e.level == 1 {
				return e.metadata(s, &e.named)
			}
			return e.metadata(s, &e.linked)
		case "subscription_details":
			return e.details(s)
		case "parent":
			return within(s, "subscription_details", func() error { return e.details(s) })
		case "payments":
			return e.payments(s)
		default:
			return e.link(s, linkKind(name))
		}
		return err
	})
	if err != nil {
		return err
	}
	if kind == "" {
		kind = objectKind(object)
	}
	e.add(first, kind, id)
	return nil
}

// objectKind says what an object is by its own word. What leads to a request only
// through what it is linked to (a refund, a dispute, a fraud warning) is "".
func objectKind(object []byte) bridge.RefKind {
	switch string(object) {
	case "checkout.session":
		return bridge.RefSession
	case "payment_intent":
		return bridge.RefIntent
	case "setup_intent":
		return bridge.RefSetup
	case "charge":
		return bridge.RefCharge
	case "invoice":
		return bridge.RefInvoice
	case "subscription":
		return bridge.RefSubscription
	}
	return ""
}

// linkKind says what a member is the id of.
func linkKind(name []byte) bridge.RefKind {
	switch string(name) {
	case "payment_intent":
		return bridge.RefIntent
	case "setup_intent", "pending_setup_intent":
		return bridge.RefSetup
	case "charge", "latest_charge":
		return bridge.RefCharge
	case "invoice", "latest_invoice":
		return bridge.RefInvoice
	case "subscription":
		return bridge.RefSubscription
	}
	return ""
}

// link reads the value of a member that links to another object: its id, the
// object itself, or null.
func (e *event) link(s *scan, kind bridge.RefKind) error {
	switch {
	case kind == "":
		return s.skip()
	case s.next() == '{':
		return e.object(s, kind)
	}
	id, err := s.textOr()
	if err != nil {
		return err
	}
	e.add(len(e.refs), kind, id)
	return nil
}

// add keeps a ref at a place among the others: an object stands before what it is
// linked to.
func (e *event) add(at int, kind bridge.RefKind, id []byte) {
	if kind == "" || !isProviderID(id) || at >= maxRefs {
		return
	}
	ref := bridge.Ref{System: e.system, Kind: kind, ID: string(id)}
	if i := slices.Index(e.refs, ref); i >= at {
		e.refs = slices.Delete(e.refs, i, i+1)
	} else if i >= 0 {
		return
	}
	e.refs = slices.Insert(e.refs, at, ref)
	e.refs = e.refs[:min(len(e.refs), maxRefs)]
}

// metadata reads an object's metadata. The first request that is named counts.
func (e *event) metadata(s *scan, request *bridge.ID) error {
	if s.next() != '{' {
		return s.skip()
	}
	return s.object(func(s *scan, name []byte) error {
		if string(name) != bridge.MetadataRequest {
			return s.skip()
		}
		text, err := s.textOr()
		if err != nil {
			return err
		}
		if id, ok := bridge.ParseID(text); ok && *request == "" {
			*request = id
		}
		return nil
	})
}

// details reads what an invoice says of its subscription.
func (e *event) details(s *scan) error {
	if s.next() != '{' {
		return s.skip()
	}
	return s.object(func(s *scan, name []byte) error {
		switch string(name) {
		case "metadata":
			return e.metadata(s, &e.linked)
		case "subscription":
			return e.link(s, bridge.RefSubscription)
		}
		return s.skip()
	})
}

// payments reads the payments of an invoice: {"data":[{"payment":{…}}]}.
func (e *event) payments(s *scan) error {
	if s.next() != '{' {
		return s.skip()
	}
	return s.object(func(s *scan, name []byte) error {
		if string(name) != "data" || s.next() != '[' {
			return s.skip()
		}
		return s.array(func(s *scan) error {
			return within(s, "payment", func() error { return e.object(s, "") })
		})
	})
}
