// Package sandbox is a Stripe to try things with: a stateful stand-in that
// speaks Stripe's HTTP API (version 2023-10-16), shows a hosted checkout page
// and a customer portal, sends signed webhooks, and misbehaves on demand.
//
// # The idea
//
// What makes a payment integration hard is not the calls but what lies between
// them: the browser that is closed, the webhook that comes twice or never, the
// answer that is lost after the work was done. Stripe's own mock checks that
// requests are well formed and forgets them. This stand-in remembers: what was
// ordered is paid, held, settled days later, refunded, disputed, renewed or
// forgotten, as a person at its pages, a program at its control API or a test in
// the same process will have it. A client that copes here was run with the same
// code that runs in production; nothing but the base URL and the key differ.
//
// It knows nothing of the program it is used with. No money moves, and it never
// asks for a card number.
//
// # How data goes in and out
//
//	s := sandbox.New(sandbox.Config{
//		Endpoints: []sandbox.Endpoint{{URL: "http://127.0.0.1:8080/webhooks/stripe", Secret: "whsec_1"}},
//		Prices:    []sandbox.Price{{LookupKey: "gold", Product: "Gold plan", Currency: "eur", Amount: 2000, Interval: "month"}},
//	})
//	defer s.Close()
//	http.ListenAndServe("127.0.0.1:12111", s) // s.Key() is the secret key
//
// A request to /v1/… is let in by its key, compared with what is stored under
// its idempotency key, held against the shape of the call (shape.go), hit by
// whatever fault is due (faults.go), and only then carried out under one lock by
// the ledger, which is everything Stripe would know and knows no HTTP. What
// changes makes events; an event is a snapshot, and the courier (courier.go)
// brings it to the endpoints. Pages, control API and Go API all go through
// [Server.Act], so a button does exactly what a test does.
//
// # What it stands in for
//
// Customers; products, prices (lookup keys), coupons and promotion codes;
// Checkout Sessions in mode payment, subscription and setup with their line
// items; PaymentIntents (read, update, cancel, capture); SetupIntents (read,
// cancel); payment methods, charges, disputes and early fraud warnings (read);
// refunds; subscriptions (read, update, cancel, resume); invoices (read, pay,
// void); events; webhook endpoints; account and balance; customer portal
// sessions. Lists page and filter as Stripe's do, expand[] works to four levels.
// Everything else is a 404 in Stripe's shape.
//
// # The checkout page
//
// GET /c/pay/{session} is the page a session's url leads to. Controls, by id:
//
//	email                 who pays (name email; read-only where it is known beforehand)
//	name                  name, optional
//	card                  test card (name card): ok, generic_decline, insufficient_funds,
//	                      expired_card, authentication_required, later (subscriptions:
//	                      works now and fails at every renewal)
//	pay                   pays, authorises, saves the card or starts the trial
//	decline               the bank refuses; the page stays, with a message (id notice)
//	pay-later             a bank debit: complete and unpaid, settled later on the dashboard
//	pay-without-card      starts a subscription that is free today without a card
//	expire                the session expires
//	cancel                link to cancel_url; the session stays open
//	promotion_code, apply where allow_promotion_codes is set
//	total, order, trial, recurring, manual  what is shown of the order
//	complete, expired, back                 a session that is over
//	dashboard                               link to what the sandbox knows of it
//
// Each button is name=action; its value is its id with _ for -. After success
// the answer is a 303 to success_url, sent once every endpoint has answered
// checkout.session.completed, or after Config.Patience. A declined card answers
// 402, a missing address 422, a session that is over 409, each with the page.
//
// # The dashboard
//
// GET / lists sessions, subscriptions, endpoints, faults and events; buttons
// hold, release, lose (webhooks), clear (faults), advance (select by). GET
// /sessions/{id} and /subscriptions/{id} show one of them with its events, and a
// button with the id act-NAME for each action that makes sense now: act-settle,
// act-refund (field amount), act-dispute, … Every event can be delivered again.
// GET /p/session/{visit} is the customer portal: cancel at the period's end, or
// not after all.
//
// # The control API
//
// JSON in and out, no key. Times are written "250ms", "36h".
//
//	GET    /sandbox/faults                    what goes wrong: {"faults":[…]}
//	POST   /sandbox/faults                    a [Fault]: {"kind":"error_after","method":"POST","path":"/v1/refunds","times":1}
//	DELETE /sandbox/faults                    nothing goes wrong any more
//	GET    /sandbox/clock                     {"now":…}
//	POST   /sandbox/clock                     {"advance":"744h"}
//	POST   /sandbox/act                       {"id":"cs_…","action":"pay","args":{"email":"a@example.com"}}
//	GET    /sandbox/calls                     the API requests that were answered
//	GET    /sandbox/events                    all events with their deliveries; ?about=ID those of one object
//	POST   /sandbox/events/{event}/deliver    delivers once more, now; 502 where it was not taken
//	POST   /sandbox/hold                      {"hold":true}
//	POST   /sandbox/endpoints/{endpoint}/roll {"overlap":"24h"} → {"secret":…}
//	GET    /sandbox/objects/{kind}            every object of a kind: checkout.session, charge, …
//
// Kinds of fault for API calls: latency, rate_limit, error_before, error_after,
// cut_before, cut_after; for webhooks: webhook_duplicate, webhook_shuffle,
// webhook_loss.
//
// Actions on a session: pay, decline, pay_later, expire, settle, fail. On a
// payment: refund, capture, void, lapse, dispute, inquire, win, lose, warn. On a
// subscription: renew, miss, require_action, retry, give_up, cancel,
// cancel_later, keep, end_trial, warn_trial, pause, resume, incomplete,
// card_fails. [Server.Act] says what each is told.
//
// # What it must never do
//
// Log a key, a secret or a body; follow a redirect of a webhook; take a
// parameter Stripe does not have; answer a field Stripe does not have. The last
// two are tested against Stripe's published OpenAPI description: every answer and
// every event of every test is.
//
// # Decisions, and why
//
//   - A parameter Stripe has and the sandbox does not act on is refused like one
//     Stripe does not know (parameter_unknown). Accepting and ignoring it would
//     let a test pass on something that was never tried.
//   - It answers in one API version and refuses others; only webhook endpoints may
//     have newer ones, since that is what accounts have. From "2025-03-31" on the
//     moves of invoices and subscriptions are made; what else newer versions
//     changed is not.
//   - A PaymentIntent comes into being when the page is used, a SetupIntent with
//     its session, as at Stripe since 2022-08-01. A session whose money is only
//     held is unpaid until it is captured.
//   - A request refused at the door (a parameter, a 401, a 429, a 409) is not kept
//     under its idempotency key, because no work began; everything after is,
//     including a refused refund and a 500 before the work. Stripe's documents say
//     as much; where exactly its door is they do not say, and here it is the
//     reading of parameters.
//   - A cut connection ends inside the status line. Go's client would silently
//     repeat a request with an Idempotency-Key that got no byte at all, and a test
//     would see no fault.
//   - A renewal is invoiced, finalised and collected at once, where Stripe waits
//     about an hour. The waits between retries are 3, 5 and 7 days.
//   - A subscription whose first payment is on its way is incomplete, and is given
//     up after 23 hours only once the bank has refused.
//   - A bank debit is on its way until somebody settles it; the clock does not.
//   - A declined card in mode=subscription leaves nothing behind; Stripe keeps an
//     incomplete subscription out of sight.
//   - Payment methods are card, sepa_debit and us_bank_account. Where a session
//     names none, a card and one of the debits are offered in every currency, so
//     that a delayed payment can be tried with any price.
//   - Taxes are always 0, balance_transaction always null: no ledger of Stripe's
//     fees is kept. Credits of a final invoice are shown and not carried over.
//   - The clock runs forward only. What falls due while it is put forward happens
//     in order, each at its own time, so half a year at once makes six renewals.
//     Signatures keep the real time, or no receiver would take them.
//   - Ids come from Config.Rand; with a seeded source a run in one goroutine is
//     the same every time, page by page.
//   - Objects are maps, for whoever reads this; what writes them (encode.go) knows the few
//     types they are made of. Each event and each answer is written, and a library took a
//     fifth of the sandbox's time to find out again what they are.
//   - Everything is in memory and nothing is forgotten but idempotency keys (24
//     hours), calls (the latest twenty thousand) and, for the API, events after 30
//     days. Lists cost what they return: indexes are kept for every filter that
//     narrows.
package sandbox
