package manifests

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	csv "github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/test/apiserver"
)

func TestEveryOverlayBuildsWithPlainKustomize(t *testing.T) {
	for _, path := range overlays(t) {
		t.Run(path, func(t *testing.T) {
			build := krusty.MakeKustomizer(krusty.MakeDefaultOptions())
			objects, err := build.Run(filesys.MakeFsOnDisk(), filepath.Join(apiserver.Root(), path))
			if err != nil {
				t.Fatal(err)
			}
			if objects.Size() == 0 {
				t.Error("it builds nothing")
			}
		})
	}
}

// overlays returns the directories with a kustomization.yaml, except components,
// which can't be built alone.
func overlays(t *testing.T) []string {
	t.Helper()
	var paths []string
	for _, top := range []string{"clusters", "courses", "kustomize", "examples"} {
		root := os.DirFS(apiserver.Root())
		err := fs.WalkDir(root, top, func(path string, _ fs.DirEntry, err error) error {
			if err != nil || filepath.Base(path) != "kustomization.yaml" {
				return err
			}
			content, err := fs.ReadFile(root, path)
			if !bytes.Contains(content, []byte("kind: Component")) {
				paths = append(paths, filepath.Dir(path))
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return paths
}

func TestFluxAppliesLocal(t *testing.T) { checkCluster(t, "local", local(t)) }

func TestFluxAppliesCampus(t *testing.T) { checkCluster(t, "campus", syncCluster(t, "campus")) }

// checkCluster checks what every cluster must contain.
func checkCluster(t *testing.T, name string, objects []*unstructured.Unstructured) {
	for course, want := range map[string]struct{ files, rows int }{"prog1": {1, 300}, "database": {12, 0}} {
		files, rows := len(userlands(t, objects, course)), len(rows(t, objects, course))
		if files != want.files || rows != want.rows {
			t.Errorf("course %s has %d students with files of their own and %d on a roster, want %d and %d", course, files, rows, want.files, want.rows)
		}
	}
	checkPlaceholders(t, objects)
	for _, deployment := range typed[appsv1.Deployment](t, objects, "Deployment") {
		args := deployment.Spec.Template.Spec.Containers[0].Args
		if deployment.Name == "carrel-reporter" && !slices.Contains(args, "--cluster-name="+name) {
			t.Errorf("the reporter is not told the cluster's name: its args are %q", args)
		}
	}
	for _, k := range kustomizations(t, objects) {
		checkSync(t, k)
	}
}

// checkPlaceholders checks that no placeholder is left.
func checkPlaceholders(t *testing.T, objects []*unstructured.Unstructured) {
	for _, object := range objects {
		if object.GetKind() == "CustomResourceDefinition" {
			continue // its descriptions are prose
		}
		raw, err := object.MarshalJSON()
		if err != nil {
			t.Fatal(err)
		}
		for _, placeholder := range []string{"COURSE", "CLUSTER", "CLOSED"} {
			if bytes.Contains(raw, []byte(placeholder)) {
				t.Errorf("%s %s/%s still says %s: %s", object.GetKind(), object.GetNamespace(), object.GetName(), placeholder, raw)
			}
		}
	}
}

// checkSync checks the two Kustomizations of a course.
func checkSync(t *testing.T, k *kustomizev1.Kustomization) {
	if k.Namespace == "flux-system" {
		return
	}
	if k.Spec.ServiceAccountName != k.Name {
		t.Errorf("Kustomization %s/%s impersonates %q, want the account of its own name", k.Namespace, k.Name, k.Spec.ServiceAccountName)
	}
	if want := "./courses/" + k.Namespace + "/" + k.Name; k.Spec.Path != want {
		t.Errorf("Kustomization %s/%s applies %s, want %s", k.Namespace, k.Name, k.Spec.Path, want)
	}
	if k.Spec.Wait || len(k.Spec.HealthChecks) > 0 || !k.Spec.Prune {
		t.Errorf("Kustomization %s/%s: wait is %v with %d health checks, prune is %v; want no waiting, since a commit is reported once applied, and pruning",
			k.Namespace, k.Name, k.Spec.Wait, len(k.Spec.HealthChecks), k.Spec.Prune)
	}
}

// TestLocalFitsThisMachine checks that the local cluster fits into two cores on any
// day.
func TestLocalFitsThisMachine(t *testing.T) {
	objects := local(t)
	for course, want := range map[string]int{"prog1": 4, "database": 2, "sandbox": 3} {
		meets := inSession(t, objects, course)
		running := 0
		for _, u := range userlands(t, objects, course) {
			if u.Enabled() && (meets == nil || meets(u.Spec.Section)) {
				running++
			}
		}
		for _, row := range rows(t, objects, course) {
			if row.Enabled && meets(row.Section) {
				running++
			}
		}
		if running != want {
			t.Errorf("course %s runs %d carrels here, want %d", course, running, want)
		}
	}
}

// inSession returns a predicate for the sections of a course that ever meet. It
// returns nil for a course whose carrels run at all times. If a course has a
// timetable, all its Templates must idle.
func inSession(t *testing.T, objects []*unstructured.Unstructured, course string) func(section string) bool {
	t.Helper()
	for _, c := range typed[v1alpha1.Course](t, objects, "Course") {
		if c.Name != course || c.Spec.Timetable == nil {
			continue
		}
		for _, template := range typed[v1alpha1.Template](t, objects, "Template") {
			if template.Namespace == course && template.Spec.Idle == nil {
				t.Errorf("Template %s of course %s never sleeps", template.Name, course)
			}
		}
		return func(section string) bool {
			return slices.ContainsFunc(c.Spec.Timetable.Sessions, func(s v1alpha1.Session) bool {
				return len(s.Sections) == 0 || slices.Contains(s.Sections, section)
			})
		}
	}
	return nil
}

// rows returns the rows in the rosters of a course.
func rows(t *testing.T, objects []*unstructured.Unstructured, course string) []csv.Row {
	t.Helper()
	var files []csv.File
	for _, c := range typed[corev1.ConfigMap](t, objects, "ConfigMap") {
		if c.Namespace == course && c.Labels[v1alpha1.RosterLabel] == "true" {
			for name, text := range c.Data {
				files = append(files, csv.File{Name: name, Data: []byte(text)})
			}
		}
	}
	read := csv.Read(files...)
	if len(read.Errors)+len(read.Warnings) > 0 {
		t.Errorf("the roster of %s: %v %v", course, read.Errors, read.Warnings)
	}
	return read.Rows
}

func TestLocalPullsNothing(t *testing.T) {
	const ours = "carrel.local/"
	objects := local(t)
	for _, template := range typed[v1alpha1.Template](t, objects, "Template") {
		for _, container := range template.Spec.Template.Spec.Containers {
			if !strings.HasPrefix(container.Image, ours) {
				t.Errorf("Template %s/%s uses %s: no registry is within reach", template.Namespace, template.Name, container.Image)
			}
		}
	}
	for _, deployment := range typed[appsv1.Deployment](t, objects, "Deployment") {
		for _, container := range deployment.Spec.Template.Spec.Containers {
			if !strings.HasPrefix(container.Image, ours) {
				t.Errorf("Deployment %s uses %s: no registry is within reach", deployment.Name, container.Image)
			}
		}
	}
}

func userlands(t *testing.T, objects []*unstructured.Unstructured, course string) []*v1alpha1.Userland {
	t.Helper()
	return slices.DeleteFunc(typed[v1alpha1.Userland](t, objects, "Userland"), func(u *v1alpha1.Userland) bool { return u.Namespace != course })
}
