package sandbox

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Channel is a webhook as an Enterprise Portal's admin configures it: where events go, and which. Headers hold the
// receiver's secret.
type Channel struct {
	ID   string
	Name string
	URL  string // absolute, http or https
	// Method is how it is called; empty means POST.
	Method string
	// Timeout is in seconds, up to 60; 0 means 10.
	Timeout int
	// Headers are sent with every event, and not when the connection is tested.
	Headers []ChannelHeader
	// Events are the names of those that are sent. For [Enterprise.AddChannel] none means all.
	Events               []string
	CreatedAt, UpdatedAt time.Time
}

// ChannelHeader is one header of a [Channel].
type ChannelHeader struct{ ID, Name, Value string }

// ConnectionTest is the event of the delivery that [Enterprise.TestConnection] makes.
const ConnectionTest = "TestConnection"

// portalEvents are the events a webhook may be configured for. Those about passwords and about organisations that ask to be
// registered never happen here.
var portalEvents = []string{
	"AccessRequestApproved", "AccessRequestRejected", "AccessRequestCreated", "OrganisationRequestCreated", "UserRegistered",
	"OrganisationRequestApproved", "OrganisationRequestRejected", "PasswordReset", "RegisterInvite", "UserAccountActivated",
	"UserAccountDeactivated", "ApplicationRegistered", "CredentialRegistered", "OrganisationRegistered",
}

func (c *Channel) settle() error {
	c.Method = strings.ToUpper(orElse(c.Method, http.MethodPost))
	if c.Timeout == 0 {
		c.Timeout = 10
	}
	if err := absoluteURL("URL", c.URL); err != nil {
		return refuse(http.StatusUnprocessableEntity, "URL is not an absolute http or https URL")
	}
	if !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, c.Method) {
		return refuse(http.StatusUnprocessableEntity, "Method is none of GET, POST, PUT, PATCH, DELETE")
	}
	if c.Timeout < 0 || c.Timeout > 60 {
		return refuse(http.StatusUnprocessableEntity, "Timeout is not within 0 and 60")
	}
	for _, event := range c.Events {
		if !slices.Contains(portalEvents, event) {
			return refuse(http.StatusUnprocessableEntity, fmt.Sprintf("there is no event %q", event))
		}
	}
	for _, header := range c.Headers {
		if err := header.check(); err != nil {
			return err
		}
	}
	return nil
}

// check returns an error when a header cannot be sent (RFC 9110 section 5.1 and 5.5).
func (h ChannelHeader) check() error {
	notToken := func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && !strings.ContainsRune("!#$%&'*+-.^_`|~", c)
	}
	if h.Name == "" || strings.ContainsFunc(h.Name, notToken) {
		return refuse(http.StatusUnprocessableEntity, "Name is not the name of a header")
	}
	if strings.ContainsFunc(h.Value, func(c rune) bool { return (c < ' ' && c != '\t') || c == 0x7f }) {
		return refuse(http.StatusUnprocessableEntity, "Value cannot be sent in a header")
	}
	return nil
}

// AddChannel configures a webhook and returns the record. It returns an error when the URL, method, time-out, an event or a
// header is wrong.
func (e *Enterprise) AddChannel(channel Channel) (Channel, error) {
	if len(channel.Events) == 0 {
		channel.Events = slices.Clone(portalEvents)
	}
	record, err := e.addChannel(channel)
	if err != nil {
		return Channel{}, err
	}
	return record.clone(), nil
}

func (e *Enterprise) addChannel(channel Channel) (*Channel, error) {
	if err := channel.settle(); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	headers := channel.Headers
	channel.Headers = nil
	for _, header := range headers {
		channel.Headers = append(channel.Headers, e.namedHeaderLocked(header))
	}
	channel.CreatedAt, channel.UpdatedAt = e.today(), e.today()
	return e.channels.add(func(id int) Channel { channel.ID = strconv.Itoa(id); return channel }), nil
}

