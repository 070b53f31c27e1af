package sandbox

import (
	"fmt"
	"strconv"
	"strings"
)

// An amount is a whole number of a currency's minor units, never a float.
// Sources: https://stripe.com/docs/currencies (zero-decimal and three-decimal
// currencies, minimum and maximum charge amounts).

const zeroDecimal = " bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf "

const threeDecimal = " bhd jod kwd omr tnd "

// Besides the ones above. ISK and UGX have no minor unit any more, but Stripe
// keeps writing them with two decimals.
const twoDecimal = " usd aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl hrk htg huf idr ils inr isk jmd kes kgs khr kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std svc szl thb tjs top try ttd twd tzs uah ugx uyu uzs wst xcd yer zar zmw "

// smallest amounts Stripe charges, in minor units.
const smallest = " usd=50 aed=200 aud=50 bgn=100 brl=50 cad=50 chf=50 czk=1500 dkk=250 eur=50 gbp=30 hkd=400 huf=17500 inr=50 jpy=50 mxn=1000 myr=200 nok=300 nzd=50 pln=200 ron=200 sek=300 sgd=50 thb=1000 "

const largest = 99999999

func listed(list, currency string) bool {
	return currency != "" && !strings.Contains(currency, " ") && strings.Contains(list, " "+currency+" ")
}

func knownCurrency(currency string) bool {
	return len(currency) == 3 && (listed(zeroDecimal, currency) || listed(threeDecimal, currency) || listed(twoDecimal, currency))
}

// decimals is the number of digits after the point.
func decimals(currency string) int {
	switch {
	case listed(zeroDecimal, currency):
		return 0
	case listed(threeDecimal, currency):
		return 3
	default:
		return 2
	}
}

// least is the smallest amount that can be charged, 1 where Stripe names none.
func least(currency string) int64 {
	_, after, found := strings.Cut(smallest, " "+currency+"=")
	if !found {
		return 1
	}
	digits, _, _ := strings.Cut(after, " ")
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 1
	}
	return n
}

// sign is the symbol a currency is written with; the others are written by
// their code.
func sign(currency string) string {
	switch currency {
	case "usd", "aud", "cad", "hkd", "nzd", "sgd", "mxn":
		return "$"
	case "eur":
		return "€"
	case "gbp":
		return "£"
	case "jpy", "cny":
		return "¥"
	case "krw":
		return "₩"
	case "inr":
		return "₹"
	}
	return ""
}

// plain writes an amount of 0 or more with its decimals and thousands
// separated: 1,234.50.
func plain(amount int64, currency string) string {
	places := decimals(currency)
	digits := strconv.FormatInt(amount, 10)
	for len(digits) <= places {
		digits = "0" + digits
	}
	whole, rest := digits[:len(digits)-places], digits[len(digits)-places:]
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if rest != "" {
		rest = "." + rest
	}
	return whole + rest
}

// Amount writes an amount of minor units the way the pages show it, with the
// currency's own number of decimals and its code: "€20.00 EUR", "¥2,000 JPY",
// "1.500 KWD".
func Amount(amount int64, currency string) string {
	currency = strings.ToLower(currency)
	minus := ""
	if amount < 0 {
		minus, amount = "-", -amount
	}
	return fmt.Sprintf("%s%s%s %s", minus, sign(currency), plain(amount, currency), strings.ToUpper(currency))
}

// checkAmount holds a single amount to what a currency allows.
func checkAmount(amount int64, currency, param string) *problem {
	if amount > largest {
		return invalid("amount_too_large", param, "Amount must be no more than %s%s", sign(currency), plain(largest, currency))
	}
	// The last digit of a three-decimal currency has to be 0: Stripe's partners round it.
	if decimals(currency) == 3 && amount%10 != 0 {
		return invalid("parameter_invalid_integer", param, "Invalid amount: %d. Amounts in %s must be evenly divisible by 10", amount, currency)
	}
	return nil
}

func readCurrency(given, param string) (string, *problem) {
	currency := strings.ToLower(given)
	if !knownCurrency(currency) {
		return "", invalid("", param, "Invalid currency: %s. Stripe currently supports three-letter ISO codes such as usd, eur, gbp, jpy", given)
	}
	return currency, nil
}
