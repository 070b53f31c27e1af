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
//   - A program calls: Stripe and Tyk are the receivers, both http.Handler, both
//     the same skeleton (receiver.go): method, size, sender, hint, commit, answer.
//     A receiver answers 2xx only after Receiver.Accept has returned, so what is
//     answered survives a power loss.
//   - A browser comes from the portal: TokenVerifier (a JWT), QueryVerifier (a
//     signed query) and BareKey (an id nobody signed) return what was handed over,
//     and bridge.Service.Arrive commits it. Handoff.ID is that of the token or the
//     signature, and is what makes each work once.
//
// # What the receivers answer
//
//	200  committed; or a duplicate; or leads nowhere; or an event nobody listens to
//	400  no good Stripe signature; signed and not what it should be; cut off
//	401  no good secret in the address of a portal webhook
//	405  not POST (a portal webhook also answers HEAD with 200, without a secret,
//	     because "test connection" of a portal sends that)
//	408  the body did not arrive in time
//	413  the body is too large
//	503  could not be committed; Retry-After says when to come again
//
// Errors are problem documents (RFC 9457). They tell an operator what to compare,
// and tell a forger nothing that a refusal as such does not tell.
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
//   - A Tyk Classic webhook has no event id, so its hints are not de-duplicated:
//     each one counts. It is cheap, because a hint only makes a request due.
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
package webhooks
