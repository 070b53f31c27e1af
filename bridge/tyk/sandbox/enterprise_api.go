package sandbox

import (
	"crypto/subtle"
	"errors"
	"net/http"
	"strconv"
	"strings"
)

// status is how the portal's API says how it went.
type status struct {
	Status  string `json:"status"`
	Message string `json:"message,omitempty"`
}

func saying(how, message string) status { return status{how, message} }

// errorsOnly is how most calls say what was wrong.
type errorsOnly struct {
	Errors []string `json:"errors"`
}

// statusWithErrors is how a call that provisions says what was wrong.
type statusWithErrors struct {
	Status string   `json:"status"`
	Errors []string `json:"errors"`
}

// manner is how a call answers when it is refused: with which status, and in which of the portal's shapes.
type manner func(e *Enterprise, why *refusal) (status int, body any)

// plainly is how calls that read, delete or keep a record are refused.
func plainly(e *Enterprise, why *refusal) (int, any) {
	code := why.status
	if quirk := e.Settings().Quirks.MissingStatus; why.missing && quirk != 0 {
		code = quirk
	}
	return code, errorsOnly{[]string{why.message}}
}

// asDecision is how an approval or a rejection is refused: 422 whatever the reason, as Tyk describes it.
func asDecision(_ *Enterprise, why *refusal) (int, any) {
	return http.StatusUnprocessableEntity, saying("error", why.message)
}

// asProvision is how a new access request is refused: 422 whatever the reason, as Tyk describes it.
func asProvision(_ *Enterprise, why *refusal) (int, any) {
	return http.StatusUnprocessableEntity, statusWithErrors{"error", []string{why.message}}
}

// asUpdate is how a change of a record is refused: "Bad request or not found", 422.
func asUpdate(_ *Enterprise, why *refusal) (int, any) {
	return http.StatusUnprocessableEntity, errorsOnly{[]string{why.message}}
}

// portalCall is one call of the portal's API.
type portalCall struct {
	do      apiCall
	refused manner
	created bool // answers 201
}

func (e *Enterprise) served(call portalCall) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(e.secret)) != 1 {
			writeJSON(w, http.StatusUnauthorized, errorsOnly{[]string{"Unauthorized"}})
			return
		}
		answer, err := call.do(r)
		if err != nil {
			var why *refusal
			if !errors.As(err, &why) {
				why = &refusal{status: http.StatusInternalServerError, message: "Internal error"}
			}
			code, body := call.refused(e, why)
			writeJSON(w, code, body)
			return
		}
		code := http.StatusOK
		if call.created {
			code = http.StatusCreated
		}
		writeJSON(w, code, answer)
	}
}

