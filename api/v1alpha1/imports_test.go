package v1alpha1_test

import (
	"os/exec"
	"strings"
	"testing"
)

// TestImports checks that programs which import the kinds or their clients do not
// get the controller or its dependencies.
func TestImports(t *testing.T) {
	const kinds, repository = "github.com/carrel-dev/carrel/api", "github.com/carrel-dev/carrel/"
	for _, tt := range []struct {
		name, packages string
		refused        []string
	}{
		{"the kinds", kinds + "/v1alpha1", []string{"sigs.k8s.io/controller-runtime", "k8s.io/client-go", kinds + "/"}},
		{"the clients", kinds + "/...", []string{"sigs.k8s.io/controller-runtime"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for _, path := range dependencies(t, tt.packages) {
				if path == kinds+"/v1alpha1" {
					continue
				}
				if strings.HasPrefix(path, repository) && !strings.HasPrefix(path, kinds+"/") {
					t.Errorf("%s import %s, which is no part of the API", tt.name, path)
				}
				for _, refused := range tt.refused {
					if strings.HasPrefix(path, refused) {
						t.Errorf("%s import %s", tt.name, path)
					}
				}
			}
		})
	}
}

// dependencies returns packages and all packages they import.
func dependencies(t *testing.T, packages string) []string {
	t.Helper()
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", packages)
	var said strings.Builder
	list.Stderr = &said
	out, err := list.Output()
	if err != nil {
		t.Fatalf("go list %s: %v\n%s", packages, err, said.String())
	}
	paths := strings.Fields(string(out))
	if len(paths) < 50 {
		t.Fatalf("go list %s names %d packages only: %q", packages, len(paths), paths)
	}
	return paths
}
