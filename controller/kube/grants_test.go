package kube

import (
	"slices"
	"testing"

	"sigs.k8s.io/controller-runtime/pkg/client"
)

func TestGrants(t *testing.T) {
	key := func(name string) client.ObjectKey { return client.ObjectKey{Namespace: "prog1", Name: name} }
	g := NewGrants()
	g.Set(key("ide"), "ide-2", []string{"hanako", "taro"})
	g.Set(key("lab"), "lab-5", []string{"jiro"})
	if woken := []string{(<-g.Wake).Object.Name, (<-g.Wake).Object.Name, (<-g.Wake).Object.Name}; !slices.Equal(woken, []string{"hanako", "taro", "jiro"}) {
		t.Errorf("told %v", woken)
	}
	g.Set(key("ide"), "ide-2", []string{"taro"})
	if len(g.Wake) != 0 {
		t.Error("told twice")
	}
	for _, test := range []struct {
		user, revision string
		want           bool
	}{
		{"taro", "ide-2", true}, {"taro", "ide-3", false}, {"hanako", "ide-2", false}, {"jiro", "lab-5", true}, {"nobody", "", false},
	} {
		if got := g.May(key(test.user), test.revision); got != test.want {
			t.Errorf("%s may take %q: %v, want %v", test.user, test.revision, got, test.want)
		}
	}
}
