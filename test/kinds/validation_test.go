// Package kinds tests what the API server makes of Carrel's kinds: what it
// accepts, and in which words it refuses the rest.
package kinds

import (
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/test/apiserver"
)

func TestMain(m *testing.M) { apiserver.Main(m) }

// strict makes the API server refuse unknown fields, as kubectl and Flux do.
var strict = client.FieldValidation("Strict")

// object decodes a manifest of a kind of this package.
func object(t *testing.T, kind, name, spec string) *unstructured.Unstructured {
	t.Helper()
	u := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte("spec:\n"+spec), &u.Object); err != nil {
		t.Fatalf("the manifest of the test is no YAML: %v", err)
	}
	u.SetGroupVersionKind(v1alpha1.SchemeGroupVersion.WithKind(kind))
	u.SetName(name)
	return u
}

const pod = `
  service: {ports: [{name: http, port: 8080}]}
  template:
    spec:
      containers: [{name: ide, image: "ide:1"}]
`

// named is a Template whose Services have names of their own.
func named(name string) string {
	return strings.Replace(pod, "service: {", "service: {name: '"+name+"', ", 1)
}

func TestAdmission(t *testing.T) {
	c := apiserver.Client(t)
	namespace := apiserver.Namespace(t, c)
	for _, test := range []struct {
		name, kind, object, spec string
		// refusal are words the refusal must contain; none: it is accepted.
		refusal []string
	}{
		{name: "a plain Template", kind: "Template", object: "ide", spec: pod},
		{name: "a Userland of nothing but a name", kind: "Userland", object: "hanako", spec: " {}"},
		{name: "a student number", kind: "Userland", object: "21t0042", spec: "  user: 21T0042@example.ac.jp"},
		{name: "a Course", kind: "Course", object: "prog1", spec: "  title: Programming 1"},

		{name: "a Template without containers", kind: "Template", object: "none", spec: "  service: {ports: [{name: http, port: 8080}]}\n  template: {spec: {}}",
			refusal: []string{"spec.template.spec.containers", "Required"}},
		{name: "a Template without a port", kind: "Template", object: "noport", spec: "  service: {ports: []}\n  template: {spec: {containers: [{name: a, image: i}]}}",
			refusal: []string{"spec.service.ports", "at least 1"}},
		{name: "two container ports alike", kind: "Template", object: "ports",
			spec:    "  service: {ports: [{name: http, port: 8080}]}\n  template: {spec: {containers: [{name: a, image: i, ports: [{containerPort: 80, protocol: TCP}, {containerPort: 80, protocol: TCP}]}]}}",
			refusal: []string{"spec.template.spec.containers[0].ports[1]", "Duplicate"}},
		{name: "two service ports of one name", kind: "Template", object: "sports",
			spec:    "  service: {ports: [{name: http, port: 8080}, {name: http, port: 8081}]}\n  template: {spec: {containers: [{name: a, image: i}]}}",
			refusal: []string{"spec.service.ports[1]", "Duplicate"}},
		{name: "one variable twice", kind: "Template", object: "env",
			spec:    "  service: {ports: [{name: http, port: 8080}]}\n  template: {spec: {containers: [{name: a, image: i, env: [{name: X, value: a}, {name: X, value: b}]}]}}",
			refusal: []string{"spec.template.spec.containers[0].env[1]", "Duplicate"}},
		{name: "a reserved label", kind: "Template", object: "label",
			spec:    "  service: {ports: [{name: http, port: 8080}]}\n  template: {metadata: {labels: {carrel.dev/userland: x}}, spec: {containers: [{name: a, image: i}]}}",
			refusal: []string{"spec.template", "belong to Carrel", "remove them"}},
		{name: "a retain in weeks", kind: "Template", object: "retain",
			spec:    pod + "  volumes: [{name: home, retain: 3w, pvcSpec: {}}]",
			refusal: []string{"spec.volumes[0].retain", "3w"}},
		{name: "a volume with a double dash", kind: "Template", object: "dash",
			spec:    pod + "  volumes: [{name: ho--me, pvcSpec: {}}]",
			refusal: []string{"spec.volumes[0].name", "single '-'"}},

		{name: "a Template that idles", kind: "Template", object: "idle", spec: pod + "  idle: {after: 45m, probe: {path: /api/status, port: http}}"},
		{name: "one that idles for the least time", kind: "Template", object: "idle10", spec: pod + "  idle: {after: 10s}"},
		{name: "one that idles for a time of several parts", kind: "Template", object: "idle1h", spec: pod + "  idle: {after: 1h30m}"},
		{name: "one that idles at once", kind: "Template", object: "idle9", spec: pod + "  idle: {after: 9s}",
			refusal: []string{"spec.idle.after", "must be at least 10s"}},
		{name: "one that idles in days", kind: "Template", object: "idle1d", spec: pod + "  idle: {after: 1d}",
			refusal: []string{"spec.idle.after", "1d"}},
		{name: "one that idles without a unit", kind: "Template", object: "idle5", spec: pod + "  idle: {after: 3600}",
			refusal: []string{"spec.idle.after", "must be of type string"}},
		{name: "idle without a time", kind: "Template", object: "idle0", spec: pod + "  idle: {}",
			refusal: []string{"spec.idle.after", "Required"}},
		{name: "a probe of a whole address", kind: "Template", object: "probe", spec: pod + "  idle: {after: 1h, probe: {path: 'http://elsewhere/'}}",
			refusal: []string{"spec.idle.probe.path", "'^/'"}},
		{name: "a probe of nothing", kind: "Template", object: "probe0", spec: pod + "  idle: {after: 1h, probe: {}}",
			refusal: []string{"spec.idle.probe.path", "Required"}},

		{name: "a roll-out at once", kind: "Template", object: "rollout", spec: pod + "  rollout: {when: Immediate, maxUnavailable: 3}"},
		{name: "a roll-out in parts", kind: "Template", object: "rollout25", spec: pod + "  rollout: {when: Immediate, maxUnavailable: 25%}"},
		{name: "a roll-out with a deadline", kind: "Template", object: "rollout7d", spec: pod + "  rollout: {deadline: 7d}"},
		{name: "a roll-out at another time", kind: "Template", object: "rolloutwhen", spec: pod + "  rollout: {when: Tonight}",
			refusal: []string{"spec.rollout.when", `supported values: "OnNextStart", "Immediate"`}},
		{name: "a roll-out of none at a time", kind: "Template", object: "rollout0", spec: pod + "  rollout: {maxUnavailable: 0}",
			refusal: []string{"spec.rollout.maxUnavailable", "a number of at least 1, or a percentage from 1% to 100%"}},
		{name: "a roll-out of no percent", kind: "Template", object: "rollout00", spec: pod + "  rollout: {maxUnavailable: 0%}",
			refusal: []string{"spec.rollout.maxUnavailable", "from 1% to 100%"}},
		{name: "a roll-out of more than all", kind: "Template", object: "rollout101", spec: pod + "  rollout: {maxUnavailable: 101%}",
			refusal: []string{"spec.rollout.maxUnavailable", "from 1% to 100%"}},
		{name: "a deadline in minutes", kind: "Template", object: "deadline", spec: pod + "  rollout: {deadline: 30m}",
			refusal: []string{"spec.rollout.deadline", "30m"}},

		{name: "a Service name of a proxy's", kind: "Template", object: "svc", spec: named("cloud9-$(CARREL_USERLAND)-svc")},
		{name: "a Service name without an end", kind: "Template", object: "svcend", spec: named("cloud9-$(CARREL_USERLAND)")},
		{name: "one Service name for all", kind: "Template", object: "svcall", spec: named("cloud9"),
			refusal: []string{"spec.service.name", "CARREL_USERLAND"}},
		{name: "a Service name that may begin with a digit", kind: "Template", object: "svcdigit", spec: named("$(CARREL_USERLAND)-svc"),
			refusal: []string{"spec.service.name", "CARREL_USERLAND"}},
		{name: "a Service name in capitals", kind: "Template", object: "svccaps", spec: named("Cloud9-$(CARREL_USERLAND)"),
			refusal: []string{"spec.service.name", "CARREL_USERLAND"}},
		{name: "a Service name of another variable", kind: "Template", object: "svcuser", spec: named("cloud9-$(CARREL_USER)-svc"),
			refusal: []string{"spec.service.name", "CARREL_USERLAND"}},
		{name: "a Service name too long", kind: "Template", object: "svclong", spec: named("c" + strings.Repeat("9", 62) + "$(CARREL_USERLAND)"),
			refusal: []string{"spec.service.name", "80"}},

		{name: "a name too long", kind: "Userland", object: strings.Repeat("a", 51), spec: " {}",
			refusal: []string{"metadata.name", "50 characters", "shorten it"}},
		{name: "a name with a dot", kind: "Userland", object: "taro.yamada", spec: " {}",
			refusal: []string{"metadata.name", "rename it", "spec.user"}},
		{name: "a name with a double dash", kind: "Userland", object: "taro--x", spec: " {}",
			refusal: []string{"metadata.name", "single '-'"}},
		{name: "an unknown field", kind: "Userland", object: "typo", spec: "  templateNmae: ide",
			refusal: []string{"templateNmae"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			u := object(t, test.kind, test.object, test.spec)
			u.SetNamespace(namespace)
			err := c.Create(t.Context(), u, strict)
			if len(test.refusal) == 0 {
				if err != nil {
					t.Fatalf("refused, and should be accepted: %v", err)
				}
				generation, found, _ := unstructured.NestedInt64(u.Object, "status", "observedGeneration")
				if !found || generation != -1 {
					t.Errorf("status.observedGeneration = %d (found: %v) on a new object, want -1, else kstatus takes it for current", generation, found)
				}
				return
			}
			if err == nil {
				t.Fatal("accepted, and should be refused")
			}
			for _, words := range test.refusal {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("the refusal does not say %q: %v", words, err)
				}
			}
		})
	}
}

