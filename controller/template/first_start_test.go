package template_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/lifecycle"
	"github.com/carrel-dev/carrel/test/classroom"
)

// label gives the namespace of a classroom a label; an empty value takes it away.
func label(w *classroom.Classroom, name, value string) {
	w.Helper()
	w.Until(func() error {
		namespace := &corev1.Namespace{}
		if err := w.Get(w.Context(), client.ObjectKey{Name: w.Namespace}, namespace); err != nil {
			return err
		}
		delete(namespace.Labels, name)
		if value != "" {
			namespace.Labels[name] = value
		}
		return w.Update(w.Context(), namespace)
	})
}

// refusing waits until the Template says that first starts would be refused, and why;
// without words, until it does not.
func refusing(w *classroom.Classroom, words string) {
	w.Helper()
	w.Until(func() error {
		refused := lifecycle.StartRefused(classroom.Get[v1alpha1.Template](w, "ide"))
		if (refused == "") != (words == "") || !strings.Contains(refused, words) {
			return fmt.Errorf("the Template says of first starts %q, want %q", refused, words)
		}
		return nil
	})
}

// What Pod Security or a missing storage class would refuse in the first lesson is
// said when the Template comes, on the Template and on the Course, and for as long as
// it lasts.
func TestFirstStartThatWouldBeRefused(t *testing.T) {
	for name, test := range map[string]struct {
		given func(*classroom.Classroom, *v1alpha1.Template)
		words string
		mend  func(*classroom.Classroom)
	}{
		"Pod Security": {
			given: func(w *classroom.Classroom, _ *v1alpha1.Template) { label(w, podSecurity, "restricted") },
			words: "violates PodSecurity",
			mend:  func(w *classroom.Classroom) { label(w, podSecurity, "") },
		},
		"a storage class": {
			given: func(w *classroom.Classroom, t *v1alpha1.Template) {
				t.Spec.Volumes[0].PVCSpec.StorageClassName = ptr.To(w.Namespace)
			},
			words: "there is no storage class",
			mend: func(w *classroom.Classroom) {
				class := &storagev1.StorageClass{ObjectMeta: classroom.ObjectNamed(w.Namespace), Provisioner: "example.org/none"}
				if err := w.Create(w.Context(), class); err != nil {
					w.Fatal(err)
				}
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := classroom.New(t)
			template := classroom.Sleeper()
			test.given(w, template)
			w.Make(w.Course(), template, classroom.Student("hanako"), classroom.Student("taro"))
			refusing(w, test.words)
			u := w.Reaches("hanako", v1alpha1.StateAsleep, v1alpha1.ApplyRefusedReason)
			if !strings.Contains(classroom.Message(u), test.words) {
				t.Errorf("the carrel does not say %q: %s", test.words, classroom.Message(u))
			}
			w.Until(func() error {
				counts := classroom.Get[v1alpha1.Course](w, w.Namespace).Status.Userlands
				if counts == nil || counts.Attention[v1alpha1.ApplyRefusedReason] != 2 {
					return fmt.Errorf("the Course counts %+v", counts)
				}
				return nil
			})
			w.Settled()

			test.mend(w)
			w.Later(6 * time.Minute)
			refusing(w, "")
			w.Reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
			w.Settled()
		})
	}
}

const podSecurity = "pod-security.kubernetes.io/enforce"
