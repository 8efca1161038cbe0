package userland

import (
	"cmp"
	"context"
	"fmt"

	appsv1 "k8s.io/api/apps/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/timetable"
	"github.com/carrel-dev/carrel/core/workload"
)

// choice is the Template a Userland is to follow, and what is wrong with that.
type choice struct {
	// template is nil when there is none.
	template *v1alpha1.Template
	// seen is what the status says was looked at.
	seen *v1alpha1.ObservedTemplate
	// trouble says why the Template is of no use as it stands; nil if it is. What
	// carrels were made of before stays of use.
	trouble *health.Finding
	// course is the class, as far as there is one; never nil.
	course *v1alpha1.Course
	// table is its timetable; nil if it has none.
	table *timetable.Table
	// meets is what the timetable says to the user.
	meets timetable.Moment
	// undecided is set while the Template awaits its judgement, which wakes its
	// Userlands. It takes milliseconds; saying so would cost each a write.
	undecided bool
}

func (r *Reconciler) choose(ctx context.Context, u *v1alpha1.Userland) (choice, error) {
	course := &v1alpha1.Course{}
	err := r.Get(ctx, client.ObjectKey{Namespace: u.Namespace, Name: u.Namespace}, course)
	if client.IgnoreNotFound(err) != nil {
		return choice{}, fmt.Errorf("read course %q: %w", u.Namespace, err)
	}
	c, err := r.follow(ctx, u, cmp.Or(u.Spec.TemplateName, course.Spec.TemplateName))
	c.course = course
	// What is wrong with a timetable is said on the Course.
	if c.table, _ = r.Tables.Of(course); c.table != nil {
		c.meets = c.table.At(u.Spec.Section, r.Clock.Now())
	}
	return c, err
}

// follow looks at the Template named.
func (r *Reconciler) follow(ctx context.Context, u *v1alpha1.Userland, name string) (choice, error) {
	if name == "" {
		return choice{trouble: noTemplate(u)}, nil
	}
	template := &v1alpha1.Template{}
	err := r.Get(ctx, client.ObjectKey{Namespace: u.Namespace, Name: name}, template)
	if apierrors.IsNotFound(err) {
		return choice{seen: &v1alpha1.ObservedTemplate{Name: name}, trouble: templateNotFound(u, name)}, nil
	}
	if err != nil {
		return choice{}, fmt.Errorf("read template %q: %w", name, err)
	}
	return judged(template), nil
}

// judged goes by the verdict of the Template's own reconciliation.
func judged(t *v1alpha1.Template) choice {
	c := choice{template: t, seen: &v1alpha1.ObservedTemplate{Name: t.Name, Generation: t.Generation}}
	ready := meta.FindStatusCondition(t.Status.Conditions, v1alpha1.ReadyCondition)
	switch {
	case t.Status.ObservedGeneration != t.Generation || ready == nil:
		c.undecided = true
	case !meta.IsStatusConditionTrue(t.Status.Conditions, v1alpha1.ReadyCondition):
		c.trouble = templateInvalid(t.Name, ready.Message)
	}
	return c
}

// latest is the name of the revision a carrel that starts is made of; empty if
// there is none.
func (c choice) latest() string {
	if c.template == nil || c.template.Status.Revision == nil {
		return ""
	}
	return c.template.Status.Revision.Name
}

// volumes are those of a blueprint, as the Template describes them. One that it
// no longer has is known by its name only.
func (c choice) volumes(b workload.Blueprint) []v1alpha1.Volume {
	described := map[string]v1alpha1.Volume{}
	if c.template != nil {
		for _, volume := range c.template.Spec.Volumes {
			described[volume.Name] = volume
		}
	}
	volumes := make([]v1alpha1.Volume, 0, len(b.Volumes))
	for _, name := range b.Volumes {
		volume, known := described[name]
		if !known {
			volume = v1alpha1.Volume{Name: name}
		}
		volumes = append(volumes, volume)
	}
	return volumes
}

// origin is a revision to make a carrel of.
type origin struct {
	kept      *appsv1.ControllerRevision
	blueprint workload.Blueprint
}

// origin reads a revision; nil if there is no such one.
func (r *Reconciler) origin(ctx context.Context, namespace, name string) (*origin, error) {
	if name == "" {
		return nil, nil
	}
	kept := &appsv1.ControllerRevision{}
	err := r.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, kept)
	if apierrors.IsNotFound(err) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read revision %q: %w", name, err)
	}
	blueprint, err := workload.ReadBlueprint(kept)
	return &origin{kept: kept, blueprint: blueprint}, err
}

func noTemplate(u *v1alpha1.Userland) *health.Finding {
	return &health.Finding{State: v1alpha1.StateWaiting, Reason: v1alpha1.NoTemplateReason, Stalled: true, Message: fmt.Sprintf(
		"neither this Userland nor Course %q names a Template: set spec.templateName in one of them", u.Namespace)}
}

func templateNotFound(u *v1alpha1.Userland, name string) *health.Finding {
	return &health.Finding{State: v1alpha1.StateWaiting, Reason: v1alpha1.TemplateNotFoundReason, Message: fmt.Sprintf(
		"there is no Template %q in %q yet: add it, or correct spec.templateName", name, u.Namespace)}
}

func templateInvalid(name, message string) *health.Finding {
	return &health.Finding{State: v1alpha1.StateFailing, Reason: v1alpha1.TemplateInvalidReason, Stalled: true, Message: fmt.Sprintf(
		"Template %q is invalid: %s", name, message)}
}
