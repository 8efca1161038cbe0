package reporter

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Labels that Flux puts on what it applies.
var (
	ownerNameLabel      = kustomizev1.GroupVersion.Group + "/name"
	ownerNamespaceLabel = kustomizev1.GroupVersion.Group + "/namespace"
)

// inFlux is how a course hangs on Flux.
type inFlux struct {
	kustomizations []kustomizev1.Kustomization
	repository     *sourcev1.GitRepository
	// above are the Kustomizations that applied those of the course.
	above []kustomizev1.Kustomization
	// namespace is that of the course.
	namespace string
}

// source is the namespace/name of the repository.
func (f *inFlux) source() string { return f.repository.Namespace + "/" + f.repository.Name }

// paths are the parts of the repository that make the course. Of what applies its
// Kustomizations they are its own directory, and the files beside it.
func (f *inFlux) paths() (of Paths) {
	for i := range f.kustomizations {
		of.Deep = append(of.Deep, directory(f.kustomizations[i].Spec.Path))
	}
	for i := range f.above {
		dir := directory(f.above[i].Spec.Path)
		of.Deep, of.Flat = append(of.Deep, strings.TrimPrefix(dir+"/"+f.namespace, "/")), append(of.Flat, dir)
	}
	return of
}

// head is the commit the repository is at, as Flux last saw it.
func (f *inFlux) head() string {
	if f.repository.Status.Artifact == nil {
		return ""
	}
	return commitOf(f.repository.Status.Artifact.Revision)
}

func (f *inFlux) syncs() []Sync {
	syncs := make([]Sync, len(f.kustomizations))
	for i := range f.kustomizations {
		syncs[i] = SyncOf(&f.kustomizations[i])
	}
	return syncs
}

// expected are the Userlands of a namespace that Flux says it applied.
func (f *inFlux) expected(namespace string) []string {
	var names []string
	for i := range f.kustomizations {
		for _, entry := range inventory(&f.kustomizations[i]) {
			if entry.kind == "Userland" && entry.namespace == namespace {
				names = append(names, entry.name)
			}
		}
	}
	return names
}

// origin is how the content of a course came to the cluster.
type origin interface {
	// syncs say which commits it stands at.
	syncs() []Sync
	// head is the newest commit there is.
	head() string
	// expected are the Userlands known to have been applied in a namespace.
	expected(namespace string) []string
	// paths are the parts of the repository that make it.
	paths() Paths
	// source identifies the repository; empty if that is not known.
	source() string
	// destination is where the course is reported to.
	destination(context.Context, *Reconciler) (*destination, error)
}

// originOf takes Flux's own word before an annotation.
func (r *Reconciler) originOf(ctx context.Context, course *v1alpha1.Course, templates []v1alpha1.Template) (origin, error) {
	fluxes := !r.Fluxless && course.Labels[ownerNameLabel] != ""
	switch _, found := course.Annotations[v1alpha1.RevisionAnnotation]; {
	case found && !fluxes:
		return annotatedOf(course)
	case !fluxes:
		return nil, notConfigured("no Flux Kustomization applies this Course, so there is no commit to report to: "+
			"let Flux apply it, or tell the commit in annotation %s", v1alpha1.RevisionAnnotation)
	}
	return r.inFluxOf(ctx, course, templates)
}

// settling is an error that means: wait for Flux, it is at work.
type settling struct{ error }

// inFluxOf finds the Kustomizations that make the course: the one that applied the
// Course, those of the course's own namespace, and those that applied its
// Templates from elsewhere; all of the same repository. That of the Course, and
// any elsewhere, must have the object in its inventory, which only Flux writes:
// a label alone lets nobody borrow another repository's token.
func (r *Reconciler) inFluxOf(ctx context.Context, course *v1alpha1.Course, templates []v1alpha1.Template) (*inFlux, error) {
	own, err := r.ownerOf(ctx, course, "Course")
	if err != nil {
		return nil, err
	}
	repository, err := r.repositoryOf(ctx, own)
	if err != nil {
		return nil, err
	}
	var local kustomizev1.KustomizationList
	if err := r.Client.List(ctx, &local, client.InNamespace(course.Namespace)); err != nil {
		return nil, err
	}
	found := slices.Concat(local.Items, []kustomizev1.Kustomization{*own})
	for i := range templates {
		owner, err := r.ownerOf(ctx, &templates[i], "Template")
		if err == nil {
			found = append(found, *owner)
		} else if !isProblem(err) {
			return nil, err
		}
	}
	source := sourceOf(own)
	found = slices.DeleteFunc(found, func(k kustomizev1.Kustomization) bool {
		return sourceOf(&k) != source || !k.DeletionTimestamp.IsZero()
	})
	flux := &inFlux{kustomizations: distinct(found), repository: repository, namespace: course.Namespace}
	flux.above, err = r.aboveOf(ctx, flux.kustomizations, source)
	return flux, err
}

// aboveOf returns the Kustomizations of the same repository that the labels of others name.
func (r *Reconciler) aboveOf(ctx context.Context, kustomizations []kustomizev1.Kustomization, from source) ([]kustomizev1.Kustomization, error) {
	var above []kustomizev1.Kustomization
	for i := range kustomizations {
		labels := kustomizations[i].Labels
		name := types.NamespacedName{Namespace: labels[ownerNamespaceLabel], Name: labels[ownerNameLabel]}
		if name.Name == "" {
			continue
		}
		var found kustomizev1.Kustomization
		if err := r.Client.Get(ctx, name, &found); apierrors.IsNotFound(err) {
			continue
		} else if err != nil {
			return nil, err
		}
		if sourceOf(&found) == from {
			above = append(above, found)
		}
	}
	return distinct(above), nil
}

