package manifests

import (
	"path/filepath"
	"strings"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/carrel-dev/carrel/test/apiserver"
)

// Behind something that ends TLS, no pod waits for a certificate. The API server takes
// the examples as they are, but for the kind of the Gateway API, which it has not got.
func TestGatewayBehindOthers(t *testing.T) {
	local(t)
	admin := apiserver.Client(t)
	for example, kind := range map[string]string{"ingress": "Ingress", "httproute": "HTTPRoute"} {
		t.Run(example, func(t *testing.T) {
			built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).
				Run(filesys.MakeFsOnDisk(), filepath.Join(apiserver.Root(), "examples", "gateway", example))
			if err != nil {
				t.Fatal(err)
			}
			kinds := map[string]bool{}
			for _, resource := range built.Resources() {
				text, err := resource.AsYAML()
				if err != nil {
					t.Fatal(err)
				}
				kinds[resource.GetKind()] = true
				if resource.GetKind() == "Deployment" && strings.Contains(string(text), "/etc/carrel/tls") {
					t.Errorf("the Deployment asks for a certificate:\n%s", text)
				}
				if resource.GetKind() == "HTTPRoute" {
					continue
				}
				if err := applyOne(t.Context(), admin, object(t, string(text)), client.DryRunAll); err != nil {
					t.Errorf("%s: %v", resource.CurId(), err)
				}
			}
			if !kinds[kind] {
				t.Errorf("there is no %s", kind)
			}
		})
	}
}
