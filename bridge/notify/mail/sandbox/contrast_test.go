package sandbox_test

import (
	"math"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// TestTextStandsOutFromItsGround holds every pair of colours the style sheet lays on one another to WCAG 2.2 AA: 4.5 to 1
// for text, 3 to 1 for the edges of fields.
func TestTextStandsOutFromItsGround(t *testing.T) {
	css, err := os.ReadFile("pages/style.css")
	if err != nil {
		t.Fatal(err)
	}
	light, dark, _ := strings.Cut(string(css), "@media (prefers-color-scheme: dark)")
	for scheme, text := range map[string]string{"light": light, "dark": dark} {
		colours := map[string]float64{}
		for _, found := range regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`).FindAllStringSubmatch(text, -1) {
			colours[found[1]] = luminance(t, found[2])
		}
		for _, pair := range []struct {
			ink, ground string
			least       float64
		}{
			{"ink", "ground", 4.5}, {"ink", "panel", 4.5}, {"ink", "field", 4.5}, {"soft", "ground", 4.5}, {"soft", "panel", 4.5},
			{"action", "ground", 4.5}, {"action", "panel", 4.5}, {"on-action", "action", 4.5}, {"bad", "bad-ground", 4.5},
			{"good", "good-ground", 4.5}, {"action", "good-ground", 4.5}, {"action", "field", 4.5}, {"soft", "field", 3},
		} {
			ink, ground := colours[pair.ink], colours[pair.ground]
			if ratio := (math.Max(ink, ground) + 0.05) / (math.Min(ink, ground) + 0.05); ratio < pair.least {
				t.Errorf("%s: %s on %s is %.2f to 1", scheme, pair.ink, pair.ground, ratio)
			}
		}
	}
}

// luminance is the relative luminance of WCAG 2.2.
func luminance(t *testing.T, hex string) float64 {
	t.Helper()
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(hex[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			sum += weight * c / 12.92
		} else {
			sum += weight * math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	return sum
}
