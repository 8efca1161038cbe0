package convert

import (
	"fmt"
	"strings"

	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// retainDefault is the retention of a Template's volume that sets none.
const retainDefault = "30d"

// pruneAnnotation, if "disabled", keeps Flux from deleting a volume when its
// manifest is removed.
const pruneAnnotation = "kustomize.toolkit.fluxcd.io/prune"

const claimsHeader = `# Existing volumes, with the labels and annotations that record their users. The
# claims have no spec, so a missing volume is an error and is not created. Apply
# this file once, with kubectl apply --server-side or as part of the cluster's own
# Kustomization, not of the course's. Remove the file when the carrels run. Flux
# does not prune the volumes.
`

const oldObjectsHeader = `# Objects of the old controller, which Carrel creates again. Orphan the old
# Userlands first. Then delete these objects to move the users: kubectl delete -f
# this file. It contains no volume.
`

// manifest is an object without a spec.
type manifest struct {
	APIVersion string                                 `json:"apiVersion"`
	Kind       string                                 `json:"kind"`
	Metadata   *metav1ac.ObjectMetaApplyConfiguration `json:"metadata"`
}

// adopt writes manifests that record the users of the existing objects.
func (c *conversion) adopt(result *Result) {
	var claims, old []manifest
	owners := map[string]*userland{}
	for _, u := range c.userlands {
		if u.templateName == "" {
			continue
		}
		old = append(old, oldManifests(u)...)
		if u.template == nil {
			c.problem(u.placeOf("spec.templateName"), fmt.Sprintf("Template %q is not among the inputs, so its volumes are not known", u.templateName),
				"give its file too")
			continue
		}
		c.checkOldService(u)
		for _, volume := range u.template.volumes {
			claim := claimManifest(u, volume)
			key := u.namespace + "/" + *claim.Metadata.Name
			if other := owners[key]; other != nil {
				c.problem(u.placeOf("metadata.name"), fmt.Sprintf("its volume %s is also that of %s (%s)", *claim.Metadata.Name, other.oldName, other.place()),
					"remove the one whose work is not in it")
			}
			owners[key] = u
			claims = append(claims, claim)
		}
	}
	result.Volumes = len(claims)
	result.Claims, result.OldObjects = list(claimsHeader, claims), list(oldObjectsHeader, old)
	if len(c.userlands) > 0 {
		c.notes = append(c.notes, Note{Message: fmt.Sprintf("each old Userland owns its Deployment, its Service and its volumes (%d in all): "+
			"deleting it, its kind or its manifest where Flux prunes deletes them with it, unless it was orphaned before (docs/moving.md)", len(claims))})
	}
}

func (u *userland) place() string {
	at := u.placeOf("metadata.name")
	return fmt.Sprintf("%s:%d", at.file, at.line)
}

// oldName returns the name that the old controller gave to a user's Deployment.
func oldName(template, user string) string { return template + "-" + user }

// checkOldService adds a note if a Service gets a new name although
// KeepServiceNames is set.
func (c *conversion) checkOldService(u *userland) {
	if c.options.KeepServiceNames && u.newName != u.oldName {
		c.note(u.placeOf("metadata.name"), fmt.Sprintf("its Service is %s-svc now: tell the proxy", oldName(u.templateName, u.newName)))
	}
}

func claimManifest(u *userland, volume string) manifest {
	return manifest{APIVersion: "v1", Kind: "PersistentVolumeClaim", Metadata: metadata(u, oldName(u.templateName, u.oldName)+"-pvc-"+volume).
		WithLabels(map[string]string{
			v1alpha1.ManagedByLabel: v1alpha1.ManagedByValue,
			v1alpha1.UserlandLabel:  u.newName,
		}).
		WithAnnotations(map[string]string{
			v1alpha1.UserAnnotation:   u.oldName,
			v1alpha1.VolumeAnnotation: volume,
			v1alpha1.RetainAnnotation: retainDefault,
			pruneAnnotation:           "disabled",
		})}
}

func oldManifests(u *userland) []manifest {
	name := oldName(u.templateName, u.oldName)
	return []manifest{
		{APIVersion: "apps/v1", Kind: "Deployment", Metadata: metadata(u, name)},
		{APIVersion: "v1", Kind: "Service", Metadata: metadata(u, name+"-svc")},
	}
}

func metadata(u *userland, name string) *metav1ac.ObjectMetaApplyConfiguration {
	m := metav1ac.ObjectMeta().WithName(name)
	if u.namespace != "" {
		m.WithNamespace(u.namespace)
	}
	return m
}

// list writes manifests as the documents of one file.
func list(header string, all []manifest) []byte {
	if len(all) == 0 {
		return nil
	}
	var b strings.Builder
	b.WriteString(header)
	for i, one := range all {
		text, err := yaml.Marshal(one)
		if err != nil {
			// Strings always marshal.
			panic(err)
		}
		if i > 0 {
			b.WriteString("---\n")
		}
		b.Write(text)
	}
	return []byte(b.String())
}
