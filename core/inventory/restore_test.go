package inventory_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/inventory"
)

var (
	taken = time.Date(2026, 11, 28, 3, 17, 0, 0, time.UTC)
	now   = taken.Add(9 * time.Hour)
)

const course, user = "prog1", "24t0101@example.edu"

// world is a cluster as a test writes it down.
type world struct{ inventory.Cluster }

func newWorld() *world {
	return &world{inventory.Cluster{Namespaces: map[string]bool{course: true}}}
}

// add adds a bound claim for the volume home of the user, and its PersistentVolume.
func (w *world) add(claim, pv string, marks ...string) {
	annotations := map[string]string{v1alpha1.UserAnnotation: user, v1alpha1.VolumeAnnotation: "home"}
	labels := map[string]string{v1alpha1.UserlandLabel: "24t0101"}
	for _, mark := range marks {
		key, value, _ := strings.Cut(mark, "=")
		if key = v1alpha1.ReservedPrefix + key; key == v1alpha1.KeepUntilLabel {
			labels[key] = value
		} else {
			annotations[key] = value
		}
	}
	uid := types.UID("uid-of-" + claim)
	size := corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("1Gi")}
	w.Claims = append(w.Claims, corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Namespace: course, Name: claim, UID: uid, Labels: labels, Annotations: annotations},
		Spec:       corev1.PersistentVolumeClaimSpec{VolumeName: pv, Resources: corev1.VolumeResourceRequirements{Requests: size}},
	})
	w.Volumes = append(w.Volumes, corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: pv, UID: types.UID("uid-of-" + pv)},
		Spec: corev1.PersistentVolumeSpec{
			Capacity: size, StorageClassName: "standard", PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			PersistentVolumeSource: corev1.PersistentVolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/volumes/" + pv}},
			ClaimRef:               &corev1.ObjectReference{Namespace: course, Name: claim, UID: uid},
		},
	})
}

func (w *world) inventory() inventory.Inventory { return inventory.Take(w.Claims, w.Volumes, taken) }

// outcome is a step as a test reads it.
type outcome struct {
	Claim    string
	Restored bool // restored-at is set
	Present  bool
	Problem  string
}

func outcomes(steps []inventory.Step) map[string]outcome {
	found := map[string]outcome{}
	for _, step := range steps {
		o := outcome{Present: step.Present, Problem: step.Problem}
		if step.Claim != nil && step.Problem == "" {
			o.Claim = step.Claim.Name
			_, o.Restored = step.Claim.Annotations[v1alpha1.RestoredAnnotation]
		}
		found[step.Volume.Claim.Name] = o
	}
	return found
}

