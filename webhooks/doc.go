// Package webhooks answers two questions about what comes in from outside: who
// sent this, and is it true? It turns what passes into a bridge.Hint.
//
// # The idea
//
// A hint carries ids, never truth, so this package does not have to understand
// what happened. It has to be sure of the sender, and then take as little as
// possible: the id that de-duplicates, and the ids that lead to a request. The
// worker reads the facts afresh.
//
// # How data walks
//
// There are two ways in.
//
//   - A program calls: Stripe, Tyk (a Classic Portal) and TykEnterprise are the
//     receivers, each an http.Handler, all the same skeleton (receiver.go): method,
//     size, sender, hint, commit, answer. A receiver answers 2xx only after
//     Receiver.Accept has returned, so what is answered survives a power loss. Some
//     events of an Enterprise Portal are about a developer: the skeleton then hints
//     at each of that developer's requests (developer.go), and answers once.
//   - A browser comes from the portal: TokenVerifier (a JWT), QueryVerifier (a
//     signed query) and BareKey (an id nobody signed) return what was handed over,
//     and bridge.Service.Arrive commits it. Handoff.ID is that of the token or the
//     signature, and is what makes each work once.
//
// # What the receivers answer
//
//	200  committed; or a duplicate; or leads nowhere; or an event nobody listens to
//	400  no good Stripe signature; signed and not what it should be; cut off
//	401  no good secret in the address (Classic) or header (Enterprise) of a portal
//	     webhook; the body is not read
//	405  not POST; of an Enterprise Portal, not POST, PUT or PATCH (a portal webhook
//	     also answers HEAD with 200, without a secret, because "test connection" of a
//	     portal sends that)
//	408  the body did not arrive in time
//	413  the body is too large
//	503  could not be committed, or one of several hints could not; Retry-After says
//	     when to come again
//
// Where the body was not read to its end the connection is closed after the answer.
//
// Errors are problem documents (RFC 9457). They tell an operator what to compare,
// and tell a forger nothing that a refusal as such does not tell.
//
// # The events of an Enterprise Portal
//
//	AccessRequestCreated           a hint at the access request, which is taken in if
//	                               it is not known
//	AccessRequestApproved,         a hint at the access request, if it is known
//	AccessRequestRejected
//	…any of them with the ID 0     a hint at each request of the developer (ByUser),
//	                               and the portal is asked for what waits (Look)
//	CredentialRegistered           a hint at the access request (AccessRequestID) or,
//	                               if that is not known, at each request of the
//	                               developer (ByUser)
//	UserAccountActivated,          a hint at each request of the developer (ID; ByUser
//	UserAccountDeactivated         is the admin)
//	anything else                  ignored
//
// NewAccessRequest and NewCredentialRegistration are what 1.9 called two of them.
// An ID is a whole number, as a number or as text. Whose ByUser is, the developer's or
// that of who acted, is not documented; a hint at nobody's requests does no harm.
//
// # What it must never do
//
//   - Store or commit anything unverified.
//   - Put a secret, a signature, a token, a header, a query or a body into a log
//     line, an error or an answer. The secret of a portal webhook is part of its
//     address, so whoever logs requests logs the path and never the query.
//   - Let what was sent choose how it is checked: algorithm and keys are pinned in
//     configuration, a key is parsed for one algorithm and cannot serve another.
//   - Compare a signature or a secret in a time that depends on its content.
//
// # The signed query
//
// A portal whose templates can compute an HMAC, but have no JWT library, signs the
// address it redirects to. The canonical string is the path of that address as it
// stands in the URL, one line feed, and all query parameters but signature:
//
//   - names and values are percent-encoded as RFC 3986 says: A-Z a-z 0-9 - . _ ~
//     stay, every other byte of the UTF-8 text becomes % and two upper-case hex
//     digits (so a space is %20, never +),
//   - the encoded pairs are sorted by name, equal names by value, comparing bytes
//     (as in RFC 5849 section 3.4.1.3.2),
//   - each is written name=value, and they are joined with &.
//
// signature is the HMAC-SHA256 (RFC 2104) of that string under the shared secret,
// 64 lower-case hex digits. The parameters: key_request_id (the name can be
// configured), timestamp (Unix seconds, no more than 5 minutes from the bridge's
// clock in either direction), portal (optional; has to name the portal the address
// is for), return (optional; where the developer goes back to). Others are allowed,
// and signed like these.
//
// An example. Secret, canonical string, signature, and the address to redirect to:
//
//	secret-of-32-bytes-for-example-1
//
//	/handoff/main
//	key_request_id=5f7c1e0a8d3b2c0001a4e9d1&note=two%20words&timestamp=1700000000
//
//	bb96f087c519b41c18df4cd58230305badaa0692f25861293fc9dfd616fd46d5
//
//	/handoff/main?key_request_id=5f7c1e0a8d3b2c0001a4e9d1&note=two+words&timestamp=1700000000&signature=bb96f087c519b41c18df4cd58230305badaa0692f25861293fc9dfd616fd46d5
//
// (In the address itself a space may be + or %20, and the order does not matter.)
//
// # Decisions
//
//   - The secret of a Tyk Classic webhook is the query parameter secret, and not
//     also a part of the path: paths are what routers, proxies and metrics record
//     by default. One way is enough, and is the one to keep out of the logs.
//   - A portal's webhook, of either kind, has no event id, so its hints are not
//     de-duplicated: each one counts. It is cheap and does no harm, because a hint
//     only makes a request due, and the portal is read before anything is done. So
//     who replays a delivery gains nothing (and has the secret anyway).
//   - The Timestamp of an Enterprise Portal's event is not looked at. No signature
//     covers it, so it proves nothing to us, and a portal whose clock is wrong would
//     lose its webhooks, which it sends once.
//   - An Enterprise Portal's approval or rejection of a request that is not known here
//     creates nothing: the portal decided by itself, so nobody has asked us for
//     anything, and a record would only be of what is over. When its
//     AccessRequestCreated is merely late, that takes it in, and what was decided is
//     read.
//   - The ID 0 cannot be looked up here: that takes a call of the portal, and an answer
//     may not wait for one. The worker lists what waits; it does so at each start too,
//     so nothing is lost by a crash between the answer and the listing.
//   - An Enterprise Portal's admin chooses the method of a webhook, and the portal's
//     test of the connection does not try it. So POST, PUT and PATCH are all taken:
//     the body says the same, and a webhook that is refused is lost without a word.
//     GET and DELETE are not: what is on the way may drop their body (RFC 9110
//     section 9.3.1).
//   - Its secret is in a header of its own, X-Keybridge-Secret, unless another is
//     configured. A header that is there twice is refused: which of the two counts
//     should not depend on what is on the way.
//   - Several hints of one delivery are committed each by itself. They are not one
//     commit, and need not be: those that were kept are true without the others.
//   - A Stripe event's hint carries the request named in its metadata and the refs.
//     The store tries them in that order: metadata is free text, and the id in it may
//     be that of another installation on the same account.
//   - JSON is read by scan.go instead of encoding/json: names are matched exactly
//     (encoding/json takes "ALG" for "alg"), depth is bounded, a token's duplicate
//     members are seen and refused, and a Stripe event of some kilobytes is read in
//     one pass that keeps ten strings. It accepts exactly what encoding/json accepts
//     up to that depth; a fuzz test holds it to that.
//   - Of golang-jwt only the signature methods are used. Its parser decodes claims
//     before the signature is checked, does not see duplicate members, and lets
//     tokens without iat and jti pass; the part that is left is short.
//   - PS256 and its kin are not offered: six wrong accepts against Wycheproof's
//     vectors were signatures with another salt length.
//   - aud has to be the configured audience alone. A token that is good for others
//     too could be replayed here by any of them.
//   - A commit goes on when the sender hangs up: Tyk does not send a webhook twice.
//     For the same reason a hint that fails does not keep the others of its delivery
//     from being committed.
package webhooks
