package main

import (
	"context"
	"fmt"
	"io"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/userland"
	"github.com/carrel-dev/carrel/core/lifecycle"
)

// writeExplanations writes what the controller sees of each carrel of a user, and
// what it decides. The user is named by login or by the carrel's name. If a course is
// named, only its carrels are considered.
func writeExplanations(ctx context.Context, c client.Reader, clock clock.PassiveClock, user string, named []string, out io.Writer) error {
	var userlands v1alpha1.UserlandList
	in, where := client.InNamespace(""), "the cluster"
	if len(named) > 0 {
		in, where = client.InNamespace(named[0]), "course "+named[0]
	}
	if err := c.List(ctx, &userlands, in); err != nil {
		return fmt.Errorf("list the carrels: %w", err)
	}
	separator := ""
	for i := range userlands.Items {
		u := &userlands.Items[i]
		if u.Name != user && u.User() != user {
			continue
		}
		text, err := explain(ctx, c, clock, u)
		if err != nil {
			return fmt.Errorf("explain the carrel %q of course %s: %w", u.Name, u.Namespace, err)
		}
		if _, err := fmt.Fprint(out, separator, text); err != nil {
			return err
		}
		separator = "\n"
	}
	if separator == "" {
		return fmt.Errorf("nobody in %s is called %q: give the login or the carrel's name, which kubectl get userlands --all-namespaces lists", where, user)
	}
	return nil
}

// explain observes and decides as the controller does, and writes nothing. Each
// carrel has an observer of its own, because deciding takes a place in the queue that
// the observer holds.
func explain(ctx context.Context, c client.Reader, clock clock.PassiveClock, u *v1alpha1.Userland) (string, error) {
	observer := userland.NewObserver(c, clock)
	world, err := observer.Observe(ctx, u)
	if apierrors.IsForbidden(err) {
		return "", fmt.Errorf("%w: give --context an account that may read what the controller reads", err)
	}
	if err != nil {
		return "", err
	}
	world, decision := observer.Lines.Decide(world)
	return lifecycle.Explain(world, decision), nil
}
