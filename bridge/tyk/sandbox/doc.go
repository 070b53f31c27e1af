// Package sandbox is a Tyk Classic Portal with its Dashboard API, to try keybridge with: in the demonstration, in the
// tests, and for whoever writes a client of their own. It keeps everything in memory and misbehaves on demand.
//
// # The idea
//
// No Tyk Dashboard runs where keybridge is built, so this package behaves as Tyk's public documents say one behaves. It
// speaks the protocol and knows nothing of keybridge (it imports the standard library alone): what works against it works
// because the protocol was spoken rightly. Where the documents are silent there is a setting, off or on as the documents'
// samples suggest, so that a client is tried against each reading and not against one guess.
//
// # How things go in and out
//
//	/api/…       the Dashboard API, header `authorization: <Secret>`, no scheme word
//	/admin/organisations/{id}  the Dashboard Admin API, header `admin-auth: <AdminSecret>`: event_options sets the webhook
//	/admin/      the Dashboard admin's page: approve, decline, keys, settings, faults, webhooks
//	/portal/     what a developer sees
//	/gateway/{policy}  an API behind the gateway: 200 to a key that opens it, else 401 or 403 (header Authorization: <key>)
//	/sandbox/…   control, in JSON
//
// A program that holds the [Server] calls its methods instead of /sandbox/. Out go the redirect after the request form
// and the webhook; mails stay inside.
//
// # The Dashboard API
//
//	GET    /api/portal/requests?p=&approved=         list; p counts from 0, 10 a page, -1 is everything
//	POST   /api/portal/requests                      create; Message is the id
//	GET    /api/portal/requests/{id}                 read
//	PUT    /api/portal/requests/approve/{id}         approve; answers with the key or the OAuth client, live secrets
//	DELETE /api/portal/requests/{id}                 decline
//	GET    /api/portal/developers?p=                 list; also POST, and GET PUT DELETE /api/portal/developers/{id}
//	GET    /api/portal/developers/email/{email}      read
//	POST   /api/portal/developers/verify_credentials {"username","password"}: 200 or 401
//	POST   /api/portal/developers/{id}/keys          issue a key; of old …/{id}/subscriptions with policy_id
//	PUT    /api/portal/developers/{id}/keys/{key}    change its policies
//	DELETE /api/portal/developers/{id}/keys/{key}    revoke; of old …/developers/key/{api}/{key}/{id}
//	POST   /api/portal/developers/{id}/keys/{key}/reset_quota
//	DELETE /api/portal/developers/oauth/{client}     revoke an OAuth client
//	GET    /api/keys/{key}?hashed=true               read a key; PUT (&suppress_reset=1) replaces its session, DELETE ends
//	                                                 it; also below /api/apis/{api}/keys/
//	GET    /api/portal/policies, …/policies/{id}     policies
//	GET    /api/portal/catalogue                     the catalogue; PUT replaces it
//	GET    /api/portal/configuration                 the portal's settings; PUT replaces them
//
// A path may end in a slash. Errors are {"Status":"Error","Message":…,"Meta":null}.
//
// # Control
//
//	GET PUT PATCH /sandbox/settings        [Settings]; PUT replaces all, PATCH changes what is sent
//	GET POST DELETE /sandbox/faults        {"method","path","kind","times","delay_ms","retry_after","status"}, see [Fault]
//	GET DELETE /sandbox/calls              what was called, see [Call]
//	GET /sandbox/mail?to=                  mails, see [Message]: oldest first, or of one address newest first
//	GET /sandbox/webhooks                  webhooks, see [Delivery]
//	POST /sandbox/webhooks/{id}/replay     send one again
//	POST /sandbox/requests                 [Ask]: file a key request as the form does → {"id","redirect"}
//	PUT /sandbox/requests/{id}             {"fields"}: change one, which fires the webhook for an update
//
// Errors are {"error":…} with a 4xx status.
//
// # Ids on the pages
//
// For browser tests; {policy} is a policy's id, {id} a key request's, {key} the hash a key is named by.
//
//	everywhere            #nav-catalogue #nav-login #nav-register #nav-keys #nav-mail #sign-out #problem #notice
//	/portal/              #open-catalogue
//	/portal/catalogue     #plan-{policy} #request-{policy}; with multi-selection form#selection #choose-{policy}
//	                      #request-selected
//	/portal/login         form#login: #email #password #sign-in
//	/portal/register      form#register: #name #email #password #field_1… #sign-up
//	/portal/request       ?policy={policy}…; form#key-request: #field_1… #redirect_uri (OAuth) #submit-request
//	/portal/requests/{id} #status with data-status waiting, approved or generate
//	/portal/keys          #raw-key, #client-id and #client-secret (once), table#keys tr#key-{key}, table#requests
//	                      tr#request-{id} with data-status, a#generate-{id}
//	/portal/generate/{id} #generate-key
//	/portal/mail          article#mail-{n} with data-kind welcome, key or generate
//	/admin/               table#pending tr#request-{id} #approve-{id} #decline-{id}; table#developers div#key-{key} with
//	                      data-status, #suspend-{key} #resume-{key} #remove-{key}; form#settings: the JSON names of
//	                      [Settings], #signed_redirect #signed_secret #signed_issuer #signed_audience #signed_portal
//	                      #signed_parameter #signed_lifetime #missing_status #save-settings; form#faults: #fault-kind
//	                      #fault-method #fault-path #fault-times #fault-delay #fault-retry #fault-status #set-fault
//	                      #clear-faults; table#webhooks tr#webhook-{n} #replay-{n}
//
// # Decisions
//
//   - A redirect leaves the key request pending even where no approval is required: it hands the decision to somebody
//     else, and a key issued at once would have taken it.
//   - "approved" has to be sent as false. A request created through the API without it, or with true, counts as processed
//     since Dashboard 1.8 (liip/wp-tyk-dev-portal issue 8): it is listed as approved, has no key, and its approval answers
//     "Key request has already been processed." Settings.OmittedApprovalIsPending forgives the omission.
//   - A policy that does not exist is accepted in a request and refused at its approval (TykTechnologies/tyk issue 272).
//     A developer who does not exist is refused at once, with 400: there is nobody to file the request for.
//   - Under secure approval the approve answer is {"RawKey":"","Password":""} and the developer has no key until they
//     click: Tyk's documents show no answer for this case.
//   - An approval is an update of the key request and fires the webhook. The name of that event is Settings.UpdateEvent.
//   - A webhook is attempted once, beside the request that caused it, with no header of its own: Tyk documents neither
//     retry nor signature.
//   - Without hashed keys a key's id is the raw key, as with Tyk; the default is therefore hashed keys. Asked with hashed=true
//     such a gateway answers 400, as the open-source gateway's handleGetDetail does.
//   - Lists begin with the newest, by when a request entered the list: the approved ones by their approval.
//   - net/http's client repeats a GET by itself when a kept connection is cut: a CutBefore fault for one GET may go unseen.
//   - POST …/developers/{id}/keys answers as an approval does and sends no mail; the documents show neither.
//   - PUT of a key takes the bare session, as the documents' sample does, or the session within "data", as GET shows it.
//   - Records are replaced, never changed: a list of thousands is put together under one short lock and written as JSON
//     outside it. Key requests are indexed by state and by developer.
//   - Each answer to a developer who is known holds all of their keys, as with Tyk. A load test should therefore file its
//     requests for many developers.
//
// # What it must never do
//
// Show a raw key or client secret anywhere but where Tyk shows it: the approve answer, the key mail, once on the page of
// keys, and OAuth secrets in the developer's record. Write a webhook's URL, which holds its receiver's secret, to a log.
//
// The Enterprise Developer Portal is another product with another API; it will stand beside this one, with a server type of
// its own that shares faults, calls, mails and webhooks.
package sandbox
