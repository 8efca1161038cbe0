package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/apiutil"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/story"
)

// term starts the cluster, and plays a term until the day of the loss.
func (d *drill) term(ctx context.Context) error {
	if err := d.install(ctx); err != nil {
		return err
	}
	d.students = newClass()
	if err := d.Follow(ctx, d.everybody(d.ready)...); err != nil {
		return err
	}
	for _, s := range d.students {
		if err := d.write(ctx, s); err != nil {
			return err
		}
	}
	d.Say("everybody has written something")
	if err := d.drop(ctx); err != nil {
		return err
	}
	return d.beginAgain(ctx)
}

// drop takes a student out of the course. Their volume is kept.
func (d *drill) drop(ctx context.Context) error {
	s := d.student(droppedUser)
	request, err := d.forge.Propose("drop", "Drop "+s.user, story.Change{Path: story.StudentPath(terminals, s.user)})
	if err != nil {
		return err
	}
	if _, err := d.forge.Merge(request); err != nil {
		return err
	}
	d.students = slices.DeleteFunc(d.students, func(other *student) bool { return other == s })
	d.dropped = kept{student: *s}
	return d.Follow(ctx, d.isKept("dropped", &d.dropped))
}

// beginAgain resets a student's volume. The former one is kept.
func (d *drill) beginAgain(ctx context.Context) error {
	s := d.student(resetUser)
	name, err := d.carrel(ctx, s)
	if err != nil {
		return err
	}
	_, err = d.command(ctx, "kubectl", "patch", "userland", name, "--namespace="+s.course, "--subresource=status", "--type=merge",
		"--patch", fmt.Sprintf(`{"status":{"requests":{"resetAt":%q}}}`, time.Now().UTC().Format(time.RFC3339)))
	if err != nil {
		return err
	}
	d.reset = kept{student: *s}
	if err := d.Follow(ctx, d.shows(s, "nothing"), d.isKept("before the reset", &d.reset)); err != nil {
		return err
	}
	return d.write(ctx, s)
}

// kept is a volume that no carrel uses and that has a date.
type kept struct {
	student
	// until is the value of the label keep-until.
	until string
}

// isKept returns a milestone that is reached when a claim of the student has a date and
// its directory holds the work. The first call records the date. Later calls demand the
// same date.
func (d *drill) isKept(why string, k *kept) story.Milestone {
	return story.Milestone{Name: k.user + ", " + why, Within: story.SyncedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		claims, err := d.claims(ctx, &k.student)
		if err != nil {
			return "", false, err
		}
		for _, claim := range claims {
			until := claim.Labels[v1alpha1.KeepUntilLabel]
			if work, err := d.onDisk(ctx, &claim); until == "" || k.until != "" && until != k.until || err != nil || work != k.work {
				continue
			}
			k.until = until
			return fmt.Sprintf("kept until %s: %q", until, k.work), true, nil
		}
		return fmt.Sprintf("%d claims, none is kept until %s with %q", len(claims), k.until, k.work), false, nil
	}}
}

// claims returns the claims of a student.
func (d *drill) claims(ctx context.Context, s *student) ([]corev1.PersistentVolumeClaim, error) {
	var all corev1.PersistentVolumeClaimList
	if err := d.client.List(ctx, &all, client.InNamespace(s.course)); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all.Items, func(claim corev1.PersistentVolumeClaim) bool {
		return !strings.EqualFold(claim.Annotations[v1alpha1.UserAnnotation], s.user)
	}), nil
}

// onDisk returns the work in the directory of a claim's volume.
func (d *drill) onDisk(ctx context.Context, claim *corev1.PersistentVolumeClaim) (string, error) {
	directory, err := d.directory(ctx, claim)
	if err != nil {
		return "", err
	}
	work, err := os.ReadFile(filepath.Join(directory, "report.txt"))
	return strings.TrimSpace(string(work)), err
}

// directory returns the path of the directory of a claim's volume on this machine.
func (d *drill) directory(ctx context.Context, claim *corev1.PersistentVolumeClaim) (string, error) {
	var pv corev1.PersistentVolume
	if err := d.client.Get(ctx, client.ObjectKey{Name: claim.Spec.VolumeName}, &pv); err != nil {
		return "", err
	}
	if pv.Spec.HostPath == nil {
		return "", fmt.Errorf("PersistentVolume %s is not a directory of the node", pv.Name)
	}
	return filepath.Join(d.storage(), filepath.Base(pv.Spec.HostPath.Path)), nil
}

// install starts the cluster, and makes Flux follow the drill's repository.
func (d *drill) install(ctx context.Context) error {
	carrel, err := d.Cluster.BuildCarrel(ctx, d.Dir)
	if err != nil {
		return err
	}
	if err := d.Cluster.Up(ctx); err != nil {
		return err
	}
	d.Say("Kubernetes, Flux and a forge are up")
	programs, err := d.Cluster.Programs(ctx)
	if err != nil {
		return err
	}
	d.path = strings.Join([]string{filepath.Dir(carrel), programs, os.Getenv("PATH")}, string(os.PathListSeparator))
	if d.kubeconfig, err = d.Cluster.Kubeconfig(ctx); err != nil {
		return err
	}
	if d.client, _, err = story.Connect(d.kubeconfig); err != nil {
		return err
	}
	if err := d.prepareForge(ctx); err != nil {
		return err
	}
	for _, arguments := range [][]string{{"--filename=" + d.secrets()}, {"--kustomize=clusters/local/flux-system"}} {
		if _, err := d.command(ctx, append([]string{"kubectl", "apply"}, arguments...)...); err != nil {
			return err
		}
	}
	return nil
}

// prepareForge pushes the drill's repository, and writes the Secrets down.
func (d *drill) prepareForge(ctx context.Context) error {
	access, err := d.Cluster.Forge(ctx)
	if err != nil {
		return err
	}
	if d.forge, err = story.NewForge(ctx, access); err != nil {
		return err
	}
	if err := d.makeRepository(ctx); err != nil {
		return err
	}
	if err := d.forge.Push(ctx, d.repository.Dir); err != nil {
		return err
	}
	if d.gateway.Ingress, err = d.Cluster.Ingress(ctx); err != nil {
		return err
	}
	return d.writeSecrets(ctx)
}

// writeSecrets writes the objects that are not in git into one manifest. A maintainer is
// told to keep such a file.
func (d *drill) writeSecrets(ctx context.Context) error {
	objects, err := story.Secrets(ctx, d.forge, d.gateway)
	if err != nil {
		return err
	}
	var manifest []byte
	for _, object := range objects {
		kind, err := apiutil.GVKForObject(object, d.client.Scheme())
		if err != nil {
			return err
		}
		object.GetObjectKind().SetGroupVersionKind(kind)
		text, err := yaml.Marshal(object)
		if err != nil {
			return err
		}
		manifest = append(append(manifest, "---\n"...), text...)
	}
	return os.WriteFile(d.secrets(), manifest, 0o600)
}
