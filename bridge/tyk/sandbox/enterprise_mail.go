package sandbox

import (
	"fmt"
	"strconv"
	"strings"
)

// The kinds of [Message] an Enterprise Portal sends: its names for their templates.
const (
	ApproveMail          = "approve"
	RejectMail           = "reject"
	SubmittedMail        = "submitted" // to the admin
	WelcomeDeveloperMail = "welcome_dev"
	ActivateMail         = "activate"
	DeactivateMail       = "deactivate"
)

// decisionMailLocked mails a developer what became of an access request.
func (e *Enterprise) decisionMailLocked(kind string, request *AccessRequest, base string) {
	template := e.settings.Approve
	if kind == RejectMail {
		template = e.settings.Reject
	}
	fill := e.fillerLocked(request)
	e.sendLocked(Message{
		Kind: kind, To: e.users.get(request.UserID).Email, Subject: fill.Replace(template.Subject), Text: fill.Replace(template.Text),
		Link: base + "/portal/apps/" + strconv.Itoa(request.AppID),
	})
}

// fillerLocked replaces the placeholders of a [MailTemplate]. What a person typed cannot break a subject's line.
func (e *Enterprise) fillerLocked(request *AccessRequest) *strings.Replacer {
	names := make([]string, len(request.ProductIDs))
	for i, id := range request.ProductIDs {
		names[i] = e.products.get(id).DisplayName
	}
	line := strings.NewReplacer("\r", " ", "\n", " ").Replace
	return strings.NewReplacer(
		"{name}", line(e.users.get(request.UserID).Name()), "{portal}", line(e.name), "{app}", line(e.apps.get(request.AppID).Name),
		"{products}", line(strings.Join(names, ", ")), "{plan}", line(e.plans.get(request.PlanID).DisplayName),
		"{id}", strconv.Itoa(request.ID),
	)
}

// submittedMailLocked tells the admin of an access request that waits. Its subject is not configurable, as with Tyk.
func (e *Enterprise) submittedMailLocked(request *AccessRequest, base string) {
	e.sendLocked(Message{
		Kind: SubmittedMail, To: e.users.get(adminID).Email, Subject: "Access request sent for approval",
		Link: base + "/admin/access-requests",
		Text: e.fillerLocked(request).Replace("{name} asks for {products} with the plan {plan}, for the app {app}: access request {id}."),
	})
}

// postLocked mails a user something about their account.
func (e *Enterprise) postLocked(kind string, user *User, base string) {
	subject, text := "Welcome to the "+e.name, "you have an account at the %s. Choose a product in a catalogue to ask for access."
	switch kind {
	case ActivateMail:
		subject, text = "Your account was activated", "your account at the %s was activated. You can sign in now."
	case DeactivateMail:
		subject, text = "Your account was deactivated", "your account at the %s was deactivated. You can no longer sign in."
	}
	e.sendLocked(Message{
		Kind: kind, To: user.Email, Subject: subject, Link: base + "/portal/",
		Text: fmt.Sprintf("Hello %s,\n\n"+text, user.Name(), e.name),
	})
}

func (e *Enterprise) sendLocked(message Message) {
	if !e.settings.EmailService {
		return
	}
	message.At = e.today()
	e.post.add(message)
}
