// Package stripe is the payment provider on Stripe: checkouts, holds, refunds and
// subscriptions, in the words of package bridge.
//
// # The idea
//
// A Provider says what is so at Stripe (Read) and makes one change at a time
// (Open, Expire, Capture, Void, Refund, Cancel). It keeps nothing between calls:
// each answer is made of what Stripe says at that moment. Whether to try again, and
// when, is the worker's decision, so nothing is retried in here.
//
// # How data comes in and goes out
//
// In come a bridge.Request (its checkout's session id is where reading begins), a
// bridge.Order and an idempotency key; out goes bridge.Money or a *bridge.Error.
// Everything walks from one Checkout Session: payment mode leads to its
// PaymentIntent and charge, subscription mode to the subscription, its invoices and
// the charge of the last paid one, setup mode to its SetupIntent. Read is one call:
// the session with all of that expanded. A second call is made for a charge that was
// disputed (its disputes), and for a subscription that has had more than one
// invoice or whose latest one is not paid (its invoices).
//
// The request's id and step are in the metadata of the session and of whatever it
// makes (PaymentIntent, subscription, SetupIntent, invoice), because Stripe does not
// copy metadata, and because an event must find its way even when the crash came
// before the id was recorded.
//
// # Decisions
//
//   - A stripe-go backend of its own for each Provider; the library's global key,
//     backends and app info are not used, so that two accounts and two tests live in
//     one process. The library's retries and telemetry are off, and the header in
//     which it sends the output of uname(1) is replaced.
//   - Calls go through stripe-go (its parameters, form encoding, keys, errors), and their
//     answers through types of our own (objects.go) that have what is read here and nothing
//     else. stripe-go's own have hundreds of members, and it goes over an answer four times
//     before it decodes it, and again over each object within another: a reading of a paid
//     checkout took four times as long. The way past that is its call for downloads
//     (CallStreaming), which panics where no answer came. So there always is one here, and
//     one that did not come fails when it is read (wire.go).
//   - What stripe-go returns as an error is never wrapped: its text is the whole
//     answer, with client secrets and billing details in it, or a sample of a body
//     that could not be decoded. Errors are told anew from the status, and from type,
//     code, parameter, request id and the name of a missing permission, each only where
//     it has that form. Stripe's own sentence is not kept: the request id finds it in the
//     Dashboard's logs.
//   - After a change the facts are read again with a GET. The answer to the change
//     may be Stripe's stored answer to an earlier call under the same key. A checkout
//     just made is not read again unless the answer says Idempotent-Replayed.
//   - expires_at is the order's time plus Config.CheckoutExpiry, and is left out for
//     24 hours, which is Stripe's own default: other parameters under one key are an
//     error, so whatever depends on the clock must not move between repetitions.
//   - Stripe forgets keys after 24 hours. An order older than half of that is
//     therefore looked for before it is placed, as if its Since were its own time.
//   - Adoption reads the sessions made since a time, newest first, and compares
//     metadata. Stripe's search is not used: it lags by up to a minute or more.
//   - List reads the same expansions for a page of sessions at once, so that what became of
//     each is known without a call for it. It is given no request, so of a subscription it
//     knows the latest invoice alone where that is paid.
//   - Validation is setup mode with payment_method_types[]=card: a card is what is to
//     be validated, and API 2023-10-16 then asks for no currency. Payments leave the
//     methods to the account's settings.
//   - Payment and setup mode create a customer (customer_creation=always), so that
//     the developer's next checkout knows them; subscription mode does so anyway.
//   - A one-off payment makes no invoice unless Config.Invoices says so: Stripe
//     charges for each one, and a receipt needs none. A held payment never
//     makes one, because an invoice would say paid before it is.
//   - A checkout that comes to nothing now takes a card only if Stripe requires it
//     (payment_method_collection=if_required) when the prices themselves are nothing.
//     A trial of a paid plan asks for the card, so that the key outlives the trial
//     without anybody coming back; Config.TrialWithoutCard turns that round, and a
//     trial that ends without a card then cancels the subscription.
//   - Inquiries (dispute status warning_*) are not disputes: the money is here and
//     can be refunded. A dispute that was lost took its amount: it counts as returned.
//   - A subscription that is over is PaymentEnded, and the time paid for ends with
//     the last period that was paid and neither refunded in full nor lost. While a
//     dispute about it is open it is Disputed.
//   - A subscription whose first payment is still on its way is Processing, whatever
//     Stripe calls it: for bank debits that can be "active". Where the bank said no
//     the checkout has failed, although Stripe may go on asking: what is left of the
//     subscription is ended before another checkout is opened. One
//     whose opening was never answered is adopted for that: else nobody would know of it.
//   - A charge of an earlier period counts while a dispute about it is open. Once that
//     is lost, later payments stand for themselves.
//   - What was paid to an invoice outside Stripe is not in Collected: it cannot be
//     given back here.
//   - Prices are not cached: a price is quoted once for a request, at intake, and one
//     GET beside a portal read and a commit is not worth a stale amount.
//
// # What it must never do
//
// It logs no body, key, client secret, e-mail address or card data, and returns
// none. It makes no change without an idempotency key, follows no redirect, changes
// no stripe-go global, and never takes the money of one request for another's.
package stripe
