package reporter

import (
	"context"
	"regexp"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Keys of a Secret that says where to report without Flux; the token and the CA
// have the keys they have with Flux.
const (
	typeKey    = "type"
	addressKey = "address"
)

// revisionForm is how Flux writes a revision; the branch may be left out.
var revisionForm = regexp.MustCompile(`^(?:(\S+)@)?(?:sha1:|sha256:)?([0-9a-f]{40}|[0-9a-f]{64})$`)

// annotated is a course that something else than Flux brings to the cluster: who
// applied it says in an annotation of the Course which commit that was. The
// annotation says no more than that. Where to report to is said by the namespace,
// which is the cluster maintainer's, through the name of a Secret beside the
// reporter; and that Secret holds the address together with the token. So nobody
// who may write a Course can lead a token to another repository.
type annotated struct{ branch, commit, namespace string }

func annotatedOf(course *v1alpha1.Course) (*annotated, error) {
	revision := course.Annotations[v1alpha1.RevisionAnnotation]
	parts := revisionForm.FindStringSubmatch(strings.TrimSpace(revision))
	if parts == nil {
		return nil, notConfigured("annotation %s of this Course is %q, which names no commit: write <branch>@sha1:<full hash>, "+
			"as `git rev-parse HEAD` gives it", v1alpha1.RevisionAnnotation, revision)
	}
	return &annotated{branch: strings.TrimPrefix(parts[1], "refs/heads/"), commit: parts[2], namespace: course.Namespace}, nil
}

// syncs is one that has always succeeded. What of the commit is the course's is
// not known: so each commit annotated counts as one that changed it.
func (a *annotated) syncs() []Sync {
	return []Sync{{Key: v1alpha1.RevisionAnnotation, Name: v1alpha1.RevisionAnnotation, Revision: a.commit, Content: a.commit}}
}

// paths: nobody says what of the repository the course is made of.
func (a *annotated) paths() Paths { return Paths{} }

func (a *annotated) source() string { return "" }

func (a *annotated) head() string { return a.commit }

// expected: nobody says which Userlands there should be.
func (a *annotated) expected(string) []string { return nil }

// destination is the Secret the namespace names.
func (a *annotated) destination(ctx context.Context, r *Reconciler) (*destination, error) {
	var namespace corev1.Namespace
	if err := r.APIReader.Get(ctx, client.ObjectKey{Name: a.namespace}, &namespace); err != nil {
		return nil, err
	}
	name := namespace.Annotations[v1alpha1.ReportToAnnotation]
	if name == "" {
		problem := notConfigured("namespace %s does not say where to report: annotate it with %s=<name of a Secret in namespace %s>",
			a.namespace, v1alpha1.ReportToAnnotation, r.ForgeNamespace)
		problem.after = personEvery // namespaces are not watched
		return nil, problem
	}
	secret := types.NamespacedName{Namespace: r.ForgeNamespace, Name: name}
	return &destination{
		by:      "annotation " + v1alpha1.ReportToAnnotation + " of namespace " + a.namespace,
		address: "its repository", branch: a.branch, secret: secret, version: name,
	}, nil
}

// complete reads from the Secret what a Provider would have said.
func (d *destination) complete(secret *corev1.Secret, types []string) error {
	if d.forge != "" {
		return nil
	}
	forgeType, address := strings.TrimSpace(string(secret.Data[typeKey])), strings.TrimSpace(string(secret.Data[addressKey]))
	switch {
	case forgeType == "":
		return noCredentials(nil, "Secret %s has no key %s: put there %s", d.secret, typeKey, strings.Join(types, " or "))
	case address == "":
		return noCredentials(nil, "Secret %s has no key %s: put there the repository's, https://<host>/<owner>/<name>", d.secret, addressKey)
	}
	d.forge, d.address = forgeType, address
	return nil
}
