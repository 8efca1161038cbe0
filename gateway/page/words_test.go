package page

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var placeholder = regexp.MustCompile(`\{[a-z]+\}`)

func TestLanguagesHaveTheSameTexts(t *testing.T) {
	for _, lang := range Languages[1:] {
		want := slices.Sorted(maps.Keys(texts[English]))
		if diff := cmp.Diff(want, slices.Sorted(maps.Keys(texts[lang]))); diff != "" {
			t.Errorf("the keys of %s differ from those of English (-English +%s):\n%s", lang, lang, diff)
		}
		for _, key := range want {
			// The text for one thing need not contain the number.
			if strings.HasSuffix(key, ".one") {
				continue
			}
			places := func(l Lang) []string {
				return slices.Sorted(slices.Values(placeholder.FindAllString(texts[l][key], -1)))
			}
			if diff := cmp.Diff(places(English), places(lang)); diff != "" {
				t.Errorf("%s of %s fills in something else than English:\n%s", key, lang, diff)
			}
		}
	}
	for _, lang := range Languages {
		for key, text := range texts[lang] {
			// A word that YAML reads as a boolean is no text.
			if text == "" || text == "true" || text == "false" {
				t.Errorf("%s of %s is %q: put the text in quotes", key, lang, text)
			}
		}
	}
}

// The patterns match keys in templates and code. A key that ends in a dot, or contains %s, is
// a prefix of keys.
var usedKey = regexp.MustCompile(`(?:\(?\b(?:t|n|printf)|Text\(|Count\() ?\(?(?:printf )?"([a-z]+\.[a-zA-Z.%]+)"`)

// This matches everything that looks like a key.
var mentionedKey = regexp.MustCompile(`"([a-z]+\.[a-zA-Z.%]+)"`)

func TestEveryTextIsUsedAndThere(t *testing.T) {
	used, mentioned := usesOfTexts(t)
	if len(used) < 50 {
		t.Fatalf("found only %d uses of texts: the pattern no longer fits how they are written", len(used))
	}
	keys := slices.Collect(maps.Keys(texts[English]))
	for _, use := range used {
		if !slices.ContainsFunc(keys, func(key string) bool { return isUsedBy(key, use) }) {
			t.Errorf("%s is used and not there", use)
		}
	}
	// The code requests these texts by a part of their keys.
	named := []string{"language", "state.", "problem.", "time.", "wait."}
	for _, key := range keys {
		if !slices.ContainsFunc(named, func(begin string) bool { return strings.HasPrefix(key, begin) }) &&
			!slices.ContainsFunc(mentioned, func(use string) bool { return isUsedBy(key, use) }) {
			t.Errorf("%s is there and not used", key)
		}
	}
}

func isUsedBy(key, use string) bool {
	if begin, end, varies := strings.Cut(use, "%s"); varies {
		return strings.HasPrefix(key, begin) && strings.HasSuffix(key, end)
	}
	return key == use || key == use+".one" || key == use+".other" || strings.HasSuffix(use, ".") && strings.HasPrefix(key, use)
}

// usesOfTexts returns the keys that the gateway's templates and code request, and everything
// in them that looks like a key.
func usesOfTexts(t *testing.T) (used, mentioned []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, "_test.go") || !strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, ".html") {
			return err
		}
		text, err := os.ReadFile(path)
		for _, match := range usedKey.FindAllStringSubmatch(string(text), -1) {
			used = append(used, match[1])
		}
		for _, match := range mentionedKey.FindAllStringSubmatch(string(text), -1) {
			mentioned = append(mentioned, match[1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return used, mentioned
}

func TestText(t *testing.T) {
	for _, test := range []struct{ got, want string }{
		{English.Count("board.carrels", 1), "1 carrel"},
		{English.Count("board.carrels", 0), "0 carrels"},
		{Japanese.Count("board.carrels", 2), "2 席"},
		{English.Text("time.at", "date", "{clock}", "clock", "12:00"), "{clock}, 12:00"},
		{English.Text("no.such.key"), "no.such.key"},
	} {
		if test.got != test.want {
			t.Errorf("got %q, want %q", test.got, test.want)
		}
	}
}
