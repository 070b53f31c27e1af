package people

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/argon2"

	"keybridge/bridge"
)

// Cost is what hashing one password with argon2id (RFC 9106) takes. It is stored with
// each hash, and a hash of another cost is made anew when its user signs in.
type Cost struct {
	// Memory is in KiB, 8 for each thread to 1 GiB; Passes are 1 to 32; Threads 1 to 16.
	Memory, Passes uint32
	Threads        uint8
}

// DefaultCost is the second recommended option of RFC 9106 section 4: 64 MiB, three
// passes, four threads. The least that OWASP's Password Storage Cheat Sheet asks for is
// 19 MiB, two passes and one thread.
var DefaultCost = Cost{Memory: 64 << 10, Passes: 3, Threads: 4}

const (
	mostMemory  = 1 << 20 // KiB
	mostPasses  = 32
	mostThreads = 16

	saltLength = 16 // bytes (RFC 9106 section 3.1)
	hashLength = 32 // bytes
	// longestWait is how long a password waits for its turn to be hashed.
	longestWait = 10 * time.Second
)

func (c Cost) check() error {
	if c.Threads < 1 || c.Threads > mostThreads || c.Passes < 1 || c.Passes > mostPasses ||
		c.Memory < 8*uint32(c.Threads) || c.Memory > mostMemory {
		return fmt.Errorf("the cost of passwords: %d KiB, %d passes, %d threads is out of bounds", c.Memory, c.Passes, c.Threads)
	}
	return nil
}

// hasher is what makes a hash: argon, or a test's that counts.
type hasher func(password string, salt []byte, c Cost) []byte

func argon(password string, salt []byte, c Cost) []byte {
	return argon2.IDKey([]byte(password), salt, c.Passes, c.Memory, c.Threads, hashLength)
}

// turn waits until a password may be hashed, so that strangers cannot make the process
// use all the memory there is. done gives the turn back.
func (g *Register) turn(ctx context.Context) (done func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, longestWait)
	defer cancel()
	select {
	case g.hashing <- struct{}{}:
		return func() { <-g.hashing }, nil
	case <-ctx.Done():
		return nil, &bridge.Error{
			Kind: bridge.Limited, Msg: "Too many people are signing in just now. Try again in a moment.",
			Err: ctx.Err(), RetryAfter: longestWait,
		}
	}
}

// hashed returns a new hash of a password, in the form of the PHC string format:
// $argon2id$v=19$m=65536,t=3,p=4$salt$hash, both base64 without padding.
func (g *Register) hashed(ctx context.Context, password string) (string, error) {
	done, err := g.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	c, salt := g.cfg.Cost, g.chance(saltLength)
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, c.Memory, c.Passes, c.Threads,
		base64.RawStdEncoding.EncodeToString(salt), base64.RawStdEncoding.EncodeToString(g.hash(password, salt, c))), nil
}

// nobodysSalt is what the password of somebody who is not there is hashed with.
var nobodysSalt = make([]byte, saltLength)

// matches reports whether a password is that of a stored hash, and whether the hash has
// the cost that a new one would have. Without a stored hash it does the same work, and
// nothing matches.
func (g *Register) matches(ctx context.Context, password, stored string) (match, current bool, err error) {
	cost, salt, want := g.cfg.Cost, nobodysSalt, make([]byte, hashLength)
	if stored != "" {
		if cost, salt, want, err = parseHash(stored); err != nil {
			return false, false, &bridge.Error{Kind: bridge.Internal, Err: err}
		}
	}
	done, err := g.turn(ctx)
	if err != nil {
		return false, false, err
	}
	defer done()
	same := subtle.ConstantTimeCompare(g.hash(password, salt, cost), want) == 1
	return same && stored != "", cost == g.cfg.Cost, nil
}

var errHash = errors.New("a stored password is not in the form of an argon2id hash")

// parseHash parses what hashed made. The error does not repeat it.
func parseHash(s string) (c Cost, salt, hash []byte, err error) {
	parts := strings.Split(s, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != "v="+strconv.Itoa(argon2.Version) {
		return c, nil, nil, errHash
	}
	if n, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &c.Memory, &c.Passes, &c.Threads); err != nil || n != 3 {
		return c, nil, nil, errHash
	}
	salt, err1 := base64.RawStdEncoding.DecodeString(parts[4])
	hash, err2 := base64.RawStdEncoding.DecodeString(parts[5])
	if errors.Join(err1, err2, c.check()) != nil || len(salt) < saltLength || len(hash) != hashLength {
		return c, nil, nil, errHash
	}
	return c, salt, hash, nil
}
