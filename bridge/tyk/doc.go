// Package tyk lets keybridge decide key requests of the Tyk Classic Portal. Classic is a bridge.Portal that speaks to
// the Tyk Dashboard API.
//
// # The idea
//
// The Dashboard is where the facts are. Every call reads before it writes, writes at most one thing, and reads what came
// of it; so every call may be repeated, an answer that got lost is found by the next reading, and what the portal's own
// admin did meanwhile is seen and wins.
//
// # How data comes in and goes out
//
// In come ids: a key request's from the bridge, and the ids of keys from earlier facts (bridge.Access.Keys). Out go the
// facts, a bridge.KeyRequest in the domain's words. Between them one answer of the Dashboard after another is read within
// bounds (call.go), told apart as record, error or something else (envelope.go), and decoded into the few members that are
// needed (keyrequest.go, developer.go, session.go). What the facts then are is decided in one place (standing.go).
//
// # What it must never do
//
//   - Take a key, an OAuth secret or a password out of an answer: no struct here has a member for one, and the bytes of an
//     approval's answer are wiped once it is known whether it is an error.
//   - Log or put into an error a body, an id of a key, an e-mail address or the secret. Where Tyk's own sentence helps an
//     operator, only its plain words are kept.
//   - Let what a stranger wrote shape an address: an ill-formed id is answered "gone" without a call.
//   - Believe that something is gone because an address is wrong. A 404 counts only with Tyk's error envelope; the page of
//     a proxy that lost its way must not decline requests that people have paid for.
//
// # Decisions, and what Tyk leaves open
//
//   - The developer's record says which keys there are, the gateway's session whether one is stopped. A key the
//     developer has and the gateway does not know counts as suspended, not as gone: a gateway whose Redis is down says
//     "not found" of every key, and "gone" would end subscriptions. Gone is what left the developer's record.
//   - Approved and no key known means granted: under secure approval the developer has yet to generate the key.
//   - A developer has one subscription for a policy, and it may name a key that an earlier request led to. Keys named by
//     an earlier reading (Access.Keys) decide alone. Where none are known, Approve takes what was not there before it; any
//     other reading takes the subscription's key unless its session was created before the request was made (5 seconds'
//     grace for clocks; the request's date is the earlier of date_created, which a client may have sent, and the time
//     within its ObjectID). A session without a date is taken: an unknown key could never be stopped, and the portal
//     itself holds it to be the key of that policy. One that the gateway does not know is not taken before it does.
//   - Older developers' records have no subscriptions. Then the one key that covers all that was asked for is taken, and
//     none where there are several: a person has to say which.
//   - Without key hashing the id of a key IS the key. Such an id is never handed out: it is known by its SHA-256 and the
//     developer who has it ("sha256:<hex>@<developer>"). An id counts as a hash when it has the length of one of Tyk's
//     hash functions (8, 16, 32 or 64 hexadecimal digits) and the gateway knows it by hashed=true.
//   - An approved OAuth request leads to a client, not a key. It is known as "oauth:<client id>@<developer>"; Tyk has no
//     call that stops one, so suspending and revoking it ask a person to.
//   - Declining is deleting, which is all Tyk has. There is no place for a reason. After the deletion the developer is
//     read once more, because an admin may have approved it in that moment; the key that came of it is reported, so that
//     it can be revoked.
//   - Revoking deletes the key and then the key request too: while the approved request is there, Tyk's documents do not
//     say that "Generate key" cannot be used again. Config.KeepRevoked leaves it, as the portal's history.
//   - A key request that was deleted while its key lives is still granted: access is what opens the API.
//   - PUT /api/keys takes the session by itself (Tyk's OpenAPI document), with every member it was read with: numbers are
//     written back digit for digit. The session is read again afterwards.
//   - A record without an organisation is taken: the Dashboard shows an API user only the records of their own.
//   - Lists shift while they are read. Ids are collected before they are passed on and each is passed on once; what slipped
//     from one page to another unseen is found by the next listing.
package tyk
