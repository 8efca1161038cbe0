// Package enrol creates the carrel of a person who comes to a course with open
// enrolment for the first time.
package enrol

import (
	"context"
	"fmt"
	"slices"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/directory"
)

// groupsClaim is the name by which rules mean Identity.Groups.
const groupsClaim = "groups"

// seenWithin bounds how long Enrol waits until the directory shows the new carrel.
const seenWithin = 5 * time.Second

// Enroller creates Userlands.
type Enroller struct {
	// Client needs get on userlands, and create in the namespaces of courses with open
	// enrolment, where kustomize/components/open-enrolment grants it.
	Client    client.Client
	Directory *directory.Index
	// OneProvider reports whether all people come from one login provider. Rules need not
	// name it then.
	OneProvider func() bool
}

// Admits reports whether a course admits a person who is not in its roster. A rule is about
// the people of the provider that it names. Without a name it is about nobody, unless there
// is one provider alone.
func (e *Enroller) Admits(course *v1alpha1.Course, id auth.Identity) bool {
	return course.Spec.Enrolment == v1alpha1.EnrolmentOpen && id.User != "" &&
		slices.ContainsFunc(course.Spec.EnrolmentRules, func(rule v1alpha1.EnrolmentRule) bool {
			if rule.Provider != id.Provider && (rule.Provider != "" || !e.OneProvider()) {
				return false
			}
			has := id.Claims[rule.Claim]
			if rule.Claim == groupsClaim {
				has = append(slices.Clone(has), id.Groups...)
			}
			return slices.ContainsFunc(has, func(value string) bool { return slices.Contains(rule.Values, value) })
		})
}

// Enrol creates the carrel of a person who has none in a course, and waits until the
// directory shows it. It returns the carrel's name, and false if the course does not
// admit the person. It fails if a carrel of this name belongs to another user.
func (e *Enroller) Enrol(ctx context.Context, id auth.Identity, course string) (string, bool, error) {
	c, found := e.Directory.Course(course)
	if !found || !e.Admits(c, id) {
		return "", false, nil
	}
	name := roster.UserlandName(id.User)
	u := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: course, Name: name}, Spec: v1alpha1.UserlandSpec{User: id.User}}
	err := e.Client.Create(ctx, u)
	if apierrors.IsAlreadyExists(err) {
		err = e.checkOwner(ctx, course, name, id.User)
	}
	if err != nil {
		return "", false, fmt.Errorf("enrol %s in %s: %w", id.User, course, err)
	}
	return name, true, e.await(ctx, course, name)
}

// checkOwner returns an error if a carrel does not belong to user.
func (e *Enroller) checkOwner(ctx context.Context, course, name, user string) error {
	u := &v1alpha1.Userland{}
	if err := e.Client.Get(ctx, client.ObjectKey{Namespace: course, Name: name}, u); err != nil {
		return err
	}
	if u.User() != user {
		return fmt.Errorf("the Userland %s is that of %s: rename it in git", name, u.User())
	}
	return nil
}

// await waits until the directory shows a carrel.
func (e *Enroller) await(ctx context.Context, course, name string) error {
	changed, stop := e.Directory.Watch(course)
	defer stop()
	ctx, cancel := context.WithTimeout(ctx, seenWithin)
	defer cancel()
	for {
		if _, found := e.Directory.Carrel(course, name); found {
			return nil
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return fmt.Errorf("the Userland %s/%s was made, and is not seen yet: %w", course, name, ctx.Err())
		}
	}
}
