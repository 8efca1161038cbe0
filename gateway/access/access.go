// Package access says who may: one's own carrel, and what Kubernetes' RBAC lets
// staff do.
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
	// OpenVerb is to open another's carrel; on userlands.
	OpenVerb = "open"
	// ViewVerb is to see the class board; on courses.
	ViewVerb = "view"
	// OperateVerb is to ask of others' carrels on the board; on courses.
	OperateVerb = "operate"
)

const (
	// defaultFor is how long an answer of the API server is kept: so long a right
	// that was taken away may still be used.
	defaultFor = 10 * time.Second
	// maxAnswers bounds the memory of that.
	maxAnswers = 20_000
	// askWithin bounds one question to the API server.
	askWithin = 5 * time.Second
	// reserved begins the names that are Kubernetes' own.
	reserved = "system:"
)

// Options are how identities are called in Kubernetes.
type Options struct {
	// UserPrefix and GroupPrefix are put before users and groups: what the API
	// server's own OIDC flags say, if people also use kubectl.
	UserPrefix, GroupPrefix string
	// For is how long an answer is kept; 0: 10 s.
	For time.Duration
	// Clock tells the time; nil: the real one.
	Clock clock.Clock
}

// Authorizer answers who may.
type Authorizer struct {
	client  client.Client
	options Options
	answers *cache.LRUExpireCache
	flights singleflight.Group
}

// New makes an Authorizer. The client needs create on subjectaccessreviews.
func New(c client.Client, o Options) *Authorizer {
	if o.For == 0 {
		o.For = defaultFor
	}
	if o.Clock == nil {
		o.Clock = clock.RealClock{}
	}
	return &Authorizer{client: c, options: o, answers: cache.NewLRUExpireCacheWithClock(maxAnswers, o.Clock)}
}

// Decision says whether somebody may open a carrel.
type Decision struct {
	Allowed bool
	// Staff is set for who may, but not as the owner: record it where the owner sees
	// it (package audit).
	Staff bool
	// Reason says why, for the log.
	Reason string
}

// MayOpen tells whether somebody may open the carrel of owner, which is what
// Userland.User says.
func (a *Authorizer) MayOpen(ctx context.Context, id auth.Identity, course, userland, owner string) (Decision, error) {
	if id.User != "" && id.User == owner {
		return Decision{Allowed: true, Reason: "it is their own"}, nil
	}
	allowed, err := a.may(ctx, id, OpenVerb, "userlands", course, userland)
	if err != nil {
		return Decision{}, err
	}
	if !allowed {
		return Decision{Reason: fmt.Sprintf("it is another's, and RBAC does not grant %q on userlands in %s", OpenVerb, course)}, nil
	}
	return Decision{Allowed: true, Staff: true, Reason: "RBAC grants " + OpenVerb}, nil
}

// MayViewBoard tells whether somebody may see the whole class.
func (a *Authorizer) MayViewBoard(ctx context.Context, id auth.Identity, course string) (bool, error) {
	return a.may(ctx, id, ViewVerb, "courses", course, course)
}

// MayOperate tells whether somebody may ask of others' carrels.
func (a *Authorizer) MayOperate(ctx context.Context, id auth.Identity, course string) (bool, error) {
	return a.may(ctx, id, OperateVerb, "courses", course, course)
}

// may asks the API server, and keeps what it says. Without an answer nobody may.
func (a *Authorizer) may(ctx context.Context, id auth.Identity, verb, resource, namespace, name string) (bool, error) {
	if id.User == "" || namespace == "" || name == "" {
		// An empty name would ask for all of them.
		return false, errors.New("who, or what, is empty")
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
	answer, err, _ := a.flights.Do(key, func() (any, error) { return a.ask(ctx, key, spec) })
	if err != nil {
		return false, fmt.Errorf("ask the API server whether %s may %s %s %s/%s: %w", user, verb, resource, namespace, name, err)
	}
	return answer.(bool), nil
}

// ask goes on when the request that began it is given up: others wait for it too.
func (a *Authorizer) ask(ctx context.Context, key string, spec authorizationv1.SubjectAccessReviewSpec) (bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), askWithin)
	defer cancel()
	review := &authorizationv1.SubjectAccessReview{Spec: spec}
	if err := a.client.Create(ctx, review); err != nil {
		return false, err
	}
	allowed := review.Status.Allowed && !review.Status.Denied
	a.answers.Add(key, allowed, a.options.For)
	return allowed, nil
}

// prefixed is a name as Kubernetes calls it; names of Kubernetes' own are refused.
func prefixed(prefix, name string) (string, error) {
	full := prefix + name
	if strings.HasPrefix(strings.ToLower(name), reserved) || strings.HasPrefix(strings.ToLower(full), reserved) {
		return "", fmt.Errorf("%q begins with %s, which is Kubernetes' own", full, reserved)
	}
	return full, nil
}

// groups are those that may be spoken of, in order.
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

// keyOf tells questions apart.
func keyOf(s authorizationv1.SubjectAccessReviewSpec) string {
	r := s.ResourceAttributes
	hash := sha256.Sum256(fmt.Appendf(nil, "%q %q %+q", s.User, s.Groups, []string{r.Verb, r.Resource, r.Namespace, r.Name}))
	return string(hash[:])
}