func TestUserCannotChange(t *testing.T) {
	c := apiserver.Client(t)
	namespace := apiserver.Namespace(t, c)
	for _, test := range []struct {
		name, before, after string
		refused             bool
	}{
		{name: "empty to the name itself", before: "", after: "taro"},
		{name: "the name itself to empty", before: "taro", after: ""},
		{name: "the same", before: "taro@example.ac.jp", after: "taro@example.ac.jp"},
		{name: "another person", before: "taro@example.ac.jp", after: "jiro@example.ac.jp", refused: true},
		{name: "empty to another person", before: "", after: "jiro", refused: true},
	} {
		t.Run(test.name, func(t *testing.T) {
			u := &v1alpha1.Userland{
				ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "taro"},
				Spec:       v1alpha1.UserlandSpec{User: test.before},
			}
			if err := c.Create(t.Context(), u); err != nil {
				t.Fatalf("create: %v", err)
			}
			defer func() {
				if err := c.Delete(t.Context(), u); err != nil {
					t.Errorf("delete: %v", err)
				}
			}()
			u.Spec.User = test.after
			err := c.Update(t.Context(), u)
			switch {
			case !test.refused && err != nil:
				t.Errorf("refused, and should be accepted: %v", err)
			case test.refused && (err == nil || !strings.Contains(err.Error(), "user can't be changed")):
				t.Errorf("the refusal does not say that user can't be changed: %v", err)
			}
		})
	}
}

