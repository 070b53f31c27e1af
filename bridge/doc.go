// Package bridge is keybridge's domain: what a key request is, what its plan
// demands, and how money and access are brought into agreement and kept there.
//
// # The idea: hints, facts, rules
//
// Payment webhooks arrive twice, late and in the wrong order; browsers close;
// portals time out after having done the work. A program that reacts to each event
// loses one sooner or later. This one reacts to state:
//
//   - A Hint says that something may have changed: a redirected browser, a portal
//     webhook, a Stripe event, a click, the clock. It is verified by whoever
//     received it, de-duplicated and committed to the Store, and only then
//     answered. It carries ids, never truth.
//   - The facts (KeyRequest, Money) are what the portal and the provider say when
//     the Worker asks them, afresh, about a request that is due.
//   - The rules are pure. Observe takes the facts into the record. Want says what
//     should be, Next names the one Action that brings what is closer to it, or
//     says until when there is nothing to do but wait.
//
// So a crash, a duplicate, a reordering or a lost answer need no code of their own:
// the next pass reads the facts and goes on. Reconciliation is a hint sent by the
// clock.
//
// # How data walks
//
// Receivers and pages call Service, which commits a hint through Store.Accept and
// wakes the Worker. The Worker claims the request under a lease, reads Portal and
// Provider, and commits what it observed together with the next attempt before it
// makes the call. Everything a person sees is derived from the Request (State) and
// its history (Entry, hash-chained).
//
// # Decisions
//
//   - Accept also creates. Intake, de-duplication and "look at this" are one
//     commit, so the Store has no Create that could succeed alone.
//   - When a request is due is kept by the store's schedule, apart from the record:
//     a hint at a known request writes a few bytes, not the whole record. Claim
//     remembers how many hints there were, so one that arrives during a pass is
//     never overwritten by its end.
//   - Access.Granted, Ended and the steps are sticky facts of the past; everything
//     else in the record is what was last read, and is replaced by every pass.
//   - A portal's webhook is often faster than the browser it belongs to, and how that
//     is handed off decides whether the checkout may name anybody. So a checkout waits
//     three seconds for a browser, and the applicant is written to after a minute,
//     unless the portal leads no browsers here (Terms.Mailed).
//   - What the applicant is told follows from where the request stands and from what was
//     last said, in one file (news.go). What the terms leave out, or what can never be
//     sent, is noted as said, so that the next of its kind is seen to be new. Who came
//     here is told of a step whose turn comes a quarter of an hour later or more, and
//     reminded before the time for one is over. Telling comes last, and one that fails
//     holds nothing else up.
//   - What the applicant is told is the portal's to say and not the plan's: it depends on
//     what that portal mails by itself.
//   - Polling hints at what is not known yet, and at what is over here and waits there
//     all the same (a reading that said "gone" was wrong): all else has its own clock.
//     A portal is asked at every start, so a webhook that says "look it up"
//     (Service.Ask) needs nothing kept.
//   - Where a portal can give keys anew only by another key request, that one's id is a
//     ref of the first (KeyRequest.Also), and a hint at it leads there. The portal may
//     tell of it before the call that made it has returned: an unread request of the same
//     developer for the same waits while another's keys are being resumed, and is
//     dropped when it turns out to be that. A resumption whose answer was lost is looked
//     for by the next reading (Access.Since), whether or not it is still wanted.
//   - A developer's account that is deactivated in the portal stops what is asked of them
//     and suspends their keys; a subscription goes on, as it does when an admin suspends
//     a key. A suspension first seen together with it is taken to be part of it, because
//     a portal may do both at once, and is undone with it. What was approved and not
//     granted is given up, and refunded, after Terms.Patience.
//   - The first decision holds. Only an approval that is held up before it gave access, by a
//     bank, a payment that failed or the developer's account, may still be declined by a
//     person: a bank takes months, the subscription goes on meanwhile, and nobody else ends it.
//   - A person who makes a key request may say that it was settled elsewhere. That is
//     kept with the intake (Request.Waived), so that no crash can ask for it after all.
//     It waives what the applicant is asked for, never a review.
//   - An expired checkout is opened again while its step waits, so the developer's
//     link always leads somewhere; Terms.Patience ends that, not a count.
//   - What was paid and came to its end before access was granted (refunded by hand,
//     cancelled at the provider, and no word of it reached us) is cancelled and given back
//     before another checkout is opened: a subscription that goes on beside it would be
//     paid twice.
//   - A definite answer that a provider will repeat under one key (a stored 500)
//     ends the attempt. The next one carries Order.Since, and the provider adopts
//     what the failed one left behind instead of making a second one.
//   - Portals differ in how they say "suspended by the admin". A suspension we did
//     not ask for is the admin's, and is not resumed by us (Access.Stopped). One of
//     which it cannot be known, because a call of ours went unanswered, is ours.
//   - "Gone" is believed when two readings say it, confirmGone apart, whatever depends on
//     it: adapters only say it when the portal itself does, but a portal that restarts, or
//     reads from a copy that lags, says it too, of a request that was made just now first
//     of all. What follows cannot be undone: a refund, a subscription that is cancelled, and
//     where nothing was paid a request that is declined, and would be declined in the portal
//     as well when it is found there again. Nothing is done in between: a checkout stays
//     open, for somebody may be paying at it, and a request that was not read yet is not
//     taken in. Only the answer to a call of ours that makes it go is believed at once. A
//     reading after one whose answer was lost is not: the call may never have got there, and
//     a key would work for good. No number of readings helps against an address that leads to
//     another portal: that is for the configuration's check.
//   - Only a definite no to the first call of all shows that an attempt left nothing
//     behind (Change.fail), or that the payment before it came in after all, because
//     nothing is opened over that (Money.came). After any other failure to open a checkout
//     it is found out what became of it before the request is declined in the portal.
//   - A person's refund (Payment.Refund) is an order: kept until the provider says
//     that it is done, dropped with a line in the history when another period was
//     paid for meanwhile, so that one payment's refund is never made on the next.
//   - What a provider could not deliver by webhook is asked for at the start and every
//     hour, 30 days back each time. Nothing is kept of how far that came: the events have
//     the ids of their webhooks, so each counts once.
//   - Reconciling (reconcile.go) compares what the provider lists and the portals say with
//     the record, and decides nothing: the rules look at the facts on a copy of the record,
//     and what they would have to do then is what differs (Compare). What they can do is made
//     due by a hint. What they cannot (a second live checkout) asks for a person until it is
//     gone (Work.Apart). The daily run looks 30 days back: what is older has its own clock.
//     Whether it came to its end is on a paper (reconcile_daily.go), so who dies or stops
//     during it leaves it to the next.
//   - A hint says which side it is about (Hint.Said), and a side that was read less than
//     staysFresh ago is not asked again for a hint about the other one: a payment brings
//     three or four events, an approval its own echo, and each would have both sides asked.
//     What was said since the claim before comes with the claim, so nothing said during a
//     pass is taken to be read. A pass that the clock, a person or a failure brought reads
//     both. The far ends' own conditions stand before every act, as ever.
//   - A hint that leads to no request wakes nobody and leaves nothing. A hint at a
//     known one is committed without reading its record.
//   - A clock that is set back puts nothing off: the schedule, which is in everybody's time,
//     is read by one that goes on (steady.go). Set ahead it is as if the machine had slept.
//   - A lease that lapses is all that is left of a process that died: what it had
//     claimed is claimed again, and an attempt it had written down goes on under its
//     key.
//   - Leases are told by the clock that all nodes see, and a clock may jump while a call is
//     under way. So a process works on a request once at a time, whatever it can claim: a
//     pass on a request that another one is still at waits for that.
//   - An adapter that panics fails its call. The request it stumbled over would take
//     the process down again after each start, and all the others with it.
//   - Requests of a portal that is configured no more are claimed by nobody. They are
//     looked for once at the start and need attention, until the portal is back.
//   - A portal's calls take the access that was seen and not the whole request: the
//     keys and whose they are is all that an adapter needs to find them again.
//   - Prices named by the provider's id are quoted at intake, so that the record
//     knows amount and interval, and later changes of the price change no request
//     under way.
//   - What a person may do is checked at a Desk, here and not in pages or programs: role,
//     portals, who asked for the key, who approved first. Service itself asks nobody; it
//     is for the worker's hints, and for a Desk.
//   - What a person may do to a request is a value (Deed), done in one place (Desk.Do).
//     Console, API and commands offer and do the same: what a request allows as it stands
//     (Request.Allows) and what a deed leads to (Foresee) are found out by doing it to a
//     copy, so no page can promise what the commit would refuse.
//   - What a person says is said to what they saw: Desk.Seen refuses it where the request
//     has moved on (Request.Edition), in the commit itself. What a program repeats because
//     an answer was lost counts once: Desk.Once keeps its key with the commit, as it does
//     the ids of hints.
//   - The first of two approvals is kept with the request and decides nothing. Whether it
//     takes two is a term of the plan (Terms.Second), the lowest of all plans asked for.
//   - Notes, questions and answers are in the record, where they can be blanked, and
//     history says only that there were any. A question is asked of an applicant who can
//     read it: by mail, or on a page that shows it to nobody else.
//   - Histories are chains of their own, and the Ledger is one running hash over all of
//     them, in the order of commits: a history that is removed whole is missed. The hash
//     is defined here, so that every store makes the same of the same entries.
//   - A request can be forgotten once it is over: names, addresses, reasons and notes are
//     blanked, amounts, ids and history stay. It is nobody's fact and no call, so the
//     clock and a person's word do it alike.
//   - What a request is found by (Tags) follows from the record like its state, so that
//     every store finds the same by it.
//   - Telling may take half of a portal's workers: a mail server that takes connections
//     and says nothing holds up nobody's key.
//   - Plan upgrades (another policy for a living key) have no action yet: no rule
//     asks for one.
//
// # What it must never do
//
// It imports the standard library only. It does no I/O but through its ports, keeps
// no key, secret or credential, puts no personal data into history, and never acts
// on what a hint claims.
package bridge
