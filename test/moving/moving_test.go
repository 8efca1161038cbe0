package moving

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/go-logr/logr"
	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/apiserver"
	"github.com/carrel-dev/carrel/test/flux"
)

const course = "prog1"

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard())
	flux.Main(m, filepath.Join("testdata", "old-kinds.yaml"))
}

// move is a course that is being moved.
type move struct {
	*shell
	client.Client
	// claims holds the UIDs of the original volumes, by name.
	claims map[string]types.UID
}

// TestWithoutOrphaning shows that the guide's orphaning step is needed, and that
// the controllers here would delete the volumes without it. It runs first, because
// the guide removes the old kinds.
func TestWithoutOrphaning(t *testing.T) {
	c := apiserver.Client(t)
	kubeconfig := writeKubeconfig(t)
	startCluster(t, c, kubeconfig)
	namespace := apiserver.Namespace(t, c)
	s := newShell(t, kubeconfig)
	s.run("kubectl apply --namespace=" + namespace + " -f courses/prog1/template.yaml -f courses/prog1/users.yaml")
	playOldController(t, c, namespace)
	s.run("kubectl delete userlands.esc.k06.in --all --namespace=" + namespace)
	until(t, func() error {
		claims := &corev1.PersistentVolumeClaimList{}
		if err := c.List(t.Context(), claims, client.InNamespace(namespace)); err != nil {
			return err
		}
		for _, claim := range claims.Items {
			// The finalizer of a volume in use is removed with its pod.
			if claim.DeletionTimestamp == nil {
				return fmt.Errorf("claim %s outlives its Userland", claim.Name)
			}
		}
		return nil
	})
}

// TestGuide follows docs/moving.md and checks the state after each step.
func TestGuide(t *testing.T) {
	m := newMove(t)
	checks := map[string]func(outputs []string){
		"1": m.disksAreKept, "2": m.nothingHappened, "5": m.nothingIsOwned, "6": m.volumesAreMarked, "7": m.carrelsHaveTheirVolumes,
		"8": m.nothingIsLeft, "Going back": m.marksAreGone,
	}
	done := 0
	for _, s := range guide(t) {
		var outputs []string
		for _, commands := range s.blocks {
			outputs = append(outputs, m.run(commands))
		}
		number, _, _ := strings.Cut(s.title, ".")
		if check := checks[number]; check != nil {
			check(outputs)
			done++
		}
		m.sameVolumes()
	}
	if done != len(checks) {
		t.Errorf("%d of %d checks were made: the guide's headings are not those the test knows", done, len(checks))
	}
}

func newMove(t *testing.T) *move {
	t.Helper()
	c := apiserver.Client(t, flux.AddToScheme)
	kubeconfig := writeKubeconfig(t)
	m := &move{shell: newShell(t, kubeconfig), Client: c, claims: map[string]types.UID{}}
	for _, namespace := range []string{course, "esc-system", "flux-system"} {
		makeNamespace(t, c, namespace)
	}
	make1(t, c, oldOperator())
	make1(t, c, &kustomizev1.Kustomization{
		ObjectMeta: metav1.ObjectMeta{Namespace: "flux-system", Name: course},
		Spec: kustomizev1.KustomizationSpec{
			Path: "courses/prog1", Prune: true, Interval: metav1.Duration{Duration: time.Hour},
			SourceRef: kustomizev1.CrossNamespaceSourceReference{Kind: "GitRepository", Name: "courses"},
		},
	})
	startCluster(t, c, kubeconfig)
	startCarrel(t, apiserver.Config(), course)
	m.run("kubectl apply -k courses/prog1")
	playOldController(t, c, course)
	for _, claim := range m.volumes() {
		m.claims[claim.Name] = claim.UID
		claim.Status.Phase = corev1.ClaimBound
		if err := c.Status().Update(t.Context(), &claim); err != nil {
			t.Fatal(err)
		}
	}
	m.run("kubectl --namespace=prog1 rollout status deployment --timeout=1m")
	return m
}

func (m *move) volumes() []corev1.PersistentVolumeClaim {
	m.Helper()
	claims := &corev1.PersistentVolumeClaimList{}
	if err := m.List(m.Context(), claims, client.InNamespace(course)); err != nil {
		m.Fatal(err)
	}
	return claims.Items
}

