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
// waits a moment for the worker, and shows the same page.
//
// # How data comes in and goes out
//
// Handlers verify through functions in Config (the verifiers live in webhooks, tied
// together in cmd), commit through bridge.Service, and render templates that are
// parsed once. The webhook receivers are mounted here and made elsewhere.
//
// # Decisions
//
//   - A page's token is the request's id and an expiry under HMAC-SHA256. It is the
//     only key to the page, so it is kept out of logs and referrers. The page of a
//     request that came by a bare id also wants the cookie of the browser it came
//     in.
//   - Cross-origin posts are refused by http.CrossOriginProtection; there is no
//     token in forms.
//   - Everything works without JavaScript: a page that waits reloads itself by a
//     meta refresh, which assistive technology can be told to ignore, and says so.
//   - The operator's API is served on a socket in the data folder; whoever may open
//     the folder may use it. bbolt lets one process open the file, so commands talk
//     to the running one.
//   - Answers come within a second whatever the portal does: handlers wait for the
//     worker for at most Config.Patience.
//
// # What it must never do
//
// Call a portal or a provider itself (bridge.Service.Arrive, which reads a bare id
// back, is the one exception), show personal data on the page of an unsigned
// hand-off, show a key, redirect to an address that is not on the portal's list, or
// write a token into a log.
package web
