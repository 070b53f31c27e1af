package bolt

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"testing"
)

// Some of what a store must survive ends the process, or changes what it may do.
// Such tests run in a child: this test binary once more, told what to be.
const (
	childIs   = "KEYBRIDGE_TEST_CHILD"
	childPath = "KEYBRIDGE_TEST_PATH"
)

var children = map[string]func(path string) error{
	"writer":    writeUntilKilled,
	"full disk": fillTheDisk,
	// failSync is in fault_linux_test.go.
	"failed sync": failSync,
	"opener": func(path string) error {
		s, err := Open(Config{Path: path})
		if err != nil {
			return err
		}
		return s.Close()
	},
	"checker": func(path string) error {
		findings, err := CheckFile(context.Background(), path, nil)
		for _, f := range findings {
			fmt.Println(f)
		}
		return err
	},
}

func TestMain(m *testing.M) {
	run, ok := children[os.Getenv(childIs)]
	if !ok {
		os.Exit(m.Run())
	}
	if err := run(os.Getenv(childPath)); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(3)
	}
}

// child returns a command that is one of the children.
func child(t *testing.T, is, path string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), exe)
	cmd.Env = append(os.Environ(), childIs+"="+is, childPath+"="+path)
	return cmd
}
