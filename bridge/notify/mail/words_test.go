package mail_test

import (
	"strings"
	"testing"
	"time"

	"keybridge/bridge"
	"keybridge/bridge/notify/mail"
)

func TestAmountsAreWrittenAsPeopleReadThem(t *testing.T) {
	for _, test := range []struct {
		minor    int64
		currency string
		want     string
	}{
		{4900, "EUR", "€49.00"},
		{104900, "EUR", "€1,049.00"},
		{5, "USD", "$0.05"},
		{-5, "USD", "-$0.05"},
		{1234567, "CAD", "CA$12,345.67"},
		{500, "JPY", "¥500"},
		{1250, "KWD", "KWD\u00a01.250"},
		{1250, "CHF", "CHF\u00a012.50"},
		{1250, "RSD", "RSD\u00a012.50"}, // CLDR shows none, and two are counted
		{0, "GBP", "£0.00"},
		{9223372036854775807, "USD", "$92,233,720,368,547,758.07"},
		{-9223372036854775808, "JPY", "-¥9,223,372,036,854,775,808"},
		{100, "X?", "X?\u00a01.00"},
		{100, "", ""},
	} {
		if got := mail.AmountInWords(bridge.Amount{Minor: test.minor, Currency: test.currency}); got != test.want {
			t.Errorf("%d %s: %q, want %q", test.minor, test.currency, got, test.want)
		}
	}
}

func TestTimesAreWrittenInTheirZone(t *testing.T) {
	for zone, want := range map[string]string{
		"UTC":              "Saturday 14 March 2026, 12:00 (UTC)",
		"Europe/Berlin":    "Saturday 14 March 2026, 13:00 (CET)",
		"America/New_York": "Saturday 14 March 2026, 08:00 (EDT)",
		"Asia/Dubai":       "Saturday 14 March 2026, 16:00 (UTC+04:00)",
		"Asia/Kolkata":     "Saturday 14 March 2026, 17:30 (IST)",
		"Pacific/Auckland": "Sunday 15 March 2026, 01:00 (NZDT)",
	} {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		if got := mail.TimeInWords(noon, location); got != want {
			t.Errorf("%s: %q, want %q", zone, got, want)
		}
	}
	if got := mail.TimeInWords(time.Time{}, time.UTC); got != "" {
		t.Errorf("no time is %q", got)
	}
}

func TestAgesAreWrittenAsExactlyAsAnybodyCares(t *testing.T) {
	for age, want := range map[time.Duration]string{
		-time.Hour: "less than an hour", 0: "less than an hour", time.Hour: "1 hour", 2 * time.Hour: "2 hours",
		47 * time.Hour: "47 hours", 48 * time.Hour: "2 days", 400 * 24 * time.Hour: "400 days",
	} {
		if got := mail.AgeInWords(age); got != want {
			t.Errorf("%s: %q, want %q", age, got, want)
		}
	}
}

func TestALineIsOneAndNoLongerThanAllowed(t *testing.T) {
	for text, want := range map[string]string{
		"plain":                       "plain",
		" a \r\n\t b\u00a0c ":         "a b c",
		"a\u202eb\u200bc\u2066d\x00e": "abcde",
		"a\xffb\ufffdc":               "abc",
		"exactly 20 characters":       "exactly 20 characte…",
		"exactly twenty chars":        "exactly twenty chars",
		"tüüüüüüüüüüüüüüüüüüü":        "tüüüüüüüüüüüüüüüüüüü",
		"tüüüüüüüüüüüüüüüüüüüü":       "tüüüüüüüüüüüüüüüüüü…",
		"👩\u200d💻":                    "👩\u200d💻",
		"":                            "",
	} {
		if got := mail.Line(text, 20); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}

func TestAParagraphKeepsItsLinesAndNoBlankOnes(t *testing.T) {
	got := mail.Paragraph("one \r\n\r\n\r\n two\rthree\n\x00\n"+strings.Repeat("x", 50), 30)
	if want := "one\ntwo\nthree\nxxxxxxxxxxxxxxx…"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestAnswersOfServersMeanWhatTheySay(t *testing.T) {
	for _, test := range []struct {
		code int
		text string
		at   string
		want bridge.Kind
	}{
		{450, "4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages", "recipient", bridge.Limited},
		{421, "4.7.0 Too many concurrent SMTP connections", "sender", bridge.Limited},
		{450, "4.7.1 Greylisted, please try again in 300 seconds", "recipient", bridge.Limited},
		{451, "4.7.28 Gmail has detected something", "mail", bridge.Limited},
		{452, "4.5.3 Your message has too many recipients", "recipient", bridge.Limited},
		{450, "4.1.1 unverified address", "recipient", bridge.Unavailable},
		{421, "4.3.2 Service shutting down", "mail", bridge.Unavailable},
		{452, "4.3.1 Insufficient system storage", "mail", bridge.Unavailable},
		{454, "4.7.0 Temporary authentication failure", "signing in", bridge.Unavailable},
		{535, "5.7.8 Username and Password not accepted", "signing in", bridge.Refused},
		{534, "5.7.9 Application-specific password required", "signing in", bridge.Refused},
		{550, "5.1.1 User unknown", "recipient", bridge.Invalid},
		{550, "No such user", "recipient", bridge.Invalid},
		{552, "5.2.2 Mailbox full", "recipient", bridge.Invalid},
		{501, "5.1.3 Bad recipient address syntax", "recipient", bridge.Invalid},
		{554, "5.6.0 Message content not acceptable", "mail", bridge.Invalid},
		{554, "5.7.1 Relay access denied", "recipient", bridge.Refused},
		{550, "5.7.26 This mail is unauthenticated", "mail", bridge.Refused},
		{550, "5.7.60 Client does not have permissions to send as this sender", "mail", bridge.Refused},
		{530, "Authentication required", "recipient", bridge.Refused},
		{553, "5.1.8 Sender address rejected", "sender", bridge.Refused},
		{502, "Command not implemented", "greeting", bridge.Refused},
		{250, "What?", "mail", bridge.Unavailable},
		{999, "What?", "recipient", bridge.Unavailable},
	} {
		at := mail.Connecting
		switch test.at {
		case "signing in":
			at = mail.SigningIn
		case "sender":
			at = mail.Naming
		case "recipient":
			at = mail.Addressing
		case "mail":
			at = mail.Handing
		}
		err := mail.Refused(at, test.code, test.text)
		if bridge.KindOf(err) != test.want || bridge.Explain(err) == "" {
			t.Errorf("%d %s at the %s: %q, want %q", test.code, test.text, test.at, bridge.KindOf(err), test.want)
		}
	}
}

func TestAnErrorSaysAsMuchAsIsDiscreet(t *testing.T) {
	const begin = "The mail server refuses the applicant's address for good: naming the recipient: the server answers "
	for text, want := range map[string]string{
		"5.1.1 <ada.king@example.org> (17): Recipient address rejected: Ada King is unknown": "550 5.1.1, about an address",
		"5.2.1 Petra Mustermann has left": "550 5.2.1, about the mailbox",
		"5.9.9 ":                          "550 5.9.9, about something else",
		"5.0.0 no":                        "550 5.0.0, about something else",
		"no Ada King here":                "550",
		"5.1 no":                          "550",
		"":                                "550",
	} {
		if err := mail.Refused(mail.Addressing, 550, text); err.Error() != begin+want {
			t.Errorf("of %q it says %q", text, err)
		}
	}
}
