package volume

import (
	"strings"

	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Person returns the form that all spellings of a login share. Spellings that differ
// in the case of ASCII letters only are one person; other letters have no case that
// all identity providers agree on.
func Person(login string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, login)
}

// OwnerOf returns the login that a claim records; empty if it records none.
func OwnerOf(claim *corev1.PersistentVolumeClaim) string {
	return claim.Annotations[v1alpha1.UserAnnotation]
}
