package volume

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/workload"
)

// home returns a volume of a storage class and a size.
func home(class, size string) v1alpha1.Volume {
	v := v1alpha1.Volume{Name: "home", Retain: "30d"}
	v.PVCSpec.StorageClassName = &class
	v.PVCSpec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: resource.MustParse(size)}
	return v
}

// made returns the claim that was made of a volume.
func made(t *testing.T, u *v1alpha1.Userland, v v1alpha1.Volume, phase corev1.PersistentVolumeClaimPhase) corev1.PersistentVolumeClaim {
	t.Helper()
	claim, err := workload.Claim(u, v), error(nil)
	if claim.Annotations[v1alpha1.ClaimSpecAnnotation], err = SpecDigest(v); err != nil {
		t.Fatal(err)
	}
	claim.Status.Phase = phase
	return *claim
}

// Only a claim that never had a volume, and was made of what the Template does not say
// any more, is made again.
func TestClaimsAreReplacedThatHoldNothing(t *testing.T) {
	hanako := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "hanako"}}
	misspelt := home("fats", "1Gi")
	fallback := home("", "1Gi")
	fallback.PVCSpec.StorageClassName = nil
	gone := v1alpha1.Volume{Name: "home"}
	for _, test := range []struct {
		name string
		made v1alpha1.Volume
		// becomes changes the claim after it was made.
		becomes func(*corev1.PersistentVolumeClaim)
		now     v1alpha1.Volume
		phase   corev1.PersistentVolumeClaimPhase
		want    bool
	}{
		{name: "as the Template says", made: misspelt, now: misspelt, phase: corev1.ClaimPending},
		{name: "the class is corrected", made: misspelt, now: home("fast", "1Gi"), phase: corev1.ClaimPending, want: true},
		{name: "the class is left to the cluster now", made: misspelt, now: fallback, phase: corev1.ClaimPending, want: true},
		{name: "the size is corrected", made: home("fast", "100Ti"), now: home("fast", "1Gi"), phase: corev1.ClaimPending, want: true},
		{name: "the cluster chose the class", made: fallback, becomes: func(c *corev1.PersistentVolumeClaim) { c.Spec.StorageClassName = new("standard") }, now: fallback, phase: corev1.ClaimPending},
		{name: "it is bound", made: misspelt, now: home("fast", "1Gi"), phase: corev1.ClaimBound},
		{name: "its disk is gone", made: misspelt, now: home("fast", "1Gi"), phase: corev1.ClaimLost},
		{name: "it is about to be bound", made: misspelt, becomes: func(c *corev1.PersistentVolumeClaim) { c.Spec.VolumeName = "disk-1" }, now: home("fast", "1Gi"), phase: corev1.ClaimPending},
		{name: "it was just made", made: misspelt, now: home("fast", "1Gi")},
		{name: "the Template has no such volume any more", made: misspelt, now: gone, phase: corev1.ClaimPending},
		{name: "made before digests, of another class", made: misspelt, becomes: func(c *corev1.PersistentVolumeClaim) { delete(c.Annotations, v1alpha1.ClaimSpecAnnotation) }, now: home("fast", "1Gi"), phase: corev1.ClaimPending, want: true},
		{name: "made before digests, of the same class", made: misspelt, becomes: func(c *corev1.PersistentVolumeClaim) { delete(c.Annotations, v1alpha1.ClaimSpecAnnotation) }, now: misspelt, phase: corev1.ClaimPending},
	} {
		t.Run(test.name, func(t *testing.T) {
			claim := made(t, hanako, test.made, test.phase)
			if test.becomes != nil {
				test.becomes(&claim)
			}
			a, err := Attach(Need{Userland: hanako, Volumes: []v1alpha1.Volume{test.now}}, Stock{Claims: []corev1.PersistentVolumeClaim{claim}})
			if err != nil {
				t.Fatal(err)
			}
			if got := a.Used[0].Replace; got != test.want {
				t.Errorf("it is replaced: %t, want %t", got, test.want)
			}
		})
	}
}

func TestClaimThatDoesNotGrowSaysWhy(t *testing.T) {
	hanako := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "hanako"}}
	claim := made(t, hanako, home("fast", "2Gi"), corev1.ClaimBound)
	claim.Status.Conditions = []corev1.PersistentVolumeClaimCondition{{
		Type: corev1.PersistentVolumeClaimControllerResizeError, Status: corev1.ConditionTrue, Message: "no space left in the pool",
	}}
	a, err := Attach(Need{Userland: hanako, Volumes: []v1alpha1.Volume{home("fast", "2Gi")}}, Stock{Claims: []corev1.PersistentVolumeClaim{claim}})
	if err != nil {
		t.Fatal(err)
	}
	if notice := a.Used[0].Notice; !strings.Contains(notice, "no space left in the pool") {
		t.Errorf("it says %q", notice)
	}
}

// A pod may have written to every claim that the Deployment mounts, also to those that the
// carrel is about to lose.
func TestFirstUses(t *testing.T) {
	hanako := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "hanako"}}
	reset := &metav1.Time{}
	for _, test := range []struct {
		name    string
		volumes []v1alpha1.Volume
		resetAt *metav1.Time
		waits   bool
		want    int
	}{
		{name: "the Template has the volume", volumes: []v1alpha1.Volume{home("fast", "1Gi")}, want: 1},
		{name: "the Template no longer has the volume", want: 1},
		{name: "the same at a reset", resetAt: reset, want: 1},
		{name: "no pod is ready", volumes: []v1alpha1.Volume{home("fast", "1Gi")}, waits: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			claim := made(t, hanako, home("fast", "1Gi"), corev1.ClaimBound)
			claim.Annotations[v1alpha1.AttachedAnnotation] = v1alpha1.NeverAttached
			need := Need{Userland: hanako, Volumes: test.volumes, Mounted: map[string]string{"home": claim.Name}, Ready: !test.waits, ResetAt: test.resetAt}
			a, err := Attach(need, Stock{Claims: []corev1.PersistentVolumeClaim{claim}})
			if err != nil {
				t.Fatal(err)
			}
			if len(a.FirstUses) != test.want {
				t.Errorf("%d first uses are recorded, want %d", len(a.FirstUses), test.want)
			}
		})
	}
}
