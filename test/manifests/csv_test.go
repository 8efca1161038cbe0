package manifests

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/test/apiserver"
	"github.com/carrel-dev/carrel/test/flux"
)

const csvCourse = `apiVersion: carrel.dev/v1alpha1
kind: Course
metadata:
  name: prog2
spec:
  rosters:
    - configMap: roster
`

// TestCourseFollowsItsRoster checks that a Course refers to the rows of the same
// commit: by the hash in their name, in an overlay that adds rows, and without a
// hash.
func TestCourseFollowsItsRoster(t *testing.T) {
	const head = "components: [../../../kustomize/components/roster]\nresources: [%s]\nconfigMapGenerator:\n  - name: roster\n    %s\n    options: {labels: {carrel.dev/roster: 'true'}%s}\n"
	kustomization := func(resources, files, option string) string {
		return strings.NewReplacer("[%s]", "["+resources+"]", "\n    %s\n", "\n    "+files+"\n", "%s}", option+"}").Replace(head)
	}
	for _, test := range []struct {
		name  string
		files map[string]string
		path  string
		want  string
	}{
		{
			name: "with a hash", path: "courses/prog2/roster",
			files: map[string]string{
				"courses/prog2/roster/kustomization.yaml": kustomization("course.yaml", "files: [roster.csv]", ""),
				"courses/prog2/roster/course.yaml":        csvCourse, "courses/prog2/roster/roster.csv": "user\nkai\n",
			},
			want: "Course prog2: [roster-g7gf75h84t]\nConfigMap roster-g7gf75h84t: roster.csv 2 lines\n",
		},
		{
			name: "without one", path: "courses/prog2/roster",
			files: map[string]string{
				"courses/prog2/roster/kustomization.yaml": kustomization("course.yaml", "files: [roster.csv]", ", disableNameSuffixHash: true"),
				"courses/prog2/roster/course.yaml":        csvCourse, "courses/prog2/roster/roster.csv": "user\nkai\n",
			},
			want: "Course prog2: [roster]\nConfigMap roster: roster.csv 2 lines\n",
		},
		{
			name: "over a base, whose rows an overlay adds to", path: "courses/prog2/overlay",
			files: map[string]string{
				"courses/prog2/roster/kustomization.yaml": kustomization("course.yaml", "files: [roster.csv]", ""),
				"courses/prog2/roster/course.yaml":        csvCourse, "courses/prog2/roster/roster.csv": "user\nkai\n",
				"courses/prog2/overlay/kustomization.yaml": kustomization("../roster", "behavior: merge\n    files: [late.csv]", ""),
				"courses/prog2/overlay/late.csv":           "user\nrin\nsora\n",
			},
			want: "Course prog2: [roster-h2mt25btff]\nConfigMap roster-h2mt25btff: late.csv 3 lines, roster.csv 2 lines\n",
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			r, err := flux.Copy(dir, apiserver.Root(), "kustomize")
			if err != nil {
				t.Fatal(err)
			}
			for path, content := range test.files {
				write(t, filepath.Join(dir, path), content)
			}
			objects, err := r.Render(&kustomizev1.Kustomization{
				ObjectMeta: metav1.ObjectMeta{Namespace: "prog2", Name: "roster"},
				Spec:       kustomizev1.KustomizationSpec{Path: "./" + test.path, TargetNamespace: "prog2"},
			})
			if err != nil {
				t.Fatal(err)
			}
			var got strings.Builder
			for _, o := range objects {
				got.WriteString(inShort(t, o.Object))
			}
			if diff := cmp.Diff(test.want, got.String()); diff != "" {
				t.Errorf("it renders to something else (-want +got):\n%s", diff)
			}
		})
	}
}

// inShort returns a Course with its rosters, or a roster with its files, in short
// form.
func inShort(t *testing.T, object map[string]any) string {
	t.Helper()
	data, err := yaml.Marshal(object)
	if err != nil {
		t.Fatal(err)
	}
	var o struct {
		Kind     string
		Metadata struct{ Name string }
		Spec     struct{ Rosters []struct{ ConfigMap string } }
		Data     map[string]string
	}
	if err := yaml.Unmarshal(data, &o); err != nil {
		t.Fatal(err)
	}
	return shortly(o.Kind, o.Metadata.Name, o.Spec.Rosters, o.Data)
}

func shortly(kind, name string, rosters []struct{ ConfigMap string }, files map[string]string) string {
	var parts []string
	for _, roster := range rosters {
		parts = append(parts, "["+roster.ConfigMap+"]")
	}
	for _, file := range slices.Sorted(maps.Keys(files)) {
		parts = append(parts, fmt.Sprintf("%s %d lines", file, strings.Count(files[file], "\n")))
	}
	return fmt.Sprintf("%s %s: %s\n", kind, name, strings.Join(parts, ", "))
}
