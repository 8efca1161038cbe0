package userland_test

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

	v1alpha1ac "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/classroom"
)

func TestSleepAndWake(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.Sleeper(), classroom.Student("hanako"))
	u := w.Reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	if !meta.IsStatusConditionTrue(u.Status.Conditions, v1alpha1.ReadyCondition) {
		t.Fatalf("a new carrel begins asleep and Ready; it says %+v", u.Status.Conditions)
	}

	w.Active("hanako", w.Clock.Now())
	u = w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	if u.Status.LastStartTime == nil || u.Status.LastActivityTime == nil {
		t.Errorf("it runs and does not say since when: %+v", u.Status)
	}
	w.Later(59 * time.Minute)
	w.Settled()
	if classroom.Replicas(w, "hanako") != 1 {
		t.Fatal("stopped before its time")
	}
	// Seen again in between, it runs for another hour from then.
	w.Active("hanako", w.Clock.Now())
	w.Later(59 * time.Minute)
	w.Settled()
	if classroom.Replicas(w, "hanako") != 1 {
		t.Fatal("stopped though its user was seen an hour ago at most")
	}
	w.Later(2 * time.Minute)
	w.Reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	if classroom.Replicas(w, "hanako") != 0 {
		t.Error("asleep, and there is still to be a pod")
	}
	w.Settled()
}

// The stop comes by a timer of its own: nothing else happens.
func TestSleepComesByItself(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	template := classroom.Sleeper()
	template.Spec.Idle.After.Duration = 10 * time.Second
	w.Make(template, classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	w.Active("hanako", w.Clock.Now())
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.Reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
}

func TestIdlingBeginsWithItsTemplate(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.IDE(), classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	w.Later(24 * time.Hour)
	before := classroom.Get[appsv1.Deployment](w, "hanako")
	classroom.Change(w, "ide", func(t *v1alpha1.Template) { t.Spec.Idle = classroom.Sleeper().Spec.Idle })
	w.Until(func() error {
		if classroom.Get[v1alpha1.Userland](w, "hanako").Status.IdleFrom == nil {
			return errors.New("it does not say since when it can idle")
		}
		return nil
	})
	if after := classroom.Get[appsv1.Deployment](w, "hanako"); after.Generation != before.Generation {
		t.Error("a Template that begins to idle stopped, or restarted, a carrel at once")
	}
	w.Later(61 * time.Minute)
	w.Reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	classroom.Change(w, "ide", func(t *v1alpha1.Template) { t.Spec.Idle = nil })
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
}

func TestRequestsAreHonouredOnce(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.IDE(), classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	first := classroom.Get[appsv1.Deployment](w, "hanako")

	w.Clock.Advance(time.Minute)
	w.Ask("hanako", v1alpha1.Requests{RestartAt: w.NowStamp()})
	w.Until(func() error {
		if classroom.Get[appsv1.Deployment](w, "hanako").Generation == first.Generation {
			return errors.New("not restarted")
		}
		return nil
	})
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
	second := classroom.Get[appsv1.Deployment](w, "hanako")
	w.Later(time.Minute)
	w.Settled()
	if again := classroom.Get[appsv1.Deployment](w, "hanako"); again.Generation != second.Generation {
		t.Error("restarted once more for one request")
	}

	w.Ask("hanako", v1alpha1.Requests{StopAt: w.NowStamp()})
	w.Reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	// The request is gone: what was honoured stays so.
	w.ApplyStatus(v1alpha1ac.Userland("hanako", w.Namespace).WithStatus(v1alpha1ac.UserlandStatus()))
	w.Later(time.Minute)
	w.Settled()
	w.Reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	w.Active("hanako", w.Clock.Now())
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.RunningReason)
}

// The Template is gone, or of no use: what sleeps can be woken all the same.
func TestWakeWithoutTemplate(t *testing.T) {
	w := classroom.New(t)
	w.PlayCluster()
	w.Make(classroom.Sleeper(), classroom.Student("hanako"))
	w.Reaches("hanako", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	w.Opened("hanako")
	if err := w.Delete(t.Context(), &v1alpha1.Template{ObjectMeta: metav1.ObjectMeta{Namespace: w.Namespace, Name: "ide"}}); err != nil {
		t.Fatal(err)
	}
	w.Reaches("hanako", v1alpha1.StateAsleep, v1alpha1.TemplateNotFoundReason)
	w.Active("hanako", w.Clock.Now())
	w.Reaches("hanako", v1alpha1.StateRunning, v1alpha1.TemplateNotFoundReason)
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
	w := classroom.New(t)
	w.PlayCluster()
	answers := make(chan string, 1)
	answers <- ""
	template := classroom.Sleeper()
	template.Spec.Idle.Probe = &v1alpha1.IdleProbe{Path: "/api/status"}
	template.Spec.Service.Ports[0].Port = jupyter(t, func() string {
		answer := <-answers
		answers <- answer
		return answer
	})
	w.Make(template, classroom.Student("taro"))
	w.Reaches("taro", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
	w.Active("taro", w.Clock.Now())
	w.Reaches("taro", v1alpha1.StateRunning, v1alpha1.RunningReason)

	// A probe that fails never stops anybody, and says so.
	w.Later(2 * time.Hour)
	w.Until(func() error {
		if u := classroom.Get[v1alpha1.Userland](w, "taro"); !strings.Contains(classroom.Message(u), "idle probe fails") {
			return fmt.Errorf("it does not say that its probe fails: %s", classroom.Message(u))
		}
		return nil
	})
	// One that tells of work keeps it for as long from then.
	<-answers
	answers <- w.Clock.Now().Add(-30 * time.Minute).Format(time.RFC3339)
	w.Later(2 * time.Minute)
	w.Until(func() error {
		if u := classroom.Get[v1alpha1.Userland](w, "taro"); strings.Contains(classroom.Message(u), "idle probe fails") {
			return fmt.Errorf("its probe answers, and it says: %s", classroom.Message(u))
		}
		return nil
	})
	w.Settled()
	if classroom.Replicas(w, "taro") != 1 {
		t.Fatal("stopped while it works")
	}
	w.Later(31 * time.Minute)
	w.Reaches("taro", v1alpha1.StateAsleep, v1alpha1.AsleepReason)
}
