// Package access decides what a visitor may do: open their own carrel, and whatever
// Kubernetes' RBAC grants them as staff.
package access

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/singleflight"
	authorizationv1 "k8s.io/api/authorization/v1"
	"k8s.io/apimachinery/pkg/util/cache"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/auth"
)

// +kubebuilder:rbac:groups=authorization.k8s.io,resources=subjectaccessreviews,verbs=create

// Verbs that RBAC grants, as the ClusterRole carrel-staff does.
const (
	// OpenVerb, on userlands, permits opening the carrel of another user.
	OpenVerb = "open"
	// ViewVerb, on courses, permits reading the class board.
	ViewVerb = "view"
	// OperateVerb, on courses, permits sending requests, such as a restart, to the
	// carrels of other users.
	OperateVerb = "operate"
)

const (
	// defaultFor is the default of Options.For. A right that was revoked still works
	// for this long.
	defaultFor = 10 * time.Second
	// maxAnswers bounds how many answers are kept.
	maxAnswers = 20_000
	// reviewTimeout bounds one request to the API server.
	reviewTimeout = 5 * time.Second
)

// reserved holds what the names that belong to Kubernetes itself begin with: its own users
// and groups, and those of the certificates that kubeadm makes for administrators.
var reserved = []string{"system:", "kubeadm:", "kubernetes-admin", "kubernetes-super-admin"}

// Options configure an Authorizer.
type Options struct {
	// UserPrefix and GroupPrefix are put before users and groups. If people also use
	// kubectl, they equal the API server's own OIDC flags.
	UserPrefix, GroupPrefix string
	// For bounds how long an answer of the API server is used again; 0 means 10 s.
	For time.Duration
	// Clock defaults to the real clock.
	Clock clock.Clock
}

// Authorizer checks permissions with SubjectAccessReviews, and caches the answers.
type Authorizer struct {
	client  client.Client
	options Options
	answers *cache.LRUExpireCache
	flights singleflight.Group
}

// New returns an Authorizer. The client needs create on subjectaccessreviews.
func New(c client.Client, o Options) *Authorizer {
	if o.For == 0 {
		o.For = defaultFor
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	return &Authorizer{client: c, options: o, answers: cache.NewLRUExpireCacheWithClock(maxAnswers, o.Clock)}
}

// Permission is the result of MayOpen.
type Permission struct {
	Allowed bool
	// Staff is set if RBAC permits it, and the visitor is not the owner. The caller
	// records the visit where the owner can see it (package audit).
	Staff bool
	// Reason gives the cause, for the log.
	Reason string
}

// MayOpen reports whether a visitor may open a carrel. The owner is the result of
// Userland.User.
func (a *Authorizer) MayOpen(ctx context.Context, id auth.Identity, course, userland, owner string) (Permission, error) {
	if id.User != "" && id.User == owner {
		return Permission{Allowed: true, Reason: "it is their own"}, nil
	}
	allowed, err := a.may(ctx, id, OpenVerb, "userlands", course, userland)
	if err != nil {
		return Permission{}, err
	}
	if !allowed {
		return Permission{Reason: fmt.Sprintf("it is another's, and RBAC does not grant %q on userlands in %s", OpenVerb, course)}, nil
	}
	return Permission{Allowed: true, Staff: true, Reason: "RBAC grants " + OpenVerb}, nil
}

// MayViewBoard reports whether a visitor may read the class board of a course.
func (a *Authorizer) MayViewBoard(ctx context.Context, id auth.Identity, course string) (bool, error) {
	return a.may(ctx, id, ViewVerb, "courses", course, course)
}

// MayOperate reports whether a visitor may send requests to the carrels of others.
func (a *Authorizer) MayOperate(ctx context.Context, id auth.Identity, course string) (bool, error) {
	return a.may(ctx, id, OperateVerb, "courses", course, course)
}

// may reports whether RBAC grants a verb on one object. It asks the API server unless
// a recent answer is cached. Without an answer it returns an error, so nobody gets in.
func (a *Authorizer) may(ctx context.Context, id auth.Identity, verb, resource, namespace, name string) (bool, error) {
	if id.User == "" || namespace == "" || name == "" {
		// An empty name would ask about all objects of the namespace.
		return false, errors.New("the user, the namespace or the name is empty")
	}
	user, err := prefixed(a.options.UserPrefix, id.User)
	if err != nil {
		return false, err
	}
	spec := authorizationv1.SubjectAccessReviewSpec{
		User: user, Groups: a.groups(id.Groups),
		ResourceAttributes: &authorizationv1.ResourceAttributes{
			Namespace: namespace, Verb: verb, Group: v1alpha1.SchemeGroupVersion.Group, Resource: resource, Name: name,
		},
	}
	key := keyOf(spec)
	if known, found := a.answers.Get(key); found {
		return known.(bool), nil
	}
	answer, err, _ := a.flights.Do(key, func() (any, error) { return a.review(ctx, key, spec) })
	if err != nil {
		return false, fmt.Errorf("ask the API server whether %s may %s %s %s/%s: %w", user, verb, resource, namespace, name, err)
	}
	return answer.(bool), nil
}

// review asks the API server. It does not end with ctx, because other requests wait
// for the same answer.
func (a *Authorizer) review(ctx context.Context, key string, spec authorizationv1.SubjectAccessReviewSpec) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), reviewTimeout)
	defer cancel()
	review := &authorizationv1.SubjectAccessReview{Spec: spec}
	if err := a.client.Create(ctx, review); err != nil {
		return false, err
	}
	allowed := review.Status.Allowed && !review.Status.Denied
	a.answers.Add(key, allowed, a.options.For)
	return allowed, nil
}

// prefixed returns a name with its prefix. It refuses names that are reserved for
// Kubernetes, before and after the prefix is added.
func prefixed(prefix, name string) (string, error) {
	full := prefix + name
	for _, begin := range reserved {
		if strings.HasPrefix(strings.ToLower(name), begin) || strings.HasPrefix(strings.ToLower(full), begin) {
			return "", fmt.Errorf("%q begins with %s, which is Kubernetes' own", full, begin)
		}
	}
	return full, nil
}

// groups returns the groups to ask about, sorted and with their prefix. It leaves out
// names that are empty or reserved.
func (a *Authorizer) groups(names []string) []string {
	var all []string
	for _, name := range names {
		if full, err := prefixed(a.options.GroupPrefix, name); err == nil && name != "" {
			all = append(all, full)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// keyOf returns the key under which the answer to a review is cached.
func keyOf(s authorizationv1.SubjectAccessReviewSpec) string {
	r := s.ResourceAttributes
	hash := sha256.Sum256(fmt.Appendf(nil, "%q %q %+q", s.User, s.Groups, []string{r.Verb, r.Resource, r.Namespace, r.Name}))
	return string(hash[:])
}
