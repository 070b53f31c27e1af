package bridge

// unusualDecimals says in how many decimals an amount of a currency is counted,
// where it is not two. It is the payment networks' list (Stripe:
// docs.stripe.com/currencies) and not CLDR's, which golang.org/x/text has: CLDR says
// how amounts are usually shown, and gives RSD, ALL, LBP and others none where two
// are counted. The difference is a hundredfold price.
var unusualDecimals = map[string]int{
	"BIF": 0, "CLP": 0, "DJF": 0, "GNF": 0, "JPY": 0, "KMF": 0, "KRW": 0, "MGA": 0,
	"PYG": 0, "RWF": 0, "VND": 0, "VUV": 0, "XAF": 0, "XOF": 0, "XPF": 0,
	"BHD": 3, "JOD": 3, "KWD": 3, "OMR": 3, "TND": 3,
}

// Decimals is how many decimals the currency's smallest unit stands for: 2 for EUR,
// 0 for JPY, 3 for KWD.
func (a Amount) Decimals() int {
	if n, ok := unusualDecimals[a.Currency]; ok {
		return n
	}
	return 2
}
