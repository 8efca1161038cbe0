package render

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/provider"
)

// FuzzPlainValue compares the value decoded directly from kustomize's nodes with
// the value that kustomize writes. If plainValue gives no answer, there is nothing
// to compare.
func FuzzPlainValue(f *testing.F) {
	for _, seed := range []string{
		"kind: A\napiVersion: v1\nmetadata: {name: a}\n",
		"kind: A\napiVersion: v1\nmetadata: {name: a}\ndata:\n  a: |\n    one\n      two\n\n    three\n  b: >-\n    folded\n    text\n  c: \"x\\ny\"\n  d: 'yes'\n",
		"kind: A\napiVersion: v1\nmetadata: {name: a}\nspec: [1, -2, 0x10, 010, 1e3, 1.5, .inf, true, yes, null, ~, 2020-01-01, '1', \"\", 99999999999999999999, +1, 1_000, 0o7]\n",
		"kind: A\napiVersion: v1\nmetadata: {name: a}\nspec: {x: &x {a: b}, y: *x, z: {<<: *x}}\n",
		"kind: A\napiVersion: v1\nmetadata: {name: a}\nspec: {1: a, true: b, null: c, ? [x] : d}\n",
		"kind: A\napiVersion: v1\nmetadata: {name: a}\nspec:\n  a: !!binary aGVsbG8=\n  b: !x y\n  c: !!str 1\n  d: !!int \"1\"\n  e: !!float 1\n",
		"kind: A\r\napiVersion: v1\r\nmetadata: {name: a}\r\ntext: |\r\n  one\r\n  two\r\n",
		"kind: A\napiVersion: v1\nmetadata: {name: a}\ntext: \"\\u2028 \\t x\\u0000\\ufeff\"\nname: 日本語\nblank: \" a \"\n",
		"kind: A\napiVersion: v1\nmetadata: {name: a}\ntext: |+\n  keep\n\n\nmore: |2\n    indented\n  less\nlast: |\n\n\n  late\n",
	} {
		f.Add(seed)
	}
	factory := provider.NewDefaultDepProvider().GetResourceFactory()
	f.Fuzz(func(t *testing.T, text string) {
		defer func() { _ = recover() }() // a panic of kustomize's own
		if finite([]byte(text)) != nil {
			return
		}
		resources, err := factory.SliceFromBytes([]byte(text))
		if err != nil {
			return
		}
		for _, r := range resources {
			got, plain := plainValue(r.YNode())
			data, err := r.MarshalJSON()
			want := &unstructured.Unstructured{}
			if !plain || err != nil || want.UnmarshalJSON(data) != nil {
				continue
			}
			if diff := cmp.Diff(any(want.Object), got); diff != "" {
				t.Errorf("%q is read as something else (-kustomize +ours):\n%s", text, diff)
			}
		}
	})
}
