package directory_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/directory"
)

func userland(name, user string) *v1alpha1.Userland {
	return &v1alpha1.Userland{
		ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: name}, Spec: v1alpha1.UserlandSpec{User: user},
		Status: v1alpha1.UserlandStatus{State: v1alpha1.StateRunning, Template: &v1alpha1.ObservedTemplate{Name: "ide"}},
	}
}

func template(ports ...string) *v1alpha1.Template {
	t := &v1alpha1.Template{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "ide"}}
	t.Spec.Idle = &v1alpha1.Idle{After: metav1.Duration{Duration: time.Hour}}
	for _, name := range ports {
		t.Spec.Service.Ports = append(t.Spec.Service.Ports, v1alpha1.ServicePort{Name: name})
	}
	return t
}

func slice(name, of string, ports []discoveryv1.EndpointPort, endpoints ...discoveryv1.Endpoint) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: "prog1", Name: name, Labels: map[string]string{v1alpha1.UserlandLabel: of}},
		AddressType: discoveryv1.AddressTypeIPv4, Ports: ports, Endpoints: endpoints,
	}
}

func port(name string, number int32) discoveryv1.EndpointPort {
	return discoveryv1.EndpointPort{Name: &name, Port: &number}
}

func endpoint(address string, ready *bool) discoveryv1.Endpoint {
	return discoveryv1.Endpoint{Addresses: []string{address}, Conditions: discoveryv1.EndpointConditions{Ready: ready}}
}

func TestTarget(t *testing.T) {
	udp := port("http", 53)
	udp.Protocol = new(corev1.ProtocolUDP)
	ofNames := slice("a", "hana", []discoveryv1.EndpointPort{port("http", 80)}, discoveryv1.Endpoint{Addresses: []string{"evil.example"}})
	ofNames.AddressType = discoveryv1.AddressTypeFQDN
	six := slice("a", "hana", []discoveryv1.EndpointPort{port("http", 80)}, endpoint("fd00::7", nil))
	six.AddressType = discoveryv1.AddressTypeIPv6
	for _, test := range []struct {
		name     string
		template *v1alpha1.Template
		slices   []*discoveryv1.EndpointSlice
		want     string
	}{
		{"none", template("http"), nil, ""},
		{"the port named http", template("db", "http"), []*discoveryv1.EndpointSlice{
			slice("a", "hana", []discoveryv1.EndpointPort{port("db", 3306), port("http", 8080)}, endpoint("10.0.0.1", new(true))),
		}, "10.0.0.1:8080"},
		{"else the first of the template", template("web", "admin"), []*discoveryv1.EndpointSlice{
			slice("a", "hana", []discoveryv1.EndpointPort{port("admin", 1), port("web", 8081)}, endpoint("10.0.0.1", new(true))),
		}, "10.0.0.1:8081"},
		{"one port of a template that is gone", nil, []*discoveryv1.EndpointSlice{
			slice("a", "hana", []discoveryv1.EndpointPort{port("ide", 8082)}, endpoint("10.0.0.1", new(true))),
		}, "10.0.0.1:8082"},
		{"two of them", nil, []*discoveryv1.EndpointSlice{
			slice("a", "hana", []discoveryv1.EndpointPort{port("ide", 8082), port("db", 1)}, endpoint("10.0.0.1", new(true))),
		}, ""},
		{"not what speaks UDP", template("http"), []*discoveryv1.EndpointSlice{
			slice("a", "hana", []discoveryv1.EndpointPort{udp}, endpoint("10.0.0.1", new(true))),
		}, ""},
		{"not ready, then another that is", template("http"), []*discoveryv1.EndpointSlice{
			slice("a", "hana", []discoveryv1.EndpointPort{port("http", 80)}, endpoint("10.0.0.1", new(false)), endpoint("10.0.0.2", new(true))),
		}, "10.0.0.2:80"},
		{"ready unless it is said not to be", template("http"), []*discoveryv1.EndpointSlice{
			slice("a", "hana", []discoveryv1.EndpointPort{port("http", 80)}, endpoint("10.0.0.1", nil)),
		}, "10.0.0.1:80"},
		{"IPv6", template("http"), []*discoveryv1.EndpointSlice{six}, "[fd00::7]:80"},
		{"no names", template("http"), []*discoveryv1.EndpointSlice{ofNames}, ""},
		{"not another's", template("http"), []*discoveryv1.EndpointSlice{
			slice("a", "ken", []discoveryv1.EndpointPort{port("http", 80)}, endpoint("10.0.0.1", nil)),
		}, ""},
		{"the first slice by name", template("http"), []*discoveryv1.EndpointSlice{
			slice("b", "hana", []discoveryv1.EndpointPort{port("http", 80)}, endpoint("10.0.0.2", nil)),
			slice("a", "hana", []discoveryv1.EndpointPort{port("http", 80)}, endpoint("10.0.0.1", nil)),
		}, "10.0.0.1:80"},
	} {
		t.Run(test.name, func(t *testing.T) {
			x := directory.NewIndex()
			// Slices may come before their Userland, and a Template after it.
			for _, s := range test.slices {
				x.Put(s)
			}
			x.Put(userland("hana", "hana"))
			if test.template != nil {
				x.Put(test.template)
			}
			c, found := x.Carrel("prog1", "hana")
			if !found || c.Target != test.want || c.Ready != (test.want != "") {
				t.Errorf("it answers at %q (ready %v), want %q", c.Target, c.Ready, test.want)
			}
		})
	}
}

