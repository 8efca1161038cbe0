package reporter

import (
	"fmt"
	"strings"
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// lists is a Kustomization that applied commit c1 a minute ago and has these Userlands of
// prog1 in its inventory.
func lists(userlands ...string) *kustomizev1.Kustomization {
	k := &kustomizev1.Kustomization{}
	k.Status.LastAppliedRevision, k.Status.LastAttemptedRevision = "main@sha1:c1", "main@sha1:c1"
	k.Status.History.Upsert("r1", now.Add(-time.Minute), time.Second, fluxmeta.ReconciliationSucceededReason, nil)
	k.Status.Conditions = []metav1.Condition{{Type: fluxmeta.ReadyCondition, Status: metav1.ConditionTrue}}
	k.Status.Inventory = &kustomizev1.ResourceInventory{}
	for _, name := range userlands {
		k.Status.Inventory.Entries = append(k.Status.Inventory.Entries, kustomizev1.ResourceRef{ID: "prog1_" + name + "_carrel.dev_Userland"})
	}
	return k
}

// Flux has forgotten a Userland if it applied it before its last attempt and lists it no more.
func TestForgotten(t *testing.T) {
	edited := func(edit func(*kustomizev1.Kustomization)) *listing {
		k := lists("koba1t")
		edit(k)
		return listingOf(k)
	}
	for name, test := range map[string]struct {
		made time.Duration
		by   *listing
		want bool
	}{
		"in the inventory":              {-time.Hour, listingOf(lists("koba1t", "yuki")), false},
		"not in the inventory":          {-time.Hour, listingOf(lists("koba1t")), true},
		"made since the last attempt":   {-time.Second, listingOf(lists("koba1t")), false},
		"the Kustomization is gone":     {-time.Second, nil, true},
		"the Kustomization is deleted":  {-time.Hour, edited(func(k *kustomizev1.Kustomization) { k.DeletionTimestamp = &metav1.Time{Time: now} }), false},
		"Flux has yet to write a list":  {-time.Hour, edited(func(k *kustomizev1.Kustomization) { k.Status.Inventory = nil }), false},
		"Flux has yet to write history": {-time.Hour, edited(func(k *kustomizev1.Kustomization) { k.Status.History = nil }), false},
	} {
		u := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "yuki", CreationTimestamp: metav1.NewTime(now.Add(test.made))}}
		if got := forgotten(u, test.by); got != test.want {
			t.Errorf("%s: forgotten is %v, want %v", name, got, test.want)
		}
	}
}

// Nothing is said first while Flux is at work, or failed at another revision.
func TestSettledListing(t *testing.T) {
	for name, test := range map[string]struct {
		edit func(*kustomizev1.Kustomization)
		want bool
	}{
		"applied":              {func(*kustomizev1.Kustomization) {}, true},
		"at work":              {func(k *kustomizev1.Kustomization) { k.Status.Conditions[0].Status = metav1.ConditionUnknown }, false},
		"failed":               {func(k *kustomizev1.Kustomization) { k.Status.Conditions[0].Status = metav1.ConditionFalse }, false},
		"another is attempted": {func(k *kustomizev1.Kustomization) { k.Status.LastAttemptedRevision = "main@sha1:c2" }, false},
		"not looked at yet":    {func(k *kustomizev1.Kustomization) { k.Status.Conditions = nil }, false},
	} {
		k := lists()
		test.edit(k)
		if got := listingOf(k).settled(); got != test.want {
			t.Errorf("%s: settled is %v, want %v", name, got, test.want)
		}
	}
}

// The time of a Userland begins when it is first missed. It begins again when the Userland
// was there in between, whether or not others were missing all along.
func TestTimeOfWhatIsMissing(t *testing.T) {
	course := &v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "prog1"}}
	var m missing
	look := func(at time.Duration, userlands ...types.UID) map[types.UID]time.Duration {
		since, found := map[types.UID]time.Duration{}, m.of(course)
		for _, u := range userlands {
			since[u] = found.see(u, now.Add(at)).Sub(now)
		}
		m.keep(course, found)
		return since
	}
	look(0, "a", "b")
	for _, step := range []struct {
		at   time.Duration
		see  []types.UID
		want string
	}{
		{10, []types.UID{"a", "b"}, "map[a:0s b:0s]"},
		{20, []types.UID{"a"}, "map[a:0s]"},
		{30, []types.UID{"a", "b"}, "map[a:0s b:30ns]"},
		{40, nil, "map[]"},
		{50, []types.UID{"a"}, "map[a:50ns]"},
	} {
		if got := fmt.Sprint(look(step.at, step.see...)); got != step.want {
			t.Errorf("at %v the times are %v, want %v", step.at, got, step.want)
		}
	}
	m.release(types.NamespacedName{Namespace: "prog1", Name: "prog1"})
	if len(m.since) > 0 {
		t.Errorf("of a course that is gone %v is kept", m.since)
	}
}

// The message names ten at most and has the cure for them. What Flux forgot comes before what
// is suspended.
func TestLostWords(t *testing.T) {
	var many []string
	for i := range 12 {
		many = append(many, fmt.Sprint("u", i))
	}
	for _, test := range []struct {
		forgotten, suspended []string
		reason               string
		words, not           string
	}{
		{[]string{"koba1t"}, []string{"prog1/roster"}, v1alpha1.ForgottenReason, "kubectl delete userlands -n prog1 koba1t.", "suspended"},
		{many, nil, v1alpha1.ForgottenReason, "u9 and 2 more", "u10"},
		{nil, []string{"prog1/roster"}, v1alpha1.SyncSuspendedReason, "flux resume kustomization roster -n prog1", "delete"},
		{nil, nil, "", "", "a"},
	} {
		reason, message := lostWords("prog1", test.forgotten, test.suspended)
		if reason != test.reason || !strings.Contains(message, test.words) || strings.Contains(message, test.not) {
			t.Errorf("%v, %v: got %s: %s; want %s with %q and without %q", test.forgotten, test.suspended, reason, message, test.reason, test.words, test.not)
		}
	}
}