func distinct(kustomizations []kustomizev1.Kustomization) []kustomizev1.Kustomization {
	byKey := func(a, b kustomizev1.Kustomization) int {
		return cmp.Or(cmp.Compare(a.Namespace, b.Namespace), cmp.Compare(a.Name, b.Name))
	}
	slices.SortFunc(kustomizations, byKey)
	return slices.CompactFunc(kustomizations, func(a, b kustomizev1.Kustomization) bool { return byKey(a, b) == 0 })
}

// ownerOf is the Kustomization that applied an object of ours.
func (r *Reconciler) ownerOf(ctx context.Context, object client.Object, kind string) (*kustomizev1.Kustomization, error) {
	name := types.NamespacedName{
		Namespace: object.GetLabels()[ownerNamespaceLabel],
		Name:      object.GetLabels()[ownerNameLabel],
	}
	if name.Name == "" || name.Namespace == "" {
		return nil, notConfigured("no Flux Kustomization applies this %s, so there is no commit to report to", kind)
	}
	var owner kustomizev1.Kustomization
	if err := r.Client.Get(ctx, name, &owner); err != nil {
		if apierrors.IsNotFound(err) {
			return nil, goneSync("Kustomization %s, which the labels of this %s name, does not exist", name, kind)
		}
		return nil, err
	}
	if !slices.Contains(inventory(&owner), entry{object.GetNamespace(), object.GetName(), v1alpha1.SchemeGroupVersion.Group, kind}) {
		// A Kustomization that was applied in full has its inventory; one that Flux
		// is still writing may have the condition first.
		if owner.Status.LastAppliedRevision != "" && owner.Status.LastAppliedRevision == owner.Status.LastAttemptedRevision {
			return nil, goneSync("Kustomization %s does not list this %s in its inventory, though the labels name it", name, kind)
		}
		return nil, settling{fmt.Errorf("kustomization %s has yet to list this %s in its inventory", name, kind)}
	}
	return &owner, nil
}

// repositoryOf is where a Kustomization takes its commits from.
func (r *Reconciler) repositoryOf(ctx context.Context, k *kustomizev1.Kustomization) (*sourcev1.GitRepository, error) {
	source := sourceOf(k)
	if source.kind != sourcev1.GitRepositoryKind {
		return nil, notConfigured("Kustomization %s/%s syncs from a %s: commits to report to come from a GitRepository", k.Namespace, k.Name, source.kind)
	}
	var repository sourcev1.GitRepository
	err := r.Client.Get(ctx, source.name, &repository)
	if apierrors.IsNotFound(err) {
		return nil, notConfigured("GitRepository %s, which Kustomization %s/%s names, does not exist", source.name, k.Namespace, k.Name)
	}
	return &repository, err
}

type source struct {
	kind string
	name types.NamespacedName
}

func sourceOf(k *kustomizev1.Kustomization) source {
	ref := k.Spec.SourceRef
	return source{kind: ref.Kind, name: types.NamespacedName{Namespace: cmp.Or(ref.Namespace, k.Namespace), Name: ref.Name}}
}

// entry is an object in the inventory of a Kustomization.
type entry struct{ namespace, name, group, kind string }

// inventory reads the entries <namespace>_<name>_<group>_<kind>. Names of our
// kinds hold no underscore; entries of kinds whose names may are passed over.
func inventory(k *kustomizev1.Kustomization) []entry {
	if k.Status.Inventory == nil {
		return nil
	}
	entries := make([]entry, 0, len(k.Status.Inventory.Entries))
	for _, ref := range k.Status.Inventory.Entries {
		if parts := strings.Split(ref.ID, "_"); len(parts) == 4 {
			entries = append(entries, entry{parts[0], parts[1], parts[2], parts[3]})
		}
	}
	return entries
}

// templatesOf lists the Templates of a namespace.
func templatesOf(ctx context.Context, from client.Reader, namespace string) ([]v1alpha1.Template, error) {
	var list v1alpha1.TemplateList
	err := from.List(ctx, &list, client.InNamespace(namespace))
	return list.Items, err
}

// classOf is the class of a course, as from shows it.
func classOf(ctx context.Context, from client.Reader, course *v1alpha1.Course, expected []string) (Class, error) {
	var userlands v1alpha1.UserlandList
	if err := from.List(ctx, &userlands, client.InNamespace(course.Namespace)); err != nil {
		return Class{}, err
	}
	templates, err := templatesOf(ctx, from, course.Namespace)
	if err != nil {
		return Class{}, err
	}
	class := Class{DefaultTemplate: course.Spec.TemplateName, Userlands: userlands.Items, Expected: expected, Templates: map[string]int64{}, Revisions: map[string]Revision{}}
	for i := range templates {
		class.Templates[templates[i].Name] = templates[i].Generation
		class.Revisions[templates[i].Name] = revisionOf(&templates[i])
	}
	class.enrol(course)
	return class, nil
}

// names are those that no message may show.
func (c Class) names() []string {
	names := slices.Clone(c.Expected)
	for i := range c.Userlands {
		names = append(names, c.Userlands[i].Name, c.Userlands[i].User())
	}
	return names
}
