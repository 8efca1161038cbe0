package class_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/carrel-dev/carrel/gitops/class"
	"github.com/carrel-dev/carrel/gitops/render"
	"github.com/carrel-dev/carrel/gitops/tree"
	"github.com/carrel-dev/carrel/test/commits"
)

// randomClass returns the files of a class: rosters, single files, and patches. A few
// classes have mistakes.
func randomClass(r *rand.Rand) map[string]string {
	const at = "courses/x/roster/"
	pick := func(all ...string) string { return all[r.IntN(len(all))] }
	files := map[string]string{at + "course.yaml": "apiVersion: carrel.dev/v1alpha1\nkind: Course\nmetadata:\n  name: x\nspec:\n  templateName: " + pick("ide", "db") + "\n  rosters:\n    - configMap: first\n    - configMap: second\n"}
	resources, generators := []string{"course.yaml"}, ""
	for _, name := range []string{"first", "second"} {
		text := "user,name,template,section,team,enabled\n"
		for i := range r.IntN(6) {
			user := fmt.Sprintf("u%d", i)
			if r.IntN(40) == 0 {
				user = "u0"
			}
			text += strings.Join([]string{name[:1] + user, pick("", "Sato", "Aas"), pick("", "", "ide", "db"), pick("", "a"), pick("", "red"), pick("", "no")}, ",") + "\n"
		}
		files[at+name+".csv"] = text
		generators += "  - name: " + name + "\n    files: [" + name + ".csv]\n    options: {labels: {carrel.dev/roster: \"true\"}, disableNameSuffixHash: true}\n"
	}
	for i := range r.IntN(5) {
		name := fmt.Sprintf("s%d", i)
		text := "apiVersion: carrel.dev/v1alpha1\nkind: Userland\nmetadata:\n  name: " + name + "\n"
		if r.IntN(3) == 0 {
			text += "  annotations: {kustomize.toolkit.fluxcd.io/prune: disabled, carrel.dev/name: Ito}\n"
		}
		text += "spec:\n  user: " + pick(name, "fu0", "su1", "FU0") + "\n" + pick("", "  templateName: ide\n", "  templateName: db\n") + pick("", "  section: a\n") + pick("", "  team: red\n") + pick("", "  enabled: false\n")
		files[at+"students/"+name+".yaml"] = text
		resources = append(resources, "students/"+name+".yaml")
	}
	kustomization := "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nnamespace: x\nresources: [" + strings.Join(resources, ", ") + "]\nconfigMapGenerator:\n" + generators
	if r.IntN(2) == 0 {
		kustomization += "patches:\n  - target: {kind: Userland}\n    patch: |\n      - {op: add, path: /spec/section, value: b}\n"
	}
	files[at+"kustomization.yaml"] = kustomization
	return files
}

// TestReadersAgree checks that the reader of history and what Flux builds declare the
// same students, so that why and plan can't differ.
func TestReadersAgree(t *testing.T) {
	students, refused := 0, 0
	for seed := range uint64(300) {
		files := randomClass(rand.New(rand.NewPCG(seed, 18)))
		repository := commits.Repository(t)
		commit := commits.Add(t, repository, files)
		got, err := class.NewReader(repository).At(commit.TreeHash, "x", "courses/x/roster")
		if err != nil {
			t.Fatal(err)
		}
		whole, err := tree.Of(repository, commit.TreeHash)
		if err != nil {
			t.Fatal(err)
		}
		built, origins, err := render.Directory(whole, "courses/x/roster")
		if err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		var objects []class.Object
		for i := range built {
			objects = append(objects, class.Object{Unstructured: built[i], Origin: origins[i]})
		}
		classes, err := class.Of(whole, objects)
		if err != nil {
			t.Fatal(err)
		}
		want := classes["x"].Roll("x")
		slices.SortStableFunc(want.Students, class.Compare)
		if diff := cmp.Diff(want.Problems, got.Problems, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("seed %d: problems (-built +read):\n%s", seed, diff)
		}
		// What is built does not tell the line of a file.
		fileLine := cmp.FilterPath(func(p cmp.Path) bool { return p.Last().String() == ".Line" }, cmp.Comparer(func(a, b int) bool { return a == b || a == 0 || b == 0 }))
		if diff := cmp.Diff(want.Students, got.Students, cmpopts.EquateEmpty(), fileLine); diff != "" {
			t.Errorf("seed %d: students (-built +read):\n%s\n%v", seed, diff, files)
		}
		students += len(got.Students)
		if len(got.Problems) > 0 {
			refused++
		}
	}
	if students < 1000 || refused == 0 || refused > 250 {
		t.Errorf("the classes have %d students, and %d are refused: they prove little", students, refused)
	}
}
