package kube

import (
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
)

const (
	templateField = "spec.templateName"
	userlandField = "metadata.labels." + v1alpha1.UserlandLabel
	// personField is the user of a Userland or a claim, in the form of roster.Person.
	personField = "person"
	// revisionField is that of a Deployment and, in its status, of a Userland.
	revisionField = "revision"
)

// SetupIndexes tells the cache to keep the indexes.
func SetupIndexes(ctx context.Context, indexer client.FieldIndexer) error {
	for _, index := range []struct {
		object client.Object
		field  string
		values client.IndexerFunc
	}{
		{&v1alpha1.Userland{}, templateField, templateName},
		{&v1alpha1.Userland{}, revisionField, statusRevision},
		{&appsv1.Deployment{}, revisionField, revisionLabel},
		{&corev1.Pod{}, userlandField, userlandLabel},
		{&corev1.PersistentVolumeClaim{}, userlandField, userlandLabel},
		{&corev1.PersistentVolumeClaim{}, personField, person},
		{&v1alpha1.Userland{}, personField, person},
		{&corev1.Service{}, userlandField, userlandLabel},
	} {
		if err := indexer.IndexField(ctx, index.object, index.field, index.values); err != nil {
			return fmt.Errorf("index %T by %s: %w", index.object, index.field, err)
		}
	}
	return nil
}

func templateName(o client.Object) []string {
	return []string{o.(*v1alpha1.Userland).Spec.TemplateName}
}

func userlandLabel(o client.Object) []string {
	if name := o.GetLabels()[v1alpha1.UserlandLabel]; name != "" {
		return []string{name}
	}
	return nil
}

// person returns the user of a Userland, or the one that a claim records.
func person(o client.Object) []string {
	login := o.GetAnnotations()[v1alpha1.UserAnnotation]
	if u, is := o.(*v1alpha1.Userland); is {
		login = u.User()
	}
	if login == "" {
		return nil
	}
	return []string{roster.Person(login)}
}

func statusRevision(o client.Object) []string {
	if t := o.(*v1alpha1.Userland).Status.Template; t != nil && t.Revision != "" {
		return []string{t.Revision}
	}
	return nil
}

func revisionLabel(o client.Object) []string {
	if name := o.GetLabels()[v1alpha1.RevisionLabel]; name != "" {
		return []string{name}
	}
	return nil
}

// RevisionInUse reports whether a carrel is made of a revision, or has to be
// made of it again if it is lost.
func RevisionInUse(ctx context.Context, c client.Reader, revision client.ObjectKey) (bool, error) {
	options := []client.ListOption{client.InNamespace(revision.Namespace), client.MatchingFields{revisionField: revision.Name}, client.Limit(1)}
	deployments := &appsv1.DeploymentList{}
	if err := c.List(ctx, deployments, options...); err != nil || len(deployments.Items) > 0 {
		return true, err
	}
	userlands := &v1alpha1.UserlandList{}
	err := c.List(ctx, userlands, options...)
	return len(userlands.Items) > 0, err
}

// Pods are the pods of a Userland.
func Pods(ctx context.Context, c client.Reader, userland client.ObjectKey) ([]corev1.Pod, error) {
	list := &corev1.PodList{}
	if err := c.List(ctx, list, client.InNamespace(userland.Namespace), client.MatchingFields{userlandField: userland.Name}); err != nil {
		return nil, fmt.Errorf("list the pods of %q: %w", userland.Name, err)
	}
	return list.Items, nil
}

// Claims are the volume claims labelled as those of a Userland.
func Claims(ctx context.Context, c client.Reader, userland client.ObjectKey) ([]corev1.PersistentVolumeClaim, error) {
	list := &corev1.PersistentVolumeClaimList{}
	if err := c.List(ctx, list, client.InNamespace(userland.Namespace), client.MatchingFields{userlandField: userland.Name}); err != nil {
		return nil, fmt.Errorf("list the volume claims of %q: %w", userland.Name, err)
	}
	return list.Items, nil
}

