package stripe

import (
	"context"
	"net/http"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
	stripego "github.com/stripe/stripe-go/v76"
)

// sessions is where checkouts are made and listed, with an id behind it where one is.
const sessions = "/v1/checkout/sessions"

// asWritten takes what encoding/json takes, too: names twice, of which the last counts,
// and text that is no UTF-8.
var asWritten = json.JoinOptions(jsontext.AllowDuplicateNames(true), jsontext.AllowInvalidUTF8(true))

// call makes one call and decodes its answer into out. stored says that Stripe had the
// answer from an earlier call under the same key. The error is for problem.
func (p *Provider) call(method, path string, in stripego.ParamsContainer, out any) (stored bool, err error) {
	var answer stripego.APIStream
	if err := p.backend.CallStreaming(method, path, p.cfg.Key, in, &answer); err != nil {
		return false, err
	}
	body := answer.LastResponse.Body
	defer func() { _ = body.Close() }() // it was read to its end, or is of no use
	return replayed(answer.LastResponse.Header), json.UnmarshalRead(body, out, asWritten)
}

// get reads the object at a path.
func (p *Provider) get(path string, in stripego.ParamsContainer, out any) error {
	_, err := p.call(http.MethodGet, path, in, out)
	return err
}

// do makes a call that changes something. Its answer has to be one, and is not read: it
// may be of an earlier call under the same key.
func (p *Provider) do(method, path string, in stripego.ParamsContainer) error {
	var answer struct{}
	_, err := p.call(method, path, in, &answer)
	return err
}

// pageOf reads one page of a list.
func pageOf[T, P any](ctx context.Context, p *Provider, path string, in P) (list[T], error) {
	var page list[T]
	err := p.get(path, &listing[P]{Params: stripego.Params{Context: ctx}, Of: in}, &page)
	return page, err
}

// listing has what stripe-go looks for in the parameters of any call, and would not find
// in those of a list.
type listing[P any] struct {
	stripego.Params `form:"*"`
	Of              P `form:"*"`
}
