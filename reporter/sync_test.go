package reporter

import (
	"strings"
	"testing"
	"time"

	kustomizev1 "github.com/fluxcd/kustomize-controller/api/v1"
	fluxmeta "github.com/fluxcd/pkg/apis/meta"
	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// status is that of the Kustomization prog1/roster: the revisions applied and
// attempted last, the Ready condition, and snapshots, newest first.
func status(applied, attempted string, ready metav1.Condition, history ...fluxmeta.Snapshot) *kustomizev1.Kustomization {
	ready.Type = fluxmeta.ReadyCondition
	return &kustomizev1.Kustomization{
		ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "roster"},
		Status: kustomizev1.KustomizationStatus{
			LastAppliedRevision: applied, LastAttemptedRevision: attempted,
			Conditions: []metav1.Condition{ready}, History: history,
		},
	}
}

func snapshot(digest, status, revision string) fluxmeta.Snapshot {
	return fluxmeta.Snapshot{
		Digest: digest, LastReconciledStatus: status, LastReconciled: metav1.NewTime(now),
		Metadata: map[string]string{"revision": revision},
	}
}

func TestSyncOf(t *testing.T) {
	const (
		a, b      = "main@sha1:aaaa", "main@sha1:bbbb"
		succeeded = fluxmeta.ReconciliationSucceededReason
		refusal   = "Role/prog1/evil dry-run failed (Forbidden)"
		said      = "Role/evil dry-run failed (Forbidden)"
	)
	var (
		ready       = metav1.Condition{Status: metav1.ConditionTrue, Reason: succeeded}
		working     = metav1.Condition{Status: metav1.ConditionUnknown, Reason: fluxmeta.ProgressingReason}
		waiting     = metav1.Condition{Status: metav1.ConditionFalse, Reason: fluxmeta.DependencyNotReadyReason, Message: "templates is not ready"}
		refused     = metav1.Condition{Status: metav1.ConditionFalse, Reason: fluxmeta.ReconciliationFailedReason, Message: refusal}
		notRendered = metav1.Condition{Status: metav1.ConditionFalse, Reason: fluxmeta.BuildFailedReason, Message: "no such file"}
	)
	atWork := func(revision string) Sync { return Sync{Revision: revision} }
	tests := map[string]struct {
		k    *kustomizev1.Kustomization
		want Sync
	}{
		"never reconciled": {
			k:    status("", "", working),
			want: atWork(""),
		},
		"applied": {
			k:    status(b, b, ready, snapshot("d2", succeeded, b), snapshot("d1", succeeded, a)),
			want: Sync{Revision: "bbbb", Content: "d2", Since: now},
		},
		"applied, with content that was there before": {
			k:    status(b, b, ready, snapshot("d1", succeeded, b), snapshot("d2", succeeded, a)),
			want: Sync{Revision: "bbbb", Content: "d1", Since: now},
		},
		"applied after the same content had been refused": {
			k:    status(b, b, ready, snapshot("d2", succeeded, b), snapshot("d2", refused.Reason, b)),
			want: Sync{Revision: "bbbb", Content: "d2", Since: now},
		},
		"applied long ago, and refused since at the same commit": {
			k:    status(a, a, refused, snapshot("d1", refused.Reason, a), snapshot("d1", succeeded, a)),
			want: Sync{Revision: "aaaa", Content: "d1", Since: now},
		},
		"applied by a Flux that keeps no history": {
			k:    status(a, a, ready),
			want: Sync{Revision: "aaaa", Content: a},
		},
		"at work on a commit": {
			k:    status(a, b, working, snapshot("d1", succeeded, a)),
			want: atWork("aaaa"),
		},
		"just done: conditions are written first, the revision a moment later": {
			k:    status(a, b, ready, snapshot("d1", succeeded, a)),
			want: atWork("aaaa"),
		},
		"waiting for another": {
			k:    status(a, b, waiting, snapshot("d1", succeeded, a)),
			want: atWork("aaaa"),
		},
		"refused": {
			k:    status(a, b, refused, snapshot("d2", refused.Reason, b), snapshot("d1", succeeded, a)),
			want: Sync{Revision: "bbbb", Content: failedPrefix + "d2", Failure: said, Since: now},
		},
		"just refused: conditions are written first, the snapshot a moment later": {
			k:    status(a, b, refused, snapshot("d2", refused.Reason, "main@sha1:before"), snapshot("d1", succeeded, a)),
			want: atWork("aaaa"),
		},
		"refused at the very first try": {
			k:    status("", b, refused, snapshot("d2", refused.Reason, b)),
			want: Sync{Revision: "bbbb", Content: failedPrefix + "d2", Failure: said, Since: now},
		},
		"not rendered: the words stand for the content": {
			k:    status(a, b, notRendered, snapshot("d1", succeeded, a)),
			want: Sync{Revision: "bbbb", Content: failedPrefix + "words", Failure: "no such file"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.want.Key, test.want.Name = "prog1/roster", "roster"
			got := SyncOf(test.k)
			got.Applied, got.Past, got.Began = "", nil, time.Time{} // TestPastOfAKustomization
			if test.want.Content == failedPrefix+"words" && strings.HasPrefix(got.Content, failedPrefix) {
				got.Content = test.want.Content
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("SyncOf (-want +got):\n%s", diff)
			}
		})
	}
}

