// Package people says who may sit at the finance console and call its API.
//
// # The idea
//
// There are users, sessions and tokens, and each is a paper of the store, written alone.
// A user's paper is what decides: a session or a token only leads to it, and whoever
// comes with one is given the rights that its user has at that moment. So what has to
// happen at once needs one write. A user's epoch counts up when they are disabled, get a
// new password or other rights, or sign out everywhere, and a session of another epoch is
// over, wherever it is kept. Sweeping removes what is over, and nothing depends on it.
//
// # How data walks
//
// The console's pages and API hand over what a stranger sent, as strings, and get a
// bridge.Person or an error. There is nothing of HTTP here but the way to the OpenID
// provider: cookies and addresses are the pages' to set and read.
//
//   - SignIn takes a name and a password, and a code where there is a second factor, and
//     returns the token for a cookie. Who takes it back at every request, SignOut and
//     SignOutEverywhere end what it opened.
//   - Begin says where an OpenID provider is, and Finish opens the same kind of session for
//     who comes back from there. Both are strings in and strings out, too.
//   - Issue makes a program's token, WhoByToken says whom it lets in, Revoke ends it.
//   - Add, SetRole, SetPassword, Disable, Enable, DropCode, Issue and Revoke take who asks,
//     and refuse who may not (bridge.MayManage), whichever page, program or command they
//     came by. UserFor, UsersFor and TokensFor show nobody more than they may change.
//   - ChangePassword, OfferCode, TakeCode, GiveUpCode, Sessions, EndSession and EndOthers are
//     for who sits at the console, and so is ProveAgain, before something that would outlast
//     a stolen session.
//   - Everything that happened is told to Config.Record.
//
// # What it must never do
//
//   - Keep anything that lets somebody in: passwords are hashed with argon2id, tokens with
//     SHA-256, and the secrets of second factors sealed with AES-256-GCM under a key that
//     is not in the store.
//   - Let a stranger find out who is a user here: not by words, nor by how long it takes.
//   - Write into history what a stranger typed: people type passwords into the field for
//     names. A refusal of somebody who is no user names nobody. No e-mail address and no
//     network address is told.
//   - Put into an error what the OpenID provider answered: of a status, a token or a document
//     it is told in words of ours what is wrong with it.
//   - Take an empty scope for that of all: a token and an owner without a portal in common
//     are refused.
//
// # Decisions
//
//   - A password has at least 12 characters and at most 200, and no rules of what it has to
//     be made of; the name, the worst ones, repetitions and sequences are refused. It is
//     normalised (NFKC) and never has to be changed after a time. (NIST SP 800-63B section
//     5.1.1.2; OWASP ASVS 4.0.3 section 2.1.) The list of the worst is short and by their
//     stems, because most of what leaks is shorter than 12 characters.
//   - argon2id at 64 MiB, three passes, four threads (RFC 9106 section 4, second option),
//     two at a time: a stranger can make us use 128 MiB and no more. Who waits ten seconds
//     for their turn is asked to come again.
//   - A name that does not exist costs the same hash. A user whose hash is of another cost
//     than new ones takes another time until they have signed in once. What no user can
//     have as a password is not hashed for anybody.
//   - Failures slow down the name and the address, in memory: a restart forgets them, and
//     that is better than a store that strangers write to. A name is locked after ten for a
//     quarter of an hour, and for as long after each one more; an hour of quiet, the right
//     password between two locks, or a new one from an admin ends it. So somebody can keep
//     a user out for as long as they go on; a name is never locked for good. (ASVS 2.2.1.)
//     A try counts as failed while it is looked at.
//   - The second factor is asked for after the password, and never says which of both was
//     wrong. What stands for the password meanwhile is sealed, and void once the password
//     changes. A code works once: its period is kept with the user, in the same write that
//     lets them in. (RFC 6238 section 5.2; ASVS 2.8.4.)
//   - Sessions: 256 random bits, 30 minutes unused and 12 hours at most (ASVS 3.3.2 asks for
//     both at level 2; NIST SP 800-63B section 4.2.3). That somebody is here is written once
//     a minute, so a session may end up to a minute early and never late.
//   - Other rights end the sessions of who gets them, though a session has no rights of its
//     own: a page that was made for an admin still offers what an approver may not do, and
//     who has to sign in anew knows that something has changed.
//   - To see what one has open, and end it, takes no password: who stole a session can end
//     the others, and so can who it was stolen from. What is named is the hash that a session
//     is kept under, and it lets nobody in.
//   - A token acts as its owner, whom history names, and keeps the owner's e-mail address:
//     otherwise somebody could be their own second person with a token of theirs. A program
//     that shall be told apart gets a user without a password, and a token made For it.
//   - A token's secret says which token it is of, so that names are unique and a token is
//     found, with one paper and no index.
//   - Everybody makes and revokes tokens of their own, within what they may do: who may do
//     something may have a program do it, and their name is on it. Another's take an admin.
//   - Nobody gives more than they have, and who manages some portals only does not manage
//     users of more: a new password for somebody is their rights.
//   - Nobody changes their own role or shuts themselves out, and whether who changes another
//     user may still do so is looked at in the commit of the change. So there is always one
//     admin left: of two who shut each other out in the same moment the second is refused.
//   - Their own second factor people give up with the password and a code of it: a factor
//     that the other one can remove is none, and a page that passes on what is typed to steal
//     it has both password and session (OWASP Multifactor Authentication Cheat Sheet,
//     "Changing MFA factors"). Who lost it asks an admin.
//   - ProveAgain asks for the password, not for a code: what it stands before outlasts a
//     session that was stolen from a browser, which has no password in it. There is none
//     for who comes from the OpenID provider, so they have to have come from there within
//     a quarter of an hour: a stolen cookie cannot do that again, because the provider's
//     session was not in it. Who sits at an unlocked desk can, if the provider asks nothing;
//     how long it asks nothing is the provider's to say. A password typed here stands for
//     the one deed it was typed for, and for nothing that follows.
//   - Finish opens the session itself. If it returned a person instead, whatever opened
//     sessions for persons would be a way in.
//   - Who comes from the provider becomes a user here, so that they can be disabled and
//     signed out here, and have requests assigned and tokens made for them. They are held
//     to their issuer and subject: a name from the provider is not theirs for ever (OpenID
//     Connect Core 1.0 section 5.7), and never that of a user who has a password. Their
//     rights are those their groups gave them when they last signed in; a session lasts 12
//     hours at most, but who leaves the house has to be disabled here for their tokens to
//     end before they expire.
//   - The highest role and all portals of all groups together: somebody who is a reviewer at
//     one portal and an approver at another is an approver at both. Where that is not
//     wanted, they get two names at the provider.
//   - State, nonce and verifier travel in a sealed cookie, not in the store: strangers begin
//     as often as they like. (RFC 7636; RFC 9700 section 2.1.)
//   - An e-mail address the provider gives is believed, verified or not: all that follows
//     from it is that somebody may not approve.
//   - Users are disabled and never removed, because history goes on naming them and a name
//     must not become somebody else's. Nobody is called "operator", as history calls the
//     commands.
//   - Strangers cannot fill history: refusals that cost nothing (turned away, unknown
//     tokens) are told once a minute.
package people
