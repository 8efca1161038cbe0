//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/story"
)

// A student who is dropped and comes back finds their work; another person
// under the same name does not.
func TestWorkOutlivesItsStudent(t *testing.T) {
	t.Parallel()
	l := claim(t)
	const name = "returning"
	course := l.name
	add := func(user string) story.Change { return l.student(name, "  user: "+user+"\n") }
	drop := story.Change{Path: add("").Path}
	volume := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: course, Name: name + "--home"}}

	l.merge("Add a student", add("returning@example.ac.jp"))
	reach(t, story.Ready(c, course, name))
	kubectl(t, "exec", "-n", course, "deploy/"+name, "--", "sh", "-c", "echo the work of a week > /home/coder/report.txt")

	l.merge("Drop the student", drop)
	reach(t,
		absent(&v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: course, Name: name}}),
		absent(&appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Namespace: course, Name: name}}),
		promised(volume))

	l.merge("Give the name to somebody else", add("stranger@example.ac.jp"))
	reach(t, stalled(course, name, v1alpha1.VolumeOfAnotherUserReason))
	gone := l.merge("Take that back", drop)
	reach(t, story.Applied(forge, c, course, gone), promised(volume))

	l.merge("Put the student back", add("returning@example.ac.jp"))
	reach(t, story.Ready(c, course, name))
	if work := kubectl(t, "exec", "-n", course, "deploy/"+name, "--", "cat", "/home/coder/report.txt"); strings.TrimSpace(work) != "the work of a week" {
		t.Errorf("the student finds %q, want the work of a week", work)
	}
	if err := c.Get(t.Context(), client.ObjectKeyFromObject(volume), volume); err != nil {
		t.Fatal(err)
	}
	if until, kept := volume.Labels[v1alpha1.KeepUntilLabel]; kept {
		t.Errorf("the volume in use is still labelled to go at %s", until)
	}
	gone = l.merge("Drop the student again", drop)
	reach(t, story.Reported(forge, course, gone, "success"), promised(volume))

	// Its time is over, and was announced while a controller watched the course.
	over, told := stamp(time.Now().Add(-time.Minute)), stamp(time.Now().Add(-48*time.Hour))
	deleted := absent(volume)
	for begin := time.Now(); ; time.Sleep(2 * time.Second) {
		if watch(t, course, begin.Add(-72*time.Hour)) {
			kubectl(t, "annotate", "pvc", volume.Name, "-n", course, "--overwrite", v1alpha1.AnnouncedAnnotation+"="+over+" announced "+told)
			kubectl(t, "label", "pvc", volume.Name, "-n", course, "--overwrite", v1alpha1.KeepUntilLabel+"="+over)
		}
		detail, reached, err := deleted.Reached(t.Context())
		if err == nil && reached {
			return
		}
		if time.Since(begin) > deleted.Within {
			t.Fatalf("%s: not within %s; instead: %s, %v", deleted.Name, deleted.Within, detail, err)
		}
	}
}

// watch has a Course record, as the controller does, that one has watched it since a time,
// and reports whether it did so. It leaves a Course that records as much already: a
// controller that had read the Course before may write its own time once more.
func watch(t *testing.T, course string, since time.Time) bool {
	t.Helper()
	var found v1alpha1.Course
	if err := c.Get(t.Context(), client.ObjectKey{Namespace: course, Name: course}, &found); err != nil {
		t.Fatal(err)
	}
	v := found.Status.Volumes
	if v == nil || v.Kept == 0 || v.WatchedSince == nil || time.Since(v.WatchedSince.Time) > time.Since(since)-time.Hour {
		return false
	}
	controller := rest.CopyConfig(config)
	controller.Impersonate.UserName = "system:serviceaccount:carrel-system:carrel-controller"
	as, err := client.New(controller, client.Options{Scheme: c.Scheme()})
	if err != nil {
		t.Fatal(err)
	}
	patch := fmt.Sprintf(`{"status":{"volumes":{"watchedSince":%q}}}`, since.UTC().Format(time.RFC3339))
	if err := as.Status().Patch(t.Context(), &found, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		t.Fatal(err)
	}
	return true
}

// A student's work follows them, however the roster is written: from a file into a row,
// away and back with the course's own Template written out, and when the login is
// corrected in case.
func TestWorkFollowsThePerson(t *testing.T) {
	t.Parallel()
	l := claim(t)
	course := l.name
	const written, corrected = "Rin.Abe@example.ac.jp", "rin.abe@example.ac.jp"
	var others strings.Builder
	for i := range 6 {
		fmt.Fprintf(&others, "24t030%d@example.ac.jp,,,,FALSE\n", i)
	}
	class := func(row string) story.Change { return l.file("roster/roster.csv", rosterHead+row+others.String()) }

	file := l.student("rin", "  user: "+written+"\n")
	l.merge("Add a student with a file", file)
	reach(t, story.Ready(c, course, "rin"))
	kubectl(t, "exec", "-n", course, "deploy/rin", "--", "sh", "-c", "echo the work of a week > /home/coder/report.txt")

	l.merge("Put the student into the roster", l.rosterList(), l.file("roster/course.yaml", l.withRoster()), class(written+",,,,\n"), story.Change{Path: file.Path})
	findsWork(t, course, written)
	l.merge("Drop the student", class(""))
	reach(t, enrolledIn(course, 6))
	l.merge("Put the student back, with the Template", class(written+",,webterm,,\n"))
	findsWork(t, course, written)
	l.merge("Correct the login", class(corrected+",,,,\n"))
	findsWork(t, course, corrected)
	l.backToFiles()
}