func TestCommitOf(t *testing.T) {
	for revision, want := range map[string]string{
		"main@sha1:1a2b":      "1a2b",
		"v1.0@sha1:1a2b":      "1a2b",
		"sha1:1a2b":           "1a2b",
		"feature/x@sha256:1a": "1a",
		"":                    "",
	} {
		if got := commitOf(revision); got != want {
			t.Errorf("commitOf(%q) = %q, want %q", revision, got, want)
		}
	}
}

// TestPastOfAKustomization is about what came before, by which the forge is asked.
func TestPastOfAKustomization(t *testing.T) {
	const a, b = "main@sha1:aaaa", "main@sha1:bbbb"
	older := snapshot("d1", fluxmeta.ReconciliationSucceededReason, a)
	older.LastReconciled = metav1.NewTime(now.Add(-time.Hour))
	newer := snapshot("d2", fluxmeta.ReconciliationSucceededReason, b)
	newer.FirstReconciled, newer.LastReconciledDuration = metav1.NewTime(now.Add(-time.Minute)), metav1.Duration{Duration: 10 * time.Second}
	got := SyncOf(status(b, b, metav1.Condition{Status: metav1.ConditionTrue}, newer, older))
	if want := map[string]string{"d1": "aaaa", "d2": "bbbb"}; !cmp.Equal(got.Past, want) {
		t.Errorf("the former contents were at %v, want %v", got.Past, want)
	}
	if want := now.Add(-70 * time.Second); !got.Began.Equal(want) {
		t.Errorf("Flux began at %v, want %v", got.Began, want)
	}
	// Content that was there before begins when the one between was seen last.
	newer.FirstReconciled = metav1.NewTime(now.Add(-48 * time.Hour))
	if got := SyncOf(status(b, b, metav1.Condition{Status: metav1.ConditionTrue}, newer, older)); !got.Began.Equal(older.LastReconciled.Time) {
		t.Errorf("content that came back began at %v, want %v", got.Began, older.LastReconciled.Time)
	}
}

// A content is asked for at the last commit that had it.
func TestPastHasTheLastCommitOfAContent(t *testing.T) {
	const a, b = "main@sha1:aaaa", "main@sha1:bbbb"
	got := pastOf(status(b, b, metav1.Condition{}, snapshot("d1", fluxmeta.ReconciliationSucceededReason, b), snapshot("d1", fluxmeta.ReconciliationSucceededReason, a)))
	if want := map[string]string{"d1": "bbbb"}; !cmp.Equal(got, want) {
		t.Errorf("the former contents were at %v, want %v", got, want)
	}
}

// A commit that leaves a fault as it is has the same content, so it gets no mark. Another
// fault is another content.
func TestFaultThatStaysIsTheSameContent(t *testing.T) {
	fails := func(attempted, words string) string {
		return SyncOf(status("main@sha1:aaaa", "main@sha1:"+attempted, metav1.Condition{
			Status: metav1.ConditionFalse, Reason: fluxmeta.BuildFailedReason, Message: words,
		})).Content
	}
	first := fails("bbbb", "no such file")
	if next := fails("cccc", "no such file"); next != first {
		t.Errorf("the same fault at the next commit is %s, want %s", next, first)
	}
	if other := fails("bbbb", "no such directory"); other == first {
		t.Errorf("another fault has the same content, %s", other)
	}
}
