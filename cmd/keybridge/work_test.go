package main

// workPages are those on which many requests are worked on at once.
func workPages() []page {
	return []page{
		to("exports-empty", "/console/exports"),
		{"queue-with-a-view", func(v *visit) {
			v.open(v.url + "/console/?show=all&portal=" + demoPortal)
			v.press("views")
			v.fill("view-name", "Everything of the weather portal")
			v.press("view-save")
			v.at("list")
		}},
		{"exports", func(v *visit) {
			v.open(v.url + "/console/?show=all")
			v.press("export-csv")
			v.sees("Exports")
			await(v.t, "a file that is ready", func() bool {
				ready, _ := look[bool](v, `document.querySelector("#files .good") !== null`)
				return ready
			}, v.where)
		}},
		{"bulk-decline", func(v *visit) {
			v.open(v.url + "/console/?show=all")
			v.press("bulk-all")
			v.press("bulk-decline")
			v.at("confirm")
		}},
		{"bulk-decline-empty", func(v *visit) { // required by the browser too, which is passed by
			if sent, _ := look[bool](v, `document.querySelector("main form").noValidate = true`); !sent {
				v.t.Fatal("no form: ", v.where())
			}
			v.press("confirm")
			v.at("problem")
		}},
	}
}
