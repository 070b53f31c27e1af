package api_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/web/api"
	"keybridge/store/bolt"
)

// An API over a service, and what a program with a token of a viewer gets from it.
func Example() {
	if err := show(); err != nil {
		fmt.Println(err)
	}
	// Output:
	// 200 {"name":"vera","role":"viewer","may":["see requests","export lists"]}
	//
	// 200 {"requests":[]}
	//
	// 400 {"type":"urn:keybridge:problem:invalid","title":"That cannot be understood","status":400,"detail":"Nothing was done. errors says what is wrong.","instance":"/api/v1/requests","errors":[{"in":"query","name":"state","detail":"There is no such state."}]}
}

// show makes an API in a new folder and calls it.
func show() error {
	folder, err := os.MkdirTemp("", "keybridge")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(folder) }()
	store, err := bolt.Open(bolt.Config{Path: filepath.Join(folder, "keybridge.db")})
	if err != nil {
		return err
	}
	defer func() { _ = store.Close() }()
	service, err := bridge.New(bridge.Config{
		Store: store, Portals: map[string]bridge.Site{"main": {}}, NewID: func() bridge.ID { return "" },
		Page: func(bridge.ID, time.Time) string { return "" },
	})
	if err != nil {
		return err
	}
	programs, err := api.New(api.Config{
		Service: service, Papers: store,
		Who: func(context.Context, string) (bridge.Person, error) {
			return bridge.Person{Name: "vera", Role: bridge.Viewer}, nil
		},
	})
	if err != nil {
		return err
	}

	for _, path := range []string{"/me", "/requests?show=all", "/requests?state=asleep"} {
		r := httptest.NewRequest(http.MethodGet, api.Base+path, nil)
		r.Header.Set("Authorization", "Bearer kbt_whatever")
		w := httptest.NewRecorder()
		programs.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	return nil
}
