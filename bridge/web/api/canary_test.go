package api_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"keybridge/bridge"
)

// TestTheLogHoldsNothingThatWasSentOrShown makes every kind of call and of failure, with
// words in them that must not be found in the log.
func TestTheLogHoldsNothingThatWasSentOrShown(t *testing.T) {
	h := shelved(t)
	id := h.put("k", func(r *bridge.Request) { r.Applicant.Name = "Canary Name" })
	for _, c := range operations(id) {
		h.send(c.with("If-Match", h.etag(id)).with("Idempotency-Key", "canary-key-"+strings.ReplaceAll(c.path, "/", "-")))
	}
	secret := url.QueryEscape("canary@applicant.example canary-word")
	for _, c := range []call{
		get("viewer", "/requests?q="+secret), get("viewer", "/requests?canary-name="+secret), get("viewer", "/canary-path/"+secret),
		post("approver", of(id)+"/note", `{"text": "canary-note from canary@applicant.example"}`), post("approver", of(id)+"/note", `{"canary-member": 1}`),
		post("approver", of(id)+"/assign", `{"to": "canary-to"}`),
	} {
		h.send(c)
	}
	wrong := get("nobody", "/me")
	wrong.token = "kbt_canary-token"
	h.want(http.StatusUnauthorized, wrong)
	h.portal.fails = &bridge.Error{Kind: bridge.Internal, Msg: "No.", Err: errors.New("the portal answered 500")}
	h.want(http.StatusInternalServerError, post("approver", "/requests", `{"portal": "main", "developer": "canary@applicant.example", "plan": "Weather Pro", "waive": "canary-waive"}`))
	log := h.log.String()
	for _, word := range []string{"canary", "Canary", "kbt_", "@", "example", "Dana", "anna", "/api/v1/requests?"} {
		if strings.Contains(log, word) {
			t.Errorf("%q is in the log", word)
		}
	}
	for _, word := range []string{"the portal answered 500", "/api/v1/requests/:id/note", "status=401"} {
		if !strings.Contains(log, word) {
			t.Errorf("%q is not in the log:\n%s", word, log)
		}
	}
}
