// Package web is what people and programs meet over HTTP: the hand-off from a
// portal, the developer's own page, the operator's API and the operations
// endpoints.
//
// # The idea
//
// No page sends anybody to another page. A hand-off is verified, committed and
// answered with a redirect to /r/{token}; from then on one dispatcher reads the
// stored request and shows what it says: a checkout to go to, progress, an end. The
// landing page after a checkout claims nothing: it hints that somebody is looking,
// waits a moment for the worker, and goes on to the same page.
//
// # How data comes in and goes out
//
// Handlers verify through functions in Config (the verifiers live in webhooks, tied
// together in cmd), commit through bridge.Service, and render templates that are
// parsed once. The webhook receivers are mounted here and made elsewhere. Errors are
// pages that say what to do next, and problem documents (RFC 9457) to programs.
//
// The console and the API are rooms of their own below this one. What they have in common
// with it or with each other is here: Engine, Pages, SameOrigin, the filter of requests, spans
// of days, and how amounts are written and read.
//
//	GET  /handoff/{portal}     take in a browser: ?token=, ?…&signature=, or a bare id
//	GET  /r/{token}            where a request stands
//	       ?go=1               send on to the checkout as soon as there is one
//	       ?look=1             have the facts read again first
//	       ?try=               how often the page has looked by itself
//	       ?still=1            do not look again by itself
//	GET  /r/{token}/return     back from a checkout
//	POST /r/{token}/withdraw   the developer's "no, thank you"
//	POST /r/{token}/answer     the applicant's answer to what a person asked: a form with
//	                           answer and to, the question's place among the notes
//	     /webhooks/stripe, /webhooks/portal/{portal}
//
// On the operations listener:
//
//	GET  /livez, /healthz      the process answers
//	GET  /readyz               whether everything can be taken in, and if not why: JSON, or
//	                           words for who accepts text/plain
//	GET  /metrics              Prometheus
//
// # Ids on the pages
//
// For browser tests: #title, #checkout, #home, #withdraw, #again (look again now),
// #still (stop looking by itself), #resume (on the page of a link that was used),
// #question with #answer (the field), #send and #errors, #answered (the answer was sent),
// #earlier (what was asked and answered before), #elsewhere (where a question can be read).
//
// # Decisions
//
//   - A page's token is the request's id and an expiry under HMAC-SHA256. It is the
//     only key to the page, so it is kept out of logs and referrers. The page of a
//     request that came by a bare id also wants the cookie of the browser it came
//     in.
//   - A link that is mailed to the applicant (Links.Mailed) is signed for another
//     claim, and wants no cookie: it was in their own mailbox. A checkout only knows
//     the address without that claim, so a browser that opens the mailed one gets a
//     pass: a cookie, signed for a third claim, that lets it in on every address of
//     that one request for as long as the link works. Nothing of it is kept here, so a
//     mail scanner that follows the link changes nothing.
//   - A mailed address does not say which checkout was left. Whoever lands on one is
//     taken to come from the open one, and is not sent on to pay.
//   - Who came by a mailed link, in this browser, or was signed in by the portal is
//     known to be the applicant. Only then is their app named, are questions and answers
//     shown, and can one be answered; nothing else that is personal is on any page. A
//     bare id says nothing of who brought it: whoever was first with somebody else's
//     would read what that one is asked, and answer for them. Its page says that there
//     is a question, and that the mail leads to it.
//   - An answer says which question it is about, so that one from an old tab is not taken
//     for the answer to another. One that is not taken (empty, too long, too late) comes
//     back with what was written; one that is sent twice is there once. That an answer
//     was sent is read from the record, and not from an address that anybody can write.
//   - A page with a question does not look again by itself and sends nobody on to pay:
//     what is being typed would be wiped out. Who asks is named nowhere.
//   - While the developer's account is deactivated in the portal a page asks for
//     nothing, leads to no checkout and says whom to ask, whatever else is the case.
//   - A step that waits for the applicant shows until when, to the minute and in UTC,
//     because a browser without JavaScript does not tell where it is.
//   - The reason for which a person waived a payment is shown to the applicant.
//   - Cross-origin posts are refused by http.CrossOriginProtection; there is no
//     token in forms. GET and HEAD change nothing; HEAD hands nothing off.
//   - Everything works without JavaScript: a page that waits reloads itself by a
//     meta refresh, says so, offers a link to do it now and another to stop it
//     (WCAG 2.2, 2.2.1), and does it less often the longer it takes. What waits for
//     the developer, or is at rest, stays as it is.
//   - A checkout is told to send the browser back to the page's address as of its
//     attempt. So an address tells whether the checkout that is open is the one that
//     was left, or already the next one.
//   - Whoever comes back from a checkout is not asked to pay while the provider
//     cannot be read, however long that takes.
//   - A hand-off that is refused leaves a count, and a debt of its network: ten are
//     free, then one in six seconds. A bare id that could not be read back counts
//     too, because it is kept. The debt is uncollected while hand-offs are in
//     flight, so that a burst from one address (a load test, a school) that is not
//     refused is never held up.
//   - A bare id that the portal does not find may be ahead of it: a portal that reads from a
//     copy finds it a moment later, and who is told to ask again has two key requests then.
//     So the page looks again by itself, four times in twenty seconds, and says what to do
//     after that. Each look counts as a refusal, for guesses look the same.
//   - Where a developer goes back to is checked when it is handed over and again
//     whenever it is shown, against the list as it is then. Case and port count: an
//     address that is not on the list to the letter leads to the portal's home.
//   - The operator's API is served on a socket in the data folder; whoever may open
//     the folder may use it. bbolt lets one process open the file, so commands talk
//     to the running one. It knows the outgoing webhooks as a small port (Outgoing),
//     and not the package that sends them. An operator decides at a desk, as everybody
//     does. What is about users, tokens, the audit or the store is added where it is known
//     (Operator.Handle), so that bodies are read and errors told in one way.
//   - Metrics are counted where something happens and gauges are read at the scrape: from
//     indexes, counted so far and no farther, and at most every five seconds, so that
//     whoever scrapes costs the store next to nothing. What cannot be read is absent, and
//     not zero. Each is made in a way that documents it (Measure).
//   - What is undelivered is known from what changes, and of what was left over from before
//     the start from one reading of it (Metrics.Recall): an index has no time in it.
//   - Ready means that a hint can be kept. A portal, the provider or the mail server that
//     does not answer is told of at the same place and makes nobody unready: to send no
//     webhooks any more would lose what could have been kept until they are back.
//   - Answers come within a second whatever the portal does: handlers wait for the
//     worker for at most Config.Patience.
//
// # What it must never do
//
// Call a portal or a provider itself (bridge.Service.Arrive, which reads a bare id
// back, is the one exception), name what is the applicant's (their app, what they were
// asked and answered) to anybody but them, show a key, redirect to an address that is
// not on the portal's list, or write a token or an answer into a log.
package web
