package course

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1ac "k8s.io/client-go/applyconfigurations/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1ac "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/enrolment"
	"github.com/carrel-dev/carrel/core/roster"
)

var userlandKind = v1alpha1.SchemeGroupVersion.WithKind("Userland")

// enrolled is what came of the rosters.
type enrolled struct {
	plan enrolment.Plan
	// reason is one of those of the RosterValid condition; empty for a Course
	// that has no rosters, nor Userlands of former ones.
	reason string
	// begun: the API server refused some only after others were written.
	begun bool
}

// changed reports whether Userlands were written, and none refused.
func (e enrolled) changed() bool {
	return e.reason == v1alpha1.RosterReadReason && len(e.plan.Wants)+len(e.plan.Removals) > 0
}

// again is after how long to look once more though nothing has happened; 0 is
// never. What the API server refuses today it may grant tomorrow.
func (e enrolled) again() time.Duration {
	if e.reason == v1alpha1.RosterRefusedReason {
		return askAgain
	}
	return 0
}

// +kubebuilder:rbac:groups="",resources=configmaps,verbs=get;list;watch
// +kubebuilder:rbac:groups=carrel.dev,resources=userlands,verbs=create;patch;delete

// enrol brings the rosters about.
func (r *Reconciler) enrol(ctx context.Context, c *v1alpha1.Course, userlands []v1alpha1.Userland) (enrolled, error) {
	files, missing, err := r.files(ctx, c)
	if err != nil {
		return enrolled{}, err
	}
	if len(missing) > 0 {
		return enrolled{plan: enrolment.Plan{Errors: missing}, reason: v1alpha1.RosterNotFoundReason}, nil
	}
	plan := enrolment.Make(c, userlands, roster.Read(files...))
	if len(plan.Errors) > 0 {
		return enrolled{plan: plan, reason: v1alpha1.RosterInvalidReason}, nil
	}
	refused, begun, err := r.bringAbout(ctx, c, plan)
	if err != nil {
		return enrolled{}, err
	}
	r.Refused.remember(c, plan, refused, begun)
	if len(refused) > 0 {
		plan.Errors = refused
		return enrolled{plan: plan, reason: v1alpha1.RosterRefusedReason, begun: begun}, nil
	}
	if len(c.Spec.Rosters) == 0 && c.Status.Roster == nil && plan.Held == nil {
		return enrolled{}, nil
	}
	return enrolled{plan: plan, reason: v1alpha1.RosterReadReason}, nil
}

// files are those of all rosters, and a problem for each that is not there.
func (r *Reconciler) files(ctx context.Context, c *v1alpha1.Course) (files []roster.File, missing []roster.Problem, err error) {
	seen := map[string]bool{}
	for _, source := range c.Spec.Rosters {
		configMap := &corev1.ConfigMap{}
		err := r.Get(ctx, client.ObjectKey{Namespace: c.Namespace, Name: source.ConfigMap}, configMap)
		if apierrors.IsNotFound(err) {
			missing = append(missing, roster.Problem{
				Place: roster.Place{File: "ConfigMap " + source.ConfigMap},
				Cause: `there is none of this name that is labelled carrel.dev/roster: "true"`,
				Cure:  "list it in configMapGenerator with this label, or take it out of spec.rosters of the Course",
			})
			continue
		}
		if err != nil {
			return nil, nil, fmt.Errorf("read the roster %q: %w", source.ConfigMap, err)
		}
		for _, file := range filesOf(configMap) {
			if seen[file.Name] {
				file.Name = source.ConfigMap + "/" + file.Name
			}
			seen[file.Name] = true
			files = append(files, file)
		}
	}
	return files, missing, nil
}

// filesOf are the keys of a ConfigMap. What is not UTF-8 is in binaryData.
func filesOf(c *corev1.ConfigMap) []roster.File {
	all := maps.Clone(c.BinaryData)
	if all == nil {
		all = make(map[string][]byte, len(c.Data))
	}
	for name, text := range c.Data {
		all[name] = []byte(text)
	}
	files := make([]roster.File, 0, len(all))
	for _, name := range slices.Sorted(maps.Keys(all)) {
		files = append(files, roster.File{Name: name, Data: all[name]})
	}
	return files
}

