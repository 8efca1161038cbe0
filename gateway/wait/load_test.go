package wait_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/gatewaytest"
	"github.com/carrel-dev/carrel/gateway/wait"
)

// processor returns the CPU time of this process.
func processor() time.Duration {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// In BenchmarkClassInTheQueue half a class of 600 waits in the queue, each with an open page,
// and 30 a second become ready. It measures the share of a core that this takes, including
// the clients, and the bytes sent to each page.
func BenchmarkClassInTheQueue(b *testing.B) {
	for b.Loop() {
		d := gatewaytest.Class(600, time.Now())
		w := &wait.Waiter{Directory: d.Index}
		server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			w.Events(rw, r, course, r.URL.Path[1:], func(directory.Carrel) {})
		}))
		var told atomic.Int64
		var pages sync.WaitGroup
		const waiting = 300
		for i := range waiting {
			u := gatewaytest.Student(i, time.Now())
			u.Status.State, u.Status.QueuedSince = v1alpha1.StateQueued, &metav1.Time{Time: time.Now().Add(-time.Duration(i) * time.Second)}
			d.Set(u, "")
			pages.Go(func() {
				answer, err := http.Get(server.URL + "/" + u.Name)
				if err != nil {
					b.Error(err)
					return
				}
				n, _ := io.Copy(io.Discard, answer.Body)
				told.Add(n)
			})
		}
		time.Sleep(time.Second)
		used, began := processor(), time.Now()
		for i := range waiting {
			u := gatewaytest.Student(waiting-1-i, time.Now())
			u.Status.State = v1alpha1.StateRunning
			d.Set(u, "127.0.0.1:1")
			time.Sleep(time.Second / 30)
		}
		pages.Wait()
		b.ReportMetric(100*float64(processor()-used)/float64(time.Since(began)), "%core")
		b.ReportMetric(float64(told.Load())/waiting, "bytes/page")
		server.Close()
	}
}
