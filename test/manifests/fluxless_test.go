package manifests

import (
	"path/filepath"
	"slices"
	"testing"

	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/carrel-dev/carrel/test/apiserver"
)

// TestWithoutFlux checks that nothing is installed into Flux's namespace, and that
// the reporter can still read only the named Secrets.
func TestWithoutFlux(t *testing.T) {
	disk := filesys.MakeFsOnDisk()
	root := filepath.Join(apiserver.Root(), "kustomize")
	dir := t.TempDir()
	relative, err := filepath.Rel(dir, root)
	if err != nil {
		t.Fatal(err)
	}
	overlay := "resources: [" + relative + "]\ncomponents: [" + relative + "/components/without-flux]\n"
	if err := disk.WriteFile(filepath.Join(dir, "kustomization.yaml"), []byte(overlay)); err != nil {
		t.Fatal(err)
	}
	objects, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(disk, dir)
	if err != nil {
		t.Fatal(err)
	}
	found := false
	for _, object := range objects.Resources() {
		if object.GetNamespace() == "flux-system" {
			t.Errorf("%s %s lies in Flux's namespace", object.GetKind(), object.GetName())
		}
		if object.GetKind() != "Role" || object.GetName() != "carrel-reporter-forge-token" {
			continue
		}
		found = true
		names, err := object.GetSlice("rules")
		if err != nil || len(names) != 1 || !slices.Equal(names[0].(map[string]any)["resourceNames"].([]any), []any{"carrel-forge"}) {
			t.Errorf("the reporter may read Secrets by %v, %v; want the one named carrel-forge", names, err)
		}
	}
	if !found {
		t.Error("no Role lets the reporter read a token")
	}
}
