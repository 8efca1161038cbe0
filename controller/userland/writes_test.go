package userland_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/tools/events"
	clocktesting "k8s.io/utils/clock/testing"
	"k8s.io/utils/ptr"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/controller/userland"
	"github.com/carrel-dev/carrel/controller/volume"
	"github.com/carrel-dev/carrel/core/workload"
)

// answers are what an API server may answer to a write, with words of it that the
// status has to have.
var answers = []struct {
	name  string
	err   error
	words string
}{
	{"400", apierrors.NewBadRequest("denied by a webhook"), "denied by a webhook"},
	{"403", apierrors.NewForbidden(schema.GroupResource{Resource: "things"}, "hanako", errors.New("denied by a policy")), "denied by a policy"},
	{"403 of a quota", apierrors.NewForbidden(schema.GroupResource{Resource: "things"}, "hanako", errors.New("exceeded quota: course")), "Raise the quota"},
	{"409", apierrors.NewConflict(schema.GroupResource{Resource: "things"}, "hanako", errors.New("modified")), "at the same time"},
	{"422", apierrors.NewInvalid(schema.GroupKind{Kind: "Thing"}, "hanako", nil), "is invalid"},
	{"429", apierrors.NewTooManyRequests("too many requests", 1), "too many requests"},
	{"500", apierrors.NewInternalError(errors.New("no leader")), "no leader"},
	{"a timeout", context.DeadlineExceeded, "does not answer in time"},
}

// Whatever the API server answers to whichever write, the status says why, and the
// write is tried again within minutes. A conflict is no error.
func TestEveryWriteThatFails(t *testing.T) {
	for _, write := range []struct {
		name string
		// given changes a carrel that is complete so that the write is due; nil: there
		// is no carrel yet.
		given func(*cluster)
	}{
		{"create PersistentVolumeClaim", nil},
		{"create Deployment", nil},
		{"create Service", nil},
		{"apply Userland/status", nil},
		{"apply Deployment", func(c *cluster) {
			change(c, "hanako", func(d *appsv1.Deployment) { d.Spec.Replicas = ptr.To[int32](3) })
		}},
		{"patch Deployment", func(c *cluster) {
			c.must(c.DeleteAllOf(c.Context(), &appsv1.ControllerRevision{}, client.InNamespace("prog1")))
			change(c, "hanako", func(u *v1alpha1.Userland) { u.Spec.Enabled = ptr.To(false) })
		}},
		{"apply Service", func(c *cluster) {
			change(c, "hanako", func(s *corev1.Service) { s.Spec.Ports[0].Port = 1 })
		}},
		{"delete Service", func(c *cluster) {
			former := get[corev1.Service](c, "hanako")
			former.Name, former.ResourceVersion, former.UID = "former", "", ""
			c.must(c.Create(c.Context(), former))
		}},
		{"patch PersistentVolumeClaim", func(c *cluster) {
			change(c, "hanako--home", func(claim *corev1.PersistentVolumeClaim) { delete(claim.Annotations, v1alpha1.RetainAnnotation) })
		}},
	} {
		for _, answer := range answers {
			t.Run(write.name+" is answered with "+answer.name, func(t *testing.T) {
				c := newCluster(t)
				if write.given != nil {
					_, err := c.reconcile()
					c.must(err)
					write.given(c)
				}
				c.failing, c.answer = write.name, answer.err
				result, err := c.reconcile()
				if !c.failed {
					t.Fatalf("it was never written")
				}
				if err == nil && (result.RequeueAfter <= 0 || result.RequeueAfter > 5*time.Minute) {
					t.Errorf("it is tried again after %s", result.RequeueAfter)
				}
				if err != nil && apierrors.IsConflict(err) {
					t.Errorf("a conflict counts as an error: %v", err)
				}
				if write.name == "apply Userland/status" {
					return
				}
				ready := meta.FindStatusCondition(get[v1alpha1.Userland](c, "hanako").Status.Conditions, v1alpha1.ReadyCondition)
				if ready == nil || !strings.Contains(ready.Message, answer.words) {
					t.Errorf("the status does not say %q: %+v", answer.words, ready)
				}
			})
		}
	}
}

// A cluster is an API server that takes every write but one, and a reconciler.
type cluster struct {
	*testing.T
	client.Client
	reconciler *userland.Reconciler
	// failing is the write that is given the answer; failed is set when it was.
	failing string
	answer  error
	failed  bool
}

