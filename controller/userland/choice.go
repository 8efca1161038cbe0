package userland

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/health"
	"github.com/carrel-dev/carrel/controller/index"
)

// choice is the Template a Userland is to follow, or why it can follow none.
type choice struct {
	// template is nil when there is none of use.
	template *v1alpha1.Template
	// seen is what the status says was looked at.
	seen *v1alpha1.ObservedTemplate
	// trouble says why there is no template.
	trouble health.Finding
	// undecided is set while the Template awaits its judgement, which wakes its
	// Userlands. It takes milliseconds; saying so would cost each a write.
	undecided bool
}

func (r *Reconciler) choose(ctx context.Context, u *v1alpha1.Userland) (choice, error) {
	name, err := index.TemplateName(ctx, r, u)
	if err != nil {
		return choice{}, err
	}
	if name == "" {
		return choice{trouble: noTemplate(u)}, nil
	}
	template := &v1alpha1.Template{}
	err = r.Get(ctx, client.ObjectKey{Namespace: u.Namespace, Name: name}, template)
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
	seen := &v1alpha1.ObservedTemplate{Name: t.Name, Generation: t.Generation}
	ready := meta.FindStatusCondition(t.Status.Conditions, v1alpha1.ReadyCondition)
	switch {
	case t.Status.ObservedGeneration != t.Generation || ready == nil:
		return choice{seen: seen, undecided: true}
	case !meta.IsStatusConditionTrue(t.Status.Conditions, v1alpha1.ReadyCondition):
		return choice{seen: seen, trouble: templateInvalid(t.Name, ready.Message)}
	default:
		return choice{seen: seen, template: t}
	}
}

func noTemplate(u *v1alpha1.Userland) health.Finding {
	return health.Finding{State: v1alpha1.StateWaiting, Reason: v1alpha1.NoTemplateReason, Stalled: true, Message: fmt.Sprintf(
		"neither this Userland nor Course %q names a Template: set spec.templateName in one of them", u.Namespace)}
}

func templateNotFound(u *v1alpha1.Userland, name string) health.Finding {
	return health.Finding{State: v1alpha1.StateWaiting, Reason: v1alpha1.TemplateNotFoundReason, Message: fmt.Sprintf(
		"there is no Template %q in %q yet: add it, or correct spec.templateName", name, u.Namespace)}
}

func templateInvalid(name, message string) health.Finding {
	return health.Finding{State: v1alpha1.StateFailing, Reason: v1alpha1.TemplateInvalidReason, Stalled: true, Message: fmt.Sprintf(
		"Template %q is invalid: %s", name, message)}
}
