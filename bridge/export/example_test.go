package export_test

import (
	"context"
	"fmt"
	"strings"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/export"
)

// A list is read by pages, and written row by row.
func ExampleRequests() {
	list := func(context.Context, bridge.Filter) (bridge.Page, error) { // in a program: bridge.Desk.List
		return bridge.Page{Requests: []bridge.Request{{
			ID: "01KKP3FDG05K0W6WEV217BBKKB", Portal: "weather", Key: "5f7c", Created: time.Date(2026, time.March, 14, 12, 0, 0, 0, time.UTC),
			Applicant: bridge.Applicant{Name: "=HYPERLINK(\"https://evil.example\")"},
			Terms:     bridge.Terms{Plan: "Weather Pro", Lines: []bridge.Price{{Amount: bridge.NewAmount(4900, "EUR")}}},
			Verdict:   bridge.Verdict{Outcome: bridge.Open},
		}}}, nil
	}
	var file strings.Builder
	rows, err := export.Write(&file, export.Requests(export.Each(context.Background(), list, bridge.Filter{})), bridge.CSV, "")
	if err != nil {
		fmt.Println(err)
		return
	}
	line := strings.Split(file.String(), "\r\n")[1]
	fmt.Println(rows, strings.TrimRight(line, ","))
	// Output:
	// 1 01KKP3FDG05K0W6WEV217BBKKB,weather,5f7c,received,Weather Pro,49.00,EUR,once,,,,"'=HYPERLINK(""https://evil.example"")",,,,2026-03-14 12:00:00,open
}