// sameVolumes checks that no volume is gone or being deleted, and that none is new.
// It holds after each step.
func (m *move) sameVolumes() {
	m.Helper()
	now := map[string]types.UID{}
	for _, claim := range m.volumes() {
		now[claim.Name] = claim.UID
		if claim.DeletionTimestamp != nil {
			m.Fatalf("volume %s is being deleted", claim.Name)
		}
	}
	if diff := cmp.Diff(m.claims, now); diff != "" {
		m.Fatalf("the volumes are not those there were (-before +now):\n%s", diff)
	}
}

func (m *move) disksAreKept([]string) {
	disks := &corev1.PersistentVolumeList{}
	if err := m.List(m.Context(), disks); err != nil {
		m.Fatal(err)
	}
	for _, disk := range disks.Items {
		if disk.Spec.ClaimRef.Namespace == course && disk.Spec.PersistentVolumeReclaimPolicy != corev1.PersistentVolumeReclaimRetain {
			m.Errorf("disk %s would go with its claim", disk.Name)
		}
	}
}

func (m *move) nothingHappened([]string) {
	if now := len(oldUserlands(m.T, m.Client, course)); now != len(m.claims) {
		m.Errorf("converting left %d of %d old Userlands", now, len(m.claims))
	}
}

func (m *move) nothingIsOwned(outputs []string) {
	if left := outputs[len(outputs)-1]; left != "" {
		m.Errorf("these still have owners: %s", left)
	}
	for _, claim := range m.volumes() {
		if claim.OwnerReferences != nil {
			m.Errorf("volume %s still belongs to %v", claim.Name, claim.OwnerReferences)
		}
	}
	pods := &corev1.PodList{}
	if err := m.List(m.Context(), pods, client.InNamespace(course), client.MatchingLabels{"template": "vscode"}); err != nil || len(pods.Items) != len(m.claims) {
		m.Errorf("of %d students %d still work (%v)", len(m.claims), len(pods.Items), err)
	}
}

// users holds the owner of each volume, and the present name of the owner's
// Userland.
var users = map[string]struct{ user, userland string }{
	"vscode-koba1t-pvc-user-volume": {"koba1t", "koba1t"},
	"vscode-a--b-pvc-user-volume":   {"a--b", "a-b-kcw4fts3bp9v"},
}

func (m *move) volumesAreMarked([]string) {
	for _, claim := range m.volumes() {
		want := users[claim.Name]
		if claim.Annotations[v1alpha1.UserAnnotation] != want.user || claim.Labels[v1alpha1.UserlandLabel] != want.userland ||
			claim.Annotations[v1alpha1.VolumeAnnotation] != oldVolume || claim.Labels[v1alpha1.ManagedByLabel] != v1alpha1.ManagedByValue {
			m.Errorf("volume %s is marked %v, %v, want it to be of %+v", claim.Name, claim.Labels, claim.Annotations, want)
		}
	}
}

func (m *move) carrelsHaveTheirVolumes(outputs []string) {
	for claim, want := range users {
		if !strings.Contains(outputs[len(outputs)-1], claim) {
			m.Errorf("the guide's last command shows no pod with %s", claim)
		}
		d := &appsv1.Deployment{}
		if err := m.Get(m.Context(), client.ObjectKey{Namespace: course, Name: want.userland}, d); err != nil {
			m.Fatal(err)
		}
		if got := d.Spec.Template.Spec.Volumes[0].PersistentVolumeClaim.ClaimName; got != claim {
			m.Errorf("the carrel of %s has volume %s, want %s with their work", want.user, got, claim)
		}
	}
}

func (m *move) nothingIsLeft(outputs []string) {
	if left := outputs[len(outputs)-2]; left != "" {
		m.Errorf("there are old Userlands left: %s", left)
	}
}

// marksAreGone checks, after going back, that no volume has a time at which Carrel
// deletes it.
func (m *move) marksAreGone([]string) {
	for _, claim := range m.volumes() {
		for label := range claim.Labels {
			if strings.HasPrefix(label, v1alpha1.ReservedPrefix) || label == v1alpha1.ManagedByLabel {
				m.Errorf("volume %s still has label %s", claim.Name, label)
			}
		}
	}
}

// until polls until check passes. If it never does, the test fails with check's
// last error.
func until(t *testing.T, check func() error) {
	t.Helper()
	var err error
	for deadline := time.Now().Add(3 * time.Minute); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if err = check(); err == nil {
			return
		}
	}
	t.Fatal(err)
}