// newCluster has a student and a Template with one volume.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	template := &v1alpha1.Template{ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "ide", Generation: 1}}
	template.Spec.Service.Ports = []v1alpha1.ServicePort{{Name: "http", Port: 8080}}
	template.Spec.Volumes = []v1alpha1.Volume{{Name: "home", Retain: "30d"}}
	template.Spec.Template.Spec.Containers = []corev1.Container{{Name: "ide", Image: "ide:1"}}
	kept, err := workload.NewRevision(template)
	if err != nil {
		t.Fatal(err)
	}
	template.Status = v1alpha1.TemplateStatus{
		ObservedGeneration: 1,
		Revision:           &v1alpha1.TemplateRevision{Name: kept.Name, Since: metav1.NewTime(noon)},
		Conditions:         []metav1.Condition{{Type: v1alpha1.ReadyCondition, Status: metav1.ConditionTrue, Reason: v1alpha1.AcceptedReason}},
	}
	student := &v1alpha1.Userland{
		ObjectMeta: metav1.ObjectMeta{Namespace: "prog1", Name: "hanako", UID: "1", Generation: 1},
		Spec:       v1alpha1.UserlandSpec{TemplateName: "ide"},
	}

	c := &cluster{T: t}
	scheme := runtime.NewScheme()
	c.must(clientgoscheme.AddToScheme(scheme))
	c.must(v1alpha1.AddToScheme(scheme))
	builder := fake.NewClientBuilder().WithScheme(scheme).WithObjects(template, kept, student).WithStatusSubresource(student, template)
	c.must(kube.SetupIndexes(t.Context(), indexer{builder}))
	c.Client = builder.WithInterceptorFuncs(c.interceptor()).Build()
	c.reconciler = c.newReconciler()
	return c
}

func (c *cluster) newReconciler() *userland.Reconciler {
	clock, recorder := clocktesting.NewFakePassiveClock(noon), events.NewFakeRecorder(1000)
	applier := kube.NewApplier(c, c)
	return &userland.Reconciler{
		Client: c,
		Observer: &userland.Observer{
			Reader: c, Claims: volume.Observer{Reader: c, Live: c, Recent: applier.Recent}, Recent: applier.Recent,
			Timetables: &kube.Timetables{}, Lines: userland.NewLines(), Grants: kube.NewGrants(), Prober: userland.NewProber(clock), Clock: clock,
		},
		Applier: applier,
		Volumes: &volume.Keeper{Client: c, Live: c, Recent: applier.Recent, Events: recorder, Clock: clock},
		Events:  recorder,
	}
}

// indexer gives a fake client the indexes of the cache.
type indexer struct{ *fake.ClientBuilder }

func (i indexer) IndexField(_ context.Context, o client.Object, field string, values client.IndexerFunc) error {
	i.WithIndex(o, field, values)
	return nil
}

// written returns the answer to a write.
func (c *cluster) written(verb, kind string) error {
	if verb+" "+kind != c.failing {
		return nil
	}
	c.failed = true
	return c.answer
}

func kindOf(o client.Object) string { return reflect.TypeOf(o).Elem().Name() }

func (c *cluster) interceptor() interceptor.Funcs {
	return interceptor.Funcs{
		Create: func(ctx context.Context, next client.WithWatch, o client.Object, options ...client.CreateOption) error {
			if err := c.written("create", kindOf(o)); err != nil {
				return err
			}
			return next.Create(ctx, o, options...)
		},
		Patch: func(ctx context.Context, next client.WithWatch, o client.Object, patch client.Patch, options ...client.PatchOption) error {
			if err := c.written("patch", kindOf(o)); err != nil {
				return err
			}
			return next.Patch(ctx, o, patch, options...)
		},
		Delete: func(ctx context.Context, next client.WithWatch, o client.Object, options ...client.DeleteOption) error {
			if err := c.written("delete", kindOf(o)); err != nil {
				return err
			}
			return next.Delete(ctx, o, options...)
		},
		Apply: func(ctx context.Context, next client.WithWatch, o runtime.ApplyConfiguration, options ...client.ApplyOption) error {
			if err := c.written("apply", o.(interface{ GetKind() string }).GetKind()); err != nil {
				return err
			}
			return next.Apply(ctx, o, options...)
		},
		SubResourceApply: func(ctx context.Context, next client.Client, name string, o runtime.ApplyConfiguration, options ...client.SubResourceApplyOption) error {
			if err := c.written("apply", "Userland/"+name); err != nil {
				return err
			}
			return next.SubResource(name).Apply(ctx, o, options...)
		},
	}
}

func (c *cluster) reconcile() (ctrl.Result, error) {
	return c.reconciler.Reconcile(c.Context(), ctrl.Request{NamespacedName: key("hanako")})
}

func (c *cluster) must(err error) {
	c.Helper()
	if err != nil {
		c.Fatal(err)
	}
}

// get reads an object that must be there.
func get[T any, O interface {
	*T
	client.Object
}](c *cluster, name string) O {
	c.Helper()
	o := O(new(T))
	c.must(c.Get(c.Context(), key(name), o))
	return o
}

// change edits an object.
func change[T any, O interface {
	*T
	client.Object
}](c *cluster, name string, edit func(O)) {
	c.Helper()
	o := get[T, O](c, name)
	edit(o)
	if err := c.Update(c.Context(), o); err != nil {
		c.Fatal(fmt.Errorf("change %T %s: %w", o, name, err))
	}
}
