package sandbox

import (
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"time"
)

// oldEvents are the names of events in 1.9, where they differ.
var oldEvents = map[string]string{ //nolint:gosec // names of events
	"UserRegistered": "NewUserRegistration", "ApplicationRegistered": "NewApplicationRegistration",
	"CredentialRegistered": "NewCredentialRegistration", "AccessRequestCreated": "NewAccessRequest",
	"OrganisationRegistered": "NewOrganisationRegistration",
}

// announceLocked sends an event to every webhook configured for it. request is the id of the access request it is about.
func (e *Enterprise) announceLocked(event, request string, message any) {
	payload := map[string]any{"Event": event, "Message": message, "Timestamp": e.now()}
	if e.settings.Quirks.OldEvents {
		payload = map[string]any{"event": orElse(oldEvents[event], event), "message": message, "timestamp": e.now()}
	}
	body, err := json.Marshal(payload)
	if err != nil {
		e.log.Error("a webhook's body cannot be written", "error", err)
		return
	}
	for _, channel := range e.channels.all() {
		if !slices.Contains(channel.Events, event) {
			continue
		}
		headers := http.Header{}
		for _, header := range channel.Headers {
			headers.Add(header.Name, header.Value)
		}
		e.webhooks.add(outgoing{
			Delivery: Delivery{
				Event: event, Request: request, Channel: channel.ID, Method: channel.Method, URL: channel.URL, Body: body, At: e.today(),
			},
			headers: headers, timeout: time.Duration(channel.Timeout) * time.Second,
		}, e.settings.HoldWebhooks)
	}
}

// requestMessage is what an event about an access request says.
type requestMessage struct {
	ID         int
	AppID      int
	ByUser     int
	Status     string
	ProductIDs []int
	PlanID     int
	CreatedAt  time.Time
}

func (e *Enterprise) announceRequestLocked(event string, request *AccessRequest, actor int) {
	message := requestMessage{
		ID: request.ID, AppID: request.AppID, ByUser: request.UserID, Status: request.Status, ProductIDs: request.ProductIDs,
		PlanID: request.PlanID, CreatedAt: request.CreatedAt,
	}
	if e.settings.Quirks.ByActor {
		message.ByUser = actor
	}
	if e.settings.Quirks.PublishedSamples {
		switch event {
		case "AccessRequestCreated":
			message.ID, message.Status, message.CreatedAt = 0, Approved, time.Time{}
		case "AccessRequestRejected":
			message.ProductIDs = []int{}
		}
	}
	e.announceLocked(event, strconv.Itoa(request.ID), message)
}

func (e *Enterprise) announceCredentialLocked(credential *Credential, request *AccessRequest, actor int) {
	by := request.UserID
	if e.settings.Quirks.ByActor {
		by = actor
	}
	e.announceLocked("CredentialRegistered", strconv.Itoa(request.ID), struct {
		ID              int
		ByUser          int
		AccessRequestID int
		AppID           int
		CreatedAt       time.Time
	}{credential.ID, by, request.ID, request.AppID, credential.CreatedAt})
}

func (e *Enterprise) announceUserLocked(event string, user *User, actor int) {
	standing := "active"
	if user.Inactive {
		standing = "inactive"
	}
	e.announceLocked(event, "", struct {
		ID               int
		Email            string
		First, Last      string
		OrgID            int
		Provider         string
		Status           string
		CreatedAt        time.Time
		ByUser           int
		CustomAttributes []any
	}{user.ID, user.Email, user.First, user.Last, user.OrganisationID, "password", standing, user.CreatedAt, actor, []any{}})
}
