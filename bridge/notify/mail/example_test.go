package mail_test

import (
	"fmt"

	"keybridge/bridge"
	"keybridge/bridge/notify/mail"
)

func ExampleNotifier_Preview() {
	n, err := mail.New(mail.Config{
		Host: "mail.example.com", From: "Weather keys <keys@example.com>", Service: "Weather keys", Contact: "mailto:help@example.com",
		Portals:  map[string]mail.Portal{"main": {Title: "Weather Portal", KeyDelivery: bridge.ShowsKey}},
		Subjects: map[bridge.MessageKind]string{bridge.TellApproved: "{{.Service}}: welcome to {{.Plan}}"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	subject, text, _, err := n.Preview(bridge.TellApproved, bridge.Request{
		ID: "01JPA7Q5WZ0000000000SAMPLE", Portal: "main", Applicant: bridge.Applicant{Name: "Ada Lovelace"}, Terms: bridge.Terms{Plan: "Weather Basic"},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(subject)
	fmt.Println()
	fmt.Print(text)
	// Output:
	// Weather keys: welcome to Weather Basic
	//
	// Hello Ada Lovelace,
	//
	// your request for a key for Weather Basic at Weather Portal is approved, and your access is active.
	//
	// How to get your key: sign in to Weather Portal. Your key is shown there.
	//
	// See how your request stands:
	// https://keybridge.example/r/preview
	//
	// --------
	// Plan: Weather Basic
	// Request: 01JPA7Q5WZ0000000000SAMPLE
	//
	// Questions? help@example.com
	// This mail was sent by Weather keys because a key was asked for at Weather Portal with your address.
}

func ExampleVariables() {
	for _, v := range mail.Variables() {
		if v.Name == ".Until" || v.Name == ".Amount" {
			fmt.Printf("%s: %s\n  %s\n", v.Name, v.Description, v.Example)
		}
	}
	// Output:
	// .Amount: what the first payment comes to, before tax and promotions. Empty for what is free, or where it is not known.
	//   €49.00
	// .Until: when the time for it is over, in the configured time zone. Empty where nothing waits for the applicant.
	//   Saturday 21 March 2026, 12:00 (UTC)
}
