// Package bolt keeps requests in one bbolt file: keybridge's default store.
//
// # The idea: one committer
//
// A webhook may be answered once its hint is on the disk, and reaching the disk
// takes the same time for one hint as for a hundred. So callers hand what they
// want written to a channel; one goroutine, the committer, takes everything that
// waits there, runs it in one transaction, commits, and only then answers all of
// them. Every write goes that way, also claims and the forgetting of old ids.
//
// A write is a function of the transaction: it reads what is so, calls the
// caller's closure, checks what came of it, and writes. Whatever goes wrong before
// the first byte is written (a closure's error, a ref that leads elsewhere) leaves
// it out of the group and harms nobody else. Where one panics, the transaction is
// given up and the rest of the group is run again: closures may run twice.
//
// A hint at a request that is known needs less than that. Its sender waits for one line at
// the end of one bucket, the intake; that the request is due, and that the hint was seen,
// is entered where it belongs by the next claim, which is the first to ask. What waits in
// the intake counts as much as what was entered (intake.go).
//
// Reads are short transactions: they copy records, and decode them after. A list is a
// walk over the indexes of all that is asked for, each sought from where the others are
// (walk.go); it ends after 30 ms or 20,000 steps and is gone on with by the next page.
//
// # What lies where
//
//	meta       schema version, when the store was made, the ends of ledger and house
//	request    id → record
//	history    id, number → entry
//	key, ref, applicant          indexes, see index.go
//	tag, day                     indexes that lists are made from, see tag.go
//	stale      id → the tags that the index has of a request that has others now, see stale.go
//	schedule, due, lease         what is due when, see schedule.go
//	intake     place → a hint that waits to be entered, see intake.go
//	seen       a bucket a week, in each: source, id of a hint → id of its request
//	ledger     a bucket a week, in each: place → id, number, hash of an entry; ledger.go
//	checkpoint place → the end of the ledger at the end of a day
//	bookmark   name → a small value of who follows the feed
//	paper      kind, name → a small document that is about no request
//	house      number → entry of the house's own chain, see house.go
//
// A record is a format byte, a CRC-32C, and JSON (record.go), or the value of a bookmark
// or paper. bbolt checks its own
// two root pages and nothing else, so a flipped bit would otherwise come back as
// truth. Ids become keys so that no two of them give the same bytes (key.go).
//
// # Decisions
//
//   - What a closure needs is decoded by its caller before the committer's turn
//     (ahead.go), and what it returns after: the committer is the one thing that
//     everybody waits for.
//   - What a record was decoded to is kept for a thousand requests at most, and holds for
//     the very bytes of that record (decoded.go). So it is no second place where anything
//     is stored, and a page that rots is found out all the same.
//   - Duplicates are recognised by the committer and not by a reader: bbolt shows
//     readers a commit before it is synced, so a reader could confirm a hint that
//     the next power cut takes back. A group that wrote nothing needs no commit.
//   - What waits in the intake is not in the schedule, so whoever asks what is due looks at
//     both: a claim enters it first, and Stats counts it. Nobody else asks. Lists, records
//     and histories do not depend on it: a hint changes none of them.
//   - A claim enters 512 lines at most, the oldest, because whoever shares its commit waits
//     for that. Where more wait, next is now. So in a burst that is greater than that, the
//     longest due is the longest due of what was entered.
//   - A start reads what waits and enters none of it: the first claim does, and a disk that
//     is full keeps no store from opening.
//   - Where nobody claims, or not as fast as hints come, they enter each other: from 100,000
//     lines or a minute on, 512 a commit. So much is what is kept of them in memory (some
//     20 MB), and what a burst may have before it goes at the pace of entering.
//   - A line that is damaged keeps the store from opening, as the end of the ledger does: it
//     was answered for, and which hint it was nobody can tell.
//   - Ids of hints lie in a bucket a week. A bucket a day means 36 look-ups for every
//     new id (8.9 µs among 360,000 ids); a week means six (2.8 µs) and remembers 35
//     to 42 days; one bucket for all (0.5 µs) could not be forgotten in one stroke.
//     The first hint of a week drops the oldest bucket in its own commit.
//   - The feed is the ledger without what is not its readers': it holds where an entry is
//     and not the entry. A place is a time: a counter would go on from an old
//     number once a backup was restored, and a reader outside that kept its place
//     would miss what came then. Its readers are told of a commit once it was synced,
//     for the reason given above for duplicates. What was dropped is passed over when
//     it is read, because looking for its places would cost more.
//   - The ledger is kept for good, unlike the ids of hints: a running hash over what was
//     forgotten could not be made again. A line is 74 bytes with its entry's hash, without
//     which nobody could tell what was there when an entry is gone, nor that one was
//     written anew. Its end is written once a commit and not once an entry.
//   - Ends and lines are read exactly: JSON can say the same in many ways, and whoever
//     verifies wants to know that not a byte was changed.
//   - The ledger of an older store is built backwards along each history, from the entry
//     with which the feed begins, so that no entry gets a place after the one that follows
//     it, whatever their times are.
//   - What a request is found by follows from its record (bridge.Request.Tags) and is
//     written where it differs. The state is one tag among the others. Text that is not
//     UTF-8 is indexed as it is read back, for that is what it is removed by.
//   - The index of tags may be stale of 127 requests, of which lists look at the records
//     (stale.go): each of thirty tags lies on a page of its own, and with each change written
//     at once they were two fifths of all pages that the whole way of a key wrote. What is
//     noted is what the index has, not what it should have: that follows from the record, and
//     a request that changes five times is noted once.
//   - Lists are in the order of ids, which is that of intake; Filter.From and Before are
//     about Created, which may differ. So they are looked at record by record, within the
//     ids that the days in between have (the bucket day), whatever the ids are like.
//   - The beginning of a word is looked up by going through the words that begin so, and
//     gathering the requests of those that few have. Where there are too many (20,000
//     requests so gathered, or a hundred words that more have) the answer is to type more:
//     any other would be slow, or leave something out in silence.
//   - An amount is looked at record by record, because an index of it would have to be
//     read whole to bring it into the order of ids.
//   - A check holds the sum of what each request should be found by and subtracts what
//     the index has. Only what is left over is looked at entry by entry: decoding the
//     record for each of its tags would take thirty times as long as all else.
//   - A migration of everything runs in parts, in the order of the index's keys, and says
//     in the log how far it is. One that was cut off begins again: an older program may
//     have changed requests since.
//   - The house's entries are a chain of their own, because they belong to no request.
//     Its end is kept apart from it, so that cutting it short is noticed. The entries of
//     requests are chained request by request, so that one history can be verified alone;
//     the ledger holds all chains together.
//   - A place in the schedule has no checksum, but the index of what is due says the same
//     again. What the two do not say alike is logged and struck from the index, so that one
//     rotten bit keeps no other request of its portal from being claimed, and has none claimed
//     twice. Where the place can be read, its request is claimed once: to look at it once more
//     does no harm. A check names it.
//   - Leases end with the process: only one process can have the file, so Open
//     voids those it finds, and what was under way is due at once.
//   - The list of free pages is kept on disk. Leaving it out makes commits cheaper
//     when there are very many (0.38 instead of 1.84 ms with 225,000), but the next
//     start has to walk the whole file (12 s instead of 0.04 s). In memory it is an array.
//     bbolt's hash map finds several pages in a row sooner, but has to be sorted for every
//     commit, which was a fifth of what a single client's hint cost the processors.
//   - What was touched of the file is given back to the system from 96 MiB on, ten times a
//     second at most (resident.go): it counts as this process's memory otherwise, and a
//     limit on that would be hit by a large store that is doing well.
//   - The file grows by a quarter of its size, from 1 to 64 MiB at a time: a small
//     store stays a small file, a large one seldom waits for the file system.
//   - A new file is made whole under a temporary name and then linked to its own:
//     unlike a rename, a link never replaces a store that another process made at
//     the same moment. A backup is made and a restored one comes in the same way. What is
//     left of such a file by who was killed is removed by the next backup into its folder,
//     or the next start, once nobody has written to it for a day: it may be somebody's who
//     is at work, and no lock tells, because a backup may be made from anywhere.
//   - A root that is not valid is told of and the other one used: a power cut tears the
//     root of a commit that nobody was answered for, and it must not keep the store from
//     opening. That a rotten one takes back the last commit is why a check, a restore and a
//     compaction do not take such a file to be good.
//   - Compaction is not bbolt's own: that one tells of no progress, cannot be given up,
//     and compares nothing. The copy has one name, so that a start that is cut off again
//     and again fills no disk. It replaces the file by a rename, under the file's lock; who
//     waited for that lock has the old file open, sees that it has lost its name, and
//     opens the new one. A start compacts when it is worth it (Config.Compact) and uses
//     the file as it is when that fails: there may be no room for the copy.
//   - Whether there is room is known from the last write that found none, and by trying:
//     what is free on a disk says little of what a quota leaves. Without Config.MaxSize
//     nothing is measured.
//   - What damages a page can end the process that reads it, in a goroutine of bbolt's
//     that nobody can recover for. So CheckFile is for a process of its own, and what is
//     restored is checked in one before it has a name.
//   - Before bbolt maps a file, its two root pages are read the ordinary way
//     (inspect.go): a file that is cut short is a memory fault in bbolt.
//   - No room (disk, quota, Config.MaxSize) is not the end: nothing was kept, the
//     caller hears Unavailable, and the next write tries again. Any other failure
//     of a commit is the end: after a failed sync the kernel may have dropped the
//     pages and report success the next time, so the store stops answering and
//     tells Config.Fatal.
//
// # Measured
//
// Accepted hints a second on two shared cores of a virtual machine with ext4, median
// of three, 20,000 requests in the file, the committer against db.Update doing the
// same work (BenchmarkAccept):
//
//	clients                      1              8              64
//	event, known request     3,355 : 2,132  14,943 : 2,790  34,273 : 2,581
//	new request              1,982 : 1,971   6,464 : 1,696  22,447 : 1,727
//	duplicate              137,671 : 5,588 264,168 : 5,100 356,765 : 5,171
//
// These are from before the feed, the tags and the intake, and without a line of history. Feeding the line that
// a new request has takes about a tenth of its rate where the disk costs nothing (15,372
// and 13,991 a second, 64 clients, file in memory).
//
// The intake, in turns with the store before it, 64 clients and 50,000 requests behind
// keybridge's webhook, on a disk that others kept busy: 13,561 and 11,772 events a second
// with it, 4,137 and 7,583 without; 42 to 46 and 76 to 89 µs of processor each, HTTP
// included. A write to the end of one bucket does not slow with what is stored: with a
// million requests events about the newest went at 0.85 to 1.04 of the rate with 10,000,
// and about any at 0.70 to 0.82 (three runs), where it was 0.56 and 0.25; what is left is
// that each request is looked up. Resident memory with the million was 117 to 130 MB, 59 to
// 82 of it without the file, and 864 MB where nothing of the file was given back. On a
// calmer disk, with 20,000 requests, it was 28,087 a second, 0.40 of what Gin does that does
// nothing. The whole way of a key is no faster for it: outside calls are what it costs.
//
// With a closure that changes nothing an event of a known request goes at 17,000 a
// second with 64 clients, because its record is read and compared.
//
// What lists are made from costs a new request about thirty entries: on a busy machine
// 64 clients had 3,350 new ones a second accepted with it and 12,864 without (medians of
// three, taken in turn); events of known requests write none, and went at 23,350 and
// 25,882, within the spread of either. A request takes 6.7 KB with its history and
// indexes, half of it tags. 100,000 requests of schema 2 were brought up to date in 23 s
// and checked in 26 s beside another program that was as busy.
//
// With the index brought in step of many at once, and no parts of ids in it, in turns with the
// store before on the same busy machine: 64 people on the whole way of a key had 2.7 pages
// written for each change and 5.7 before, and 8 clients 2,607 and 2,816 new requests a second
// accepted and 1,289 to 1,813 before; with 64 clients there was no difference, because each
// of their commits is many at once. A store of 100,000 requests was brought up to date in 9 s.
//
// The ledger is no dearer than the feed was, as far as can be told: four runs each in
// turn, 64 clients, 20,000 new requests without and 30,000 with a line of history, file in
// memory, took 8.5 to 11.8 s of processor time without it and 8.9 to 10.4 s with it. It was built
// for 100,000 requests with a million entries in 56 s on two cores with eight times as much
// to do, and for 20,000 with 200,000 in 4.9 s when they had less (BenchmarkBuildLedger).
//
// 100,000 requests in a file of 653 MB were compacted into 277 MB in 14 s, and checked in 93 s,
// beside others that kept both cores busy: 3 and 14 s of processor time.
//
// Lists of 50 among 1,000,000 requests, 95th percentile of 200 in milliseconds
// (BenchmarkList): one request 0.1; the queue 4.6, and its count 0.04; a state 1.4; plan,
// portal and state together 15; a word 6; a word's beginning 5; a name 4.3; an e-mail
// address 0.1; an applicant's 0.2; a state in a month 5.2; an amount that one in three
// hundred has, which ends early with a short page, 36.
//
// # The fault matrix
//
// What can go wrong, and the tests of it, by the folder they are in. A test compares this
// table with the tests there are.
//
//	kill -9, anywhere           cmd/keybridge TestTorture
//	                            cmd/keybridge TestKillsAtAnyMomentSendEachMailOnce
//	                            store/bolt TestFaultKill
//	power loss                  store/bolt TestFaultPowerLoss
//	torn first write            store/bolt TestFaultTornFirstWrite
//	disk full                   store/bolt TestFaultDiskFull
//	                            store/bolt TestFaultSizeLimit
//	                            cmd/keybridge TestFaultDiskFull
//	sync error                  store/bolt TestFaultSyncError
//	                            cmd/keybridge TestFaultSyncError
//	truncated file              store/bolt TestFaultTruncatedFile
//	                            cmd/keybridge TestFaultTruncatedFile
//	rotten bits                 store/bolt TestFaultRottenBits
//	                            cmd/keybridge TestFaultRottenBits
//	a second process            store/bolt TestFaultSecondProcess
//	                            cmd/keybridge TestFaultSecondProcess
//	a thousand duplicates       store/bolt TestFaultThousandDuplicates
//	                            cmd/keybridge TestFaultThousandDuplicates
//	replays after days          store/bolt TestFaultReplays
//	any order                   cmd/keybridge TestFaultAnyOrder
//	a clock that jumps          store/bolt TestFaultClockJumps
//	                            bridge TestFaultClockJumps
//	                            bridge TestFaultClockJumpsWhileRequestsWait
//	                            webhooks TestFaultClockJumps
//	provider down, slow, 429,   cmd/keybridge TestFaultProviderAtOpening
//	500, cut off                cmd/keybridge TestFaultProviderAtTaking
//	                            cmd/keybridge TestFaultProviderAtReturning
//	                            bridge TestAttemptsKeepTheirKeyUntilTheAnswerIsKnown
//	                            bridge TestRetryAfterIsHonoured
//	                            bridge TestFaultDownForAnHour
//	portal down, 429, 500       bridge TestFaultDownForAnHour
//	                            bridge/web TestFaultPortalDown
//	                            cmd/keybridge TestFaultPortalAtReading
//	approved, the answer lost   cmd/keybridge TestFaultPortalAtApproving
//	many decide at once         bridge TestFaultManyDecideAtOnce
//	paid, deleted meanwhile     bridge TestFaultPaidAndDeleted
//	                            cmd/keybridge TestFaultPaidAndDeleted
//	SIGTERM under load          cmd/keybridge TestFaultSIGTERMUnderLoad
//	backup under load           store/bolt TestFaultBackupUnderLoad
//	                            cmd/keybridge TestFaultBackupUnderLoad
//
// Two nodes on PostgreSQL are that store's matter.
//
// # What it must never do
//
// It never answers before the disk has it, does no I/O of a caller's while a
// transaction is open, never holds a read transaction while anybody is served,
// never writes to a damaged file, and never replaces a file it did not make.
package bolt
