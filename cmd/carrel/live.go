package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/spf13/cobra"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/lifecycle"
	"github.com/carrel-dev/carrel/gitops/plan"
)

// liveFlags are the flags of commands that read git and can also ask a cluster.
type liveFlags struct {
	clusterFlags
	on bool
}

func (f *liveFlags) add(command *cobra.Command, what string) {
	command.Flags().BoolVar(&f.on, "live", false, "ask the cluster, too: "+what)
	f.clusterFlags.add(command)
}

// unnoticed returns an error if flags are set that have no effect without --live.
func (f *liveFlags) unnoticed() error {
	if !f.on && cmp.Or(f.kubeconfig, f.context) != "" {
		return errors.New("--kubeconfig and --context are for --live: add it, or leave them out")
	}
	return nil
}

// addPresent adds the present state of the cluster to plans.
func (f *liveFlags) addPresent(ctx context.Context, plans []plan.Plan) error {
	c, err := f.client()
	if err != nil {
		return err
	}
	for i, p := range plans {
		revision, err := appliedRevision(ctx, c, p.Course)
		if err != nil {
			return err
		}
		var userlands v1alpha1.UserlandList
		if err := c.List(ctx, &userlands, client.InNamespace(p.Course)); err != nil {
			return fmt.Errorf("list the carrels of %s: %w", p.Course, err)
		}
		plans[i] = p.Now(revision, userlands.Items)
	}
	return nil
}

// The labels by which Flux marks the objects it applies.
const (
	appliedByName      = "kustomize.toolkit.fluxcd.io/name"
	appliedByNamespace = "kustomize.toolkit.fluxcd.io/namespace"
)

// appliedRevision returns the revision of a course that Flux applied last, as
// main@sha1:.... It returns "" if the course does not exist or was not applied by
// Flux.
func appliedRevision(ctx context.Context, c client.Client, name string) (string, error) {
	var course v1alpha1.Course
	err := c.Get(ctx, client.ObjectKey{Namespace: name, Name: name}, &course)
	if apierrors.IsNotFound(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the course %s: %w", name, err)
	}
	key := client.ObjectKey{Namespace: course.Labels[appliedByNamespace], Name: course.Labels[appliedByName]}
	if key.Name == "" {
		return "", nil
	}
	var k kustomizev1.Kustomization
	err = c.Get(ctx, key, &k)
	if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("read the Kustomization %s, which applies the course %s: %w", key, name, err)
	}
	return k.Status.LastAppliedRevision, nil
}

// writeLive writes the state of courses in the cluster, and of a student's carrels
// in them. commit is the commit that the preceding output describes.
func (f *liveFlags) writeLive(ctx context.Context, out io.Writer, courses []string, student string, commit plumbing.Hash) error {
	c, err := f.client()
	if err != nil {
		return err
	}
	return writeLive(ctx, c, out, courses, student, commit, time.Now())
}

func writeLive(ctx context.Context, c client.Client, out io.Writer, courses []string, student string, commit plumbing.Hash, now time.Time) error {
	for _, course := range courses {
		revision, err := appliedRevision(ctx, c, course)
		if err != nil {
			return err
		}
		var userlands v1alpha1.UserlandList
		if err := c.List(ctx, &userlands, client.InNamespace(course)); err != nil {
			return fmt.Errorf("list the carrels of %s: %w", course, err)
		}
		if _, err := fmt.Fprintf(out, "now         %s in the cluster: %s\n", course, atRevision(revision, commit)); err != nil {
			return err
		}
		for i := range userlands.Items {
			if u := &userlands.Items[i]; student != "" && (strings.EqualFold(u.Name, student) || strings.EqualFold(u.User(), student)) {
				if _, err := fmt.Fprintf(out, "            %s\n", liveCarrel(u)); err != nil {
					return err
				}
				if why := stopped(ctx, c, u, now); why != "" {
					if _, err := fmt.Fprintf(out, "            not running: %s\n", why); err != nil {
						return err
					}
				}
			}
		}
		if student == "" {
			if _, err := fmt.Fprintf(out, "            %s\n", liveClass(userlands.Items)); err != nil {
				return err
			}
		}
	}
	return nil
}

// stopped describes why a carrel does not run. It returns "" for one that runs.
func stopped(ctx context.Context, c client.Client, u *v1alpha1.Userland, now time.Time) string {
	stop := lifecycle.StopOf(u, now)
	text := stop.Cause
	if !stop.Since.IsZero() {
		text += " since " + stop.Since.Local().Format("2006-01-02 15:04")
	}
	if !stop.Asked {
		return text
	}
	by, err := whoAsked(ctx, c, u)
	switch {
	case err != nil:
		return text + "; who asked can't be read: " + err.Error()
	case by == "":
		return text + "; the cluster no longer knows by whom"
	default:
		return text + "; " + by
	}
}

// whoAsked returns the note of the newest event with which the gateway recorded a request
// to stop the carrel. The cluster keeps events for a limited time only.
func whoAsked(ctx context.Context, c client.Client, u *v1alpha1.Userland) (string, error) {
	var events eventsv1.EventList
	if err := c.List(ctx, &events, client.InNamespace(u.Namespace)); err != nil {
		return "", err
	}
	var newest *eventsv1.Event
	for i := range events.Items {
		e := &events.Items[i]
		if e.Regarding.UID == u.UID && e.Action == "stop" && (newest == nil || newest.EventTime.Time.Before(e.EventTime.Time)) {
			newest = e
		}
	}
	if newest == nil {
		return "", nil
	}
	return newest.Note, nil
}

func atRevision(revision string, commit plumbing.Hash) string {
	switch {
	case revision == "":
		return "the commit that was applied is not known"
	case strings.HasSuffix(revision, ":"+commit.String()):
		return "at " + revision + ", the commit shown above"
	default:
		return "at " + revision + ", not at " + commit.String()
	}
}

// liveCarrel describes a carrel in one line.
func liveCarrel(u *v1alpha1.Userland) string {
	text := fmt.Sprintf("%s (%s): %s", u.User(), u.Name, cmp.Or(u.Status.State, "not looked at yet"))
	if t := u.Status.Template; t != nil {
		text += ", Template " + t.Name
		if t.Revision != "" {
			text += ", revision " + t.Revision
		}
	}
	if pending := meta.FindStatusCondition(u.Status.Conditions, v1alpha1.UpdatePendingCondition); pending != nil && pending.Status == "True" {
		text += "; " + pending.Message
	}
	return text
}

func liveClass(userlands []v1alpha1.Userland) string {
	counts := map[string]int32{}
	for i := range userlands {
		counts[cmp.Or(userlands[i].Status.State, "not looked at yet")]++
	}
	return fmt.Sprintf("%d carrels: %s", len(userlands), cmp.Or(states(counts), "none"))
}
