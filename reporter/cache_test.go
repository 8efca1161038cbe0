package reporter

import (
	"context"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/apiserver"
	"github.com/carrel-dev/carrel/test/flux"
)

// staleReader gives the Course and Userlands as they were when it was made, as a
// cache does that has not heard of the latest writes.
func (w *world) staleReader() client.Client {
	w.Helper()
	config := apiserver.Config()
	direct, err := client.NewWithWatch(config, client.Options{Scheme: apiserver.Scheme(flux.AddToScheme)})
	if err != nil {
		w.Fatal(err)
	}
	course := w.reported()
	var userlands v1alpha1.UserlandList
	if err := w.List(w.Context(), &userlands, client.InNamespace(w.course)); err != nil {
		w.Fatal(err)
	}
	return interceptor.NewClient(direct, interceptor.Funcs{
		Get: func(ctx context.Context, c client.WithWatch, key client.ObjectKey, object client.Object, opts ...client.GetOption) error {
			if into, ok := object.(*v1alpha1.Course); ok {
				course.DeepCopyInto(into)
				return nil
			}
			return c.Get(ctx, key, object, opts...)
		},
		List: func(ctx context.Context, c client.WithWatch, list client.ObjectList, opts ...client.ListOption) error {
			if into, ok := list.(*v1alpha1.UserlandList); ok {
				userlands.DeepCopyInto(into)
				return nil
			}
			return c.List(ctx, list, opts...)
		},
	})
}

func TestCacheThatDoesNotKnowTheLastReportPostsNothingTwice(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	commit := w.commit("add a student", "roster1", "templates1")
	stale := w.staleReader()
	w.reconcile()
	w.reporter.Client = stale
	w.reconcile()
	w.expect(commit, pending+"0 of 1 ready, 1 starting")
}

func TestSuccessIsNotTakenFromAStaleCache(t *testing.T) {
	w := newWorld(t)
	w.userlands(1)
	w.runs(0)
	first := w.commit("first", "roster1", "templates1")
	w.reconcile()
	stale := w.staleReader()

	// The second commit edits the student and adds another; the cache shows the
	// first as Ready as it was, and does not know of the second.
	var u v1alpha1.Userland
	w.get(&u, w.course, "student0")
	u.Spec.TemplateName = "ide"
	w.update(&u)
	w.create(&v1alpha1.Userland{ObjectMeta: w.inCourse("student1", "roster")})
	second := w.commit("second", "roster2", "templates1")
	w.reporter.Client = stale
	w.reconcile()
	w.expect(first, success+"1 of 1 ready")
	w.expect(second, pending+"0 of 2 ready, 2 starting")
}
