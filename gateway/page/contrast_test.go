package page

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var variable = regexp.MustCompile(`--([a-z-]+): #([0-9a-f]{6});`)

// Text contrasts with its background as WCAG 2 requires (AA, 4.5:1), in light and dark mode.
func TestContrast(t *testing.T) {
	sheet := string(assets[urls["carrel.css"]].content)
	light, rest, found := strings.Cut(sheet, "@media (prefers-color-scheme: dark)")
	if !found {
		t.Fatal("the style sheet has no dark scheme")
	}
	dark, _, _ := strings.Cut(rest, "\n}\n")
	for scheme, text := range map[string]string{"light": light, "dark": dark} {
		colour := map[string]string{}
		for _, match := range variable.FindAllStringSubmatch(text, -1) {
			colour[match[1]] = match[2]
		}
		pairs := [][2]string{{"ink", "ground"}, {"ink", "card"}, {"quiet", "ground"}, {"quiet", "card"}, {"link", "ground"}, {"link", "card"},
			{"accent-ink", "accent"}, {"risk", "card"}, {"hand-ground", "hand"}, {"accent", "card"}}
		for _, state := range []string{"running", "starting", "queued", "asleep", "disabled", "waiting", "failing", "hand"} {
			pairs = append(pairs, [2]string{state, state + "-ground"}, [2]string{state, "card"}, [2]string{"ink", state + "-ground"})
		}
		for _, pair := range pairs {
			if ratio := contrast(t, colour[pair[0]], colour[pair[1]]); ratio < 4.5 {
				t.Errorf("%s: %s on %s contrasts by %.2f, want at least 4.5", scheme, pair[0], pair[1], ratio)
			}
		}
	}
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	x, y := luminance(t, a), luminance(t, b)
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance returns the relative luminance as WCAG defines it.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	if len(colour) != 6 {
		t.Fatalf("%q is no colour: the style sheet lacks a variable", colour)
	}
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		n, err := strconv.ParseUint(colour[2*i:2*i+2], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(n) / 255
		if c <= 0.04045 {
			c /= 12.92
		} else {
			c = math.Pow((c+0.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
