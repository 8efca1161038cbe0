package kube

import (
	"fmt"
	"slices"
	"testing"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

func grantKey(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: "prog1", Name: name}
}

func TestGrants(t *testing.T) {
	g := NewGrants()
	queue := workqueue.NewTypedRateLimitingQueue(workqueue.DefaultTypedControllerRateLimiter[reconcile.Request]())
	defer queue.ShutDown()
	if err := g.Start(t.Context(), queue); err != nil {
		t.Fatal(err)
	}
	woken := func() (names []string) {
		for queue.Len() > 0 {
			next, _ := queue.Get()
			queue.Done(next)
			names = append(names, next.Name)
		}
		return names
	}
	g.Set(grantKey("ide"), "ide-2", []string{"hanako", "taro"})
	g.Set(grantKey("lab"), "lab-5", []string{"jiro"})
	if woken := woken(); !slices.Equal(woken, []string{"hanako", "taro", "jiro"}) {
		t.Errorf("woken: %v", woken)
	}
	g.Set(grantKey("ide"), "ide-2", []string{"taro"})
	if woken := woken(); len(woken) != 0 {
		t.Errorf("woken twice: %v", woken)
	}
	for _, test := range []struct {
		user, revision string
		want           bool
	}{
		{"taro", "ide-2", true}, {"taro", "ide-3", false}, {"hanako", "ide-2", false}, {"jiro", "lab-5", true}, {"nobody", "", false},
	} {
		if got := g.May(grantKey(test.user), test.revision); got != test.want {
			t.Errorf("%s may take %q: %v, want %v", test.user, test.revision, got, test.want)
		}
	}
}

// A process with --controllers=template alone has nobody to wake, and grants all the
// same.
func TestGrantsWithoutListeners(t *testing.T) {
	g, class := NewGrants(), make([]string, 5000)
	for i := range class {
		class[i] = fmt.Sprint(i)
	}
	g.Set(grantKey("ide"), "ide-2", class)
	if given := g.Given(grantKey("ide")); len(given) != len(class) {
		t.Errorf("%d grants are given, want %d", len(given), len(class))
	}
}
