// Package gatewaytest provides what tests of the gateway share: an API server in
// memory with a directory that follows it, and a class to fill them with.
package gatewaytest

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"strconv"
	"sync"

	authorizationv1 "k8s.io/api/authorization/v1"
	discoveryv1 "k8s.io/api/discovery/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/client/interceptor"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/directory"
)

// Cluster is an API server in memory. Its Index shows each write as soon as the write
// returns. Courses, Userlands and volumes are kept in the Index, and Events in the client.
type Cluster struct {
	*directory.Index
	// Client sends requests to the API server.
	Client client.Client
	// Review answers SubjectAccessReviews; nil refuses them all.
	Review func(authorizationv1.SubjectAccessReviewSpec) (bool, error)
	// FailCreate returns the error that the creation of an object ends with, if any;
	// nil lets every creation succeed.
	FailCreate func(client.Object) error

	mu      sync.Mutex
	reviews int
	writes  []StatusWrite
}

// StatusWrite is a write of a Userland's status.
type StatusWrite struct {
	Userland string
	// Status is the status in the request, as JSON.
	Status string
}

// NewCluster returns an empty Cluster.
func NewCluster() *Cluster {
	c := &Cluster{Index: directory.NewIndex()}
	c.Client = fake.NewClientBuilder().
		WithIndex(&eventsv1.Event{}, "regarding.uid", func(o client.Object) []string { return []string{string(o.(*eventsv1.Event).Regarding.UID)} }).
		WithIndex(&eventsv1.Event{}, "reason", func(o client.Object) []string { return []string{o.(*eventsv1.Event).Reason} }).
		WithInterceptorFuncs(interceptor.Funcs{Create: c.create, Get: c.get, SubResourceApply: c.applyStatus, SubResourcePatch: c.patchStatus}).
		Build()
	return c
}

// Set adds or replaces a carrel. It serves at target, given as "ip:port"; an empty
// target means that it does not serve.
func (c *Cluster) Set(u *v1alpha1.Userland, target string) {
	slice := sliceOf(u.Namespace, u.Name)
	if target == "" {
		c.Delete(slice)
	} else {
		ip, port := mustSplit(target)
		slice.Ports = []discoveryv1.EndpointPort{{Name: new("http"), Port: &port}}
		slice.Endpoints = []discoveryv1.Endpoint{{Addresses: []string{ip}}}
		c.Put(slice)
	}
	c.Put(u)
}

// Remove removes a carrel.
func (c *Cluster) Remove(course, name string) {
	c.Delete(sliceOf(course, name))
	c.Delete(&v1alpha1.Userland{ObjectMeta: metav1.ObjectMeta{Namespace: course, Name: name}})
}

func sliceOf(course, name string) *discoveryv1.EndpointSlice {
	return &discoveryv1.EndpointSlice{
		ObjectMeta:  metav1.ObjectMeta{Namespace: course, Name: name, Labels: map[string]string{v1alpha1.UserlandLabel: name}},
		AddressType: discoveryv1.AddressTypeIPv4,
	}
}

func mustSplit(target string) (ip string, port int32) {
	ip, text, err := net.SplitHostPort(target)
	if err != nil {
		panic(err)
	}
	number, err := strconv.ParseInt(text, 10, 32)
	if err != nil {
		panic(err)
	}
	return ip, int32(number)
}

// Reviews returns how many SubjectAccessReviews were answered.
func (c *Cluster) Reviews() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.reviews
}

// StatusWrites returns the writes of Userlands' statuses, oldest first.
func (c *Cluster) StatusWrites() []StatusWrite {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]StatusWrite(nil), c.writes...)
}

// Events returns the events with a reason.
func (c *Cluster) Events(reason string) []eventsv1.Event {
	list := &eventsv1.EventList{}
	if err := c.Client.List(context.Background(), list, client.MatchingFields{"reason": reason}); err != nil {
		panic(err)
	}
	return list.Items
}

func (c *Cluster) create(ctx context.Context, store client.WithWatch, object client.Object, options ...client.CreateOption) error {
	if c.FailCreate != nil {
		if err := c.FailCreate(object); err != nil {
			return err
		}
	}
	switch o := object.(type) {
	case *authorizationv1.SubjectAccessReview:
		return c.review(o)
	case *v1alpha1.Userland:
		if _, found := c.Carrel(o.Namespace, o.Name); found {
			return apierrors.NewAlreadyExists(userlands, o.Name)
		}
		c.Put(o)
		return nil
	}
	return store.Create(ctx, object, options...)
}

func (c *Cluster) review(r *authorizationv1.SubjectAccessReview) (err error) {
	c.mu.Lock()
	c.reviews++
	c.mu.Unlock()
	if c.Review != nil {
		r.Status.Allowed, err = c.Review(r.Spec)
	}
	return err
}

func (c *Cluster) get(ctx context.Context, store client.WithWatch, key client.ObjectKey, object client.Object, options ...client.GetOption) error {
	if o, ok := object.(*v1alpha1.Course); ok {
		course, found := c.Course(key.Namespace)
		if !found {
			return apierrors.NewNotFound(courses, key.Name)
		}
		course.DeepCopyInto(o)
		o.ResourceVersion = cmp.Or(o.ResourceVersion, "1")
		return nil
	}
	u, ok := object.(*v1alpha1.Userland)
	if !ok {
		return store.Get(ctx, key, object, options...)
	}
	carrel, found := c.Carrel(key.Namespace, key.Name)
	if !found {
		return apierrors.NewNotFound(userlands, key.Name)
	}
	carrel.Userland.DeepCopyInto(u)
	return nil
}

var (
	courses   = v1alpha1.SchemeGroupVersion.WithResource("courses").GroupResource()
	userlands = v1alpha1.SchemeGroupVersion.WithResource("userlands").GroupResource()
)

func (c *Cluster) applyStatus(_ context.Context, _ client.Client, _ string, applied runtime.ApplyConfiguration, _ ...client.SubResourceApplyOption) error {
	data, err := json.Marshal(applied)
	if err != nil {
		return err
	}
	var name struct {
		Metadata struct{ Namespace, Name string }
	}
	if err := json.Unmarshal(data, &name); err != nil {
		return err
	}
	return c.writeStatus(name.Metadata.Namespace, name.Metadata.Name, data)
}

func (c *Cluster) patchStatus(_ context.Context, _ client.Client, _ string, object client.Object, patch client.Patch, _ ...client.SubResourcePatchOption) error {
	data, err := patch.Data(object)
	if err != nil {
		return err
	}
	if course, ok := object.(*v1alpha1.Course); ok {
		c.Put(course.DeepCopy())
		return nil
	}
	return c.writeStatus(object.GetNamespace(), object.GetName(), data)
}

// writeStatus merges a status into that of a Userland. This is a JSON merge patch, and
// an apply of an owner who never drops a field.
func (c *Cluster) writeStatus(course, name string, data []byte) error {
	carrel, found := c.Carrel(course, name)
	if !found {
		return apierrors.NewNotFound(userlands, name)
	}
	var sent struct{ Status json.RawMessage }
	if err := json.Unmarshal(data, &sent); err != nil {
		return err
	}
	changed := carrel.Userland.DeepCopy()
	if err := json.Unmarshal(sent.Status, &changed.Status); err != nil {
		return fmt.Errorf("the status written to %s/%s: %w", course, name, err)
	}
	c.mu.Lock()
	c.writes = append(c.writes, StatusWrite{name, string(sent.Status)})
	c.mu.Unlock()
	c.Put(changed)
	return nil
}
