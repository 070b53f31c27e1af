package sandbox

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// Event is something that happened, with how its delivery went.
type Event struct {
	ID         string          `json:"id"`
	Type       string          `json:"type"`
	Created    time.Time       `json:"created"`
	Object     json.RawMessage `json:"object"` // data.object, in version 2023-10-16
	Previous   json.RawMessage `json:"previous_attributes,omitempty"`
	RequestID  string          `json:"request_id,omitempty"` // the API call that caused it
	Deliveries []Delivery      `json:"deliveries"`
	Delivered  bool            `json:"delivered"` // every endpoint has taken it
}

// Events are all events, oldest first.
func (s *Server) Events() []Event {
	s.mu.Lock()
	rows := append([]*event(nil), s.ledger.events.rows...)
	s.mu.Unlock()
	return s.tellOf(rows)
}

// EventsOf are the events that have to do with an object, oldest first: those
// of it and those that name it.
func (s *Server) EventsOf(id string) []Event {
	s.mu.Lock()
	rows := s.ledger.events.marked("subject", id)
	s.mu.Unlock()
	return s.tellOf(rows)
}

func (s *Server) tellOf(rows []*event) []Event {
	all := make([]Event, len(rows))
	for i, e := range rows {
		all[i] = Event{
			ID: e.id, Type: e.kind, Created: time.Unix(e.created, 0).UTC(), Object: e.data, Previous: e.previous,
			RequestID: e.cause.request, Deliveries: s.courier.tries(e.id), Delivered: s.courier.delivered(e.id),
		}
	}
	return all
}

// Hold keeps the events that happen from now on from being delivered until it
// is called with false, or until [Server.Deliver] delivers one. What the
// endpoints have by then is not delivered again.
func (s *Server) Hold(on bool) { s.courier.hold(on) }

// Deliver delivers an event now, once to every endpoint that takes its type,
// whether it was delivered before or not, and waits for the answers. Called
// several times and in any order, it makes duplicates and disorder at will. The
// error says which endpoints did not answer with a 2xx; nothing is retried.
func (s *Server) Deliver(eventID string) error {
	return s.courier.deliverNow(context.Background(), eventID)
}

// Object gives any object by its id as the API would answer it, or an error
// that wraps [ErrUnknown].
func (s *Server) Object(id string) (json.RawMessage, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, ok := s.ledger.find(id)
	if !ok {
		return nil, fmt.Errorf("%w: id %q", ErrUnknown, id)
	}
	return encode(found), nil
}

// Objects gives all objects of a kind, oldest first, as the API would answer
// them. The kinds are customer, product, price, checkout.session,
// payment_intent, setup_intent, payment_method, charge, refund, dispute,
// subscription, invoice and radar.early_fraud_warning; of any other there are none.
func (s *Server) Objects(kind string) []json.RawMessage {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.ledger
	switch kind {
	case "customer":
		return encodeAll(l, l.customers)
	case "product":
		return encodeAll(l, l.products)
	case "price":
		return encodeAll(l, l.prices)
	case "checkout.session":
		return encodeAll(l, l.sessions)
	case "payment_intent":
		return encodeAll(l, l.intents)
	case "setup_intent":
		return encodeAll(l, l.setups)
	case "payment_method":
		return encodeAll(l, l.methods)
	case "charge":
		return encodeAll(l, l.charges)
	case "refund":
		return encodeAll(l, l.refunds)
	case "dispute":
		return encodeAll(l, l.disputes)
	case "subscription":
		return encodeAll(l, l.subscriptions)
	case "invoice":
		return encodeAll(l, l.invoices)
	case "radar.early_fraud_warning":
		return encodeAll(l, l.warnings)
	}
	return nil
}

func encodeAll[T record](l *ledger, s *shelf[T]) []json.RawMessage {
	all := make([]json.RawMessage, len(s.rows))
	for i, row := range s.rows {
		all[i] = encode(row.render(l))
	}
	return all
}
