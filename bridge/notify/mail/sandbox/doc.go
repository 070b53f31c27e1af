// Package sandbox is a mail server to try things with: it takes mail for everybody on loopback, keeps it, shows it in a
// browser, delivers it to nobody, and misbehaves on demand.
//
// # The idea
//
// What makes sending mail hard is not the sending but what lies between "sent" and "arrived": an address that is refused,
// a server that is busy, an answer that is lost after the mail was kept. This server speaks SMTP as servers do (the
// protocol is emersion/go-smtp's) and can be told to fail at any stage of a session. A client that copes here was run with
// the code that runs in production; nothing but the server's address differs. It knows nothing of the program it is used
// with.
//
// # How things go in and out
//
//	box, err := sandbox.New(sandbox.Config{Security: sandbox.StartTLS, Username: "bridge", Password: "…"})
//	defer box.Close()
//	http.ListenAndServe("127.0.0.1:8025", box.Handler()) // the client is given box.Addr() and trusts box.CA()
//
// A connection comes in by the door (door.go), is a visit for go-smtp (visit.go), meets the faults at each stage
// (faults.go), and leaves a mail that is read once (read.go) and kept (box.go). A program that holds the [Server] waits for
// it with [Server.Await] and for what clients do with [Server.AwaitCall]; nobody has to look again and again. Pages and
// control API go through the same methods.
//
// # Faults
//
// A [Fault] is a kind (latency, refuse, cut, silence) at a stage (greeting, auth, sender, recipient, mail, answer), for
// some recipients or all, a number of times or for good. What clients meet most:
//
//	refuse at greeting           busy: 421 in the greeting's place
//	cut at greeting              closed before a word was said; silence at greeting: accepted, and never a word
//	refuse at auth               the password is not taken: 535
//	refuse at recipient          550 no such mailbox, or with status 450 not now; the answer quotes the address
//	cut at mail                  the connection is lost before the mail is kept
//	cut at answer                the mail is kept and the answer is lost, so the client sends it again
//
// # Control
//
//	GET    /sandbox/mails        mails, see [Mail], oldest first; ?to= &subject= &kind= &message_id= &since= &once=true as in
//	                             [Filter]; &wait=5s (up to 1m) waits until there is one, [] when none came
//	GET    /sandbox/mails/{n}    one of them, and "raw", its bytes in base64
//	DELETE /sandbox/mails        forgets all
//	GET POST DELETE /sandbox/faults  {"kind","at","to","times","status","delay_ms"}, see [Fault]
//	GET DELETE /sandbox/calls    what clients did, see [Call]
//	GET    /sandbox/ca.pem       the authority to trust
//
// Errors are {"error":…} with a 4xx status. There is no password: it is for this computer alone.
//
// # Pages, and the ids on them
//
// For browser tests; {n} is a mail's number. Everything works without JavaScript.
//
//	everywhere        #nav-mails #nav-faults #problem #notice
//	/                 mailboxes and mails, newest first: form#search #to #find (also ?to=, part of an address); ul#boxes
//	                  li[data-to]; ul#mails li#mail-{n} with data-kind and data-delivery, .unread until its page is opened;
//	                  a#open-{n} #older #reload #empty; #nothing when there is none
//	/mails/{n}        one mail: #from #recipients #when #kind #came #message-id, #deliveries when its Message-ID came more
//	                  than once, #unreadable when it cannot be read whole; tabs #show-html #show-text #show-source (also
//	                  ?show=); iframe#html, pre#text or pre#source with a#raw; ol#links a#link-1…, all links of the mail,
//	                  whatever tab is shown; ul#attachments
//	/mails/{n}/html   what the frame shows    /mails/{n}/raw   the mail, byte for byte
//	/faults           ul#fault-list li#fault-{id} or #no-faults; form#faults: #fault-kind #fault-at #fault-to #fault-times
//	                  #fault-status #fault-delay #set-fault; #clear-faults; table#calls
//
// # Decisions, and why
//
//   - Each delivery is a mail of its own, with the bytes it brought. A repetition is one whose Message-ID came before for
//     one of its recipients; it says which mail it repeats. Two mails merged into one would hide that a client wrote
//     something else the second time.
//   - A kind is what a header field says, whose name is configured: what it means is the sender's business.
//   - With STARTTLS nothing is taken before it, as on a submission port (530): that a mail is here shows that it was
//     encrypted on its way.
//   - The authority and the certificate are made at the start and kept in memory. They hold for decades around the
//     sandbox's clock, which a test may have stopped in another year than the client's.
//   - Faults before the greeting need the connection before go-smtp has it, so the sandbox accepts connections itself. It
//     also closes them itself: go-smtp's Close races with a session that is changing to TLS.
//   - A stranger's HTML is shown as it is, in a frame with no scripts, no origin, no forms and nothing loaded, by the
//     frame's sandbox and again by the policy it is sent with. Cleaning HTML is a contest that is lost sooner or later; all
//     that is changed in it is that links open in the whole window and lead to the web only.
//   - Following a link tells its host nothing of the mailbox: no referrer is sent to another host.
//   - A mail is looked at when its page is opened, by whomever: there is one reader, at this computer.
//   - What cannot be read is kept and shown as its source. A server does not refuse mail because its own page cannot show it.
//   - Not modelled: bounces, delivery status notifications, greylisting by itself (a refusal with status 450, once, is
//     that), pictures within a mail (cid:), BINARYMIME.
//
// # What it must never do
//
// Listen where another computer can reach it. Send anything anywhere. Log an address, a mail or a password, or show a
// password anywhere. Let a mail run, load or send anything in the browser it is read in. Grow without bound: mails are
// limited in size, number and sum, calls and connections in number, and what is read of a mail in depth, parts and length.
package sandbox
