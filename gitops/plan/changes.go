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

// Change is one field that has another value.
type Change struct {
	// Path names the field as kubectl does, with list items by their names:
	// template.spec.containers[ide].image.
	Path string `json:"path"`
	// From and To are the values, as JSON unless they are plain words; empty: the
	// field is not there.
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
}

// compareSettings are the changes of a Course but for its rosters, which are
// compared by who is in them, and the confirmation of a removal.
func compareSettings(was, is v1alpha1.CourseSpec) []Change {
	was.Rosters, is.Rosters = nil, nil
	was.Guard.Confirm, is.Guard.Confirm = "", ""
	return compare(was, is)
}

// compare lists the fields in which two values of one type differ.
func compare[T any](before, after T) []Change {
	was, is := flat(before), flat(after)
	paths := maps.Clone(was)
	maps.Copy(paths, is)
	var changes []Change
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		if was[path] != is[path] {
			changes = append(changes, Change{Path: path, From: was[path], To: is[path]})
		}
	}
	return changes
}

// flat are the leaves of a value by their paths.
func flat(value any) map[string]string {
	leaves := map[string]string{}
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&value)
	if err != nil {
		// A value of the API always converts; were it not to, the change is shown whole.
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

// itemName is the name of a list's item, or its place.
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
