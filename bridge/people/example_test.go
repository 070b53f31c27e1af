package people_test

import (
	"context"
	"errors"
	"fmt"

	"keybridge/bridge"
	"keybridge/bridge/people"
)

// What a command, a sign-in page and an API do with a register.
func Example() {
	ctx := context.Background()
	papers := &shelf{papers: map[[2]string][]byte{}} // in production: a store
	register, err := people.New(people.Config{
		Papers:  papers,
		Secrets: [][]byte{[]byte("32 bytes that nobody else knows.")},
		Record:  func(_ context.Context, e bridge.Entry) { fmt.Println("-", e.What, e.Actor.Name, e.After) },
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	operator := bridge.Person{Name: "operator", Role: bridge.Admin}
	_, err = register.Add(ctx, operator, people.Newcomer{Name: "ada", Role: bridge.Reviewer, Password: "three small green boats"})
	if err != nil {
		fmt.Println(err)
		return
	}

	cookie, _, err := register.SignIn(ctx, people.Attempt{Name: "ada", Password: "three small green boats"})
	if needed, is := errors.AsType[people.CodeNeededError](err); is {
		fmt.Println("ask for the code, and send it with", needed.Half)
	}
	person, _, err := register.Who(ctx, cookie)
	fmt.Println(person.Name, person.Role, err)

	secret, err := register.Issue(ctx, operator, people.TokenOrder{Name: "export", For: "ada", Role: bridge.Viewer})
	if err != nil {
		fmt.Println(err)
		return
	}
	person, err = register.WhoByToken(ctx, secret)
	fmt.Println(person.Name, person.Role, err)

	if err := register.Disable(ctx, operator, "ada"); err != nil {
		fmt.Println(err)
		return
	}
	_, _, err = register.Who(ctx, cookie)
	fmt.Println(bridge.Explain(err))

	// Output:
	// - person operator ada: reviewer at all portals
	// - signed in ada signed in
	// ada reviewer <nil>
	// - token operator export: viewer at all portals, of ada
	// ada viewer <nil>
	// - person operator ada: disabled
	// You are not signed in, or no longer. Please sign in.
}
