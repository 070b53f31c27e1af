// Package outgoing tells other systems what happens: the CRM that somebody asked for
// a key, the accounting that money came or went back. It posts signed messages by the
// Standard Webhooks specification (https://www.standardwebhooks.com), which receivers
// verify with a library of their language.
//
// # The idea
//
// There is no queue of messages. The store has a feed, the history of all requests in
// the order of its commits, and a bookmark for each endpoint: how far in the feed it
// has come, and how it is. The next message follows from the two, so that a crash at
// any point needs no code of its own. What was sent and not noted is sent again, and
// says the same under the same id; nothing is left out.
//
// # How data walks
//
// A commit wakes the Sender. Each endpoint has a lane: it reads the feed after its
// place, passes over what the endpoint did not ask for (TypeOf, Endpoint.Types), makes
// the message of an entry (Payload), signs it with every secret, posts it, keeps what
// became of that in the bookmark, and goes on. One message at a time, in the feed's
// order. A lane that waits for its endpoint holds up no other.
//
// Endpoints says how each one is. Resume, Skip and Replay are an operator's words.
//
// # What a receiver can rely on
//
//   - The header webhook-id is "msg_", the request's id, "_", the number of the entry
//     in its history, "_" and the beginning of the entry's hash, whether it is sent for
//     the first time, tried again, or sent again by Replay. It is what to tell
//     duplicates by.
//   - The body of a message is the same every time. It says what the entry says, and
//     of the request what was settled at its intake. How the request stands now is not
//     in it: who needs that asks keybridge's API. The exception is personal data, which
//     only endpoints with Personal get: it is read when the message is sent, and is not
//     there any more once a person was forgotten.
//   - webhook-timestamp is the time of the try, so that a receiver's tolerance holds
//     for messages that are tried for days.
//   - Any 2xx is a yes, and everything else a no. Redirects are not followed. Answer
//     within the endpoint's timeout, and work on the message after.
//   - Messages come in the order in which things happened, all requests together.
//   - A further period of a subscription that was paid in time is payment.renewed;
//     payment.paid is a payment that became good, at the first period and after one that
//     was overdue. Both say how much came in.
//
// # Decisions
//
//   - A message that an endpoint refuses blocks those behind it, whatever the status:
//     also 400 and 422. The specification retries all but 2xx; a refusal is mostly a
//     receiver's fault that is put right, an expired credential or a deploy gone wrong,
//     and then everything is there and in order. Passing it over by ourselves would
//     lose it in silence: accounting would miss one payment and nobody would know. It
//     is logged and shown which message it is, Skip is the operator's way past it, and
//     Replay the way back.
//   - Tries follow the specification's example: at once, then after 5 s, 5 min, 30 min,
//     2 h, 5 h, 10 h, 14 h, 20 h, and daily, each give or take a tenth. Retry-After makes
//     a wait longer, by a day at most. Resume does not wait, and a start of the process
//     does not either: somebody may have put right what was wrong.
//   - An endpoint that has failed for three days is paused, after a last try, and one
//     that answers 410 Gone at once. That is kept, logged once, observed and shown.
//     What happens meanwhile stays in the feed, however long the pause is.
//   - A new endpoint hears of what happens from now on. What came before can be
//     replayed. The bookmark belongs to the endpoint's name: an endpoint that was taken
//     out of the configuration goes on where it stopped when it is put back.
//   - request.received is told when the portal was read and the terms are known, and not
//     when a hint came: an id that nobody signed may turn out to be no key request, and
//     there would be nothing to say of it.
//   - What was passed over is kept once a minute, and what was sent at once. So an
//     endpoint that wants little costs no commit for what it does not want.
//   - A try that has begun is finished when the process is asked to end.
//   - An endpoint may be a service inside the network: the operator chose it, and
//     redirects cannot lead elsewhere. Who has to keep calls from going inside sets
//     HTTPS_PROXY to a proxy that filters, as the specification advises.
//   - Run is for one process. With several nodes one of them has to be chosen to run
//     it; two would send everything twice, with the same ids.
//
// # Measured
//
// An endpoint on the same machine that answers at once gets 2,300 messages a second,
// each kept as delivered before the next is sent (BenchmarkDeliver, median of three, on
// two shared cores of a virtual machine with ext4). It is the way there and back to the
// endpoint that counts: at 50 ms that is twenty a second.
//
// # What it must never do
//
// It never logs, keeps or shows a secret, a header or an address but for its host,
// never keeps or quotes what an endpoint answered but for its status, never notes a
// message as sent before the endpoint said so, and never waits for an endpoint while
// somebody who commits waits for it.
package outgoing
