package operator_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/utils/ptr"
	"sigs.k8s.io/controller-runtime/pkg/client"

	v1alpha1ac "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// proxy is the field owner of those who bring users to their carrels.
const proxy = client.FieldOwner("proxy")

// active says that a user was seen, as a proxy does.
func (w *world) active(name string, at time.Time) {
	w.Helper()
	w.apply(v1alpha1ac.Userland(name, w.namespace).WithStatus(v1alpha1ac.UserlandStatus().WithLastActivityTime(metav1.NewTime(at))))
}

// ask asks something of a carrel, as the class board does.
func (w *world) ask(name string, r v1alpha1.Requests) {
	w.Helper()
	w.apply(v1alpha1ac.Userland(name, w.namespace).WithStatus(v1alpha1ac.UserlandStatus().WithRequests(&v1alpha1ac.RequestsApplyConfiguration{
		RestartAt: r.RestartAt, StopAt: r.StopAt, KeepUntil: r.KeepUntil, ResetAt: r.ResetAt,
	})))
}

func (w *world) apply(u *v1alpha1ac.UserlandApplyConfiguration) {
	w.Helper()
	if err := w.Status().Apply(w.Context(), u, proxy, client.ForceOwnership); err != nil {
		w.Fatalf("write the status: %v", err)
	}
}

func (w *world) nowStamp() *metav1.Time { return ptr.To(metav1.NewTime(w.clock.Now())) }

// updatePending waits until a Userland says that it runs with an older revision.
func (w *world) updatePending(name string) {
	w.Helper()
	w.until(func() error {
		if u := get[v1alpha1.Userland](w, name); !meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.UpdatePendingCondition) {
			return fmt.Errorf("%s does not say that an update is pending: %+v", name, u.Status.Conditions)
		}
		return nil
	})
}

// restart has a carrel restarted that has an update pending, and waits until it
// is under way.
func (w *world) restart(name string) {
	w.Helper()
	w.updatePending(name)
	w.clock.offset.Add(int64(time.Second)) // moments asked for are told apart by seconds
	asked := w.nowStamp()
	w.ask(name, v1alpha1.Requests{RestartAt: asked})
	w.until(func() error {
		handled := get[v1alpha1.Userland](w, name).Status.Handled
		if handled == nil || handled.RestartAt == nil || handled.RestartAt.Unix() != asked.Unix() {
			return errors.New("the restart is not honoured")
		}
		return nil
	})
}

// sleeper is the Template of carrels that sleep after an hour.
func sleeper() *v1alpha1.Template {
	t := ide()
	t.Spec.Idle = &v1alpha1.Idle{After: metav1.Duration{Duration: time.Hour}}
	return t
}

func replicas(w *world, name string) int32 {
	return ptr.Deref(get[appsv1.Deployment](w, name).Spec.Replicas, 1)
}

func TestSleepAndWake(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	w.make(sleeper(), student("hanako"))
	u := w.reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	if !meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.ReadyCondition) || replicas(w, "hanako") != 0 {
		t.Fatalf("a new carrel begins asleep and Ready; it has %d replicas and says %+v", replicas(w, "hanako"), u.Status.Conditions)
	}

	w.active("hanako", w.clock.Now())
	u = w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	if u.Status.LastStartTime == nil || u.Status.LastActivityTime == nil {
		t.Errorf("it runs and does not say since when: %+v", u.Status)
	}
	w.later(59 * time.Minute)
	w.settled()
	if replicas(w, "hanako") != 1 {
		t.Fatal("stopped before its time")
	}
	// Seen again in between, it runs for another hour from then.
	w.active("hanako", w.clock.Now())
	w.later(59 * time.Minute)
	w.settled()
	if replicas(w, "hanako") != 1 {
		t.Fatal("stopped though its user was seen an hour ago at most")
	}
	w.later(2 * time.Minute)
	w.reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	if replicas(w, "hanako") != 0 {
		t.Error("asleep, and there is still to be a pod")
	}
	w.settled()
}

// The stop comes by a timer of its own: nothing else happens.
func TestSleepComesByItself(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	template := sleeper()
	template.Spec.Idle.After.Duration = 10 * time.Second
	w.make(template, student("hanako"))
	w.reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	w.active("hanako", w.clock.Now())
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
}

