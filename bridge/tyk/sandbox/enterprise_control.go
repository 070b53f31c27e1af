package sandbox

import (
	"maps"
	"net/http"
)

// ownControls are the control calls only an Enterprise Portal has.
func (e *Enterprise) ownControls() map[string]apiCall {
	calls := map[string]apiCall{
		"POST /sandbox/access_requests":    e.makeRequest,
		"POST /sandbox/channels/{id}/test": e.testChannel,
	}
	maps.Copy(calls, settingsControls(e.Settings, e.SetSettings, func(c *EnterpriseSettings) { c.SignedLink.Secret = "" }))
	return calls
}

// makeRequest files an access request as the cart does, and tells where a customised theme would lead.
func (e *Enterprise) makeRequest(r *http.Request) (any, error) {
	var ask AccessAsk
	if err := readJSON(r, &ask); err != nil {
		return nil, err
	}
	request, err := e.CreateAccessRequest(ask)
	if err != nil {
		return nil, err
	}
	link, err := e.ThemeLink(request.ID)
	if err != nil {
		return nil, err
	}
	return struct {
		ID     int    `json:"id"`
		Status string `json:"status"`
		Link   string `json:"link"`
	}{request.ID, request.Status, link}, nil
}

func (e *Enterprise) testChannel(r *http.Request) (any, error) {
	return e.TestConnection(r.Context(), r.PathValue("id"))
}
