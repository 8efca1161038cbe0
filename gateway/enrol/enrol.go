// Package enrol makes the carrel of whoever comes to a course with open enrolment
// for the first time.
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
	"github.com/carrel-dev/carrel/gateway/auth"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/roster"
)

// groupsClaim is the claim that identities keep as groups.
const groupsClaim = "groups"

// seenWithin is how long it may take until a carrel just made is seen by watch.
const seenWithin = 5 * time.Second

// Enroller makes Userlands. Client needs create on userlands in the namespaces of
// such courses, which kustomize/components/open-enrolment grants there, and get.
type Enroller struct {
	Client    client.Client
	Directory *directory.Index
}

// Admits reports whether a course lets somebody in who is not in git.
func Admits(course *v1alpha1.Course, id auth.Identity) bool {
	return course.Spec.Enrolment == v1alpha1.EnrolmentOpen && id.User != "" &&
		slices.ContainsFunc(course.Spec.EnrolmentRules, func(rule v1alpha1.EnrolmentRule) bool {
			has := id.Claims[rule.Claim]
			if rule.Claim == groupsClaim {
				has = append(slices.Clone(has), id.Groups...)
			}
			return slices.ContainsFunc(has, func(value string) bool { return slices.Contains(rule.Values, value) })
		})
}

// Enrol makes the carrel of somebody who has none in a course, and waits until it is
// seen. It returns false if the course does not let them in. A carrel of the name
// that is another's is an error.
func (e *Enroller) Enrol(ctx context.Context, id auth.Identity, course string) (string, bool, error) {
	c, found := e.Directory.Course(course)
	if !found || !Admits(c, id) {
		return "", false, nil
	}
	name := roster.UserlandName(id.User)
	u := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: course, Name: name}, Spec: v1alpha1.UserlandSpec{User: id.User}}
	err := e.Client.Create(ctx, u)
	if apierrors.IsAlreadyExists(err) {
		err = e.isOf(ctx, course, name, id.User)
	}
	if err != nil {
		return "", false, fmt.Errorf("enrol %s in %s: %w", id.User, course, err)
	}
	return name, true, e.await(ctx, course, name)
}

// isOf is an error if the carrel of a name is another's.
func (e *Enroller) isOf(ctx context.Context, course, name, user string) error {
	u := &v1alpha1.Userland{}
	if err := e.Client.Get(ctx, client.ObjectKey{Namespace: course, Name: name}, u); err != nil {
		return err
	}
	if u.User() != user {
		return fmt.Errorf("the Userland %s is that of %s: rename it in git", name, u.User())
	}
	return nil
}

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
