package sandbox_test

import (
	"context"
	"fmt"
	"net/smtp"
	"time"

	"keybridge/bridge/notify/mail/sandbox"
)

// A client whose first mail is kept while the answer is lost, so that it sends it again.
func Example() {
	box, err := sandbox.New(sandbox.Config{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = box.Close() }() // http.ListenAndServe("127.0.0.1:8025", box.Handler()) would show the pages
	if _, err := box.Fault(sandbox.Fault{Kind: sandbox.Cut, At: sandbox.AtAnswer, Times: 1}); err != nil {
		fmt.Println(err)
		return
	}
	mail := []byte("Subject: Pay for your key\r\nMessage-ID: <1@bridge.example>\r\n\r\nhttps://bridge.example/r/abc\r\n")
	for range 2 {
		err := smtp.SendMail(box.Addr(), nil, "bridge@example.com", []string{"dev@example.com"}, mail)
		fmt.Println("sent:", err == nil)
	}

	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	m, err := box.Await(ctx, sandbox.Filter{To: "dev@example.com", Subject: "pay"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(m.Subject, m.Links)
	for _, m := range box.Mails(sandbox.Filter{MessageID: m.MessageID}) {
		fmt.Printf("no. %d is delivery %d of no. %d\n", m.Number, m.Delivery, m.First)
	}
	// Output:
	// sent: false
	// sent: true
	// Pay for your key [https://bridge.example/r/abc]
	// no. 1 is delivery 1 of no. 1
	// no. 2 is delivery 2 of no. 1
}