func TestIdlingBeginsWithItsTemplate(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	w.make(ide(), student("hanako"))
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.later(24 * time.Hour)
	before := get[appsv1.Deployment](w, "hanako")
	change(w, "ide", func(t *v1alpha1.Template) { t.Spec.Idle = sleeper().Spec.Idle })
	w.until(func() error {
		if get[v1alpha1.Userland](w, "hanako").Status.IdleFrom == nil {
			return errors.New("it does not say since when it can idle")
		}
		return nil
	})
	if after := get[appsv1.Deployment](w, "hanako"); after.Generation != before.Generation {
		t.Error("a Template that begins to idle stopped, or restarted, a carrel at once")
	}
	w.later(61 * time.Minute)
	w.reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	change(w, "ide", func(t *v1alpha1.Template) { t.Spec.Idle = nil })
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
}

func TestRequestsAreHonouredOnce(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	w.make(ide(), student("hanako"))
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	first := get[appsv1.Deployment](w, "hanako")

	w.clock.offset.Add(int64(time.Minute))
	w.ask("hanako", v1alpha1.Requests{RestartAt: w.nowStamp()})
	w.until(func() error {
		if get[appsv1.Deployment](w, "hanako").Generation == first.Generation {
			return errors.New("not restarted")
		}
		return nil
	})
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	second := get[appsv1.Deployment](w, "hanako")
	w.later(time.Minute)
	w.settled()
	if again := get[appsv1.Deployment](w, "hanako"); again.Generation != second.Generation {
		t.Error("restarted once more for one request")
	}

	w.ask("hanako", v1alpha1.Requests{StopAt: w.nowStamp()})
	w.reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	// The request is gone: what was honoured stays so.
	w.apply(v1alpha1ac.Userland("hanako", w.namespace).WithStatus(v1alpha1ac.UserlandStatus()))
	w.later(time.Minute)
	w.settled()
	w.reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	w.active("hanako", w.clock.Now())
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
}

// The Template is gone, or of no use: what sleeps can be woken all the same.
func TestWakeWithoutTemplate(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	w.make(sleeper(), student("hanako"))
	w.reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	if err := w.Delete(t.Context(), &v1alpha1.Template{ObjectMeta: metav1.ObjectMeta{Namespace: w.namespace, Name: "ide"}}); err != nil {
		t.Fatal(err)
	}
	w.reaches("hanako", v1alpha1.StateAsleep, v1alpha1.TemplateNotFoundReason)
	w.active("hanako", w.clock.Now())
	w.reaches("hanako", v1alpha1.StateRunning, v1alpha1.TemplateNotFoundReason)
}

// jupyter answers like its /api/status, at an address the pods are given.
func jupyter(t *testing.T, answer func() string) (port int32) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if text := answer(); text != "" && r.URL.Path == "/api/status" {
			_, _ = fmt.Fprintf(w, `{"last_activity": %q, "kernels": 1}`, text)
			return
		}
		http.Error(w, "no", http.StatusInternalServerError)
	}))
	t.Cleanup(server.Close)
	_, number, _ := strings.Cut(strings.TrimPrefix(server.URL, "http://"), ":")
	parsed, err := strconv.ParseInt(number, 10, 32)
	if err != nil {
		t.Fatal(err)
	}
	return int32(parsed)
}

func TestProbe(t *testing.T) {
	w := newWorld(t)
	w.playCluster()
	answers := make(chan string, 1)
	answers <- ""
	template := sleeper()
	template.Spec.Idle.Probe = &v1alpha1.IdleProbe{Path: "/api/status"}
	template.Spec.Service.Ports[0].Port = jupyter(t, func() string {
		answer := <-answers
		answers <- answer
		return answer
	})
	w.make(template, student("taro"))
	w.reaches("taro", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	w.active("taro", w.clock.Now())
	w.reaches("taro", v1alpha1.StateRunning, v1alpha1.RunningReason)

	// A probe that fails never stops anybody, and says so.
	w.later(2 * time.Hour)
	w.until(func() error {
		if u := get[v1alpha1.Userland](w, "taro"); !strings.Contains(message(u), "idle probe fails") {
			return fmt.Errorf("it does not say that its probe fails: %s", message(u))
		}
		return nil
	})
	// One that tells of work keeps it for as long from then.
	<-answers
	answers <- w.clock.Now().Add(-30 * time.Minute).Format(time.RFC3339)
	w.later(2 * time.Minute)
	w.until(func() error {
		if u := get[v1alpha1.Userland](w, "taro"); strings.Contains(message(u), "idle probe fails") {
			return fmt.Errorf("its probe answers, and it says: %s", message(u))
		}
		return nil
	})
	w.settled()
	if replicas(w, "taro") != 1 {
		t.Fatal("stopped while it works")
	}
	w.later(31 * time.Minute)
	w.reaches("taro", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
}
