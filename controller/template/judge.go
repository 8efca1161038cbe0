package template

import (
	"context"
	"errors"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/health"
	"github.com/carrel-dev/carrel/core/workload"
)

// judge says whether carrels can be made of the Template: by our own rules, then
// by the API server, which knows what a valid pod is.
func (r *Reconciler) judge(ctx context.Context, t *v1alpha1.Template) (health.Verdict, error) {
	var faults []string
	for _, fault := range workload.Validate(t) {
		faults = append(faults, fault.Error())
	}
	if len(faults) == 0 {
		var err error
		if faults, err = r.tryAll(ctx, t); err != nil {
			return health.Verdict{}, err
		}
	}
	if len(faults) > 0 {
		return health.Verdict{Stalled: true, Reason: v1alpha1.TemplateInvalidReason, Message: strings.Join(faults, "; ")}, nil
	}
	return health.Verdict{Ready: true, Reason: v1alpha1.AcceptedReason, Message: "carrels can be made of it"}, nil
}

// tryAll has the API server check a carrel without making one, and returns what
// it refuses, by fields of the Template.
func (r *Reconciler) tryAll(ctx context.Context, t *v1alpha1.Template) ([]string, error) {
	deployment, err := workload.Sample(t)
	if err != nil {
		return nil, err
	}
	faults, err := refusal(kube.TryCreate(ctx, r, deployment, &appsv1.Deployment{}), podField(t))
	if err != nil {
		return nil, err
	}
	more, err := refusal(kube.TryCreate(ctx, r, workload.SampleService(t), &corev1.Service{}), serviceField)
	if err != nil {
		return nil, err
	}
	faults = append(faults, more...)
	for i, volume := range t.Spec.Volumes {
		more, err := refusal(r.Create(ctx, workload.SampleClaim(t, volume), client.DryRunAll), claimField(i))
		if err != nil {
			return nil, err
		}
		faults = append(faults, more...)
	}
	return faults, nil
}

// refusal tells what is wrong with an object that the API server finds invalid.
// Whatever else keeps it from being made, such as a full quota, is no fault of
// the Template; nor is that it can't be asked, which is the error.
func refusal(err error, rename func(string) string) ([]string, error) {
	switch {
	case err == nil, apierrors.IsAlreadyExists(err), apierrors.IsForbidden(err):
		return nil, nil
	case !apierrors.IsInvalid(err) && !apierrors.IsBadRequest(err):
		return nil, err
	}
	var status apierrors.APIStatus
	if !errors.As(err, &status) || status.Status().Details == nil || len(status.Status().Details.Causes) == 0 {
		return []string{err.Error()}, nil
	}
	var faults []string
	for _, cause := range status.Status().Details.Causes {
		faults = append(faults, rename(cause.Field)+": "+cause.Message)
	}
	return faults, nil
}
