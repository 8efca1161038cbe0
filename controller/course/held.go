package course

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/api/meta"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Held says which Templates of a course have a roll-out that is held, and why;
// empty if none has. It is pure.
func Held(templates []v1alpha1.Template) string {
	var held []string
	for i := range templates {
		if message := heldMessage(&templates[i]); message != "" {
			held = append(held, fmt.Sprintf("Template %q: %s", templates[i].Name, message))
		}
	}
	slices.Sort(held)
	return strings.Join(held, "; ")
}

func heldMessage(t *v1alpha1.Template) string {
	condition := meta.FindStatusCondition(t.Status.Conditions, v1alpha1.RolloutHeldCondition)
	if condition == nil {
		return ""
	}
	return condition.Message
}
