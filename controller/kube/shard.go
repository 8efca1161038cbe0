package kube

import (
	"context"
	"fmt"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
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
	err := s.Cached.Get(ctx, client.ObjectKey{Namespace: key.Namespace, Name: key.Namespace}, &v1alpha1.Course{})
	if apierrors.IsNotFound(err) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read course %q: %w", key.Namespace, err)
	}
	err = s.Live.Get(ctx, key, object)
	if apierrors.IsNotFound(err) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("ask whether %q is another shard's: %w", key, err)
	}
	return false, nil
}
