// Package console is where finance sees what waits, decides, and finds out how a
// request stands.
//
// # The idea
//
// A page is read off the stored request and claims nothing else. What a decision will
// lead to is not written down by hand: the domain runs its own rules ahead on a copy of the
// record (bridge.Foresee), and the confirmation says in words which calls they would make.
// Whoever confirms says what they were shown; when the consequences are others by then,
// nothing is done and they are shown the new ones.
//
// # How data comes in and goes out
//
// A Console is an http.Handler for everything under /console/. Who sits there is told by
// Config.Who from a cookie; what they may do is refused by bridge.Desk, through which
// everything goes. The pages only leave out what it would refuse.
//
//	GET  /console/sign-in             who are you; ?next= is where to go on
//	POST /console/sign-in
//	GET  /console/openid              leave for the provider of OpenID Connect, ?next= as above
//	GET  /console/openid/back         come back from it
//	POST /console/sign-out            everywhere=1: in every browser
//	GET  /console/                    the queue, by filter; at=… are the places of the pages so far
//	GET  /console/requests/{id}       one request
//	GET  /console/requests/{id}/{do}  what approve, decline, ask, waive, refund or end would do
//	POST /console/requests/{id}/{do}  does it, when seen= names what was shown; else shows it
//	POST /console/requests/{id}/{do}  note, assign, retry: harmless, and done at once
//	POST /console/bulk                what approve or decline (do=) would do to each of many (id=); does
//	                                  it to those whose edition was shown (seen=)
//	POST /console/views               keeps a filter (query=) under a name; /remove forgets it
//	GET  /console/exports             the files one takes away; /{id} is one of them
//	POST /console/exports             begins one of a filter (query=) as csv or xlsx; /{id}/remove ends it
//	GET  /console/you                 who one is and may do; password, factor, tokens, sessions below it
//	POST /console/you/…               changes that
//	GET  /console/people              who may come in, what programs hold, and who may do what
//	GET  /console/people/users/{name} one of them; /{do} says what role, password, drop-code,
//	POST …/users/{name}/{do}          sign-out, disable or enable do, and does it
//	GET  /console/people/add, /tokens who is added, or given a token
//	POST /console/people/add, /tokens, /tokens/{name}/revoke
//	GET  /console/money               how it goes, in figures; {figure}.svg and .csv below it
//	GET  /console/reconcile           what the last reconciliation found, and what was done about it
//	GET  /console/audit               the house's own entries; entries.jsonl below it
//
// # Decisions
//
//   - The session cookie is __Host- where cookies are secure, which forces Path=/ on it:
//     that no neighbouring host can plant one is worth more than a narrower path, which
//     protects nothing. Without TLS it is a plain cookie for /console/ alone.
//   - Cross-origin posts are refused by http.CrossOriginProtection; there is no token in
//     forms. GET and HEAD change nothing.
//   - The address to return to after signing in is not checked, but made anew of what is
//     known in it: a page of the console and the names of the filter.
//   - Leaving for an OpenID provider is a link and no form, because form-action 'self' is
//     held against where a form's redirects lead. It changes nothing here: what proves
//     that the way back belongs to the way out is sealed in a cookie for that one address.
//   - A password is never written back into a page. Where a code is needed beside it, what
//     stands for both (CodeNeededError.Half) is; where there is no such thing, both are asked
//     for again.
//   - Pages are walked by cursor, and the places of the last ones are in the address, so
//     that the way back needs no session. A store lists in one direction only.
//   - Amounts are typed with a point and without grouping: "1,250" is a thousand to one
//     reader and one and a quarter to another.
//   - Pages refresh themselves by script: marked parts (data-live) are replaced and nothing
//     else. A part keeps its focus and its ticks, one in which something was typed or chosen
//     stays as it is, and forms for text stand outside of all. It stops while the page is
//     hidden, and can be switched off (WCAG 2.2, 2.2.2). So can the keys (2.1.4). Without
//     script a link looks again; only a page of files that are being made does so by itself,
//     in a <noscript>, and with a link that stops it.
//   - A request's page asks with its edition (If-None-Match), and is answered 304 while nothing
//     has changed: what is not shown anew is not recorded as a view either.
//   - Many are decided by the same deeds as one. Each carries the edition that was shown, which
//     is checked in the commit (Desk.Seen) and is the key of the decision (Desk.Once): one that
//     has moved on is left out and said to be, and a form that is sent twice does nothing the
//     second time and says what the first did. It is a loop of decisions and no transaction: a
//     request that is refused holds up no other.
//   - What is ticked is sent by POST though the first answer only shows: fifty ids are too long
//     for an address, and an address is kept in places where a list of requests should not be.
//   - A person's saved views are one paper, so that their number is bounded in the commit that
//     adds one. They may hold what somebody searches for, and are shown to nobody else.
//   - Files of requests are made on Config.Shelf: a list has one way out. The address of a file is a capability of nobody: it works for who made it.
//   - A search of the queue is not recorded as a view of personal data; opening a request
//     is. The search's words would be personal themselves.
//   - People are House's, which refuses and tells of it; the pages leave out what it would
//     refuse. What it takes and returns are types of this package, so that whatever keeps
//     people may stand behind it. Its parts are apart because they are asked by who sits
//     here, by who manages others, and by both.
//   - What would outlast a stolen session asks for one's password in the same form (a token, a
//     second factor, whatever is changed of others), each time: a proof that is kept for some
//     minutes is one that a stolen session has too. Who comes by OpenID has none here, and
//     signs in there again when the last time is too long ago. What only ends something of
//     one's own, a session or token, asks for nothing: who does that may be in a hurry.
//   - Passwords for others are made and never typed: nobody knows somebody else's longer than
//     it takes to hand it over. Secrets are the answer to a POST, no-store, and never in an
//     address. The picture of a second factor is drawn into the page as SVG, so that it has no
//     address either.
//   - Neither all portals nor some are chosen beforehand, and both at once are refused: a
//     ticked portal beside "all" would give more than whoever ticked it means.
//   - That something was done is said where the address says so and the record bears it out.
//   - A figure of the money pages is a sentence, a plot and a table of the same numbers
//     (figures.go), and the plot's file carries the sentence as its description: nobody has to
//     see it. The numbers are the domain's sheets (bridge.Sheet), whoever counts them.
//   - Plots are SVG files of their own in an <img>, one for each colour scheme and width, and
//     not part of the page: gonum/plot writes styles into attributes, which the policy would
//     switch off. What it writes is turned into plain attributes, so that the same policy
//     holds when a file is opened by itself. Fonts are named and not embedded, which would
//     make a file of 5 KB one of 400.
//   - Only one plot has a line for two things, and it is dashed and has other dots; bars of two
//     colours stand in a fixed order. Colour alone says nothing.
//   - The money pages are about days in UTC, like the sheets; the audit's days are those of
//     Config.Zone, like its times.
//   - A table of money is written as lists are (Config.WriteTable), and answered at once: it has
//     a few dozen lines, so it needs no shelf. The currency has a column of its own, and the
//     line that adds up the plans is left out, so that a column can be added up.
//   - The audit takes somebody who may see all portals: its entries are one chain. It is walked
//     back from its end, some thousand entries a page; where one is missing or damaged the page
//     says so and goes on, and a download is broken off.
//   - Looking at the audit is not written down, taking it away is. Otherwise each look would
//     add to what is looked at.
//   - An address at the provider or portal is shown only if it is http or https, and the
//     checkout's not at all: whoever has it can pay.
//
// # What it must never do
//
// Call bridge.Service but for Desk, change people but through House, load anything from
// another host, run a script that is not a file of ours, redirect out of /console/, add two
// currencies up, show a checkout's address or a key, or write a token, a password or what an
// applicant wrote into a log.
package console
