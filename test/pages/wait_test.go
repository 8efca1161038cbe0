//go:build e2e

package pages

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-rod/rod/lib/proto"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/gatewaytest"
	"github.com/carrel-dev/carrel/gateway/page"
	"github.com/carrel-dev/carrel/gateway/wait"
	"github.com/carrel-dev/carrel/test/chromium"
)

const (
	course = gatewaytest.CourseName
	name   = "24t0101"
)

// carrelHost is the host of one carrel: its page where it answers, else the wait.
func carrelHost(d *gatewaytest.Cluster) http.Handler {
	w := &wait.Waiter{Directory: d.Index, Desk: "https://desk.example.ac.jp", Clock: lab(), Tick: 50 * time.Millisecond}
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		switch {
		case page.IsAsset(r.URL.Path):
			page.Assets().ServeHTTP(rw, r)
			return
		case r.URL.Path == wait.EventsPath:
			w.Events(rw, r, course, name, func(directory.Carrel) {})
			return
		}
		if c, _ := d.Carrel(course, name); c.Target != "" || w.Hold(rw, r, course, name) {
			rw.Header().Set("Content-Type", "text/html")
			fmt.Fprintf(rw, "<title>editor</title><p id=work>%s", r.URL.RequestURI())
		}
	})
}

// in is the first student of the class in a state.
func in(state, reason, message string) *v1alpha1.Userland {
	u := gatewaytest.Student(0, lab().Now())
	u.Status.State = state
	u.Status.LastActivityTime = &metav1.Time{Time: lab().Now()}
	u.Status.Conditions = []metav1.Condition{{Type: v1alpha1.ReadyCondition, Reason: reason, Message: message}}
	gatewaytest.Adjust(u, 40, lab().Now())
	if state == v1alpha1.StateAsleep {
		u.Status.LastActivityTime = &metav1.Time{Time: lab().Now()}
	}
	return u
}

func TestWaitingPageOpensByItself(t *testing.T) {
	d := gatewaytest.Class(300, lab().Now())
	class := gatewaytest.Course(lab().Now())
	class.Spec.Notice = "Room 204 is closed on Friday; the lab meets in room 310."
	d.Put(class)
	address := serve(t, carrelHost(d))
	browser := chromium.Start(t)
	for _, l := range looks {
		d.Set(in(v1alpha1.StateAsleep, v1alpha1.AsleepReason, "stopped until its user comes"), "")
		p := open(t, browser, l, address+"/files/report.txt?line=3")
		chromium.Find(t, p, ".desk-waking")
		for _, now := range []struct{ state, reason, message string }{
			{v1alpha1.StateQueued, v1alpha1.QueuedReason, "other carrels of the course start first"},
			{v1alpha1.StateStarting, v1alpha1.PreparingReason, "the node pulls images or attaches volumes"},
			{v1alpha1.StateFailing, v1alpha1.ImagePullBackOffReason, `the image "registry.example.ac.jp/ide:2027" of container "ide" can't be pulled: correct its name, or let the cluster log in to the registry`},
		} {
			d.Set(in(now.state, now.reason, now.message), "")
			chromium.Find(t, p, ".desk-"+strings.ToLower(now.state))
			chromium.Keep(t, p, "wait-"+now.state+"-"+l.name)
		}
		d.Set(in(v1alpha1.StateRunning, v1alpha1.RunningReason, "the carrel answers"), "127.0.0.1:1")
		if got := chromium.Find(t, p, "#work").MustText(); got != "/files/report.txt?line=3" {
			t.Errorf("%s: the carrel opened at %s, want where its user was going", l.name, got)
		}
		p.MustClose()
	}
}

// An address goes on behind a #, as in programs that keep their place there.
func TestWaitingPageOpensWhereTheAddressSays(t *testing.T) {
	d := gatewaytest.Class(3, lab().Now())
	address := serve(t, carrelHost(d))
	browser := chromium.Start(t)
	for _, path := range []string{"/", "/?x=1", "/#/notes/3", "/?x=1#place", "/?x=1&carrel-lang=ja#place"} {
		d.Set(in(v1alpha1.StateStarting, v1alpha1.StartingReason, "the carrel is starting"), "")
		p := open(t, browser, looks[0], address+path)
		chromium.Find(t, p, ".desk-starting")
		d.Set(in(v1alpha1.StateRunning, v1alpha1.RunningReason, "the carrel answers"), "127.0.0.1:1")
		chromium.Find(t, p, "#work")
		p.MustClose()
	}
}

// Without script the page asks again, as its own HTML says.
func TestWaitingPageWithoutScript(t *testing.T) {
	d := gatewaytest.Class(300, lab().Now())
	d.Set(in(v1alpha1.StateStarting, v1alpha1.StartingReason, "the carrel is starting"), "")
	p := chromium.Start(t).MustPage("").Timeout(pageLasts)
	if err := (proto.EmulationSetScriptExecutionDisabled{Value: true}).Call(p); err != nil {
		t.Fatal(err)
	}
	p.MustNavigate(serve(t, carrelHost(d)) + "/work")
	chromium.Find(t, p, ".desk-starting")
	d.Set(in(v1alpha1.StateRunning, v1alpha1.RunningReason, "the carrel answers"), "127.0.0.1:1")
	chromium.Find(t, p, "#work")
}
