package sandbox

import (
	"encoding/json"
	"reflect"
	"slices"
)

// kept is how long events can be read. Source: https://stripe.com/docs/api/events
const kept int64 = 30 * 24 * 3600

// event is something that happened: a snapshot of one object, as it was then.
type event struct {
	id, kind string
	created  int64
	data     json.RawMessage // the object, in the sandbox's own version
	previous json.RawMessage // what it was before; nil where nothing changed
	cause    cause
	subject  []string // ids the event has to do with, for the pages
}

func (e *event) key() string { return e.id }
func (e *event) made() int64 { return e.created }

// emit records an event and hands it on for delivery.
func (l *ledger) emit(kind string, made, previous object) {
	e := &event{
		id: l.id("evt_1", 23), kind: kind, created: l.unix(), cause: l.cause, data: encode(made),
		subject: subjects(made),
	}
	if len(previous) > 0 {
		e.previous = encode(previous)
	}
	l.events.add(e, "type", kind)
	for _, id := range e.subject {
		l.events.mark(e.id, "subject", id)
	}
	l.post(e)
}

// subjects are the ids an object names at its top level.
func subjects(made object) []string {
	var found []string
	for _, field := range []string{"id", "payment_intent", "charge", "subscription", "invoice", "customer", "setup_intent"} {
		if id, ok := made[field].(string); ok && id != "" {
			found = append(found, id)
		}
	}
	return found
}

// changed is previous_attributes: the fields that are different now, with the
// values they had.
func changed(before, after object) object {
	diff := object{}
	for name, was := range before {
		if !reflect.DeepEqual(was, after[name]) {
			diff[name] = was
		}
	}
	return diff
}

// render gives an event as the API and the webhooks show it, in the version of
// whoever is to read it.
func (e *event) render(version string, pending int) object {
	request := object{"id": orNull(e.cause.request), "idempotency_key": orNull(e.cause.key)}
	return object{
		"id": e.id, "object": "event", "api_version": version, "created": e.created, "livemode": false,
		"data": e.contents(version), "pending_webhooks": int64(pending), "request": request, "type": e.kind,
	}
}

func (e *event) contents(version string) object {
	if version < modern {
		data := object{"object": e.data}
		if e.previous != nil {
			data["previous_attributes"] = e.previous
		}
		return data
	}
	data := object{"object": modernised(e.data)}
	if e.previous != nil {
		data["previous_attributes"] = e.previous
	}
	return data
}

func (s *Server) eventCalls() []call {
	return []call{
		{"GET", "/v1/events", pages().with(shape{
			"type": text(5000), "types": listOf(text(5000), 20), "delivery_success": yesNo(),
		}), "list:event", s.listEvents},
		{"GET", "/v1/events/{id}", answers(), "event", s.readEvent},
	}
}

// listed is an event as a list's row: it needs the courier's word on delivery.
func (s *Server) renderEvent(e *event) object {
	return e.render(apiVersion, s.courier.pending(e.id))
}

func (s *Server) readEvent(t *turn) (object, *problem) {
	e, ok := t.events.get(t.path("id"))
	if !ok || e.created < t.unix()-kept {
		return nil, missing("event", t.path("id"), "id", 404)
	}
	return s.renderEvent(e), nil
}

func (s *Server) listEvents(t *turn) (object, *problem) {
	in := t.in
	if in.has("type") && in.has("types") {
		return nil, invalid("", "types", "You may only specify one of these parameters: type, types.")
	}
	kinds := in.texts("types")
	way := t.events.along("", "")
	if kind := in.text("type"); kind != "" {
		kinds = []string{kind}
		if kind[len(kind)-1] != '*' {
			way = t.events.along("type", kind)
		}
	}
	oldest := t.unix() - kept
	rows, more, wrong := turnOver(t, t.events, way, func(e *event) bool {
		return e.created >= oldest && (len(kinds) == 0 || slices.ContainsFunc(kinds, e.is)) &&
			(!in.has("delivery_success") || s.courier.delivered(e.id) == in.flag("delivery_success"))
	}, pageSize(t))
	if wrong != nil {
		return nil, wrong
	}
	data := make([]any, len(rows))
	for i, e := range rows {
		data[i] = s.renderEvent(e)
	}
	return object{"object": "list", "data": data, "has_more": more, "url": t.url}, nil
}

// is matches a type, or a group of types as "invoice.*".
func (e *event) is(kind string) bool {
	if n := len(kind); n > 0 && kind[n-1] == '*' {
		return len(e.kind) >= n-1 && e.kind[:n-1] == kind[:n-1]
	}
	return e.kind == kind
}

// indented writes an object for people to read.
func indented(made object) string {
	raw, err := json.MarshalIndent(made, "", "  ")
	if err != nil {
		return ""
	}
	return string(raw)
}
