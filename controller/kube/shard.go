package kube

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Shard names the part that one process reconciles, where courses are divided among
// processes of the controller: it sees the Courses, Templates and Userlands that
// a label selector selects, as Flux's controllers do. Whoever sees only a part
// must not take what it does not see for gone: the volumes of another's students
// would be given up. The zero value is all there is.
type Shard struct {
	// Selector selects the Courses, Templates and Userlands of the part; nil or
	// empty: all.
	Selector labels.Selector
	// Cached reads from the cache, which has of those kinds only the part; Live
	// reads from the API server itself. Neither is used where there is no other
	// part.
	Cached, Live client.Reader
}

// ParseSelector reads a selector of a shard, written as kubectl's --selector.
// Empty selects everything.
func ParseSelector(text string) (labels.Selector, error) {
	selector, err := labels.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("read label selector %q: %w", text, err)
	}
	return selector, nil
}

// All reports whether there is no other part.
func (s Shard) All() bool { return s.Selector == nil || s.Selector.Empty() }

// Gone reports whether an object of the part's kinds that the cache does not
// have is no more, and is this part's to clear up after. That falls to the part
// the Course of the namespace is in, so to one at most: where no part has the
// Course, what was left stays. It makes no request about another's courses, nor
// when there is no other part. The object is read into.
func (s Shard) Gone(ctx context.Context, key client.ObjectKey, object client.Object) (bool, error) {
	if s.All() {
		return true, nil
	}
	if here, err := exists(ctx, s.Cached, courseIn(key.Namespace), &v1alpha1.Course{}); err != nil || !here {
		return false, err
	}
	there, err := exists(ctx, s.Live, key, object)
	return err == nil && !there, err
}

// CourseElsewhere reports whether the Course of a namespace is in another part. Its
// Userlands follow it, and until they have, this part must not decide about them: it
// sees neither their timetable, nor that they are suspended, nor their queue.
func (s Shard) CourseElsewhere(ctx context.Context, namespace string) (bool, error) {
	if s.All() {
		return false, nil
	}
	if here, err := exists(ctx, s.Cached, courseIn(namespace), &v1alpha1.Course{}); err != nil || here {
		return false, err
	}
	return exists(ctx, s.Live, courseIn(namespace), &v1alpha1.Course{})
}

// HasCourse reports whether the volumes of a namespace are this part's to keep: its
// Course is in the part, or there is no other part. It makes no request.
func (s Shard) HasCourse(ctx context.Context, namespace string) (bool, error) {
	if s.All() {
		return true, nil
	}
	return exists(ctx, s.Cached, courseIn(namespace), &v1alpha1.Course{})
}

// Strays returns the Userlands of a namespace that are in another part. It asks the
// API server unless there is no other part.
func (s Shard) Strays(ctx context.Context, namespace string) ([]v1alpha1.Userland, error) {
	if s.All() {
		return nil, nil
	}
	list := &v1alpha1.UserlandList{}
	if err := s.Live.List(ctx, list, client.InNamespace(namespace)); err != nil {
		return nil, fmt.Errorf("list the userlands of all shards: %w", err)
	}
	return slices.DeleteFunc(list.Items, func(u v1alpha1.Userland) bool { return s.Selector.Matches(labels.Set(u.Labels)) }), nil
}

// Whole returns the reader that sees the Userlands of all parts: the cache if it has
// them, else the API server.
func (s Shard) Whole(cached client.Reader) client.Reader {
	if s.All() {
		return cached
	}
	return s.Live
}

// courseIn returns the key of the Course of a namespace, which has its name.
func courseIn(namespace string) client.ObjectKey {
	return client.ObjectKey{Namespace: namespace, Name: namespace}
}

// exists reports whether a reader has an object, and reads it.
func exists(ctx context.Context, reader client.Reader, key client.ObjectKey, object client.Object) (bool, error) {
	err := reader.Get(ctx, key, object)
	if client.IgnoreNotFound(err) != nil {
		return false, fmt.Errorf("see whether %T %q exists, here or in another shard: %w", object, key, err)
	}
	return err == nil, nil
}
