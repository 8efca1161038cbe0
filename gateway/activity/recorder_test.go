package activity_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	applyv1alpha1 "github.com/carrel-dev/carrel/api/applyconfiguration/api/v1alpha1"
	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/activity"
	"github.com/carrel-dev/carrel/gateway/directory"
)

// class holds carrels that fall asleep after an hour, and counts the writes to them.
type class struct {
	*directory.Index
	mu     sync.Mutex
	writes int
	fail   error
}

func newClass(n int) *class {
	c := &class{Index: directory.NewIndex()}
	c.Put(&v1alpha1.Template{
		ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "ide"},
		Spec:       v1alpha1.TemplateSpec{Idle: &v1alpha1.Idle{After: metav1.Duration{Duration: time.Hour}}},
	})
	for i := range n {
		c.Put(&v1alpha1.Userland{
			ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: fmt.Sprintf("u%d", i)},
			Status:     v1alpha1.UserlandStatus{State: v1alpha1.StateRunning, Template: &v1alpha1.ObservedTemplate{Name: "ide"}},
		})
	}
	return c
}

// client returns a client that writes to the class. If seen is set, the Index has
// seen each write at once; else it sees none.
func (c *class) client(t *testing.T, seen bool) client.Client {
	t.Helper()
	scheme := runtime.NewScheme()
	if err := v1alpha1.AddToScheme(scheme); err != nil {
		t.Fatal(err)
	}
	return fake.NewClientBuilder().WithScheme(scheme).WithInterceptorFuncs(interceptor.Funcs{
		SubResourceApply: func(_ context.Context, _ client.Client, _ string, applied runtime.ApplyConfiguration, _ ...client.SubResourceApplyOption) error {
			u, ok := applied.(*applyv1alpha1.UserlandApplyConfiguration)
			if !ok {
				return fmt.Errorf("applied a %T", applied)
			}
			return c.write(u, seen)
		},
	}).Build()
}

func (c *class) write(u *applyv1alpha1.UserlandApplyConfiguration, seen bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.writes++
	if c.fail != nil {
		return c.fail
	}
	if carrel, _ := c.Carrel("prog1", *u.GetName()); seen {
		changed := carrel.Userland.DeepCopy()
		changed.Status.LastActivityTime = u.Status.LastActivityTime
		c.Put(changed)
	}
	return nil
}

// taken returns how many writes there were since the last call.
func (c *class) taken() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := c.writes
	c.writes = 0
	return n
}

var morning = time.Date(2026, 10, 5, 9, 0, 0, 0, time.UTC)

// 5,000 people work at the same time, with carrels that fall asleep after an hour. Each does
// something every ten seconds, at one of two replicas.
func TestActivityOfManyIsFewWrites(t *testing.T) {
	class, now := newClass(5000), clocktesting.NewFakeClock(morning)
	replicas := []*activity.Recorder{activity.New(class.client(t, true), class.Index, now), activity.New(class.client(t, true), class.Index, now)}
	total, most := 0, 0
	const seconds = 1800
	for second := range seconds {
		for i := second % 10; i < 5000; i += 10 {
			c, _ := class.Carrel("prog1", fmt.Sprintf("u%d", i))
			replicas[i/10%2].Touch(c)
		}
		for _, r := range replicas {
			r.Flush(t.Context())
		}
		now.Step(time.Second)
		n := class.taken()
		total += n
		most = max(most, n)
	}
	if most > 20 {
		t.Errorf("%d writes in one second, want at most 20", most)
	}
	// A carrel is written every 15 minutes, so twice in half an hour.
	if least, limit := 5000, 2*5000; total < least || total > limit {
		t.Errorf("%d writes in half an hour, want %d to %d", total, least, limit)
	}
}

func TestReplicasWriteOnce(t *testing.T) {
	class, now := newClass(1), clocktesting.NewFakeClock(morning)
	one, other := activity.New(class.client(t, true), class.Index, now), activity.New(class.client(t, true), class.Index, now)
	c, _ := class.Carrel("prog1", "u0")
	one.Touch(c)
	other.Touch(c)
	one.Flush(t.Context())
	other.Flush(t.Context())
	if n := class.taken(); n != 1 {
		t.Errorf("%d writes, want 1", n)
	}
}