func (e *Enterprise) portalAPI(mux *http.ServeMux) {
	const requestOfApp = "/apps/{id}/access-requests/{request}"
	const credential = requestOfApp + "/credentials/{credential}"
	for pattern, call := range map[string]portalCall{
		"GET /access_requests":              {do: e.getAccessRequests, refused: plainly},
		"GET /access_requests/{id}":         {do: e.getAccessRequest, refused: plainly},
		"DELETE /access_requests/{id}":      {do: e.deleteAccessRequest, refused: plainly},
		"PUT /access_requests/{id}/approve": {do: e.putApproval, refused: asDecision},
		"PUT /access_requests/{id}/reject":  {do: e.putRejection, refused: asDecision},

		"GET /apps":                              {do: e.getApps, refused: plainly},
		"POST /apps":                             {do: e.postApp, refused: asUpdate},
		"GET /apps/{id}":                         {do: e.getApp, refused: plainly},
		"PUT /apps/{id}":                         {do: e.putApp, refused: asUpdate},
		"DELETE /apps/{id}":                      {do: e.deleteApp, refused: plainly},
		"PUT /apps/{id}/provision":               {do: e.putProvision, refused: asProvision},
		"GET /apps/{id}/access-requests":         {do: e.getRequestsOfApp, refused: plainly},
		"GET " + requestOfApp:                    {do: e.getRequestOfApp, refused: plainly},
		"DELETE " + requestOfApp:                 {do: e.deleteRequestOfApp, refused: plainly},
		"GET " + requestOfApp + "/credentials":   {do: e.getCredentials, refused: plainly},
		"GET " + credential:                      {do: e.getCredential, refused: plainly},
		"DELETE " + credential:                   {do: e.deleteCredential, refused: plainly},
		"PUT " + credential + "/rotate":          {do: e.putRotation, refused: asProvision},
		"GET /users":                             {do: e.getUsers, refused: plainly},
		"POST /users":                            {do: e.postUser, refused: asUpdate},
		"GET /users/{id}":                        {do: e.getUser, refused: plainly},
		"PUT /users/{id}":                        {do: e.putUser, refused: asUpdate},
		"DELETE /users/{id}":                     {do: e.deleteUser, refused: plainly},
		"GET /organisations":                     {do: e.getOrganisations, refused: plainly},
		"POST /organisations":                    {do: e.postOrganisation, refused: asUpdate},
		"GET /organisations/{id}":                {do: e.getOrganisation, refused: plainly},
		"GET /plans":                             {do: e.getPlans, refused: plainly},
		"GET /plans/{id}":                        {do: e.getPlan, refused: plainly},
		"PUT /plans/{id}":                        {do: e.putPlan, refused: plainly},
		"GET /products":                          {do: e.getProducts, refused: plainly},
		"GET /products/{id}":                     {do: e.getProduct, refused: plainly},
		"GET /catalogues":                        {do: e.getCatalogues, refused: plainly},
		"GET /catalogues/{id}":                   {do: e.getCatalogue, refused: plainly},
		"GET /webhooks":                          {do: e.getChannels, refused: plainly},
		"POST /webhooks":                         {do: e.postChannel, refused: asUpdate, created: true},
		"GET /webhooks/{id}":                     {do: e.getChannel, refused: plainly},
		"PUT /webhooks/{id}":                     {do: e.putChannel, refused: asUpdate},
		"DELETE /webhooks/{id}":                  {do: e.deleteChannel, refused: plainly},
		"GET /webhooks/{id}/headers":             {do: e.getHeaders, refused: plainly},
		"POST /webhooks/{id}/headers":            {do: e.postHeader, refused: asUpdate, created: true},
		"GET /webhooks/{id}/headers/{header}":    {do: e.getHeader, refused: plainly},
		"PUT /webhooks/{id}/headers/{header}":    {do: e.putHeader, refused: asUpdate},
		"DELETE /webhooks/{id}/headers/{header}": {do: e.deleteHeader, refused: plainly},
	} {
		method, path, _ := strings.Cut(pattern, " ")
		mux.HandleFunc(method+" /portal-api"+path, e.served(call))
	}
	mux.HandleFunc("/portal-api/", e.served(portalCall{refused: plainly, do: func(*http.Request) (any, error) {
		return nil, refuse(http.StatusNotFound, "Not found")
	}}))
}

// page is which part of a list is asked for.
type page struct{ number, length, limit int }

// perPage is how many records a page holds that does not say.
const perPage = 20

// window returns where the page begins and ends among total records.
func (p page) window(total int) (from, to int) {
	from = min((p.number-1)*p.length, total)
	return from, min(from+p.limit, total)
}

// pageOfList reads page (counted from 1), per_page (20) and limit, which overrides the number of records and not where
// they begin.
func pageOfList(r *http.Request) (page, error) {
	p := page{number: 1, length: perPage}
	query := r.URL.Query()
	for name, into := range map[string]*int{"page": &p.number, "per_page": &p.length, "limit": &p.limit} {
		text := query.Get(name)
		if text == "" {
			continue
		}
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 || n > 1<<20 {
			return page{}, refuse(http.StatusUnprocessableEntity, name+" must be a number from 1")
		}
		*into = n
	}
	if p.limit == 0 {
		p.limit = p.length
	}
	return p, nil
}

// foundIn returns the record a part of the path names.
func foundIn[R any](r *http.Request, part string, records *shelf[R]) (*R, error) {
	id, err := strconv.Atoi(r.PathValue(part))
	if err != nil || records.get(id) == nil {
		return nil, notThere("record not found")
	}
	return records.get(id), nil
}

// pageOfShelf answers with a page of records, each as the API speaks of it.
func pageOfShelf[R, S any](e *Enterprise, r *http.Request, records *shelf[R], speak func(*R) S) ([]S, error) {
	p, err := pageOfList(r)
	if err != nil {
		return nil, err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	shown := records.page(p, e.settings.Quirks.OldestFirst)
	spoken := make([]S, len(shown))
	for i, record := range shown {
		spoken[i] = speak(record)
	}
	return spoken, nil
}

// oneOfShelf answers with the record the path names.
func oneOfShelf[R, S any](e *Enterprise, r *http.Request, records *shelf[R], speak func(*R) S) (any, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	record, err := foundIn(r, "id", records)
	if err != nil {
		return nil, err
	}
	return speak(record), nil
}
