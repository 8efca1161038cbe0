package reporter

import (
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/workload"
	"github.com/carrel-dev/carrel/forge"
)

// trialOf returns the trial of ide-2 with an outcome of so long ago.
func trialOf(outcome string, age time.Duration) *v1alpha1.TemplateTrial {
	return &v1alpha1.TemplateTrial{Revision: "ide-2", Outcome: outcome, Message: "trial " + outcome, Time: metav1.NewTime(now.Add(-age))}
}

// A commit is green when each revision in use was tried, or could not be tried.
func TestGreenIsEarned(t *testing.T) {
	fresh := Revision{Name: "ide-2", Since: now}
	with := func(trial *v1alpha1.TemplateTrial) Revision {
		r := fresh
		r.Trial = trial
		return r
	}
	for name, test := range map[string]struct {
		revision Revision
		idle     bool // no errand process runs
		unused   bool
		want     forge.State
		words    string
	}{
		"a trial that started":                  {revision: with(trialOf(v1alpha1.TrialStarted, 0)), want: forge.Success, words: "no carrels yet; trial Started"},
		"a trial that failed":                   {revision: with(trialOf(v1alpha1.TrialFailed, 0)), want: forge.Failure, words: "the trial start of Template ide failed: trial Failed"},
		"a failed trial counts without errands": {revision: with(trialOf(v1alpha1.TrialFailed, 0)), idle: true, want: forge.Failure, words: "the trial start of Template ide failed: trial Failed"},
		"a trial that runs":                     {revision: with(trialOf(v1alpha1.TrialRunning, 0)), want: forge.Pending, words: "no carrels yet"},
		"a trial that runs for too long":        {revision: with(trialOf(v1alpha1.TrialRunning, trialEnds)), want: forge.Success, words: "no carrels yet; not tried"},
		"what could not be tried":               {revision: with(trialOf(v1alpha1.TrialNotTried, 0)), want: forge.Success, words: "no carrels yet; not tried"},
		"a revision without a trial":            {revision: fresh, want: forge.Pending, words: "no carrels yet"},
		"a revision without a trial for long":   {revision: Revision{Name: "ide-2", Since: now.Add(-trialBegins)}, want: forge.Success, words: "no carrels yet; not tried"},
		"no errand process":                     {revision: fresh, idle: true, want: forge.Success, words: "no carrels yet"},
		"trials are turned off":                 {revision: Revision{Name: "ide-2", Since: now, Untried: true}, want: forge.Success, words: "no carrels yet"},
		"a Template that nobody uses":           {revision: with(trialOf(v1alpha1.TrialFailed, 0)), unused: true, want: forge.Success, words: "no carrels yet"},
		"a Template that nobody has read":       {revision: Revision{Name: "ide-2", Unread: true, Trial: trialOf(v1alpha1.TrialStarted, 0)}, want: forge.Pending, words: "no carrels yet"},
		"a new Template that nobody has read":   {revision: Revision{Unread: true}, want: forge.Pending, words: "no carrels yet"},
		"nobody has read, and no errand":        {revision: Revision{Unread: true}, idle: true, want: forge.Success, words: "no carrels yet"},
	} {
		t.Run(name, func(t *testing.T) {
			class := Class{DefaultTemplate: "ide", Errands: !test.idle, Revisions: map[string]Revision{"ide": test.revision}}
			if test.unused {
				class.DefaultTemplate = ""
			}
			got := judge(Aim{Revision: "A"}, nil, class.Take(time.Time{}, now))
			if got.state != test.want || got.description != test.words {
				t.Errorf("the mark is %s: %s, want %s: %s", got.state, got.description, test.want, test.words)
			}
		})
	}
}

// After an edit the status of a Template speaks of the former one for a moment, also if
// only a pvcSpec was edited.
func TestRevisionOfATemplateThatNobodyHasRead(t *testing.T) {
	template := &v1alpha1.Template{
		ObjectMeta: metav1.ObjectMeta{Generation: 2},
		Spec:       v1alpha1.TemplateSpec{Volumes: []v1alpha1.Volume{{Name: "home"}}},
		Status:     v1alpha1.TemplateStatus{ObservedGeneration: 1, Revision: &v1alpha1.TemplateRevision{Name: "ide-2"}},
	}
	volumes, err := workload.VolumesDigest(template)
	if err != nil {
		t.Fatal(err)
	}
	template.Status.Trials = []v1alpha1.TemplateTrial{{Revision: "ide-2", Volumes: volumes, Outcome: v1alpha1.TrialStarted}}
	if !revisionOf(template).Unread {
		t.Error("the former revision is taken for that of the edit")
	}
	if template.Status.ObservedGeneration = 2; revisionOf(template).Unread {
		t.Error("a Template that was read counts as unread")
	}
	template.Status = v1alpha1.TemplateStatus{ObservedGeneration: 1}
	if !revisionOf(template).Unread {
		t.Error("a Template without a revision counts as read")
	}
}

// A trial may take longer than a commit may be without progress. It has a bound of its own.
func TestTrialThatTakesLongIsNotLate(t *testing.T) {
	awaited := tally(24, 24)
	awaited.Trial.Pending, awaited.Recheck = true, time.Minute
	syncs := []Sync{applied(rosterKey, "A", "r1"), applied(templatesKey, "A", "t1")}
	before := ago(16*time.Minute, last("A", "pending", "24 of 24 ready; trial start under way"))
	if d := Decide(AimAt(syncs, before, "", nil), syncs, awaited, before, now); d.Report != nil || d.After != time.Minute {
		t.Errorf("decided %+v, want nothing for a minute", outcomeOf(d))
	}
	others := awaited
	others.Ready = 23
	before = ago(16*time.Minute, last("A", "pending", "23 of 24 ready, 1 starting; trial start under way"))
	if d := Decide(AimAt(syncs, before, "", nil), syncs, others, before, now); d.Report == nil || d.Report.State != "failure" {
		t.Errorf("decided %+v, want a failure: a carrel does not get on", outcomeOf(d))
	}
}

// The trial of a revision of before is no news of this commit.
func TestTrialOfARevisionOfBeforeIsNotSaid(t *testing.T) {
	for age, want := range map[time.Duration]string{0: "trial Started", time.Minute: ""} {
		class := Class{DefaultTemplate: "ide", Errands: true, Revisions: map[string]Revision{
			"ide": {Name: "ide-2", Since: now.Add(-age), Trial: trialOf(v1alpha1.TrialStarted, age)},
		}}
		if got := class.Take(now, now).Trial.Said; got != want {
			t.Errorf("of a revision that is %v older than the commit is said %q, want %q", age, got, want)
		}
	}
}
