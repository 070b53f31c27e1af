package sandbox

import "encoding/json"

// modern is the version from which an invoice no longer names its subscription
// at the top. Versions are dates and compare as text.
// Source: https://docs.stripe.com/changelog/basil
const modern = "2025-03-31"

// modernised rewrites a snapshot into the shape newer versions have. Only the
// moves a webhook receiver stumbles over are made: an account's endpoint is
// often newer than the version a client reads with.
func modernised(data json.RawMessage) any {
	var was map[string]any
	if err := json.Unmarshal(data, &was); err != nil {
		return data
	}
	switch was["object"] {
	case "invoice":
		modernInvoice(was)
	case "subscription":
		modernSubscription(was)
	case "payment_intent", "charge":
		delete(was, "invoice")
	}
	return was
}

func modernInvoice(in map[string]any) {
	in["parent"] = nil
	if in["subscription"] != nil {
		details := map[string]any{"metadata": map[string]any{}, "subscription": in["subscription"]}
		if about, ok := in["subscription_details"].(map[string]any); ok {
			details["metadata"] = about["metadata"]
		}
		in["parent"] = map[string]any{
			"type": "subscription_details", "quote_details": nil, "subscription_details": details,
		}
	}
	for _, gone := range []string{
		"subscription", "subscription_details", "charge", "payment_intent", "paid", "paid_out_of_band",
		"tax", "total_tax_amounts", "quote", "discount", "application_fee_amount", "transfer_data",
	} {
		delete(in, gone)
	}
}

func modernSubscription(sub map[string]any) {
	items, _ := sub["items"].(map[string]any)
	rows, _ := items["data"].([]any)
	for _, row := range rows {
		if item, ok := row.(map[string]any); ok {
			item["current_period_start"], item["current_period_end"] = sub["current_period_start"], sub["current_period_end"]
		}
	}
	delete(sub, "current_period_start")
	delete(sub, "current_period_end")
	delete(sub, "discount")
}
