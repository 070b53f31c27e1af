// Package mail writes to applicants by e-mail, and to finance what waits for a person.
//
// # The idea
//
// A mail is a pure function of a bridge.Message: the same message is the same mail,
// byte for byte, under the same Message-ID. So it may be sent again whenever it is not
// known whether it arrived, and mailboxes show it once. Nothing is kept here.
//
// # How data walks
//
// The worker calls Notifier.Send. The request is put into words (Letter), the words
// into templates (text and HTML, built in or from the operator's folder), the result
// into a MIME message, and that to the mail server, on a connection of its own. The
// server's answer comes back as a bridge.Error whose kind tells the worker what to do:
//
//	Invalid      this applicant can never be told this: an address that is none, a 5xx
//	             to it or to the mail, a template that fails on the request
//	Refused      nobody is told anything until an operator changes something: signing
//	             in, the certificate, no TLS, a 5xx about us or about policy (X.7.X)
//	Limited      a 4xx that asks for patience
//	Unavailable  any other 4xx, no answer in time, a connection that broke
//
// RunDigests reads what waits from the store and mails it once a day. The day is kept
// by two functions that it is given.
//
// # What it must never do
//
// Put a key, a credential, the address of a checkout or an id of the portal's or the
// provider's into a mail: templates see a Letter and never the request. Log an address
// or have one in an error: of a server's answer only its two codes are told, and what
// they are about in words of ours. Send a password in the clear, or weaken the
// encryption that is configured because the server offers less. Let a text that
// somebody else wrote become a header, a second recipient, markup, or a link.
//
// # Decisions
//
//   - Invalid makes the worker give a message up at once. So a 5xx about security and
//     policy (530, 534, 535, 538, X.7.X) is Refused even where it answers the
//     recipient: a relay that was set up wrongly, or a block list, answers so to
//     everybody, and nobody's mail may be lost because of it.
//   - A connection for each mail. One costs about 2 ms with TLS on loopback, and some
//     tens of them over the Internet: nothing beside the calls that a decision takes.
//     A connection kept open would have to be watched, and times out unseen.
//   - go-mail puts the message together and dials, encrypts and signs in; MAIL, RCPT and
//     DATA are called here, because its errors quote addresses, hide the server's
//     answer, and take a failed goodbye for a failed mail. How to sign in is chosen here
//     too: its own choice prefers NTLM, which needs a domain.
//   - To has the address without the name: a name is free text, and the applicant knows
//     theirs. Addresses with a quoted local part are refused: nobody has one.
//   - A name or an app that a mail program may turn into a link is not shown, and the
//     reasons of the form are not either: whoever signs up with somebody else's address
//     would make us mail their advertisement. A reason for a decline is a person's own
//     words and is quoted; what keybridge notes itself is put into better words.
//   - A template is tried on every sample before the service starts, because the first
//     mail that needs it may be weeks away.
//   - The digest goes to each address by itself, so that one that is refused does not
//     take it from the others. Its templates are built in: they are for the house.
//   - Money is never added up across currencies. Its sign is CLDR's, its decimals are
//     the domain's (see bridge.Amount).
package mail