// What others write into the status of a carrel.
func TestStatusOfUserland(t *testing.T) {
	c := apiserver.Client(t)
	namespace := apiserver.Namespace(t, c)
	hanako := &v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: namespace, Name: "hanako"}}
	if err := c.Create(t.Context(), hanako); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, status string
		// refusal are words the refusal must contain; none: it is accepted.
		refusal []string
	}{
		{name: "activity", status: `{"lastActivityTime":"2026-10-01T10:00:00Z"}`},
		{name: "activity in a time zone", status: `{"lastActivityTime":"2026-10-01T19:00:00+09:00"}`},
		{name: "every request", status: `{"requests":{"restartAt":"2026-10-01T10:00:00Z","stopAt":"2026-10-01T10:00:00Z","keepUntil":"2026-10-01T10:00:00Z","resetAt":"2026-10-01T10:00:00Z"}}`},
		{name: "a request taken back", status: `{"requests":{"restartAt":null}}`},
		{name: "activity in seconds", status: `{"lastActivityTime":1790848800}`, refusal: []string{"status.lastActivityTime", "must be of type date-time"}},
		{name: "activity in words", status: `{"lastActivityTime":"now"}`, refusal: []string{"status.lastActivityTime", "date-time", "now"}},
		{name: "activity without a time zone", status: `{"lastActivityTime":"2026-10-01T10:00:00"}`, refusal: []string{"status.lastActivityTime", "date-time"}},
		{name: "a request for a day", status: `{"requests":{"keepUntil":"2026-10-01"}}`, refusal: []string{"status.requests.keepUntil", "date-time"}},
		{name: "a request there is not", status: `{"requests":{"deleteAt":"2026-10-01T10:00:00Z"}}`, refusal: []string{"status.requests.deleteAt", "unknown field"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			patch := client.RawPatch(types.MergePatchType, []byte(`{"status":`+test.status+`}`))
			err := c.Status().Patch(t.Context(), hanako.DeepCopy(), patch, strict)
			if (err != nil) != (len(test.refusal) > 0) {
				t.Fatalf("got %v, want it refused: %v", err, len(test.refusal) > 0)
			}
			for _, words := range test.refusal {
				if !strings.Contains(err.Error(), words) {
					t.Errorf("the refusal does not say %q: %v", words, err)
				}
			}
		})
	}
}
