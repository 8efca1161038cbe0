package recovery_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/inventory"
	"github.com/carrel-dev/carrel/recovery"
	"github.com/carrel-dev/carrel/test/apiserver"
)

func TestMain(m *testing.M) { apiserver.Main(m) }

// school is a namespace with volumes of students. The test binds them in place of
// Kubernetes' volume controller.
type school struct {
	*testing.T
	client.WithWatch
	namespace string
}

func newSchool(t *testing.T) *school {
	c := apiserver.Client(t)
	watching, err := client.NewWithWatch(apiserver.Config(), client.Options{Scheme: apiserver.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	return &school{T: t, WithWatch: watching, namespace: apiserver.Namespace(t, c)}
}

// bind creates a claim of a student and a PersistentVolume that is bound to it.
func (s *school) bind(user, attached string) *corev1.PersistentVolumeClaim {
	s.Helper()
	size := corev1.ResourceList{corev1.ResourceStorage: resource.MustParse("64Mi")}
	once := []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce}
	claim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.namespace, Name: user + "--home", Labels: map[string]string{v1alpha1.UserlandLabel: user},
			Annotations: map[string]string{v1alpha1.UserAnnotation: user, v1alpha1.VolumeAnnotation: "home", v1alpha1.AttachedAnnotation: attached},
		},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: once, StorageClassName: new("standard"), Resources: corev1.VolumeResourceRequirements{Requests: size},
		},
	}
	s.create(claim)
	pv := &corev1.PersistentVolume{
		ObjectMeta: metav1.ObjectMeta{Name: "pvc-" + string(claim.UID)},
		Spec: corev1.PersistentVolumeSpec{
			AccessModes: once, Capacity: size, StorageClassName: "standard", PersistentVolumeReclaimPolicy: corev1.PersistentVolumeReclaimDelete,
			PersistentVolumeSource: corev1.PersistentVolumeSource{NFS: &corev1.NFSVolumeSource{Server: "nas", Path: "/export/pvc-" + string(claim.UID)}},
			ClaimRef:               &corev1.ObjectReference{Namespace: claim.Namespace, Name: claim.Name, UID: claim.UID},
		},
	}
	s.create(pv)
	claim.Spec.VolumeName = pv.Name
	if err := s.Update(s.Context(), claim); err != nil {
		s.Fatal(err)
	}
	return claim
}

func (s *school) create(object client.Object) {
	s.Helper()
	if err := s.Create(s.Context(), object); err != nil {
		s.Fatal(err)
	}
}

// take returns the part of the inventory that is about the namespace.
func (s *school) take() inventory.Inventory {
	s.Helper()
	all, err := recovery.Take(s.Context(), s, time.Now())
	if err != nil {
		s.Fatal(err)
	}
	var own []inventory.Volume
	for _, volume := range all.Volumes {
		if volume.Course == s.namespace {
			own = append(own, volume)
		}
	}
	all.Volumes = own
	return all
}

// claims and volumes return the claims of the namespace and their PersistentVolumes.
func (s *school) claims() []corev1.PersistentVolumeClaim {
	s.Helper()
	var list corev1.PersistentVolumeClaimList
	if err := s.List(s.Context(), &list, client.InNamespace(s.namespace)); err != nil {
		s.Fatal(err)
	}
	return list.Items
}

func (s *school) volumes() (own []corev1.PersistentVolume) {
	s.Helper()
	var list corev1.PersistentVolumeList
	if err := s.List(s.Context(), &list); err != nil {
		s.Fatal(err)
	}
	for _, pv := range list.Items {
		if pv.Spec.ClaimRef != nil && pv.Spec.ClaimRef.Namespace == s.namespace {
			own = append(own, pv)
		}
	}
	return own
}

// lose deletes all volumes of the namespace from the API server.
func (s *school) lose() {
	s.Helper()
	for _, claim := range s.claims() {
		s.erase(&claim)
	}
	for _, pv := range s.volumes() {
		s.erase(&pv)
	}
}

