package page

import (
	"embed"
	"fmt"
	"strings"

	"sigs.k8s.io/yaml"
)

// Lang is a language that pages are written in.
type Lang string

// The languages there are. The first is that of those who ask for none of them.
const (
	English  Lang = "en"
	Japanese Lang = "ja"
)

// Languages are all of them, in the order in which they are offered.
var Languages = []Lang{English, Japanese}

//go:embed words
var wordFiles embed.FS

// words is every text that pages show, by language and key. In a text, {name}
// stands for the argument of that name.
var words = mustReadWords()

func mustReadWords() map[Lang]map[string]string {
	all := make(map[Lang]map[string]string, len(Languages))
	for _, lang := range Languages {
		file := "words/" + string(lang) + ".yaml"
		text, err := wordFiles.ReadFile(file)
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

// Text is what a key says in a language. Arguments follow as names and values;
// they are put in as they are, so what is rendered must be escaped afterwards. A
// key that is not there is shown as it is.
func (l Lang) Text(key string, arguments ...any) string {
	text, found := words[l][key]
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

// Count is a text about a number of things, of the key that ends in .one or
// .other; {n} stands for the number.
func (l Lang) Count(key string, n int, arguments ...any) string {
	form := ".other"
	if n == 1 {
		form = ".one"
	}
	return l.Text(key+form, append([]any{"n", n}, arguments...)...)
}

// Has reports whether there is a text of this key.
func (l Lang) Has(key string) bool {
	_, found := words[l][key]
	return found
}
