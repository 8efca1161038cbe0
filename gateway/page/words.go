package page

import (
	"embed"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"
)

// Lang is a language of the pages.
type Lang string

// The languages of the pages.
const (
	English  Lang = "en"
	Japanese Lang = "ja"
)

// Languages holds all languages in the order in which they are offered. The first is the
// default.
var Languages = []Lang{English, Japanese}

//go:embed words
var textFiles embed.FS

// texts holds every text of the pages, by language and key. In a text, {name} stands for
// the argument of that name.
var texts = mustReadTexts()

func mustReadTexts() map[Lang]map[string]string {
	all := make(map[Lang]map[string]string, len(Languages))
	for _, lang := range Languages {
		file := "words/" + string(lang) + ".yaml"
		text, err := textFiles.ReadFile(file)
		if err != nil {
			panic(fmt.Errorf("read the texts of the pages: %w", err))
		}
		catalogue := map[string]string{}
		if err := yaml.UnmarshalStrict(text, &catalogue); err != nil {
			panic(fmt.Errorf("read the texts of the pages: %s: %w", file, err))
		}
		all[lang] = catalogue
	}
	return all
}

// Text returns the text of a key. The arguments are names and values in turn. They are
// inserted without escaping, so a template must escape the result. Without a text, the key
// itself is returned.
func (l Lang) Text(key string, arguments ...any) string {
	text, found := texts[l][key]
	if !found {
		return key
	}
	if len(arguments) < 2 {
		return text
	}
	replacements := make([]string, 0, len(arguments))
	for i := 0; i+1 < len(arguments); i += 2 {
		replacements = append(replacements, fmt.Sprintf("{%v}", arguments[i]), fmt.Sprint(arguments[i+1]))
	}
	return strings.NewReplacer(replacements...).Replace(text)
}

// Count returns the text for a number of things, which has the key with .one or .other
// appended. In the text, {n} stands for the number.
func (l Lang) Count(key string, n int, arguments ...any) string {
	form := ".other"
	if n == 1 {
		form = ".one"
	}
	return l.Text(key+form, append([]any{"n", n}, arguments...)...)
}

// Has reports whether a key has a text.
func (l Lang) Has(key string) bool {
	_, found := texts[l][key]
	return found
}
