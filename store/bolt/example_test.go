package bolt_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"keybridge/bridge"
	"keybridge/store/bolt"
)

func Example() {
	dir, err := os.MkdirTemp("", "keybridge")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	store, err := bolt.Open(bolt.Config{
		Path:  filepath.Join(dir, "keybridge.db"),
		Fatal: func(err error) { fmt.Println("end with an error:", err) },
	})
	if err != nil {
		panic(err)
	}
	defer func() { _ = store.Close() }()

	ctx := context.Background()
	hint := bridge.Hint{
		Source: "portal/main", ID: "event-1", Portal: "main", Key: "65f0c1d2",
		Intake: &bridge.Change{Request: bridge.Request{
			ID: "01J8ZQ4X5N3M7T2V9K6B1C0D4E", Portal: "main", Key: "65f0c1d2",
			Verdict: bridge.Verdict{Outcome: bridge.Open},
		}},
	}
	for range 2 {
		accepted, err := store.Accept(ctx, hint, nil)
		fmt.Printf("%+v %v\n", accepted, err)
	}
	request, err := store.FindKey(ctx, "main", "65f0c1d2")
	fmt.Println(request.ID, request.State(), err)
	// Output:
	// {Request:01J8ZQ4X5N3M7T2V9K6B1C0D4E Created:true Duplicate:false} <nil>
	// {Request:01J8ZQ4X5N3M7T2V9K6B1C0D4E Created:false Duplicate:true} <nil>
	// 01J8ZQ4X5N3M7T2V9K6B1C0D4E received <nil>
}
