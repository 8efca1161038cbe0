package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// FieldChange is one field whose value changes.
type FieldChange struct {
	// Path names the field as kubectl does, with list items by name:
	// template.spec.containers[ide].image.
	Path string `json:"path"`
	// From and To are the old and the new value. Strings are plain, other values
	// JSON. Empty means that the field is absent.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// compareSettings returns the changes of a Course's spec. It ignores the rosters,
// whose students are compared one by one, and the confirmation of a removal.
func compareSettings(was, is v1alpha1.CourseSpec) []FieldChange {
	was.Rosters, is.Rosters = nil, nil
	was.Guard.Confirm, is.Guard.Confirm = "", ""
	return compare(was, is)
}

// compare returns the fields in which two values of one type differ.
func compare[T any](before, after T) []FieldChange {
	was, is := flat(before), flat(after)
	paths := maps.Clone(was)
	maps.Copy(paths, is)
	var changes []FieldChange
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if was[path] != is[path] {
			changes = append(changes, FieldChange{Path: path, From: was[path], To: is[path]})
		}
	}
	return changes
}

// flat returns the leaves of a value by their paths.
func flat(value any) map[string]string {
	leaves := map[string]string{}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&value)
	if err != nil {
		// Values of the API always convert. If one ever does not, show it whole.
		leaves["."] = fmt.Sprintf("%+v", value)
		return leaves
	}
	flatten(leaves, "", fields)
	return leaves
}

func flatten(leaves map[string]string, path string, value any) {
	switch value := value.(type) {
	case map[string]any:
		for key, child := range value {
			flatten(leaves, join(path, key), child)
		}
	case []any:
		for i, child := range value {
			flatten(leaves, path+"["+itemName(i, child)+"]", child)
		}
	case nil:
	case string:
		leaves[path] = value
	default:
		text, err := json.Marshal(value)
		if err != nil {
			text = fmt.Append(nil, value)
		}
		leaves[path] = string(text)
	}
}

func join(path, key string) string {
	if strings.ContainsAny(key, "./") {
		return path + "[" + key + "]"
	}
	return strings.TrimPrefix(path+"."+key, ".")
}

// itemName returns the name of a list item, or its index if it has none.
func itemName(i int, item any) string {
	if fields, ok := item.(map[string]any); ok {
		for _, key := range []string{"name", "configMap", "mountPath"} {
			if name, ok := fields[key].(string); ok && name != "" {
				return name
			}
		}
	}
	return fmt.Sprint(i)
}