func (e *Enterprise) namedHeaderLocked(header ChannelHeader) ChannelHeader {
	e.headers++
	header.ID = strconv.Itoa(e.headers)
	return header
}

func (c *Channel) clone() Channel {
	d := *c
	d.Headers, d.Events = slices.Clone(c.Headers), slices.Clone(c.Events)
	return d
}

// Channels returns the configured webhooks in the order of their ids.
func (e *Enterprise) Channels() []Channel {
	e.mu.Lock()
	defer e.mu.Unlock()
	var all []Channel
	for _, channel := range e.channels.all() {
		all = append(all, channel.clone())
	}
	return all
}

// RemoveChannel deletes a configured webhook. It returns an error when there is none with the id.
func (e *Enterprise) RemoveChannel(id string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	channel, err := e.channelLocked(id)
	if err != nil {
		return err
	}
	e.removeChannelLocked(channel)
	return nil
}

func (e *Enterprise) removeChannelLocked(channel *Channel) {
	id, _ := strconv.Atoi(channel.ID) //nolint:errcheck // it was made of a number
	e.channels.remove(id)
}

func (e *Enterprise) channelLocked(id string) (*Channel, error) {
	number, err := strconv.Atoi(id)
	if err != nil || e.channels.get(number) == nil {
		return nil, notThere("record not found")
	}
	return e.channels.get(number), nil
}

// changeChannelLocked replaces a configured webhook by a changed copy, unless the copy would be wrong.
func (e *Enterprise) changeChannelLocked(channel *Channel, change func(*Channel)) (*Channel, error) {
	changed := channel.clone()
	change(&changed)
	if err := changed.settle(); err != nil {
		return nil, err
	}
	changed.UpdatedAt = e.today()
	id, _ := strconv.Atoi(channel.ID) //nolint:errcheck // it was made of a number
	return e.channels.change(id, func(c *Channel) { *c = changed }), nil
}

// TestConnection sends HEAD to a configured webhook's URL, without its headers, as the button Test connection does, and
// waits for the outcome, which is recorded among the webhooks. It returns an error when there is no such webhook or the
// context ends first.
func (e *Enterprise) TestConnection(ctx context.Context, id string) (Delivery, error) {
	e.mu.Lock()
	channel, err := e.channelLocked(id)
	if err != nil {
		e.mu.Unlock()
		return Delivery{}, err
	}
	sent, done := e.webhooks.add(outgoing{ //nolint:contextcheck // the attempt is recorded, whoever waits for it
		Delivery: Delivery{Event: ConnectionTest, Channel: id, Method: http.MethodHead, URL: channel.URL, At: e.today()},
		timeout:  time.Duration(channel.Timeout) * time.Second,
	}, false)
	e.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
		return Delivery{}, ctx.Err()
	}
	return e.webhooks.outcome(sent), nil
}

// spokenChannel is a configured webhook as the API speaks of it, with the values of its headers.
type spokenChannel struct {
	ID        string
	Name      string
	URL       string
	Method    string
	Timeout   int
	Headers   []ChannelHeader
	Events    []string
	CreatedAt string
	UpdatedAt string
}

func speakChannel(c *Channel) spokenChannel {
	return spokenChannel{
		c.ID, c.Name, c.URL, c.Method, c.Timeout, append([]ChannelHeader{}, c.Headers...), append([]string{}, c.Events...),
		stamp(c.CreatedAt), stamp(c.UpdatedAt),
	}
}

func (e *Enterprise) getChannels(r *http.Request) (any, error) {
	return pageOfShelf(e, r, &e.channels, speakChannel)
}

func (e *Enterprise) getChannel(r *http.Request) (any, error) {
	return oneOfShelf(e, r, &e.channels, speakChannel)
}

// sentChannel is a webhook as it is sent; what is not sent stays as it is. Headers have calls of their own.
type sentChannel struct {
	Name, URL, Method *string
	Timeout           *int
	Events            *[]string
}

