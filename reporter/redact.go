package reporter

import (
	"path"
	"regexp"
	"slices"
	"strings"
)

// elided stands for what is left out of a message.
const elided = "…"

// telling are the file names that say what is wrong and not who is concerned. In
// a roster a file is named after a student.
var telling = []string{"kustomization.yaml", "kustomization.yml", "course.yaml", "template.yaml", "roster.csv"}

var (
	// buildDirectory is made anew by Flux for each try, so it would make the
	// message of one failure a new one every time.
	buildDirectory = regexp.MustCompile(`/\S*?/kustomization-\d+/?`)

	// manifest is the path of a file, as kustomize names it.
	manifest = regexp.MustCompile(`[^\s'":,()]+\.(?:ya?ml|csv|json)\b`)

	// object is an object as Flux (Userland/prog1/koba1t), kustomize
	// (Userland.v1alpha1.carrel.dev/koba1t.prog1) and the API server
	// (userlands.carrel.dev "koba1t") name it.
	object = regexp.MustCompile(`\b(Userland(?:\.v1alpha1)?(?:\.carrel\.dev)?)/[^\s'",;:()]+` +
		`|\b(userlands?\.carrel\.dev )("[^"]*")|\b(Userland\.carrel\.dev )("[^"]*")`)

	// value is what the API server repeats of a field it refuses. A rule of a
	// CRD gives none there: its own words follow.
	value = regexp.MustCompile(`\b((?:Invalid|Duplicate|Unsupported) value: )` +
		`(?:"(?:[^"\\]|\\.)*"|map\[.*\}|\{.*\}|\[.*\]|[^\s:"]+(:))`)

	// echo is where the API server names again the object that Flux has just
	// named; there is no room for it.
	echo = regexp.MustCompile(`( dry-run failed \((?:Forbidden|Invalid)\): )\S+ (?:"[^"]*"|…) is (?:forbidden|invalid): (?:<nil>: Invalid value: )?`)

	// home is an object as Flux names it before a refusal. Its namespace is the course
	// that speaks.
	home = regexp.MustCompile(`\b([A-Z]\w*)/[^/\s]+/(\S+ dry-run failed \()`)

	// rights is how the API server says that an account may not write a kind. The account's
	// whole name would leave no room for the kind.
	rights = regexp.MustCompile(`User "system:serviceaccount:[^:"]*:([^"]*)" cannot \w+ resource "([^"]*)"(?: in API group "[^"]*")?(?: in the namespace "[^"]*")?`)

	// word is all a name of a user may consist of.
	word = regexp.MustCompile(`[\p{L}\p{N}][\p{L}\p{N}._@+-]*`)
)

// Redact takes from a message of Flux what tells by its form who is concerned:
// names of Userlands, of files named after them, and values of refused fields; and
// what takes the room of what is wrong. Kind, field and reason stay. The result is the same for each try of Flux.
func Redact(message string) string {
	message = buildDirectory.ReplaceAllString(message, "")
	message = manifest.ReplaceAllStringFunc(message, redactFile)
	message = object.ReplaceAllStringFunc(message, redactObject)
	message = value.ReplaceAllString(message, "${1}"+elided+"${2}")
	message = echo.ReplaceAllString(message, "${1}")
	message = home.ReplaceAllString(message, "${1}/${2}")
	return rights.ReplaceAllString(message, `the account "${1}" may not write ${2}`)
}

// Conceal takes these names from a message, wherever they stand as words.
func Conceal(message string, names []string) string {
	return word.ReplaceAllStringFunc(message, func(w string) string {
		// The point that ends a sentence is no part of a name.
		if bare := strings.TrimRight(w, "."); slices.Contains(names, bare) {
			return elided + w[len(bare):]
		}
		return w
	})
}

func redactFile(file string) string {
	if slices.Contains(telling, path.Base(file)) {
		return file
	}
	return strings.TrimSuffix(file, path.Base(file)) + elided + path.Ext(file)
}

// redactObject keeps the kind.
func redactObject(reference string) string {
	if kind, _, quoted := strings.Cut(reference, " "); quoted {
		return kind + " " + elided
	}
	kind, _, _ := strings.Cut(reference, "/")
	return kind
}
