package health_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
)

func TestClassify(t *testing.T) {
	resource := schema.GroupResource{Group: "apps", Resource: "deployments"}
	kind := schema.GroupKind{Group: "apps", Kind: "Deployment"}
	terminating := apierrors.NewForbidden(resource, "hanako", errors.New("unable to create new content in namespace ide because it is being terminated"))
	terminating.ErrStatus.Details.Causes = []metav1.StatusCause{{Type: corev1.NamespaceTerminatingCause}}
	reset := &url.Error{Op: "Post", URL: "https://10.96.0.1", Err: &net.OpError{Op: "read", Net: "tcp", Source: &net.TCPAddr{Port: 40001}, Err: errors.New("connection reset by peer")}}
	for _, test := range []struct {
		name    string
		err     error
		cause   health.Cause
		reason  string
		stalled bool
		words   string
	}{
		{"400 of a webhook", apierrors.NewBadRequest(`admission webhook "images" denied the request`), health.Refused, v1alpha1.ApplyRefusedReason, true, "denied the request"},
		{"422 of validation", apierrors.NewInvalid(kind, "hanako", field.ErrorList{field.Required(field.NewPath("spec", "selector"), "")}), health.Refused, v1alpha1.ApplyRefusedReason, true, "spec.selector"},
		{"409 of a webhook", denied(409), health.Refused, v1alpha1.ApplyRefusedReason, true, "no such image"},
		{"429 of a webhook", denied(429), health.Refused, v1alpha1.ApplyRefusedReason, true, "no such image"},
		{"500 of a webhook", denied(500), health.Refused, v1alpha1.ApplyRefusedReason, true, "no such image"},
		{"403 of a policy", apierrors.NewForbidden(resource, "hanako", errors.New("policy images denies it")), health.Refused, v1alpha1.ApplyRefusedReason, false, "policies"},
		{"403 of a quota", apierrors.NewForbidden(resource, "hanako", errors.New("exceeded quota: course, requested: 1")), health.Quota, v1alpha1.ApplyRefusedReason, false, "Raise the quota"},
		{"403 of a namespace that is going", terminating, health.Gone, v1alpha1.ApplyRefusedReason, false, "removal"},
		{"404", apierrors.NewNotFound(resource, "hanako"), health.Gone, v1alpha1.ApplyRefusedReason, false, "removal"},
		{"409 of another writer", apierrors.NewConflict(resource, "hanako", errors.New("the object has been modified")), health.Conflict, v1alpha1.ConflictReason, false, "at the same time"},
		{"409 of a name", apierrors.NewAlreadyExists(resource, "hanako"), health.Conflict, v1alpha1.ConflictReason, false, "at the same time"},
		{"429", apierrors.NewTooManyRequests("too many requests", 1), health.Unavailable, v1alpha1.APIServerUnavailableReason, false, "too many requests"},
		{"500", apierrors.NewInternalError(errors.New("etcd: no leader")), health.Unavailable, v1alpha1.APIServerUnavailableReason, false, "no leader"},
		{"503", apierrors.NewServiceUnavailable("shutting down"), health.Unavailable, v1alpha1.APIServerUnavailableReason, false, "shutting down"},
		{"a timeout of the API server", apierrors.NewTimeoutError("request timed out", 1), health.Unavailable, v1alpha1.APIServerUnavailableReason, false, "timed out"},
		{"a timeout of the request", context.DeadlineExceeded, health.Unavailable, v1alpha1.APIServerUnavailableReason, false, "in time"},
		{"a connection that breaks", reset, health.Unavailable, v1alpha1.APIServerUnavailableReason, false, "does not answer"},
	} {
		t.Run(test.name, func(t *testing.T) {
			got := health.Classify(fmt.Errorf("create Deployment %q: %w", "hanako", test.err))
			if got.Cause != test.cause || got.Reason != test.reason || got.Stalled != test.stalled {
				t.Errorf("it is %s with reason %s, stalled %t; want %s, %s, %t", got.Cause, got.Reason, got.Stalled, test.cause, test.reason, test.stalled)
			}
			if !strings.HasPrefix(got.Message, `create Deployment "hanako": `) || !strings.Contains(got.Message, test.words) {
				t.Errorf("the message names neither the object nor %q: %s", test.words, got.Message)
			}
			if got.Retry <= 0 || got.Retry > 5*time.Minute {
				t.Errorf("it is tried again after %s, want a few minutes at most", got.Retry)
			}
		})
	}
}

// denied returns the refusal of a webhook that chose a code.
func denied(code int32) error {
	return &apierrors.StatusError{ErrStatus: metav1.Status{Code: code, Message: `admission webhook "images.example.org" denied the request: no such image`}}
}

// The message must not change from attempt to attempt: each change is a write.
func TestMessageIsTheSameAtEachAttempt(t *testing.T) {
	at := func(port int) string {
		return health.Classify(fmt.Errorf("create Deployment %q: %w", "hanako", &url.Error{Op: "Post", URL: "https://10.96.0.1", Err: &net.OpError{
			Op: "read", Net: "tcp", Source: &net.TCPAddr{Port: port}, Err: errors.New("connection reset by peer"),
		}})).Message
	}
	if first, second := at(40001), at(40002); first != second {
		t.Errorf("two attempts read differently:\n%s\n%s", first, second)
	}
}

// An error of this repository describes itself.
func TestClassifyAsksTheErrorItself(t *testing.T) {
	want := health.Problem{Cause: health.Foreign, Reason: v1alpha1.ForeignObjectReason, Message: "m", Stalled: true, Retry: time.Minute}
	if got := health.Classify(fmt.Errorf("write: %w", selfDescribed{want})); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

type selfDescribed struct{ problem health.Problem }

func (selfDescribed) Error() string { return "it belongs to someone else" }

func (s selfDescribed) Problem() health.Problem { return s.problem }