func TestPlanGivesEveryVolumeBack(t *testing.T) {
	const home = "24t0101--home"
	one := func(o outcome) map[string]outcome { return map[string]outcome{home: o} }
	for name, test := range map[string]struct {
		before, after func(w *world)
		want          map[string]outcome
	}{
		"volumes first": {
			want: one(outcome{Claim: home}),
		},
		"nothing was lost": {
			after: func(w *world) { w.add(home, "pv-1") },
			want:  one(outcome{Claim: home, Present: true}),
		},
		"carrels first, and the new claim is empty": {
			after: func(w *world) { w.add(home, "pv-2", "attached-at=Never") },
			want:  one(outcome{Claim: home + "--restored-1"}),
		},
		"carrels first, and the new claim has no volume yet": {
			after: func(w *world) { w.add(home, ""); w.Volumes = nil },
			want:  one(outcome{Claim: home + "--restored-1"}),
		},
		"carrels first, and the student has worked": {
			after: func(w *world) { w.add(home, "pv-2", "attached-at=20261128T100000Z") },
			want:  one(outcome{Claim: home + "--restored-1", Restored: true}),
		},
		"carrels first, and the carrel has another name": {
			after: func(w *world) { w.add("24t0101-ide--home", "pv-2", "attached-at=20261128T100000Z") },
			want:  one(outcome{Claim: home, Restored: true}),
		},
		"carrels first, and the login is spelt in another case": {
			after: func(w *world) {
				w.add(home, "pv-2", "user="+strings.ToUpper(user), "attached-at=20261128T100000Z")
			},
			want: one(outcome{Claim: home + "--restored-1", Restored: true}),
		},
		"carrels first, and somebody else has the name": {
			after: func(w *world) { w.add(home, "pv-2", "user=other@example.edu", "attached-at=20261128T100000Z") },
			want:  one(outcome{Claim: home + "--restored-1"}),
		},
		"two claims of the name are there": {
			after: func(w *world) {
				w.add(home, "pv-2", "attached-at=Never")
				w.add(home+"--restored-1", "pv-3", "user=other@example.edu")
			},
			want: one(outcome{Claim: home + "--restored-2"}),
		},
		"the volume of before a reset stays behind the one after it": {
			before: func(w *world) { w.add(home+"--r", "pv-r", "reset-at=20261101T000000Z") },
			after:  func(w *world) { w.add(home, "pv-2", "attached-at=20261128T100000Z") },
			want: map[string]outcome{
				home: {Claim: home + "--restored-1"}, home + "--r": {Claim: home + "--r", Restored: true},
			},
		},
		"a volume that was only kept stays behind the one in use": {
			before: func(w *world) { w.add("old--home", "pv-old", "keep-until=20270101T000000Z") },
			after:  func(w *world) { w.add("new--home", "pv-2", "attached-at=20261128T100000Z") },
			want:   map[string]outcome{home: {Claim: home, Restored: true}, "old--home": {Claim: "old--home"}},
		},
		"the claim was made, and the program was killed": {
			after: func(w *world) { w.add(home, "pv-1"); w.Volumes = nil },
			want:  one(outcome{Claim: home}),
		},
		"the claim is gone, and its volume was retained": {
			after: func(w *world) { w.add("gone--home", "pv-1"); w.Claims = nil },
			want:  one(outcome{Claim: home}),
		},
		"the volume was made again under another name": {
			after: func(w *world) {
				w.add("by-hand--home", "by-hand")
				w.Volumes[0].Spec.HostPath.Path = "/volumes/pv-1"
			},
			want: one(outcome{Claim: "by-hand--home", Present: true}),
		},
		"somebody else's claim has the data": {
			after: func(w *world) { w.add(home, "pv-1", "user=other@example.edu") },
			want: one(outcome{
				Problem: `its data is in use by claim prog1/24t0101--home of user "other@example.edu": decide by hand whose it is`,
			}),
		},
		"a volume of the name has other data": {
			after: func(w *world) { w.add(home, "pv-1"); w.Volumes[0].Spec.HostPath.Path = "/elsewhere" },
			want:  one(outcome{Problem: "PersistentVolume pv-1 exists with another source: compare both by hand"}),
		},
		"the claim is being deleted": {
			after: func(w *world) { w.add(home, "pv-1"); w.Claims[0].DeletionTimestamp = &metav1.Time{Time: now} },
			want: one(outcome{Problem: "claim 24t0101--home with its data is being deleted: " +
				"set the reclaim policy of its PersistentVolume to Retain now, and run this again when the claim is gone"}),
		},
		"the namespace is not there": {
			after: func(w *world) { w.Namespaces = nil },
			want:  one(outcome{Problem: "there is no namespace prog1: run this again when Flux has made it, or now with --create-namespaces"}),
		},
		"the directory is not there": {
			after: func(w *world) { w.Storage = inventory.Storage{"pv-7": true} },
			want:  one(outcome{Problem: "its directory pv-1 is not in the storage: bring it back from a backup"}),
		},
		"the claim was not bound": {
			before: func(w *world) { w.Volumes = nil },
			want:   one(outcome{Problem: "its claim was not bound when the inventory was taken, so it is not known where its data is"}),
		},
	} {
		t.Run(name, func(t *testing.T) {
			before, after := newWorld(), newWorld()
			before.add(home, "pv-1", "attached-at=20261001T000000Z")
			for w, change := range map[*world]func(*world){before: test.before, after: test.after} {
				if change != nil {
					change(w)
				}
			}
			got := outcomes(inventory.Plan(before.inventory(), after.Cluster, now))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("what is restored (-want +got):\n%s", diff)
			}
		})
	}
}