// findsWork waits until the only carrel of a user, one of a row, is ready, and looks
// for the work of a week in it.
func findsWork(t *testing.T, course, user string) {
	t.Helper()
	var name string
	reach(t, story.Milestone{Name: "the row of " + user, Within: story.SyncedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		var all v1alpha1.UserlandList
		if err := c.List(ctx, &all, client.InNamespace(course)); err != nil {
			return "", false, err
		}
		var found []string
		for i := range all.Items {
			if u := &all.Items[i]; strings.EqualFold(u.User(), user) {
				name = u.Name
				found = append(found, fmt.Sprintf("%s of %s by %q", u.Name, u.User(), controllerOf(u)))
				if len(found) == 1 && u.User() == user && controllerOf(u) == "Course" {
					continue
				}
				return strings.Join(found, ", "), false, nil
			}
		}
		return strings.Join(found, ", "), len(found) == 1, nil
	}})
	reach(t, story.Ready(c, course, name))
	if work := kubectl(t, "exec", "-n", course, "deploy/"+name, "--", "cat", "/home/coder/report.txt"); strings.TrimSpace(work) != "the work of a week" {
		t.Errorf("%s finds %q, want the work of a week", user, work)
	}
}

// stamp is a moment as labels have it.
func stamp(at time.Time) string { return at.UTC().Format(v1alpha1.KeepUntilLayout) }

// A reset starts on a fresh volume, and the old one can be had back.
func TestResetAndBack(t *testing.T) {
	t.Parallel()
	course := claim(t).name
	name := runningUserland(t, course)
	inside := func(script string) string {
		return strings.TrimSpace(kubectl(t, "exec", "-n", course, "deploy/"+name, "--", "sh", "-c", script))
	}
	inside("echo the work of a week > /home/coder/report.txt")

	kubectl(t, "patch", "userland", name, "-n", course, "--subresource=status", "--type=merge",
		"-p", fmt.Sprintf(`{"status":{"requests":{"resetAt":%q}}}`, time.Now().UTC().Format(time.RFC3339)))
	old := &corev1.PersistentVolumeClaim{ObjectMeta: metav1.ObjectMeta{Namespace: course, Name: name + "--home"}}
	reach(t, promised(old), mounting(course, name, func(claim string) bool { return claim != old.Name }))
	if left := inside("ls /home/coder/report.txt 2>/dev/null || echo nothing"); left != "nothing" {
		t.Errorf("on the fresh volume there is %s", left)
	}

	time.Sleep(time.Second) // no wait for anything: moments are told apart by seconds
	kubectl(t, "annotate", "pvc", old.Name, "-n", course, "--overwrite", v1alpha1.ResetAnnotation+"="+stamp(time.Now()))
	reach(t, mounting(course, name, func(claim string) bool { return claim == old.Name }))
	if work := inside("cat /home/coder/report.txt"); work != "the work of a week" {
		t.Errorf("back on the old volume there is %q, want the work of a week", work)
	}
}

// mounting is reached when the only pod of a carrel runs on a claim of the kind
// wanted.
func mounting(course, name string, wanted func(claim string) bool) story.Milestone {
	return story.Milestone{Name: name + " on its volume", Within: story.StartedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		var pods corev1.PodList
		err := c.List(ctx, &pods, client.InNamespace(course), client.MatchingLabels{v1alpha1.UserlandLabel: name})
		if err != nil || len(pods.Items) != 1 {
			return fmt.Sprintf("%d pods", len(pods.Items)), false, err
		}
		pod := &pods.Items[0]
		for _, volume := range pod.Spec.Volumes {
			if mount := volume.PersistentVolumeClaim; mount != nil {
				ready := len(pod.Status.ContainerStatuses) > 0 && pod.Status.ContainerStatuses[0].Ready
				return mount.ClaimName, ready && pod.DeletionTimestamp == nil && wanted(mount.ClaimName), nil
			}
		}
		return pod.Name + " mounts no claim", false, nil
	}}
}

// promised is reached when the claim says until when it is kept, about the 30
// days from now that a Template promises unless it says otherwise.
func promised(claim *corev1.PersistentVolumeClaim) story.Milestone {
	return story.Milestone{Name: "volume kept", Reached: func(ctx context.Context) (string, bool, error) {
		if err := c.Get(ctx, client.ObjectKeyFromObject(claim), claim); err != nil {
			return "", false, err
		}
		label := claim.Labels[v1alpha1.KeepUntilLabel]
		until, err := time.Parse(v1alpha1.KeepUntilLayout, label)
		if err != nil {
			return "", false, err
		}
		days := time.Until(until).Hours() / 24
		return fmt.Sprintf("%s, %.1f days", label, days), days > 29 && days < 30.001, nil
	}}
}
