package lifecycle

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

var podVolume = regexp.MustCompile(`^spec\.template\.spec\.volumes\[(\d+)\]`)

// PodField returns a function that turns the name of a field of a Deployment into
// the name of that field in the Template. They differ for volumes only: the
// Template's own come after those of its pod.
func PodField(t *v1alpha1.Template) func(string) string {
	own := len(t.Spec.Template.Spec.Volumes)
	return func(field string) string {
		match := podVolume.FindStringSubmatch(field)
		if match == nil {
			return field
		}
		if i, err := strconv.Atoi(match[1]); err == nil && i >= own {
			return fmt.Sprintf("spec.volumes[%d]", i-own)
		}
		return field
	}
}

// ServiceField turns the name of a field of a Service into the one in the Template.
func ServiceField(field string) string {
	return strings.Replace(field, "spec.", "spec.service.", 1)
}

// ClaimField returns a function that turns the name of a field of the claim of a
// volume into the one in the Template.
func ClaimField(volume int) func(string) string {
	return func(field string) string {
		return strings.Replace(field, "spec", fmt.Sprintf("spec.volumes[%d].pvcSpec", volume), 1)
	}
}
