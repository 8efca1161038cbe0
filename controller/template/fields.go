package template

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

var podVolume = regexp.MustCompile(`^spec\.template\.spec\.volumes\[(\d+)\]`)

// podField names a field of a Deployment as it is called in the Template: the
// same, but that the Template's own volumes come after those of its pod.
func podField(t *v1alpha1.Template) func(string) string {
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

// serviceField names a field of a Service as it is called in the Template.
func serviceField(field string) string {
	return strings.Replace(field, "spec.", "spec.service.", 1)
}

// claimField names a field of the claim of a volume as it is called in the
// Template.
func claimField(volume int) func(string) string {
	return func(field string) string {
		return strings.Replace(field, "spec", fmt.Sprintf("spec.volumes[%d].pvcSpec", volume), 1)
	}
}
