package story

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	sourcev1 "github.com/fluxcd/source-controller/api/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Synced is reached when Flux has fetched the commit, or one that came after it.
func Synced(forge *Forge, c client.Client, commit string) Milestone {
	return Milestone{Name: "synced by Flux", Within: SyncedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		var source sourcev1.GitRepository
		if err := c.Get(ctx, client.ObjectKey{Namespace: fluxNamespace, Name: sourceName}, &source); err != nil {
			return "", false, err
		}
		if source.Status.Artifact == nil {
			return "nothing fetched yet", false, nil
		}
		return forge.at(source.Status.Artifact.Revision, commit)
	}}
}

// Applied is reached when the course's roster is applied from the commit, or from
// one that came after it.
func Applied(forge *Forge, c client.Client, course, commit string) Milestone {
	m := AppliedBy(forge, c, course, "roster", commit)
	m.Name = "applied to " + course
	return m
}

// AppliedBy is reached when Flux has applied the commit, or one that came after it,
// by a Kustomization.
func AppliedBy(forge *Forge, c client.Client, namespace, name, commit string) Milestone {
	return Milestone{Name: fmt.Sprintf("%s/%s applied", namespace, name), Within: SyncedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		var k kustomizev1.Kustomization
		if err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &k); err != nil {
			return "", false, err
		}
		return forge.at(k.Status.LastAppliedRevision, commit)
	}}
}

// Attempted is reached when Flux has tried to apply the commit, or one that came after
// it, by a Kustomization, with whatever outcome.
func Attempted(forge *Forge, c client.Client, namespace, name, commit string) Milestone {
	return Milestone{Name: fmt.Sprintf("%s/%s tried", namespace, name), Within: SyncedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		var k kustomizev1.Kustomization
		if err := c.Get(ctx, client.ObjectKey{Namespace: namespace, Name: name}, &k); err != nil {
			return "", false, err
		}
		return forge.at(k.Status.LastAttemptedRevision, commit)
	}}
}

// Noticed is reached when Flux has tried to apply the commit to both parts of the
// course, and the reporter has the commit as the one that changed the course. From
// then on a commit that changes other courses leaves the report where it is.
func Noticed(forge *Forge, c client.Client, course, commit string) Milestone {
	return Milestone{Name: "noticed by " + course, Within: SyncedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		for _, part := range []string{"templates", "roster"} {
			at, tried, err := Attempted(forge, c, course, part, commit).Reached(ctx)
			if err != nil || !tried {
				return fmt.Sprintf("Flux has brought %s to %s", part, at), false, err
			}
		}
		var found v1alpha1.Course
		if err := c.Get(ctx, client.ObjectKey{Namespace: course, Name: course}, &found); err != nil {
			return "", false, err
		}
		if found.Status.Report == nil {
			return "the reporter has reported nothing", false, nil
		}
		return found.Status.Report.State + " on " + found.Status.Report.Revision, found.Status.Report.Revision == commit, nil
	}}
}

// FetchNow has Flux fetch the repository at once, as the webhook of a forge does,
// instead of when its interval is over.
func FetchNow(ctx context.Context, c client.Client, now time.Time) error {
	source := &sourcev1.GitRepository{ObjectMeta: metav1.ObjectMeta{Namespace: fluxNamespace, Name: sourceName}}
	patch := fmt.Sprintf(`{"metadata":{"annotations":{%q:%q}}}`, fluxmeta.ReconcileRequestAnnotation, now.Format(time.RFC3339Nano))
	if err := c.Patch(ctx, source, client.RawPatch(types.MergePatchType, []byte(patch))); err != nil {
		return fmt.Errorf("ask Flux to fetch: %w", err)
	}
	return nil
}

// Ready is reached when a carrel runs and is ready.
func Ready(c client.Client, course, userland string) Milestone {
	return Milestone{Name: "carrel ready", Within: StartedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		var u v1alpha1.Userland
		if err := c.Get(ctx, client.ObjectKey{Namespace: course, Name: userland}, &u); err != nil {
			return "", false, err
		}
		ready := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.ReadyCondition)
		if ready == nil {
			return course + "/" + userland + " has no Ready condition yet", false, nil
		}
		if ready.Status != "True" || u.Status.State != v1alpha1.StateRunning {
			return fmt.Sprintf("%s/%s is %s: %s", course, userland, u.Status.State, ready.Message), false, nil
		}
		return u.Status.State + ": " + ready.Message, true, nil
	}}
}

// Answered is reached when the carrel's page, opened from this machine, shows
// the words given.
func Answered(c client.Client, course, userland, words string) Milestone {
	return Milestone{Name: "page answered", Within: StartedWithin, Reached: func(ctx context.Context) (string, bool, error) {
		address, err := Address(ctx, c, course, userland)
		if err != nil {
			return "", false, err
		}
		page, err := get(ctx, address)
		if err != nil {
			return "", false, err
		}
		if !strings.Contains(page, words) {
			return fmt.Sprintf("%s answers without %q", address, words), false, nil
		}
		return address, true, nil
	}}
}

// Reported is reached when the newest status of the course on the commit has
// the state wanted.
func Reported(forge *Forge, course, commit, state string) Milestone {
	return Milestone{Name: "commit status " + state, Within: ReportedWithin, Reached: func(context.Context) (string, bool, error) {
		statuses, err := forge.CourseStatuses(course, commit)
		if err != nil || len(statuses) == 0 {
			return "no status of " + course + " on " + commit, false, err
		}
		status := statuses[len(statuses)-1]
		return fmt.Sprintf("%s %s: %s", status.Context, status.State, status.Description), status.State == state, nil
	}}
}

// StatusContext is the context of a course's commit statuses in this cluster.
func StatusContext(course string) string { return "carrel/local/" + course }

// Address is where a carrel's page opens from this machine: the pod behind its
// Service, since pod addresses of the devcluster are routed here.
func Address(ctx context.Context, c client.Client, course, userland string) (string, error) {
	var slices discoveryv1.EndpointSliceList
	if err := c.List(ctx, &slices, client.InNamespace(course), client.MatchingLabels{v1alpha1.UserlandLabel: userland}); err != nil {
		return "", err
	}
	for _, slice := range slices.Items {
		port, found := webPort(slice.Ports)
		for _, endpoint := range slice.Endpoints {
			ready := endpoint.Conditions.Ready
			if found && (ready == nil || *ready) && len(endpoint.Addresses) > 0 {
				return fmt.Sprintf("http://%s:%d/", endpoint.Addresses[0], port), nil
			}
		}
	}
	return "", errors.New("no pod stands behind the Service")
}

// webPort is the port named http, else the first.
func webPort(ports []discoveryv1.EndpointPort) (port int32, found bool) {
	for _, p := range ports {
		if p.Port == nil {
			continue
		}
		if p.Name != nil && *p.Name == "http" {
			return *p.Port, true
		}
		if !found {
			port, found = *p.Port, true
		}
	}
	return port, found
}

// get fetches a page, following its redirects.
func get(ctx context.Context, address string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return "", err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return "", err
	}
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %s", address, response.Status)
	}
	return string(body), nil
}
