package addons

import (
	"io/fs"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/devcluster/golden"
	"github.com/carrel-dev/carrel/devcluster/image"
)

// smallFlux has the shape of Flux's manifests and little of their content.
func smallFlux() Flux {
	file := func(content string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(content)} }
	crd := func(name string) string {
		return "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata:\n  name: " + name + "\n"
	}
	manager := func(name string) string {
		return "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: " + name + `
spec:
  template:
    spec:
      containers:
      - name: manager
        image: fluxcd/` + name + `
        args: [--watch-all-namespaces]
        resources:
          requests: {cpu: 100m, memory: 64Mi}
          limits: {cpu: 1000m, memory: 1Gi}
`
	}
	list := file("resources: [it.yaml]\n")
	controller := func(name string) fs.FS {
		return fstest.MapFS{
			"crd/kustomization.yaml": list, "crd/it.yaml": file(crd("kinds." + name)),
			"manager/kustomization.yaml": list, "manager/it.yaml": file(manager(name)),
		}
	}
	return Flux{
		"source-controller":       controller("source-controller"),
		"kustomize-controller":    controller("kustomize-controller"),
		"notification-controller": controller("notification-controller"),
	}
}

func TestManifestsRenderAsRecorded(t *testing.T) {
	got, err := Manifests(Params{ClusterDNS: "10.111.64.10", VolumeDirectory: "/var/lib/carrel/volumes", Flux: smallFlux()})
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "alone.yaml", string(got))
}

// CoreDNS refuses a Corefile with a plugin that it was built without.
func TestCoreDNSIsBuiltWithThePluginsOfItsConfiguration(t *testing.T) {
	configuration, err := manifests.ReadFile("manifests/coredns/coredns.yaml")
	if err != nil {
		t.Fatal(err)
	}
	main, err := os.ReadFile("../modules/cluster/coredns/main.go")
	if err != nil {
		t.Fatal(err)
	}
	var used, built []string
	// The lines of a server block are indented by eight spaces.
	for _, match := range regexp.MustCompile(`(?m)^ {8}([a-z]+)( |$)`).FindAllSubmatch(configuration, -1) {
		used = append(used, string(match[1]))
	}
	for _, match := range regexp.MustCompile(`coredns/plugin/(\w+)"`).FindAllSubmatch(main, -1) {
		// The package's name is not always the plugin's.
		built = append(built, strings.Replace(string(match[1]), "metrics", "prometheus", 1))
	}
	slices.Sort(used)
	slices.Sort(built)
	if diff := cmp.Diff(used, built); diff != "" {
		t.Errorf("plugins of the configuration and of the program differ (-used +built):\n%s", diff)
	}
}

func TestManifestsUseExactlyTheDeclaredImages(t *testing.T) {
	stream, err := Manifests(Params{ClusterDNS: "10.111.64.10", VolumeDirectory: "/v", Flux: smallFlux()})
	if err != nil {
		t.Fatal(err)
	}
	var used, declared []string
	for _, match := range regexp.MustCompile(`image: (\S+)`).FindAllSubmatch(stream, -1) {
		used = append(used, string(match[1]))
	}
	for _, name := range Images() {
		declared = append(declared, image.Reference(name))
	}
	slices.Sort(used)
	if diff := cmp.Diff(declared, slices.Compact(used)); diff != "" {
		t.Errorf("images that would be loaded and images that pods ask for differ (-loaded +asked for):\n%s", diff)
	}
}

func TestManifestsRefuseAnIncompleteFlux(t *testing.T) {
	flux := smallFlux()
	delete(flux, "notification-controller")
	if _, err := Manifests(Params{Flux: flux}); err == nil {
		t.Error("manifests without the CRDs of the notification-controller were rendered; Providers could not be created")
	}
}

func TestCRDsHoldNothingElse(t *testing.T) {
	got, err := smallFlux().CRDs()
	if err != nil {
		t.Fatal(err)
	}
	golden.Compare(t, "crds.yaml", string(got))
}
