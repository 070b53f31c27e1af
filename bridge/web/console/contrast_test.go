package console

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// What is read has a contrast of 4.5:1 (WCAG 2.2, 1.4.3), and what only has to be seen
// 3:1 (1.4.11), on every ground it stands on and in both colour schemes.
func TestColoursHaveEnoughContrast(t *testing.T) {
	css, err := files.ReadFile("static/console.css")
	if err != nil {
		t.Fatal(err)
	}
	schemes := strings.Split(string(css), ":root {")[1:]
	if len(schemes) != 2 {
		t.Fatalf("there are %d colour schemes", len(schemes))
	}
	for i, name := range []string{"light", "dark"} {
		colours := map[string]float64{}
		for _, m := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]+);`).FindAllStringSubmatch(strings.SplitN(schemes[i], "}", 2)[0], -1) {
			colours[m[1]] = luminance(t, m[2])
		}
		least := map[string]float64{"on-accent accent": 4.5, "on-grave grave": 4.5, "line card": 3, "line ground": 3, "grave card": 3}
		for _, ground := range []string{"card", "ground", "row"} {
			for _, text := range []string{"ink", "soft", "accent", "good", "bad", "wait"} {
				least[text+" "+ground] = 4.5
			}
		}
		for pair, want := range least {
			on, under, _ := strings.Cut(pair, " ")
			a, aOK := colours[on]
			b, bOK := colours[under]
			if !aOK || !bOK {
				t.Fatalf("%s: no colours %s", name, pair)
			}
			if ratio := (max(a, b) + 0.05) / (min(a, b) + 0.05); ratio < want {
				t.Errorf("%s: %s has a contrast of %.2f, want %.1f", name, pair, ratio, want)
			}
		}
	}
}

// Every colour is one of those that the test above looks at.
func TestNoColourIsWrittenOutsideTheSchemes(t *testing.T) {
	css, err := files.ReadFile("static/console.css")
	if err != nil {
		t.Fatal(err)
	}
	_, rules, _ := strings.Cut(string(css), "*, ::before")
	if found := regexp.MustCompile(`#[0-9a-f]{3,8}\b|hsl|url\(`).FindAllString(rules, -1); len(found) > 0 || rules == "" {
		t.Errorf("the rules name %v", found)
	}
}

// luminance is the relative luminance of a colour as WCAG 2.2 defines it.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		c := float64(n>>(16-8*i)&255) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