// bringAbout makes, changes and removes Userlands, all or none of them: several
// are tried first. What the API server refuses for good is a problem of its row. It
// may be begun by then all the same: a quota does not count what is only tried.
func (r *Reconciler) bringAbout(ctx context.Context, c *v1alpha1.Course, plan enrolment.Plan) (refused []roster.Problem, begun bool, err error) {
	if refused, begun = r.Refused.remembered(c, plan); len(refused) > 0 {
		return refused, begun, nil
	}
	if len(plan.Wants)+len(plan.Removals) > 1 {
		if refused, err = r.writeAll(ctx, c, plan.Wants, client.DryRunAll); err != nil || len(refused) > 0 {
			return refused, false, err
		}
	}
	if refused, err = r.writeAll(ctx, c, plan.Wants); err != nil || len(refused) > 0 {
		return refused, len(refused) < len(plan.Wants), err
	}
	for _, u := range plan.Removals {
		if err := r.Delete(ctx, u, client.Preconditions{UID: &u.UID}); client.IgnoreNotFound(err) != nil && !apierrors.IsConflict(err) {
			return nil, true, fmt.Errorf("remove userland %q, which is on no roster any more: %w", u.Name, err)
		}
	}
	return nil, true, nil
}

// dryRun is how a write is tried.
type dryRun interface {
	client.CreateOption
	client.ApplyOption
}

// writeAll writes Userlands, or tries to.
func (r *Reconciler) writeAll(ctx context.Context, c *v1alpha1.Course, wants []enrolment.Want, how ...dryRun) (refused []roster.Problem, err error) {
	for _, want := range wants {
		err := r.write(ctx, c, want, how)
		switch {
		case err == nil:
		case apierrors.IsForbidden(err) || apierrors.IsInvalid(err):
			refused = append(refused, refusal(want, err))
		default:
			return nil, fmt.Errorf("userland %q of %s: %w", want.Name, want.Row.Place, err)
		}
	}
	return refused, nil
}

// refusal is what the API server says of a Userland, without whose it is:
// problems are shown on commits.
func refusal(want enrolment.Want, err error) roster.Problem {
	said := strings.ReplaceAll(err.Error(), want.Name, "…")
	return roster.Problem{Place: want.Row.Place, Cause: "the API server refuses the Userland: " + strings.ReplaceAll(said, want.Row.User, "…")}
}

// write writes a Userland, or tries to.
func (r *Reconciler) write(ctx context.Context, c *v1alpha1.Course, want enrolment.Want, how []dryRun) error {
	version := ""
	if want.Found != nil {
		version = want.Found.ResourceVersion
	}
	if r.Recent.Behind(userlandKind, client.ObjectKey{Namespace: c.Namespace, Name: want.Name}, version) {
		return kube.ErrCacheBehind
	}
	intent := userlandOf(c, want)
	if want.Found == nil {
		return r.create(ctx, intent, how)
	}
	// Never a namesake that came in its place in the meantime.
	intent.WithUID(want.Found.UID)
	options := []client.ApplyOption{client.FieldOwner(kube.FieldOwner), client.ForceOwnership}
	for _, option := range how {
		options = append(options, option)
	}
	if err := r.Apply(ctx, intent, options...); err != nil || len(how) > 0 {
		return err
	}
	written := want.Found.DeepCopy()
	written.ResourceVersion = *intent.ResourceVersion
	r.Recent.Wrote(userlandKind, written)
	return nil
}

// create posts, which can't take over what the cache does not see.
func (r *Reconciler) create(ctx context.Context, intent *v1alpha1ac.UserlandApplyConfiguration, how []dryRun) error {
	u, err := kube.Typed[v1alpha1.Userland](intent)
	if err != nil {
		return err
	}
	options := []client.CreateOption{client.FieldOwner(kube.FieldOwner)}
	for _, option := range how {
		options = append(options, option)
	}
	if err := r.Create(ctx, u, options...); err != nil {
		if apierrors.IsAlreadyExists(err) {
			return fmt.Errorf("it is there and not among those this controller sees; if that goes on, label it as its Course is: %w", err)
		}
		return err
	}
	if len(how) == 0 {
		r.Recent.Wrote(userlandKind, u)
	}
	return nil
}

// userlandOf names each field that a row can set, empty ones too: what is named
// in each write needs no memory of what was named in the last.
func userlandOf(c *v1alpha1.Course, want enrolment.Want) *v1alpha1ac.UserlandApplyConfiguration {
	row := want.Row
	u := v1alpha1ac.Userland(want.Name, c.Namespace).
		WithOwnerReferences(metav1ac.OwnerReference().
			WithAPIVersion(v1alpha1.SchemeGroupVersion.String()).WithKind(kind.Kind).
			WithName(c.Name).WithUID(c.UID).WithController(true)).
		WithSpec(v1alpha1ac.UserlandSpec().
			WithUser(row.User).WithTemplateName(row.Template).WithSection(row.Section).WithEnabled(row.Enabled))
	if labels := enrolment.ShardLabels(c); len(labels) > 0 {
		u.WithLabels(labels)
	}
	if row.Name != "" || want.Found != nil && want.Found.Annotations[v1alpha1.NameAnnotation] != "" {
		u.WithAnnotations(map[string]string{v1alpha1.NameAnnotation: row.Name})
	}
	return u
}