// A replica knows its own writes before the watch shows them.
func TestOwnWritesCountBeforeTheyAreSeen(t *testing.T) {
	class, now := newClass(1), clocktesting.NewFakeClock(morning)
	r := activity.New(class.client(t, false), class.Index, now)
	c, _ := class.Carrel("prog1", "u0")
	for range 10 {
		r.Touch(c)
		r.Flush(t.Context())
		now.Step(time.Minute)
	}
	if n := class.taken(); n != 1 {
		t.Errorf("%d writes in ten minutes, want 1", n)
	}
	now.Step(6 * time.Minute)
	r.Touch(c)
	r.Flush(t.Context())
	if n := class.taken(); n != 1 {
		t.Errorf("%d writes after a quarter of the time to idle, want 1", n)
	}
}

func TestWakeIsOneWrite(t *testing.T) {
	class, now := newClass(1), clocktesting.NewFakeClock(morning)
	r := activity.New(class.client(t, false), class.Index, now)
	c, _ := class.Carrel("prog1", "u0")
	for range 5 {
		if err := r.Wake(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if n := class.taken(); n != 1 {
		t.Errorf("%d writes, want 1", n)
	}
	// The carrel is still asleep, since somebody has stopped it in between.
	now.Step(10 * time.Second)
	if err := r.Wake(t.Context(), c); err != nil || class.taken() != 1 {
		t.Errorf("a later visit is not written: %v", err)
	}
}

func TestWhatFailsIsWrittenLater(t *testing.T) {
	class, now := newClass(1), clocktesting.NewFakeClock(morning)
	class.fail = errors.New("the API server is away")
	r := activity.New(class.client(t, true), class.Index, now)
	c, _ := class.Carrel("prog1", "u0")
	r.Touch(c)
	r.Flush(t.Context())
	class.fail = nil
	now.Step(time.Minute)
	r.Flush(t.Context())
	if c, _ := class.Carrel("prog1", "u0"); c.LastActivity == nil || !c.LastActivity.Equal(morning) {
		t.Errorf("the last activity is %v, want %v", c.LastActivity, metav1.NewTime(morning))
	}
}

func TestTheEndWritesWhatIsLeft(t *testing.T) {
	class, now := newClass(30), clocktesting.NewFakeClock(morning)
	r := activity.New(class.client(t, true), class.Index, now)
	for i := range 30 {
		c, _ := class.Carrel("prog1", fmt.Sprintf("u%d", i))
		r.Touch(c)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Run(ended); err != nil {
		t.Fatal(err)
	}
	if n := class.taken(); n != 30 {
		t.Errorf("%d writes at the end, want 30", n)
	}
}

// The policy refuses a time that is earlier than the one another replica wrote. Then there is
// nothing left to write. A write that is refused for another reason is retried.
func TestWhatAnotherReplicaWroteLaterStands(t *testing.T) {
	backwards := apierrors.NewInvalid(v1alpha1.SchemeGroupVersion.WithKind("Userland").GroupKind(), "u0", nil)
	for _, test := range []struct {
		name string
		// written is the time that the API server has.
		written *metav1.Time
		settled bool
	}{
		{"a later time", &metav1.Time{Time: morning.Add(time.Minute)}, true},
		{"the same second", &metav1.Time{Time: morning}, true},
		{"an earlier time, so that it was refused for its own", &metav1.Time{Time: morning.Add(-time.Hour)}, false},
		{"none", nil, false},
	} {
		class, now := newClass(1), clocktesting.NewFakeClock(morning.Add(300*time.Millisecond))
		class.fail = backwards
		c := class.client(t, false)
		u := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "u0"}, Status: v1alpha1.UserlandStatus{LastActivityTime: test.written}}
		if err := c.Create(t.Context(), u); err != nil {
			t.Fatal(err)
		}
		r := activity.New(c, class.Index, now)
		carrel, _ := class.Carrel("prog1", "u0")
		r.Touch(carrel)
		r.Flush(t.Context())
		class.taken()
		r.Flush(t.Context())
		if again := class.taken() == 1; again == test.settled {
			t.Errorf("with %s written, it is tried again: %v", test.name, again)
		}
	}
}
