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
			v.holds("a file that is ready", `document.querySelector("#files .good") !== null`)
		}},
		{"bulk-decline", func(v *visit) {
			v.open(v.url + "/console/?show=all")
			v.press("bulk-all")
			v.press("bulk-decline")
			v.at("confirm")
		}},
		{"bulk-decline-empty", func(v *visit) { // required by the browser too, which is passed by
			_ = says[bool](v, `document.querySelector("main form").noValidate = true`)
			v.press("confirm")
			v.at("problem")
		}},
	}
}
