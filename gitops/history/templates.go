package history

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// TemplateVersion is a Template as of one commit.
type TemplateVersion struct {
	// Name is the name of the Template.
	Name string `json:"name"`
	// Images are the images of its containers, in order.
	Images []string `json:"images,omitempty"`
	// Commit is the commit that last changed the Template. It is empty if unknown.
	Commit string `json:"commit,omitempty"`

	digest string
}

// templates returns the Templates that a directory builds at a commit, by name.
func (r *Repository) templates(root plumbing.Hash, directory string) (map[string]TemplateVersion, error) {
	watch, err := r.classes.Watch(root, directory)
	if err != nil {
		return nil, err
	}
	var key strings.Builder
	for _, p := range watch {
		at, _, err := r.objects.Find(root, p)
		if err != nil {
			return nil, err
		}
		fmt.Fprintf(&key, "%s %s\n", p, at.Hash)
	}
	if known, is := r.rendered[key.String()]; is {
		return known, nil
	}
	found := map[string]TemplateVersion{}
	objects, _, err := r.classes.Build(root, directory)
	if err == nil {
		for _, object := range objects {
			addTemplate(found, object)
		}
	}
	// Flux does not apply what can't be built, so the former Templates stay.
	r.rendered[key.String()] = found
	return found, nil
}

func addTemplate(all map[string]TemplateVersion, object *unstructured.Unstructured) {
	if object.GetKind() != "Template" {
		return
	}
	text, err := json.Marshal(object.Object)
	if err != nil {
		return
	}
	sum := sha256.Sum256(text)
	found := TemplateVersion{Name: object.GetName(), digest: hex.EncodeToString(sum[:])}
	containers, _, _ := unstructured.NestedSlice(object.Object, "spec", "template", "spec", "containers")
	for _, container := range containers {
		fields, _ := container.(map[string]any)
		image, _ := fields["image"].(string)
		found.Images = append(found.Images, image)
	}
	all[found.Name] = found
}
