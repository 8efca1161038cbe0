package render_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/gitops/render"
	"github.com/carrel-dev/carrel/gitops/tree"
	"github.com/carrel-dev/carrel/test/commits"
)

// manyCourses returns the files of this repository, with more courses on the list of
// clusters/campus.
func manyCourses(t *testing.T) map[string]string {
	t.Helper()
	files := ours(t)
	const list = "clusters/campus/courses/kustomization.yaml"
	for _, name := range []string{"prog2", "prog3", "prog4"} {
		for path, content := range maps.Clone(files) {
			for _, top := range []string{"clusters/campus/courses/", "courses/"} {
				if rest, below := strings.CutPrefix(path, top+"prog1/"); below {
					files[top+name+"/"+rest] = strings.ReplaceAll(content, "name: prog1", "name: "+name)
				}
			}
		}
		files[list] = strings.Replace(files[list], "  - prog1\n", "  - prog1\n  - "+name+"\n", 1)
	}
	return files
}

// objectsOf returns everything that is applied, by Kustomization and object.
func objectsOf(t *testing.T, all []render.Applied) map[string]any {
	t.Helper()
	objects := map[string]any{}
	for _, a := range all {
		by := "a person"
		if a.Err != nil {
			t.Fatal(a.Err)
		}
		if a.Kustomization != nil {
			by = a.Kustomization.Namespace + "/" + a.Kustomization.Name
		}
		for i, o := range a.Objects {
			objects[fmt.Sprintf("%s: %s %s/%s", by, o.GetKind(), o.GetNamespace(), o.GetName())] = []any{o.Object, a.Origins[i]}
		}
	}
	return objects
}

// ofCourse returns the objects of a course, and those that are no course's.
func ofCourse(objects map[string]any, course string, others ...string) map[string]any {
	found := maps.Clone(objects)
	maps.DeleteFunc(found, func(id string, _ any) bool {
		for _, other := range others {
			if other != course && (strings.Contains(id, " "+other+"/") || strings.HasSuffix(id, " /"+other)) {
				return true
			}
		}
		return false
	})
	return found
}

var courses = []string{"prog1", "prog2", "prog3", "prog4", "database"}

// TestOneCourseIsRenderedInFull checks that the objects of a course and their origins are
// those of the whole cluster when only that course is asked for or changed, and that
// those of other courses are not rendered.
func TestOneCourseIsRenderedInFull(t *testing.T) {
	files := manyCourses(t)
	repository := commits.Repository(t, files)
	before, _, err := tree.At(repository, "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	whole := func(of *tree.Tree) map[string]any {
		all, err := render.Cluster(t.Context(), of, "campus")
		if err != nil {
			t.Fatal(err)
		}
		return ofCourse(objectsOf(t, all), "prog2", courses...)
	}
	former := whole(before)
	for name, test := range map[string]struct {
		path    string
		changed map[string]string
		others  bool
	}{
		"a row":                {path: "courses/prog2", changed: map[string]string{"courses/prog2/roster/roster.csv": files["courses/prog2/roster/roster.csv"] + "26t9999,Kanda Sora,a,\n"}},
		"a quota":              {path: "clusters/campus/courses/prog2", changed: map[string]string{"clusters/campus/courses/prog2/kustomization.yaml": strings.Replace(files["clusters/campus/courses/prog2/kustomization.yaml"], `"120"`, `"121"`, 1)}},
		"what all courses use": {path: "kustomize/components/course/limits.yaml", changed: map[string]string{"kustomize/components/course/limits.yaml": strings.Replace(files["kustomize/components/course/limits.yaml"], "pods: ", "count/jobs.batch: \"1\"\n    pods: ", 1)}, others: true},
		"a patch of the list": {path: "clusters/campus/courses", others: true, changed: map[string]string{
			"clusters/campus/courses/kustomization.yaml": files["clusters/campus/courses/kustomization.yaml"] + "  - target: {kind: ResourceQuota}\n    patch: |\n      - {op: replace, path: /spec/hard/pods, value: \"9\"}\n",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			after, err := tree.Of(repository, commits.Add(t, repository, test.changed).TreeHash)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { commits.Add(t, repository, files) })
			was, is, err := render.Changed(t.Context(), before, after, "campus")
			if err != nil {
				t.Fatal(err)
			}
			below, err := render.Below(t.Context(), test.path, "campus", after)
			if err != nil {
				t.Fatal(err)
			}
			present := whole(after)
			for which, one := range map[string]struct {
				got  []render.Applied
				want map[string]any
			}{"before": {was, former}, "after": {is, present}, "below the path": {below[0], present}} {
				got := objectsOf(t, one.got)
				if diff := cmp.Diff(one.want, ofCourse(got, "prog2", courses...)); diff != "" {
					t.Errorf("%s (-all +got):\n%s", which, diff)
				}
				if _, there := got["flux-system/courses: ResourceQuota prog3/course"]; there != test.others {
					t.Errorf("%s: the quota of another course is rendered: %t", which, there)
				}
				if _, there := got["flux-system/courses: Kustomization prog3/roster"]; !there {
					t.Errorf("%s: a Kustomization of another course is missing", which)
				}
			}
		})
	}
}