// ClaimsOfPerson returns the volume claims of a namespace that record a user, however
// the login is spelled.
func ClaimsOfPerson(ctx context.Context, c client.Reader, namespace, login string) ([]corev1.PersistentVolumeClaim, error) {
	list := &corev1.PersistentVolumeClaimList{}
	if err := c.List(ctx, list, client.InNamespace(namespace), client.MatchingFields{personField: roster.Person(login)}); err != nil {
		return nil, fmt.Errorf("list the volume claims of user %q: %w", login, err)
	}
	return list.Items, nil
}

// UserlandsOfPerson returns the Userlands of a user, however the login is spelled. They
// are the cache's own and must not be changed.
func UserlandsOfPerson(ctx context.Context, c client.Reader, namespace, login string) ([]v1alpha1.Userland, error) {
	list := &v1alpha1.UserlandList{}
	if err := c.List(ctx, list, client.InNamespace(namespace), client.MatchingFields{personField: roster.Person(login)}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the userlands of user %q: %w", login, err)
	}
	return list.Items, nil
}

// Services are those labelled as of a Userland.
func Services(ctx context.Context, c client.Reader, userland client.ObjectKey) ([]corev1.Service, error) {
	list := &corev1.ServiceList{}
	if err := c.List(ctx, list, client.InNamespace(userland.Namespace), client.MatchingFields{userlandField: userland.Name}); err != nil {
		return nil, fmt.Errorf("list the services of %q: %w", userland.Name, err)
	}
	return list.Items, nil
}

// UserlandsOfTemplate returns the Userlands that follow a Template, by name or by
// the default of their Course. They are the cache's own and must not be changed.
func UserlandsOfTemplate(ctx context.Context, c client.Reader, template client.ObjectKey) ([]v1alpha1.Userland, error) {
	users, err := userlandsNaming(ctx, c, template.Namespace, template.Name)
	if err != nil {
		return nil, err
	}
	standard, err := CourseTemplate(ctx, c, template.Namespace)
	if err != nil || standard != template.Name {
		return users, err
	}
	unnamed, err := UserlandsWithoutTemplate(ctx, c, template.Namespace)
	return append(users, unnamed...), err
}

// UserlandsWithoutTemplate returns the Userlands of a namespace that name no
// Template. They are the cache's own and must not be changed.
func UserlandsWithoutTemplate(ctx context.Context, c client.Reader, namespace string) ([]v1alpha1.Userland, error) {
	return userlandsNaming(ctx, c, namespace, "")
}

func userlandsNaming(ctx context.Context, c client.Reader, namespace, template string) ([]v1alpha1.Userland, error) {
	list := &v1alpha1.UserlandList{}
	if err := c.List(ctx, list, client.InNamespace(namespace), client.MatchingFields{templateField: template}, client.UnsafeDisableDeepCopy); err != nil {
		return nil, fmt.Errorf("list the userlands of template %q: %w", template, err)
	}
	return list.Items, nil
}

// TemplateName is the name of the Template a Userland follows: its own, or that
// of its Course, or none.
func TemplateName(ctx context.Context, c client.Reader, u *v1alpha1.Userland) (string, error) {
	if u.Spec.TemplateName != "" {
		return u.Spec.TemplateName, nil
	}
	return CourseTemplate(ctx, c, u.Namespace)
}

// CourseTemplate is the default Template of a namespace's Course; empty if there
// is no Course or it has none.
func CourseTemplate(ctx context.Context, c client.Reader, namespace string) (string, error) {
	course := &v1alpha1.Course{}
	err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: namespace}, course)
	if client.IgnoreNotFound(err) != nil {
		return "", fmt.Errorf("read course %q: %w", namespace, err)
	}
	return course.Spec.TemplateName, nil
}