func (s *school) erase(object client.Object) {
	s.Helper()
	object.SetFinalizers(nil)
	if err := s.Update(s.Context(), object); err != nil {
		s.Fatal(err)
	}
	if err := s.Delete(s.Context(), object); err != nil {
		s.Fatal(err)
	}
}

// restore restores an inventory with a client, and returns the results by user. A result
// is the name of the claim, with the prefix "=" if it existed before, or the error.
func (s *school) restore(c client.Client, from inventory.Inventory) map[string]string {
	s.Helper()
	results := map[string]string{}
	err := recovery.Restore(s.Context(), c, from, recovery.Options{Now: time.Now()}, func(r recovery.Result) {
		text := r.Claim
		switch {
		case r.Err != nil:
			text = r.Err.Error()
		case r.Present:
			text = "=" + text
		}
		results[r.Volume.User] = text
	})
	if err != nil {
		s.Fatal(err)
	}
	return results
}

// wantBound checks that every volume of the inventory is bound to its data.
func (s *school) wantBound(from inventory.Inventory) {
	s.Helper()
	again := s.take()
	sources := map[string]string{}
	for _, volume := range again.Volumes {
		if volume.PersistentVolume != nil {
			sources[volume.PersistentVolume.Spec.NFS.Path] = volume.User + " " + volume.Name
		}
	}
	for _, volume := range from.Volumes {
		if got, want := sources[volume.PersistentVolume.Spec.NFS.Path], volume.User+" "+volume.Name; got != want {
			s.Errorf("%s is bound to the claim of %q, want %q", volume.PersistentVolume.Spec.NFS.Path, got, want)
		}
	}
}

func (s *school) want(got, want map[string]string) {
	s.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		s.Errorf("the results by user (-want +got):\n%s", diff)
	}
}

func TestRestoreVolumesFirst(t *testing.T) {
	s := newSchool(t)
	s.bind("hana", "20261001T000000Z")
	s.bind("sora", "20261001T000000Z")
	from := s.take()
	s.lose()
	s.want(s.restore(s, from), map[string]string{"hana": "hana--home", "sora": "sora--home"})
	s.wantBound(from)
	for _, pv := range s.volumes() {
		if policy := pv.Spec.PersistentVolumeReclaimPolicy; policy != corev1.PersistentVolumeReclaimRetain {
			t.Errorf("%s is restored with reclaim policy %s, want Retain", pv.Name, policy)
		}
	}
	claims, volumes := s.claims(), s.volumes()
	s.want(s.restore(s, from), map[string]string{"hana": "=hana--home", "sora": "=sora--home"})
	if diff := cmp.Diff(claims, s.claims()) + cmp.Diff(volumes, s.volumes()); diff != "" {
		t.Errorf("a second run changes something (-before +after):\n%s", diff)
	}
}

func TestRestoreCarrelsFirst(t *testing.T) {
	s := newSchool(t)
	s.bind("hana", "20261001T000000Z")
	s.bind("sora", "20261001T000000Z")
	from := s.take()
	s.lose()
	s.bind("hana", "20261128T100000Z") // has worked since
	s.bind("sora", v1alpha1.NeverAttached)
	claims := s.claims()
	s.want(s.restore(s, from), map[string]string{"hana": "hana--home--restored-1", "sora": "sora--home--restored-1"})
	s.wantBound(from)
	marked := map[string]bool{}
	for _, claim := range s.claims() {
		if _, at := claim.Annotations[v1alpha1.RestoredAnnotation]; at {
			marked[claim.Name] = true
		}
		for _, before := range claims {
			if diff := cmp.Diff(before, claim); before.Name == claim.Name && diff != "" {
				t.Errorf("the claim that was there is changed (-before +after):\n%s", diff)
			}
		}
	}
	if want := map[string]bool{"hana--home--restored-1": true}; !cmp.Equal(marked, want) {
		t.Errorf("restored-at is on %v, want it on %v: hana has worked in another claim since, sora has not", marked, want)
	}
	s.want(s.restore(s, from), map[string]string{"hana": "=hana--home--restored-1", "sora": "=sora--home--restored-1"})
}

