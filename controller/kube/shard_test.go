package kube

import (
	"testing"

	"k8s.io/apimachinery/pkg/labels"
)

func TestParseSelector(t *testing.T) {
	const label = "sharding.carrel.dev/shard"
	for text, matches := range map[string]map[string]bool{
		"":                          {"": true, "a": true},
		label + "=a":                {"": false, "a": true, "b": false},
		label + " in (a, b)":        {"": false, "a": true, "b": true},
		"!" + label:                 {"": true, "a": false},
		label + " notin (a)":        {"": true, "a": false, "b": true},
		label + "," + label + "!=b": {"": false, "a": true, "b": false},
	} {
		selector, err := ParseSelector(text)
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		for value, want := range matches {
			set := labels.Set{label: value}
			if value == "" {
				set = nil
			}
			if got := selector.Matches(set); got != want {
				t.Errorf("%q selects the label %q: %v, want %v", text, value, got, want)
			}
		}
	}
	if _, err := ParseSelector("a in b"); err == nil {
		t.Error("nonsense is taken for a selector")
	}
}
