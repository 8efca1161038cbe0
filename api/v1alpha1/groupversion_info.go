// Package v1alpha1 holds Carrel's kinds: Template, Userland and Course.
//
// It imports no client and no controller, so that other programs can use the
// kinds without pulling those in.
//
// +kubebuilder:object:generate=true
// +kubebuilder:ac:generate=true
// +groupName=carrel.dev
package v1alpha1

import (
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

var (
	// SchemeGroupVersion is the API group and version of every kind in this package.
	SchemeGroupVersion = schema.GroupVersion{Group: "carrel.dev", Version: "v1alpha1"}

	// SchemeBuilder collects the functions that register the kinds.
	SchemeBuilder = runtime.NewSchemeBuilder(addKnownTypes)

	// AddToScheme registers the kinds with a scheme.
	AddToScheme = SchemeBuilder.AddToScheme
)

func addKnownTypes(scheme *runtime.Scheme) error {
	scheme.AddKnownTypes(SchemeGroupVersion,
		&Template{}, &TemplateList{},
		&Userland{}, &UserlandList{},
		&Course{}, &CourseList{},
	)
	metav1.AddToGroupVersion(scheme, SchemeGroupVersion)
	return nil
}
