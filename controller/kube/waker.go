package kube

import (
	"context"
	"sync"

	"k8s.io/client-go/util/workqueue"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

// Waker is a source of a controller that reconciles an object because this process
// decided something about it. Wake never blocks, also where no controller listens.
// The zero value has no listeners. Safe for concurrent use.
type Waker struct {
	mutex  sync.Mutex
	queues []workqueue.TypedRateLimitingInterface[reconcile.Request]
}

// Start makes a controller listen, as source.Source asks.
func (w *Waker) Start(_ context.Context, queue workqueue.TypedRateLimitingInterface[reconcile.Request]) error {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.queues = append(w.queues, queue)
	return nil
}

// Wake enqueues objects of a namespace. What is woken before a controller listens is
// not lost: a controller that starts reconciles every object.
func (w *Waker) Wake(namespace string, names ...string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for _, queue := range w.queues {
		for _, name := range names {
			queue.Add(reconcile.Request{NamespacedName: client.ObjectKey{Namespace: namespace, Name: name}})
		}
	}
}