func TestRestoredObjectsAreAsBefore(t *testing.T) {
	before := newWorld()
	before.add("24t0101--home", "pv-1", "keep-until=20261231T000000Z", "retain=30d", "template=ide", "attached-at=20261001T000000Z",
		"announced=20261231T000000Z announced 20261230T000000Z", "condemned=20261231T000001Z")
	pv := &before.Volumes[0]
	pv.Annotations = map[string]string{"pv.kubernetes.io/provisioned-by": "nfs.csi.k8s.io", "pv.kubernetes.io/bound-by-controller": "yes"}
	pv.Spec.NodeAffinity = &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{NodeSelectorTerms: []corev1.NodeSelectorTerm{{}}}}
	pv.Spec.PersistentVolumeSource = corev1.PersistentVolumeSource{CSI: &corev1.CSIPersistentVolumeSource{
		Driver: "nfs.csi.k8s.io", VolumeHandle: "nas#export#pv-1", VolumeAttributes: map[string]string{"server": "nas", "subdir": "pv-1"},
		NodeStageSecretRef: &corev1.SecretReference{Namespace: "storage", Name: "nas"},
	}}
	data, err := before.inventory().Format()
	if err != nil {
		t.Fatal(err)
	}
	read, err := inventory.Parse(data)
	if err != nil {
		t.Fatal(err)
	}
	step := inventory.Plan(read, newWorld().Cluster, now)[0]

	wantClaim, wantVolume := before.Claims[0].DeepCopy(), pv.DeepCopy()
	wantClaim.UID = ""
	wantClaim.Labels[v1alpha1.ManagedByLabel] = v1alpha1.ManagedByValue
	delete(wantClaim.Annotations, v1alpha1.AnnouncedAnnotation)
	delete(wantClaim.Annotations, v1alpha1.CondemnedAnnotation)
	wantVolume.UID = ""
	wantVolume.Annotations = map[string]string{"pv.kubernetes.io/provisioned-by": "nfs.csi.k8s.io"}
	wantVolume.Spec.ClaimRef, wantVolume.Spec.PersistentVolumeReclaimPolicy = nil, corev1.PersistentVolumeReclaimRetain
	if diff := cmp.Diff(wantClaim, step.Claim); diff != "" {
		t.Errorf("the claim (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(wantVolume, step.PersistentVolume); diff != "" {
		t.Errorf("the PersistentVolume (-want +got):\n%s", diff)
	}
}

func TestPathsOfTwoNodesAreTwoVolumes(t *testing.T) {
	before, after := newWorld(), newWorld()
	before.add("24t0101--home", "pv-1")
	after.add("other--home", "pv-2", "user=other@example.edu")
	after.Volumes[0].Spec.HostPath.Path = "/volumes/pv-1"
	after.Volumes[0].Spec.NodeAffinity = &corev1.VolumeNodeAffinity{Required: &corev1.NodeSelector{}}
	if step := inventory.Plan(before.inventory(), after.Cluster, now)[0]; step.Problem != "" || step.PersistentVolume.UID != "" {
		t.Errorf("the same path on another node is taken for the student's volume: %+v", step)
	}
}

func TestDirectoriesThatTheInventoryDoesNotKnow(t *testing.T) {
	w := newWorld()
	w.add("24t0101--home", "pv-1")
	unknown := inventory.Storage{"pv-1": true, "pv-9": true, "pv-8": true}.Unknown(w.inventory())
	if want := []string{"pv-8", "pv-9"}; !slices.Equal(unknown, want) {
		t.Errorf("unknown are %q, want %q", unknown, want)
	}
}

func TestClaimsThatAreNotRecorded(t *testing.T) {
	w := newWorld()
	w.add("nobodys", "pv-1", "user=")
	w.add("never-bound", "")
	if got := w.inventory().Volumes; len(got) != 0 {
		t.Errorf("the inventory has %+v, want nothing", got)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"version: 2\n":                       "its version is 2",
		"{}":                                 "its version is 0",
		"version: 1\nvolumes: [{mount: a}]":  "unknown field",
		"version: 1\nvolumes: [{claim: {]}}": "read the inventory",
	} {
		if _, err := inventory.Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q is read with error %v, want one with %q", text, err, want)
		}
	}
}

func TestInventoryOfOneUser(t *testing.T) {
	w := newWorld()
	w.add("24t0101--home", "pv-1")
	w.add("other--home", "pv-2", "user=other@example.edu")
	if got := w.inventory().Of(strings.ToUpper(user)).Volumes; len(got) != 1 || got[0].User != user {
		t.Errorf("the volumes of %s are %+v", user, got)
	}
	// Unicode folds the Kelvin sign to a k, and a login does not.
	w.add("kelvin--home", "pv-3", "user=\u212aai@example.edu")
	if got := w.inventory().Of("kai@example.edu").Volumes; len(got) != 0 {
		t.Errorf("another person is given %+v", got)
	}
}
