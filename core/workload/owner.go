package workload

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/health"
)

// ForeignError tells that an object of the name needed belongs to someone else.
type ForeignError struct {
	// Kind and Name are those of the object.
	Kind, Name string
	// Owner is whose it is, in words.
	Owner string
}

// Error names the object, its owner and the cure.
func (e *ForeignError) Error() string {
	return fmt.Sprintf("%s %q is in the way and belongs to %s: rename or delete it, Carrel never takes it over", e.Kind, e.Name, e.Owner)
}

// Problem describes the error for people and for the queue.
func (e *ForeignError) Problem() health.Problem {
	return health.Problem{Cause: health.Foreign, Reason: v1alpha1.ForeignObjectReason, Message: e.Error(), Stalled: true, Retry: health.RetrySlow}
}

// LeavingError tells that the object of a former Userland of the same name is
// still being removed. It goes by itself.
type LeavingError struct {
	// Kind and Name are those of the object.
	Kind, Name string
}

// Error names the object.
func (e *LeavingError) Error() string {
	return fmt.Sprintf("the former %s %q is still being removed", e.Kind, e.Name)
}

// Problem describes the error for people and for the queue.
func (e *LeavingError) Problem() health.Problem {
	return health.Problem{Cause: health.Gone, Reason: v1alpha1.StartingReason, Message: e.Error(), Retry: health.RetryGone}
}

// MayTouch returns nil if the owner controls the object, else a *ForeignError or
// a *LeavingError.
func MayTouch(owner, found metav1.Object, gvk schema.GroupVersionKind) error {
	if metav1.IsControlledBy(found, owner) {
		if found.GetDeletionTimestamp() != nil {
			return &LeavingError{Kind: gvk.Kind, Name: found.GetName()}
		}
		return nil
	}
	controller := metav1.GetControllerOf(found)
	if controller == nil {
		return &ForeignError{Kind: gvk.Kind, Name: found.GetName(), Owner: "nobody that Carrel knows of"}
	}
	if controller.Kind == kind && controller.Name == owner.GetName() {
		return &LeavingError{Kind: gvk.Kind, Name: found.GetName()}
	}
	return &ForeignError{Kind: gvk.Kind, Name: found.GetName(), Owner: fmt.Sprintf("%s %q", controller.Kind, controller.Name)}
}
