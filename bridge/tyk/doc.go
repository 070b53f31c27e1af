// Package tyk lets keybridge decide key requests of Tyk's two portals. Classic is a bridge.Portal that speaks to the Tyk
// Dashboard API, Enterprise one that speaks to the API of the Enterprise Developer Portal.
//
// # The idea
//
// The portal is where the facts are. Every call reads before it writes, writes at most one thing, and reads what came of
// it; so every call may be repeated, an answer that got lost is found by the next reading, and what the portal's own admin
// did meanwhile is seen and wins.
//
// The two products have nothing in common but that: other records, other ids, another idea of a suspension. What they share
// here is how calls are made (api.go, call.go), how answers are told apart (envelope.go), how free text is bounded (text.go)
// and how changes of one thing take turns (turn.go). The files of the Enterprise Portal begin with enterprise_.
//
// # How data comes in and goes out
//
// In come ids: a key request's from the bridge, and the ids of keys from earlier facts (bridge.Access.Keys). Out go the
// facts, a bridge.KeyRequest in the domain's words. Between them one answer of the portal after another is read within
// bounds, told apart as record, error or something else, and decoded into the few members that are needed. What the facts
// then are is decided in one place: standing.go for the Classic Portal, enterprise_grant.go for the Enterprise Portal.
//
// # What it must never do
//
//   - Take a key, an OAuth secret, a token or a password out of an answer: no struct here has a member for one, and the
//     bytes of an answer that holds one are wiped.
//   - Log or put into an error a body, an id of a key, an e-mail address or the secret. Of what Tyk says only the status
//     is told, and what it is taken to mean in words of ours: a sentence may quote whatever was sent or is stored.
//   - Let what a stranger wrote shape an address: an ill-formed id is answered "gone" without a call.
//   - Believe that something is gone because an address is wrong. A 404 counts only with Tyk's error envelope; the page of
//     a proxy that lost its way must not decline requests that people have paid for.
//
// # Decisions, and what Tyk leaves open: the Classic Portal
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
//   - A policy is looked up before it is asked for, since Tyk takes a key request for one that does not exist. Where the
//     Dashboard user may not read policies it is asked for unseen.
//
// # Decisions, and what Tyk leaves open: the Enterprise Portal
//
//   - A key is known as "<access request>/<credential>", ids both. All that there ever were stay among the facts' keys, so
//     that the access requests which took each other's place are known from them: the highest one counts now, and all
//     together are revoked. Ids count up, as those of a database do.
//   - There is no call that suspends. The credentials are deleted, and resuming provisions another access request for the
//     same app, products and plan: the developer gets other credentials, and the portal tells them.
//   - The answer to a provision does not say which access request it made. The app's are listed before and after, and
//     provisions for one app take turns. Nothing in Tyk's documents keeps two processes, or a developer in that very
//     moment, apart.
//   - After a resumption whose answer was lost (bridge.Access.Since) every call looks for what it made: for the same app,
//     products and plan, with a higher id than what it replaces, made since then by the portal's dates, which have minutes
//     and, mostly, no zone (EnterpriseConfig.Zone). What a refused provision leaves waiting is found in the same way, so
//     such a failure is never reported as one that left nothing behind. The developer may have asked for the same in that
//     time: so what waits is taken after what was approved, by resuming alone, and never deleted.
//   - Access requests say app, products and plan by name. Names are looked up in lists that are remembered for a minute. A
//     name that fits nothing, or more than one, stands for itself and fits no configured plan: it goes to review. The app
//     is only looked up where it is written to; of several with one name each is asked whose the request is.
//   - Names of products may come joined with commas, and hold commas themselves. They are taken apart only where there is
//     one way to.
//   - Whether an account is active is read every time.
//   - Approved without credentials is suspended when credentials were seen before. Where none were, they may be on their
//     way: for ten minutes after the approval it is granted, and suspended from then on.
//   - Declining is rejecting; the record stays, and where the portal lets its admin approve it after all, that is granted.
//     There is no place for a reason. Revoking deletes the access requests, since approved ones cannot be rejected
//     everywhere, and their credentials go with them.
//   - A decision that is answered 422 is read again: somebody else may have been quicker. What is pending then was refused;
//     where Tyk speaks of a gateway that cannot be reached that is unavailable, otherwise a person has to look.
//   - The portal has no parameter for pending access requests, none to find a user by e-mail address and none for the apps
//     of a user: the lists are read to their end, 100 records a page.
package tyk
