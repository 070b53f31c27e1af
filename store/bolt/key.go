package bolt

import (
	"crypto/sha256"
	"encoding/binary"
	"time"
	"unicode/utf8"
)

// partMax is how many bytes of an id are kept as they are in a key. A longer one
// is stored by its SHA-256, so that an id of any length fits bbolt's 32 KiB.
const partMax = 256

// key joins parts so that no two different lists of parts give the same bytes,
// whatever is in them, and so that the key of a list is a prefix of the keys of
// all lists that begin with it. Zero bytes are escaped as 0 255; a part ends with
// 0 1, a hashed one is 0 2 and 32 bytes.
func key(parts ...string) []byte {
	n := 0
	for _, p := range parts {
		n += min(len(p), partMax) + 2
	}
	out := make([]byte, 0, n+32)
	for _, p := range parts {
		out = appendPart(out, p)
	}
	return out
}

func appendPart(out []byte, part string) []byte {
	if len(part) > partMax {
		sum := sha256.Sum256([]byte(part))
		return append(append(out, 0, 2), sum[:]...)
	}
	for i := range len(part) {
		out = append(out, part[i])
		if part[i] == 0 {
			out = append(out, 0xff)
		}
	}
	return append(out, 0, 1)
}

// storable reports whether ids survive the way into JSON and back.
func storable(ids ...string) bool {
	for _, id := range ids {
		if !utf8.ValidString(id) {
			return false
		}
	}
	return true
}

// stamp is a time as the store's indexes keep it: microseconds since 1970, 0 for
// the zero time. Times before 1970 count as 1970.
func stamp(t time.Time) uint64 {
	if t.IsZero() {
		return 0
	}
	return uint64(max(t.UnixMicro(), 1)) //nolint:gosec // positive
}

// moment is the time of a stamp.
func moment(stamp uint64) time.Time {
	if stamp == 0 {
		return time.Time{}
	}
	return time.UnixMicro(int64(stamp)).UTC() //nolint:gosec // came from stamp
}

func appendUint(b []byte, n uint64) []byte { return binary.BigEndian.AppendUint64(b, n) }
