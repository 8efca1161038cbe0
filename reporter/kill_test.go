package reporter

import (
	"context"
	"fmt"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/forge"
)

// mortality kills the reporter at a moment before or after one of its writes, by a panic.
type mortality struct{ left int }

func (m *mortality) write(do func() error) error {
	m.moment()
	err := do()
	m.moment()
	return err
}

func (m *mortality) moment() {
	if m.left--; m.left == 0 {
		panic(killed{})
	}
}

type mortalClient struct {
	client.Client
	*mortality
}

func (c mortalClient) Patch(ctx context.Context, object client.Object, patch client.Patch, options ...client.PatchOption) error {
	return c.write(func() error { return c.Client.Patch(ctx, object, patch, options...) })
}

func (c mortalClient) Status() client.SubResourceWriter {
	return mortalStatus{c.Client.Status(), c.mortality}
}

type mortalStatus struct {
	client.SubResourceWriter
	*mortality
}

func (s mortalStatus) Apply(ctx context.Context, object runtime.ApplyConfiguration, options ...client.SubResourceApplyOption) error {
	return s.write(func() error { return s.SubResourceWriter.Apply(ctx, object, options...) })
}

type mortalForge struct {
	forge.Client
	*mortality
}

func (f mortalForge) Post(ctx context.Context, commit string, status forge.Status) error {
	return f.write(func() error { return f.Client.Post(ctx, commit, status) })
}

// dieAt has the reporter die at a moment of its next writes; 0 lets it live.
func (w *world) dieAt(moment int) {
	m := &mortality{left: moment}
	w.reporter.Client = mortalClient{w.reporter.Client, m}
	for i, kind := range w.reporter.Forges {
		open := kind.Open
		w.reporter.Forges[i].Open = func(config forge.Config) (forge.Client, error) {
			opened, err := open(config)
			return mortalForge{opened, m}, err
		}
	}
}

// mayDie runs something that the reporter's death ends.
func mayDie(do func()) {
	defer func() {
		if death := recover(); death != nil {
			if _, expected := death.(killed); !expected {
				panic(death)
			}
		}
	}()
	do()
}

// lastMoment is the last moment of one report: a last word, the intent, the post, and its record.
const lastMoment = 8

// A reporter that is killed at any moment, again and again, makes no post twice, and leaves
// the mark that is true.
func TestKilledAtAnyMoment(t *testing.T) {
	for moment := range lastMoment + 1 {
		t.Run(fmt.Sprint("moment ", moment), func(t *testing.T) {
			w := newWorld(t)
			w.userlands(2)
			w.runs(0)
			first := w.commit("first", "r1", "t1")
			w.reconcile()
			second := w.commit("second", "r2", "t1")
			step := func() {
				w.Helper()
				w.restart()
				w.dieAt(moment)
				mayDie(func() { w.reconcile() })
				w.restart()
				w.reconcile()
				w.pass(time.Minute)
			}
			step()
			want := []string{pending + "1 of 2 ready, 1 starting"}
			w.expect(second, want...)
			w.expect(first, pending+"1 of 2 ready, 1 starting", pending+describeSuperseded(second))
			const ready, fails = success + "2 of 2 ready", failure + "1 of 2 needs attention: CrashLoopBackOff 1"
			for _, mark := range []string{ready, fails, ready, fails, ""} {
				if mark == fails {
					w.becomes(1, v1alpha1.StateFailing, v1alpha1.CrashLoopBackOffReason)
				} else {
					w.runs(1)
				}
				step()
				if mark != "" {
					want = append(want, mark)
				}
				w.expect(second, want...)
			}
			w.becomes(1, v1alpha1.StateFailing, v1alpha1.CrashLoopBackOffReason)
			step()
			w.expect(second, want...)
			if report := w.reported().Status.Report; report.Posts != int32(len(want)) || report.Unconfirmed {
				t.Errorf("the report has %d posts (unconfirmed: %v), the forge %d", report.Posts, report.Unconfirmed, len(want))
			}
		})
	}
}

// A death between a post and its record, after which things are as they were before, leaves
// the mark that is true, and not that of the post.
func TestKilledBeforeThingsTurnBack(t *testing.T) {
	for moment := range lastMoment + 1 {
		t.Run(fmt.Sprint("moment ", moment), func(t *testing.T) {
			w := newWorld(t)
			w.userlands(1)
			w.runs(0)
			commit := w.commit("first", "r1", "t1")
			w.reconcile()
			w.becomes(0, v1alpha1.StateFailing, v1alpha1.CrashLoopBackOffReason)
			w.restart()
			w.dieAt(moment)
			mayDie(func() { w.reconcile() })
			w.runs(0)
			w.restart()
			w.reconcile()
			posted := w.forge.Posted(commit)
			if latest := posted[len(posted)-1]; latest.State != forge.Success {
				t.Errorf("all is well, and the mark is %+v", posted)
			}
			w.expectSilence()
		})
	}
}

// The same of what is above the courses.
func TestKilledAtAnyMomentAbove(t *testing.T) {
	for moment := range lastMoment {
		t.Run(fmt.Sprint("moment ", moment), func(t *testing.T) {
			w := newAboveWorld(t)
			good := w.forge.Commit("good")
			w.stands(good, good, "")
			w.reconcile()
			bad := w.breaks("bad")
			step := func() {
				w.Helper()
				w.restart()
				w.dieAt(moment)
				w.above = newAboveReconciler(w.reporter)
				mayDie(w.reconcile)
				w.restart()
				w.reconcile()
				w.pass(time.Minute)
			}
			var want []string
			for i := range 3 {
				w.stands(good, bad, "invalid Kustomization")
				step()
				if want = append(want, aboveBroken); i == 2 {
					break
				}
				w.expect(bad, want...)
				w.stands(bad, bad, "")
				step()
				want = append(want, success+describeAboveMended)
				w.expect(bad, want...)
			}
			w.expect(bad, want...)
		})
	}
}