func (s sentChannel) over(c *Channel) {
	put(&c.Name, s.Name)
	put(&c.URL, s.URL)
	put(&c.Method, s.Method)
	put(&c.Timeout, s.Timeout)
	put(&c.Events, s.Events)
}

func (e *Enterprise) postChannel(r *http.Request) (any, error) {
	var sent sentChannel
	if err := readJSON(r, &sent); err != nil {
		return nil, err
	}
	var channel Channel
	sent.over(&channel)
	record, err := e.addChannel(channel)
	if err != nil {
		return nil, err
	}
	return speakChannel(record), nil
}

func (e *Enterprise) putChannel(r *http.Request) (any, error) {
	var sent sentChannel
	if err := readJSON(r, &sent); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	channel, err := e.channelLocked(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	changed, err := e.changeChannelLocked(channel, sent.over)
	if err != nil {
		return nil, err
	}
	return speakChannel(changed), nil
}

func (e *Enterprise) deleteChannel(r *http.Request) (any, error) {
	if err := e.RemoveChannel(r.PathValue("id")); err != nil {
		return nil, err
	}
	return saying("ok", ""), nil
}

func (e *Enterprise) getHeaders(r *http.Request) (any, error) {
	p, err := pageOfList(r)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	channel, err := e.channelLocked(r.PathValue("id"))
	if err != nil {
		return nil, err
	}
	from, to := p.window(len(channel.Headers))
	return append([]ChannelHeader{}, channel.Headers[from:to]...), nil
}

// headerOf is a header as the API speaks of it by itself.
type headerOf struct {
	ChannelHeader
	WebhookID string
}

func (e *Enterprise) headerLocked(r *http.Request) (*Channel, int, error) {
	channel, err := e.channelLocked(r.PathValue("id"))
	if err != nil {
		return nil, 0, err
	}
	place := slices.IndexFunc(channel.Headers, func(h ChannelHeader) bool { return h.ID == r.PathValue("header") })
	if place < 0 {
		return nil, 0, notThere("record not found")
	}
	return channel, place, nil
}

func (e *Enterprise) getHeader(r *http.Request) (any, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	channel, place, err := e.headerLocked(r)
	if err != nil {
		return nil, err
	}
	return headerOf{channel.Headers[place], channel.ID}, nil
}

func (e *Enterprise) postHeader(r *http.Request) (any, error) {
	var sent ChannelHeader
	if err := readJSON(r, &sent); err != nil {
		return nil, err
	}
	header, err := e.addHeader(r.PathValue("id"), sent)
	if err != nil {
		return nil, err
	}
	return headerOf{header, r.PathValue("id")}, nil
}

func (e *Enterprise) addHeader(id string, header ChannelHeader) (ChannelHeader, error) {
	if err := header.check(); err != nil {
		return ChannelHeader{}, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	channel, err := e.channelLocked(id)
	if err != nil {
		return ChannelHeader{}, err
	}
	header = e.namedHeaderLocked(header)
	_, err = e.changeChannelLocked(channel, func(c *Channel) { c.Headers = append(c.Headers, header) })
	return header, err
}

func (e *Enterprise) putHeader(r *http.Request) (any, error) {
	var sent struct{ Name, Value *string }
	if err := readJSON(r, &sent); err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	channel, place, err := e.headerLocked(r)
	if err != nil {
		return nil, err
	}
	changed, err := e.changeChannelLocked(channel, func(c *Channel) {
		put(&c.Headers[place].Name, sent.Name)
		put(&c.Headers[place].Value, sent.Value)
	})
	if err != nil {
		return nil, err
	}
	return headerOf{changed.Headers[place], changed.ID}, nil
}

func (e *Enterprise) deleteHeader(r *http.Request) (any, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	channel, place, err := e.headerLocked(r)
	if err != nil {
		return nil, err
	}
	if _, err := e.changeChannelLocked(channel, func(c *Channel) { c.Headers = slices.Delete(c.Headers, place, place+1) }); err != nil {
		return nil, err
	}
	return saying("ok", ""), nil
}
