package bolt

import (
	"errors"
	"fmt"
	"io/fs"
	"runtime/debug"
	"strings"
	"syscall"
	"time"

	berrors "go.etcd.io/bbolt/errors"

	"keybridge/bridge"
)

// roomRetry is how long a caller is asked to wait when there is no room.
const roomRetry = 10 * time.Second

// errClosed is what every call returns after Close.
func errClosed() error {
	return &bridge.Error{
		Kind: bridge.Unavailable, Msg: "keybridge is shutting down. Try again in a moment.",
		Err: errors.New("the store is closed"), RetryAfter: time.Second,
	}
}

// noRoom reports whether a commit failed because the disk, a quota, a file size
// limit or Config.MaxSize left no room. Nothing was kept then, and the same file
// goes on by itself once there is room.
//
// bbolt returns failed writes as they are, and wraps the error of a failed resize
// into text, hence the last lines. What a failed sync returns is a bare errno and
// is never "no room": after it nobody knows what is on the disk.
func noRoom(err error) bool {
	if errors.Is(err, berrors.ErrMaxSizeReached) {
		return true
	}
	full := []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG}
	write, isWrite := errors.AsType[*fs.PathError](err)
	for _, errno := range full {
		if isWrite && write.Op == "write" && errors.Is(write, errno) {
			return true
		}
		if text := err.Error(); strings.HasPrefix(text, "file resize error: ") && strings.HasSuffix(text, errno.Error()) {
			return true
		}
	}
	return false
}

func errNoRoom(err error) error {
	return &bridge.Error{
		Kind:       bridge.Unavailable,
		Msg:        "keybridge has no room to keep this at the moment. Try again later.",
		Err:        fmt.Errorf("commit, no room left: %w", err),
		RetryAfter: roomRetry,
	}
}

// errStuck is what Ready returns while a commit takes far too long.
func errStuck(took time.Duration) error {
	return &bridge.Error{
		Kind: bridge.Unavailable,
		Msg:  fmt.Sprintf("The store has waited for its disk for %s, and keeps nothing meanwhile.", took.Round(time.Second)),
		Err:  errors.New("a commit does not end"),
	}
}

// errBroken is what every call returns after a commit failed for another reason.
func errBroken(err error) error {
	return &bridge.Error{
		Kind: bridge.Unavailable,
		Msg:  "keybridge cannot keep anything at the moment. Try again later.",
		Err:  fmt.Errorf("the store stopped: %w", err),
	}
}

func errNotFound(what string) error {
	return &bridge.Error{Kind: bridge.NotFound, Msg: "There is no such request.", Err: errors.New(what)}
}

func errInvalid(format string, args ...any) error {
	return &bridge.Error{Kind: bridge.Invalid, Err: fmt.Errorf(format, args...)}
}

func errInternal(format string, args ...any) error {
	return &bridge.Error{Kind: bridge.Internal, Err: fmt.Errorf(format, args...)}
}

func damagedRecord(id string, err error) error {
	return &bridge.Error{
		Kind: bridge.Internal,
		Msg:  fmt.Sprintf("The record of request %s is damaged. An operator has to restore it from a backup.", id),
		Err:  fmt.Errorf("request %s: %w", id, err),
	}
}

// guard runs fn and turns a panic into an error: bbolt panics on pages that make
// no sense, and a page number that points outside the file is a memory fault,
// which SetPanicOnFault lets us recover from.
func guard(doing string, fn func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = errInternal("%s: panic: %v", doing, p)
		}
	}()
	return fn()
}

// isClosed reports whether bbolt says that the file was closed.
func isClosed(err error) bool { return errors.Is(err, berrors.ErrDatabaseNotOpen) }
