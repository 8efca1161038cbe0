package directory

import (
	"context"
	"errors"
	"fmt"
	"time"

	corev1 "k8s.io/api/core/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/selection"
	"k8s.io/client-go/rest"
	toolscache "k8s.io/client-go/tools/cache"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// +kubebuilder:rbac:groups=carrel.dev,resources=courses;templates;userlands,verbs=get;list;watch
// +kubebuilder:rbac:groups="",resources=persistentvolumeclaims,verbs=list;watch
// +kubebuilder:rbac:groups="",resources=nodes,verbs=list;watch
// +kubebuilder:rbac:groups=discovery.k8s.io,resources=endpointslices,verbs=get;list;watch

// Directory is an Index that Run keeps current by watches.
type Directory struct {
	*Index
	cache    cache.Cache
	handlers []toolscache.ResourceEventHandlerRegistration
}

// New returns an empty Directory, which Run fills. The scheme must have Carrel's kinds and
// those of discovery.k8s.io and the core.
func New(ctx context.Context, server *rest.Config, scheme *runtime.Scheme) (*Directory, error) {
	ofCarrels, err := labels.NewRequirement(v1alpha1.UserlandLabel, selection.Exists, nil)
	if err != nil {
		return nil, err
	}
	kept, err := labels.NewRequirement(v1alpha1.KeepUntilLabel, selection.Exists, nil)
	if err != nil {
		return nil, err
	}
	c, err := cache.New(server, cache.Options{
		Scheme:           scheme,
		DefaultTransform: cache.TransformStripManagedFields(),
		ByObject: map[client.Object]cache.ByObject{
			&discoveryv1.EndpointSlice{}: {Label: labels.NewSelector().Add(*ofCarrels), Transform: slimSlice},
			// Volumes in use are not followed.
			&corev1.PersistentVolumeClaim{}: {Label: labels.NewSelector().Add(*kept), Transform: slimClaim},
			&corev1.Node{}:                  {Transform: slimNode},
		},
	})
	if err != nil {
		return nil, fmt.Errorf("follow the carrels: %w", err)
	}
	d := &Directory{Index: NewIndex(), cache: c}
	for _, object := range []client.Object{&v1alpha1.Course{}, &v1alpha1.Template{}, &v1alpha1.Userland{}, &discoveryv1.EndpointSlice{}, &corev1.PersistentVolumeClaim{}, &corev1.Node{}} {
		informer, err := c.GetInformer(ctx, object, cache.BlockUntilSynced(false))
		if err != nil {
			return nil, fmt.Errorf("follow %T: %w", object, err)
		}
		handler, err := informer.AddEventHandler(d)
		if err != nil {
			return nil, fmt.Errorf("follow %T: %w", object, err)
		}
		d.handlers = append(d.handlers, handler)
	}
	return d, nil
}

// Run watches the cluster until the context ends.
func (d *Directory) Run(ctx context.Context) error {
	if err := d.cache.Start(ctx); err != nil {
		return fmt.Errorf("follow the carrels: %w", err)
	}
	return nil
}

var errNotYet = errors.New("the carrels of the cluster are not all read yet")

// Ready returns an error until the Index holds everything that was in the cluster when
// Run began, and while the API server does not answer.
func (d *Directory) Ready() error { return d.ready(time.Now()) }

func (d *Directory) ready(now time.Time) error {
	for _, handler := range d.handlers {
		if !handler.HasSynced() {
			return errNotYet
		}
	}
	if d.heard.silent(now) >= silentFor {
		return errSilent
	}
	return nil
}

// OnAdd implements toolscache.ResourceEventHandler.
func (d *Directory) OnAdd(object any, _ bool) { d.Put(object) }

// OnUpdate implements toolscache.ResourceEventHandler.
func (d *Directory) OnUpdate(_, object any) { d.Put(object) }

// OnDelete implements toolscache.ResourceEventHandler.
func (d *Directory) OnDelete(object any) {
	if last, unseen := object.(toolscache.DeletedFinalStateUnknown); unseen {
		object = last.Obj
	}
	d.Delete(object)
}

// slimSlice removes from an EndpointSlice what the Index does not read, to save memory.
func slimSlice(in any) (any, error) {
	s, ok := in.(*discoveryv1.EndpointSlice)
	if !ok {
		return in, nil
	}
	slim := &discoveryv1.EndpointSlice{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: s.Namespace, Name: s.Name, UID: s.UID, ResourceVersion: s.ResourceVersion,
			Labels: map[string]string{v1alpha1.UserlandLabel: s.Labels[v1alpha1.UserlandLabel]},
		},
		AddressType: s.AddressType, Ports: s.Ports,
	}
	for _, e := range s.Endpoints {
		slim.Endpoints = append(slim.Endpoints, discoveryv1.Endpoint{Addresses: e.Addresses, Conditions: e.Conditions, NodeName: e.NodeName})
	}
	return slim, nil
}

// slimNode removes from a Node what the Index does not read, to save memory.
func slimNode(in any) (any, error) {
	n, ok := in.(*corev1.Node)
	if !ok {
		return in, nil
	}
	return &corev1.Node{
		ObjectMeta: metav1.ObjectMeta{Name: n.Name, UID: n.UID, ResourceVersion: n.ResourceVersion},
		Spec:       corev1.NodeSpec{Unschedulable: n.Spec.Unschedulable},
	}, nil
}

// slimClaim removes from a PersistentVolumeClaim what volume.KeptOf does not read, to save
// memory.
func slimClaim(in any) (any, error) {
	c, ok := in.(*corev1.PersistentVolumeClaim)
	if !ok {
		return in, nil
	}
	slim := &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{
			Namespace: c.Namespace, Name: c.Name, UID: c.UID, ResourceVersion: c.ResourceVersion,
			Labels: map[string]string{v1alpha1.KeepUntilLabel: c.Labels[v1alpha1.KeepUntilLabel]}, Annotations: map[string]string{},
		},
	}
	for _, name := range []string{
		v1alpha1.UserAnnotation, v1alpha1.VolumeAnnotation, v1alpha1.ClaimTemplateAnnotation, v1alpha1.RetainAnnotation, v1alpha1.HandledRequestAnnotation,
	} {
		if value, recorded := c.Annotations[name]; recorded {
			slim.Annotations[name] = value
		}
	}
	if size, set := c.Spec.Resources.Requests[corev1.ResourceStorage]; set {
		slim.Spec.Resources.Requests = corev1.ResourceList{corev1.ResourceStorage: size}
	}
	return slim, nil
}
