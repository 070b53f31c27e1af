package main

import (
	"bufio"
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A load's clients. They share the machine with what they measure, so they do as little as
// they can: a request is a slice of bytes that was made before the clock was started, and
// of an answer they read the status, the length and the body.

// delivered is what came of a number of requests.
type delivered struct {
	// took is how long each was waited for, sorted.
	took []time.Duration
	// answers counts them by status.
	answers map[int]int
	over    time.Duration
	// least is how many the slowest client had answered.
	least int
	// processor is how much time the process that answered was given, by its processors.
	processor time.Duration
}

// done ends what began at a time.
func (d *delivered) done(begin time.Time) {
	d.over = time.Since(begin)
	slices.Sort(d.took)
}

// rate is how many were answered in a second.
func (d delivered) rate() float64 { return float64(len(d.took)) / d.over.Seconds() }

// at is the time within which a part of the requests was answered.
func (d delivered) at(part float64) time.Duration {
	if len(d.took) == 0 {
		return 0
	}
	return d.took[int(part*float64(len(d.took)-1))]
}

// deliver sends requests from a number of clients, each on a connection of its own and
// one after the other, until time is over or every request was sent. Each client has its
// share of the requests. pid is the process that answers.
func deliver(pid int, addr string, requests [][]byte, clients int, within time.Duration) (delivered, error) {
	shares := make([]delivered, clients)
	failures := make([]error, clients)
	connections := make([]net.Conn, clients)
	for i := range connections {
		c, err := net.Dial("tcp", addr)
		if err != nil {
			return delivered{}, err
		}
		defer func() { _ = c.Close() }() // what was to come has come
		connections[i] = c
	}
	var all sync.WaitGroup
	before, begin := processorOf(pid), time.Now()
	for i, c := range connections {
		all.Go(func() {
			shares[i], failures[i] = deliverOn(c, requests, i, clients, begin.Add(within))
		})
	}
	all.Wait()
	sum := delivered{answers: map[int]int{}, processor: processorOf(pid) - before}
	sum.least = len(shares[0].took)
	for _, share := range shares {
		sum.least = min(sum.least, len(share.took))
		sum.took = append(sum.took, share.took...)
		for status, n := range share.answers {
			sum.answers[status] += n
		}
	}
	sum.done(begin)
	return sum, errors.Join(failures...)
}

// processorOf is how much time a process was given so far: zero where the system does not
// say. Source: proc_pid_stat(5); the unit is a hundredth of a second on Linux.
func processorOf(pid int) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	_, rest, ok := bytes.Cut(text, []byte(") ")) // the name may hold anything
	fields := strings.Fields(string(rest))
	if err != nil || !ok || len(fields) < 13 {
		return 0
	}
	var ticks time.Duration
	for _, field := range fields[11:13] {
		n, _ := strconv.Atoi(field) // the kernel writes numbers
		ticks += time.Duration(n)
	}
	return ticks * 10 * time.Millisecond
}

// deliverOn sends every step-th request from the first one on.
func deliverOn(c net.Conn, requests [][]byte, first, step int, until time.Time) (delivered, error) {
	d := delivered{took: make([]time.Duration, 0, len(requests)/step+1), answers: map[int]int{}}
	if err := c.SetDeadline(until.Add(patience)); err != nil {
		return d, err
	}
	in := bufio.NewReaderSize(c, 4<<10)
	begin := time.Now()
	for i := first; i < len(requests) && begin.Before(until); i += step {
		if _, err := c.Write(requests[i]); err != nil {
			return d, err
		}
		status, err := readAnswer(in)
		if err != nil {
			return d, err
		}
		now := time.Now()
		d.took = append(d.took, now.Sub(begin))
		d.answers[status]++
		begin = now
	}
	return d, nil
}

// readAnswer reads an answer whose length is said, and returns its status.
func readAnswer(in *bufio.Reader) (status int, err error) {
	length := 0
	for first := true; ; first = false {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		text := strings.TrimRight(string(line), "\r\n")
		name, value, _ := strings.Cut(text, ":")
		switch {
		case first && len(text) >= 12:
			status, err = strconv.Atoi(text[9:12])
		case text == "":
			_, err = in.Discard(length)
			return status, err
		case strings.EqualFold(name, "Content-Length"):
			length, err = strconv.Atoi(strings.TrimSpace(value))
		case strings.EqualFold(name, "Transfer-Encoding"):
			err = errors.New("an answer whose length is not said")
		}
		if err != nil {
			return 0, err
		}
	}
}

// The event that is sent: 1 KiB, of a checkout that is complete.
const (
	eventSize = 1 << 10
	eventHead = `{"id":"%s","object":"event","api_version":"2023-10-16","created":%d,"data":{"object":{` +
		`"id":"cs_test_a1%056d","object":"checkout.session","amount_subtotal":4900,"amount_total":4900,"currency":"eur",` +
		`"client_reference_id":null,"customer":"cus_NffrFeUfNV2Hib","livemode":false,"metadata":{"keybridge_request":"%s"},"mode":"payment",` +
		`"payment_intent":null,"payment_status":"paid","status":"complete","success_url":"https://keys.example.com/r/`
	eventTail = `"}},"livemode":false,"pending_webhooks":1,"request":{"id":null,"idempotency_key":null},"type":"checkout.session.completed"}`
)

func eventID(n int) string { return fmt.Sprintf("evt_1NG8Du2eZvKYlo2C%010d", n) }

// eventRequest is the n-th event, about the checkout of a request, as Stripe delivers it.
func eventRequest(n, about int, at time.Time) []byte {
	head := fmt.Sprintf(eventHead, eventID(n), at.Unix(), about, grownID(about))
	body := head + strings.Repeat("x", max(0, eventSize-len(head)-len(eventTail))) + eventTail
	sum := hmac.New(sha256.New, []byte(standStripeHook))
	_, _ = fmt.Fprintf(sum, "%d.%s", at.Unix(), body) // a hash takes everything
	return fmt.Appendf(nil, "POST /webhooks/stripe HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: Stripe/1.0 (+https://stripe.com/docs/webhooks)\r\n"+
		"Accept: */*; q=0.5, application/xml\r\nCache-Control: no-cache\r\nContent-Type: application/json; charset=utf-8\r\n"+
		"Content-Length: %d\r\nStripe-Signature: t=%d,v1=%s\r\n\r\n%s", len(body), at.Unix(), hex.EncodeToString(sum.Sum(nil)), body)
}

// eventRequests are n events in a row, about so many known requests from the oldest of them
// on, each about another one as long as there are enough.
func eventRequests(first, n, oldest, known int) [][]byte {
	now := time.Now()
	all := make([][]byte, n)
	var makers sync.WaitGroup
	for half := range 2 {
		makers.Go(func() {
			for i := half; i < n; i += 2 {
				all[i] = eventRequest(first+i, oldest+(first+i)*7919%known, now)
			}
		})
	}
	makers.Wait()
	return all
}