// The program is killed before each of its writes, and run again.
func TestRestoreGoesOnAfterAKill(t *testing.T) {
	s := newSchool(t)
	s.bind("hana", "20261001T000000Z")
	from := s.take()
	for kill := range 3 {
		s.lose()
		writes := 0
		s.restore(interceptor.NewClient(s, interceptor.Funcs{
			Create: func(ctx context.Context, c client.WithWatch, object client.Object, options ...client.CreateOption) error {
				if writes++; writes > kill {
					return errors.New("killed")
				}
				return c.Create(ctx, object, options...)
			},
		}), from)
		s.restore(s, from)
		s.wantBound(from)
		if claims := s.claims(); len(claims) != 1 || claims[0].Name != "hana--home" {
			t.Errorf("killed before write %d, and run again: there are %d claims, the first is %s; want hana--home alone", kill+1, len(claims), claims[0].Name)
		}
	}
}

// Somebody has deleted a claim, and its PersistentVolume was retained.
func TestRestoreBindsARetainedVolumeAgain(t *testing.T) {
	s := newSchool(t)
	claim := s.bind("hana", "20261001T000000Z")
	from := s.take()
	s.erase(claim)
	s.want(s.restore(s, from), map[string]string{"hana": "hana--home"})
	s.wantBound(from)
	if n := len(s.volumes()); n != 1 {
		t.Errorf("there are %d PersistentVolumes for one directory", n)
	}
}

func TestRestoreOfACourseWithoutNamespace(t *testing.T) {
	s := newSchool(t)
	s.bind("hana", "20261001T000000Z")
	from := s.take()
	s.lose()
	gone := s.namespace + "x"
	from.Volumes[0].Course = gone
	if result := s.restore(s, from)["hana"]; !strings.Contains(result, "there is no namespace "+gone) {
		t.Errorf("the result is %q", result)
	}
	options := recovery.Options{Now: time.Now(), CreateNamespaces: true}
	if err := recovery.Restore(t.Context(), s, from, options, func(r recovery.Result) {
		if r.Err != nil {
			t.Error(r.Err)
		}
	}); err != nil {
		t.Fatal(err)
	}
	var namespace corev1.Namespace
	if err := s.Get(t.Context(), client.ObjectKey{Name: gone}, &namespace); err != nil || namespace.Labels[v1alpha1.CourseLabel] != gone {
		t.Errorf("namespace %s has labels %v (%v), want the one that protects a course", gone, namespace.Labels, err)
	}
}

func TestDryRunWritesNothing(t *testing.T) {
	s := newSchool(t)
	s.bind("hana", "20261001T000000Z")
	from := s.take()
	s.lose()
	options := recovery.Options{Now: time.Now(), DryRun: true, CreateNamespaces: true}
	if err := recovery.Restore(t.Context(), s, from, options, func(recovery.Result) {}); err != nil {
		t.Fatal(err)
	}
	if n := len(s.claims()) + len(s.volumes()); n != 0 {
		t.Errorf("a dry run has made %d objects", n)
	}
}

func TestKeepBoundsTheFiles(t *testing.T) {
	dir := t.TempDir()
	other := filepath.Join(dir, "notes.txt")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Date(2026, 11, 28, 3, 17, 0, 0, time.UTC)
	for day := range 4 {
		path, err := recovery.Keep(dir, inventory.Take(nil, nil, at.AddDate(0, 0, day)), 2)
		if err != nil {
			t.Fatal(err)
		}
		if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
			t.Errorf("%s has mode %v (%v), want 0600: it holds logins", path, info.Mode(), err)
		}
		if _, err := recovery.Open(path); err != nil {
			t.Error(err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	want := []string{"inventory-20261130T031700Z.yaml", "inventory-20261201T031700Z.yaml", "notes.txt"}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("the files (-want +got):\n%s", diff)
	}
}
