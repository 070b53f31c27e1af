package api

import (
	_ "embed"
	"fmt"
	"net/http"

	"github.com/gin-gonic/gin"
	"github.com/goccy/go-yaml"
)

//go:embed openapi.yaml
var openapi []byte

// document is the API's description, as it is served.
type document struct{ yaml, json []byte }

func readDocument() (document, error) {
	json, err := yaml.YAMLToJSON(openapi)
	if err != nil {
		return document{}, fmt.Errorf("api: the description: %w", err)
	}
	return document{openapi, json}, nil
}

// routes are where the description is. It takes no token: it says nothing about anybody.
func (d document) routes() map[string]gin.HandlerFunc {
	serve := func(kind string, text []byte) gin.HandlerFunc {
		return func(c *gin.Context) { c.Data(http.StatusOK, kind, text) }
	}
	return map[string]gin.HandlerFunc{
		"/openapi.yaml": serve("application/yaml", d.yaml),
		"/openapi.json": serve("application/json", d.json),
	}
}
