package convert

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"k8s.io/apimachinery/pkg/util/validation/field"
	kjson "sigs.k8s.io/json"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/workload"
)

// verifyTemplate checks a converted Template against its type and its rules.
func (c *conversion) verifyTemplate(o object) {
	t := &v1alpha1.Template{}
	if !c.decode(o, t) {
		return
	}
	for _, wrong := range workload.Validate(t) {
		message, cure, _ := strings.Cut(wrong.Detail, ": ")
		if wrong.Type == field.ErrorTypeRequired {
			message, cure = "it is missing", wrong.Detail
		}
		c.problem(o.placeOf(wrong.Field), message, cure)
	}
	if len(t.Spec.Template.Spec.Containers) == 0 {
		c.problem(o.placeOf("spec.template.spec.containers"), "there is no container", "write at least one")
	}
}

func (c *conversion) verifyUserland(o object) { c.decode(o, &v1alpha1.Userland{}) }

// decode decodes an object into its type. It reports unknown fields and values of
// the wrong type as problems.
func (c *conversion) decode(o object, into any) bool {
	data, err := o.MarshalJSON()
	if err != nil {
		c.problem(o.document.wrong(err), "it can't be read: "+err.Error(), "correct it")
		return false
	}
	strict, err := kjson.UnmarshalStrict(data, into)
	if err != nil {
		c.problem(o.placeOf(pathIn(err)), decoderMessage(err), "correct the value")
		return false
	}
	for _, wrong := range strict {
		c.problem(o.placeOf(pathIn(wrong)), strings.TrimPrefix(wrong.Error(), "json: "), "correct its spelling or remove it")
	}
	return len(strict) == 0
}

// pathIn returns the field that a decoder's error names.
func pathIn(err error) string {
	var strict kjson.FieldError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &strict):
		return strict.FieldPath()
	case errors.As(err, &kind):
		return kind.Field
	default:
		return ""
	}
}

// decoderMessage returns a decoder's error without the names of Go types.
func decoderMessage(err error) string {
	var kind *json.UnmarshalTypeError
	if errors.As(err, &kind) {
		return fmt.Sprintf("a %s stands where a %s belongs", kind.Value, kind.Type.Kind())
	}
	return strings.TrimPrefix(err.Error(), "json: ")
}
