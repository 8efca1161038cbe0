package reporter

import (
	"crypto/sha256"
	"fmt"
	pathpkg "path"
	"slices"
	"strings"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// failedPrefix marks, among digests, content that Flux could not apply.
const failedPrefix = "failed:"

// passing are the reasons of a Ready condition that is False because Flux waits
// for something, not because of what the commit says.
var passing = []string{
	fluxmeta.DependencyNotReadyReason,
	fluxmeta.ArtifactFailedReason,
	fluxmeta.ProgressingReason,
	fluxmeta.ProgressingWithRetryReason,
}

// recorded are the failures that Flux keeps a snapshot of. For the others it could
// not even render.
var recorded = []string{
	fluxmeta.ReconciliationFailedReason,
	fluxmeta.PruneFailedReason,
	fluxmeta.HealthCheckFailedReason,
}

// Sync is one Flux Kustomization of a course, as far as a report looks at it.
type Sync struct {
	// Key is namespace/name; Name alone is for people.
	Key, Name string
	// Revision is the commit it stands at: applied, or tried in vain.
	Revision string
	// Applied is the commit that was applied last; empty if none was.
	Applied string
	// Content tells what it applied, or failed to, apart from anything else; empty
	// while Flux is at work and it can't be told.
	Content string
	// Failure is why Flux could not apply Revision, without personal data that
	// shows by its form (Redact); empty when it could, or is at it.
	Failure string
	// Since is when it last came to Revision, and Began when Flux began to apply Content
	// for the first time; both are zero if Flux keeps no history.
	Since, Began time.Time
	// Past has the last revision at which each former content was seen.
	Past map[string]string
	// Suspended: nobody expects it to move.
	Suspended bool
	// Path is the directory of the repository that it renders.
	Path string
}

// SyncOf reads a Kustomization.
func SyncOf(k *kustomizev1.Kustomization) Sync {
	sync := Sync{Key: k.Namespace + "/" + k.Name, Name: k.Name, Suspended: k.Spec.Suspend, Path: directory(k.Spec.Path)}
	sync.Past = pastOf(k)
	applied, attempted := k.Status.LastAppliedRevision, k.Status.LastAttemptedRevision
	sync.Revision, sync.Applied = commitOf(applied), commitOf(applied)
	ready := meta.FindStatusCondition(k.Status.Conditions, fluxmeta.ReadyCondition)
	switch {
	case attempted != "" && attempted == applied:
		sync.Content, sync.Since = appliedContent(k)
	case attempted != "" && failed(ready) && !unfinished(k, ready):
		sync.Revision = commitOf(attempted)
		sync.Failure = Redact(ready.Message)
		sync.Content, sync.Since = failedContent(k, ready, sync.Failure)
	}
	sync.Began = beganOf(k, sync.Content)
	return sync
}

// contentOf is how a report names what a snapshot is of.
func contentOf(s fluxmeta.Snapshot) string {
	if s.LastReconciledStatus == fluxmeta.ReconciliationSucceededReason {
		return s.Digest
	}
	return failedPrefix + s.Digest
}

func pastOf(k *kustomizev1.Kustomization) map[string]string {
	past := map[string]string{}
	for _, s := range k.Status.History {
		if content := contentOf(s); past[content] == "" {
			past[content] = commitOf(s.Metadata["revision"])
		}
	}
	return past
}

// beganOf returns when Flux began to apply a content. What there was before and came back
// began when the content between was seen last.
func beganOf(k *kustomizev1.Kustomization, content string) time.Time {
	for i, s := range k.Status.History {
		if contentOf(s) != content {
			continue
		}
		began := s.FirstReconciled.Add(-s.LastReconciledDuration.Duration)
		if i+1 < len(k.Status.History) {
			began = later(began, k.Status.History[i+1].LastReconciled.Time)
		}
		return began
	}
	return time.Time{}
}

// directory cleans a path of a Kustomization, which is relative to the repository.
func directory(path string) string { return strings.TrimPrefix(pathpkg.Clean("/"+path), "/") }

// failed tells a commit that can't be applied from a passing trouble.
func failed(ready *metav1.Condition) bool {
	return ready != nil && ready.Status == metav1.ConditionFalse && !slices.Contains(passing, ready.Reason)
}

// unfinished: Flux writes conditions first and the snapshot a moment later.
func unfinished(k *kustomizev1.Kustomization, ready *metav1.Condition) bool {
	return slices.Contains(recorded, ready.Reason) && len(k.Status.History) > 0 &&
		snapshotOf(k, k.Status.LastAttemptedRevision, ready.Reason) == nil
}

// appliedContent is the digest of what Flux rendered. Flux before 2.7 kept none:
// there every commit counts as new content.
func appliedContent(k *kustomizev1.Kustomization) (content string, since time.Time) {
	snapshot := snapshotOf(k, k.Status.LastAppliedRevision, fluxmeta.ReconciliationSucceededReason)
	if snapshot == nil {
		return k.Status.LastAppliedRevision, time.Time{}
	}
	return snapshot.Digest, snapshot.LastReconciled.Time
}

// failedContent is the digest of what was refused, or of the words of the failure
// where nothing could be rendered: so a later commit that leaves the fault as it
// is does not count as touching the course.
func failedContent(k *kustomizev1.Kustomization, ready *metav1.Condition, failure string) (content string, since time.Time) {
	snapshot := snapshotOf(k, k.Status.LastAttemptedRevision, ready.Reason)
	if snapshot == nil {
		return fmt.Sprintf("%s%x", failedPrefix, sha256.Sum256([]byte(failure))), ready.LastTransitionTime.Time
	}
	return failedPrefix + snapshot.Digest, snapshot.LastReconciled.Time
}

// snapshotOf is the latest attempt at a revision that ended so. Flux keeps one
// snapshot for each digest and outcome, with the revision that came last.
func snapshotOf(k *kustomizev1.Kustomization, revision, outcome string) *fluxmeta.Snapshot {
	for i, snapshot := range k.Status.History {
		if snapshot.Metadata["revision"] == revision && snapshot.LastReconciledStatus == outcome {
			return &k.Status.History[i]
		}
	}
	return nil
}

// commitOf takes the hash from a Flux revision such as main@sha1:<hash>.
func commitOf(revision string) string {
	return revision[strings.LastIndex(revision, ":")+1:]
}
