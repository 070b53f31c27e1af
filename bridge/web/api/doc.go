// Package api is /api/v1: what the finance console does, for programs.
//
// # The idea
//
// A program is somebody's: it comes with a bearer token, and is that person with at most
// what the token gives. Whatever it asks goes through that person's bridge.Desk, so that
// a program may do what its owner may do at the console, and history names the owner. What
// is refused is refused, and recorded, by the Desk.
//
// openapi.yaml is the description, and part of the program: it is served beside the
// operations, every route is in it, and the tests hold every answer they get against it.
//
// # How data comes in and goes out
//
// A call is let in (enter.go), read strictly (body.go, query.go), and handed to a handler
// that returns a reply or an error. One function writes either: a reply as JSON, an error
// as a problem document (RFC 9457). A list is a page and the address of the next one; the
// filters are the console's (web.ReadFilter). A deed answers with a receipt, which says what
// was done and where the request stands then; the request itself is there to be read.
//
// # What it must never do
//
// Look at a cookie: a browser that is signed in to the console is nobody here, so no page
// can make it do anything, and no answer permits other origins. Log a token, an address,
// a path or a query. Keep anything personal: what is kept for a repetition is a receipt,
// which has ids and states alone. Say that a request exists to who may not know of it.
//
// # Decisions
//
//   - A decision (approve, decline, waive, refund, cancel) says which edition of the request
//     it is about: If-Match with the ETag of the request. 428 without, 412 when the request
//     has moved on, checked in the commit. "*" is no edition: whoever decides has to have
//     looked. Deeds that decide nothing take If-Match and can do without.
//   - The ETag is strong, because If-Match compares strongly, and names bridge.Request's
//     Edition: what people see. What the worker notes for itself (when it looks again, how
//     often it failed) is answered as well, and may be newer than the ETag.
//   - With an Idempotency-Key a repetition of a write gets the same receipt and the header
//     Idempotent-Replayed, for a week. The same key with another body is 422, a repetition
//     while the first is under way 409. Failures that did nothing leave the key free. Where
//     it is not known what became of a write, the next one under its key goes on with it:
//     the Desk does a thing once for a key (bridge.Desk.Once), and a key request that was made
//     and still waits is taken (bridge.Desk.Create). What is kept has the shape of
//     a receipt, so that people can be forgotten and repetitions are answered all the same.
//   - Who may not do a deed is told so (403) before they are told that a header is missing,
//     so that a refusal is recorded whatever else is wrong with the call.
//   - Members and parameters that are not known are refused by name: a word misspelt is never
//     taken for one left out. Every fault of a call is named at once (errors).
//   - A list without show is what waits for a person, as it is at the console: an address
//     copied from there asks for the same here.
//   - A cursor is good for the person and filter it was made for. It is no secret and opens
//     nothing: the Desk says what its person may see.
//   - Wrong tokens slow an address down, as wrong passwords do. A program whose token was
//     good before is let through to be asked again, so that another one's stale token does
//     not shut out the whole house behind one address.
//   - A list is taken away as a file on the same Shelf as the console's, and the
//     numbers are those of the same sheets (Report): there is one way to make a file, and
//     one to count.
//   - Reconciling takes as long as it takes, so a run is begun and then looked at. It is the
//     Desk's, as that of keybridge reconcile: one at a time, and refused to who may not see all
//     portals. The last few are remembered while the process lives, each for who began it: a
//     dry run is kept nowhere else. What of one is shown is what the token may see.
//   - Problem types are URNs. They name what happened to a program; title and detail are for
//     whoever reads its log.
package api
