package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/core/inventory"
	"github.com/carrel-dev/carrel/test/apiserver"
)

func TestRestorePrintsWhatItDoes(t *testing.T) {
	c := apiserver.Client(t)
	course := apiserver.Namespace(t, c)
	storage := t.TempDir()
	from := inventory.Inventory{Version: inventory.Version, Time: metav1.NewTime(time.Date(2026, 11, 28, 3, 17, 0, 0, time.UTC))}
	for _, user := range []string{"hana", "sora"} {
		pv := &inventory.PersistentVolume{Name: course + "-" + user, Spec: volumeSpec(t, "/export/"+user)}
		claim := inventory.Claim{Name: user + "--home", Annotations: map[string]string{"carrel.dev/user": user, "carrel.dev/volume": "home"}}
		claim.Spec.AccessModes, claim.Spec.Resources.Requests = pv.Spec.AccessModes, pv.Spec.Capacity
		from.Volumes = append(from.Volumes, inventory.Volume{Course: course, User: user, Name: "home", Claim: claim, PersistentVolume: pv})
	}
	for _, directory := range []string{"hana", "somebody"} {
		if err := os.Mkdir(filepath.Join(storage, directory), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, test := range []struct {
		flags restoreFlags
		fails bool
		want  []string
	}{
		{restoreFlags{storage: storage, dryRun: true}, true, []string{"9h0m0s ago: 2 volumes", "hana--home  to restore\n", "1 to restore, 0 there already, 1 not restored"}},
		{restoreFlags{storage: storage}, true, []string{
			"hana--home  restored\n", "sora  home                not restored: its directory sora is not in the storage",
			"1 restored, 0 there already, 1 not restored", "not in the inventory: directory somebody; restore gives it to nobody",
		}},
		{restoreFlags{user: "HANA", storage: storage}, false, []string{"hana--home  there already\n", "0 restored, 1 there already, 0 not restored"}},
	} {
		var out bytes.Buffer
		err := test.flags.restore(t.Context(), c, from, from.Time.Add(9*time.Hour), &out)
		if (err != nil) != test.fails {
			t.Errorf("restore with %+v: %v", test.flags, err)
		}
		for _, want := range test.want {
			if !strings.Contains(out.String(), want) {
				t.Errorf("restore with %+v does not print %q:\n%s", test.flags, want, out.String())
			}
		}
	}
	nobody := restoreFlags{user: "nobody"}
	if err := nobody.restore(t.Context(), c, from, from.Time.Time, &bytes.Buffer{}); err == nil {
		t.Error("nobody has volumes")
	}
}

func volumeSpec(t *testing.T, path string) corev1.PersistentVolumeSpec {
	t.Helper()
	parsed, err := inventory.Parse([]byte(`
version: 1
volumes:
- persistentVolume:
    name: any
    spec: {capacity: {storage: 1Gi}, accessModes: [ReadWriteMany], nfs: {server: nas, path: ` + path + `}}
`))
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Volumes[0].PersistentVolume.Spec
}
