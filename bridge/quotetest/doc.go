// Package quotetest shows that an adapter quotes nothing of what its far end says: no error and no line of the log has a
// word of an answer in it, whichever answer of whichever call it was, and however it was wrong.
//
// # The idea
//
// A far end may say anything: the address of a person, a key, a token that somebody typed into the wrong field. None of
// that can be told from words that help, so an adapter says what happened in words of its own. Here a FarEnd stands
// between the adapter and a far end that works, and spoils one answer at a time: the call goes as it does in production
// up to there. What it says instead has Text in it, in each place that a client looks at.
//
// # How to use it
//
// An adapter's tests bring the calls of its port and the Spoils that its far end's protocol has room for (errors in its
// own form, above all). Those that any HTTP has room for are here.
//
//	far := quotetest.Before(t, address)
//	far.Search(t, quotetest.Search{Spoils: spoils, Prepare: …, Log: …})
//
// # What it must never do
//
// It takes no adapter's side: it knows HTTP and the words of the domain's errors, and imports nothing of an adapter.
//
// # Decisions
//
//   - Some spoils are tried on every answer of a call, the others on the first alone: to get to a later answer the whole
//     way there is gone anew.
//   - A search in which hardly any call fails is taken to be wrong itself.
package quotetest