// A carrel is about to be evicted while the node of its pod takes no further pods.
func TestCarrelsOfANodeThatIsDrained(t *testing.T) {
	node := func(name string, unschedulable bool) *corev1.Node {
		return &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: name}, Spec: corev1.NodeSpec{Unschedulable: unschedulable}}
	}
	x := directory.NewIndex()
	for name, on := range map[string]string{"hana": "one", "ken": "two"} {
		there := endpoint("10.0.0.1", nil)
		there.NodeName = &on
		x.Put(slice(name, name, []discoveryv1.EndpointPort{port("http", 80)}, there))
		x.Put(userland(name, name))
	}
	x.Put(userland("mio", "mio")) // does not run
	check := func(when string, want bool) {
		t.Helper()
		for name, want := range map[string]bool{"hana": want, "ken": false, "mio": false} {
			c, _ := x.Carrel("prog1", name)
			if got := x.Draining(c); got != want {
				t.Errorf("%s, %s is drained: %v, want %v", when, name, got, want)
			}
		}
	}
	check("before", false)
	x.Put(node("one", true))
	x.Put(node("two", false))
	check("when its node is closed", true)
	x.Put(node("one", false))
	check("when its node is open again", false)
	x.Put(node("one", true))
	x.Delete(node("one", true))
	check("when its node is gone", false)
}

func TestIndexFollowsWhatChanges(t *testing.T) {
	x := directory.NewIndex()
	names := func(carrels []directory.Carrel) string {
		all := ""
		for _, c := range carrels {
			all += c.Course + "/" + c.Name + " "
		}
		return all
	}
	elsewhere := userland("hana", "hana@example.ac.jp")
	elsewhere.Namespace = "db"
	for _, o := range []any{
		&v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "prog1"}},
		&v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "another"}},
		template("http"), userland("ken", ""), userland("hana", "hana@example.ac.jp"), elsewhere,
	} {
		x.Put(o)
	}
	if got := len(x.Courses()); got != 1 {
		t.Errorf("%d courses, want one: a Course bears its namespace's name", got)
	}
	if got, want := names(x.InCourse("prog1")), "prog1/hana prog1/ken "; got != want {
		t.Errorf("in the course are %q, want %q", got, want)
	}
	if got, want := names(x.OfUser("hana@example.ac.jp")), "db/hana prog1/hana "; got != want {
		t.Errorf("of hana are %q, want %q", got, want)
	}
	if got, want := names(x.OfUser("ken")), "prog1/ken "; got != want {
		t.Errorf("of ken, whose user is his name, are %q, want %q", got, want)
	}
	if c, _ := x.Carrel("prog1", "ken"); c.IdleAfter != time.Hour || c.Template != "ide" || !c.Enabled {
		t.Errorf("got %+v", c)
	}

	// The carrel is given to another user.
	x.Put(userland("hana", "mori"))
	if got, want := names(x.OfUser("hana@example.ac.jp"))+names(x.OfUser("mori")), "db/hana prog1/hana "; got != want {
		t.Errorf("of hana and mori are %q, want %q", got, want)
	}
	for _, o := range []any{
		userland("ken", ""), userland("hana", "mori"), template("http"),
		&v1alpha1.Course{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "prog1"}},
	} {
		x.Delete(o)
	}
	_, found := x.Carrel("prog1", "ken")
	_, course := x.Course("prog1")
	if left := names(x.InCourse("prog1")) + names(x.OfUser("ken")) + names(x.OfUser("mori")); found || course || left != "" {
		t.Errorf("after all is gone there are %q, the carrel %v, the course %v", left, found, course)
	}
}

func TestWatchTellsOfItsCourse(t *testing.T) {
	x := directory.NewIndex()
	told, stop := x.Watch("prog1")
	heard := func() bool {
		select {
		case <-told:
			return true
		default:
			return false
		}
	}
	other := userland("hana", "")
	other.Namespace = "db"
	x.Put(other)
	if heard() {
		t.Error("it told of another course")
	}
	x.Put(userland("hana", ""))
	x.Put(userland("ken", ""))
	if diff := cmp.Diff([]bool{true, false}, []bool{heard(), heard()}); diff != "" {
		t.Errorf("two changes are told as one (-want +got):\n%s", diff)
	}
	x.Delete(userland("ken", ""))
	if !heard() {
		t.Error("it did not tell of a removal")
	}
	stop()
	x.Put(userland("ken", ""))
	if heard() {
		t.Error("it told after the end")
	}
}
