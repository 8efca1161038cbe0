package workload

import (
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
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
