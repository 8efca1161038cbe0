package kube

import (
	"errors"
	"maps"
	"sync"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/resourceversion"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// CacheLag is how soon to look again at a cache that is behind: events commonly
// arrive within a few milliseconds.
const CacheLag = 20 * time.Millisecond

// ErrCacheBehind tells that the cache does not show our own last write yet: come
// back in a moment.
var ErrCacheBehind = errors.New("the cache is behind our own writes")

// cachePatience bounds the wait for a write to appear in the cache. After it the API
// server is asked: the object may have been removed before the cache saw it.
const cachePatience = 5 * time.Second

// Recent remembers the versions last written until the cache shows them. To
// forget is harmless, it costs requests that change nothing.
type Recent struct {
	mutex  sync.Mutex
	writes map[write]version
	// sweepAt is the number of writes at which those that nobody waits for any more
	// are forgotten.
	sweepAt int
	now     func() time.Time
}

// fewWrites is a number of writes that is not worth a sweep.
const fewWrites = 1000

type write struct {
	kind schema.GroupVersionKind
	key  client.ObjectKey
}

type version struct {
	// resource is the version written; empty while a create is under way.
	resource string
	at       time.Time
	// seen is the version an event told of before the create was answered.
	seen string
}

// NewRecent remembers nothing yet.
func NewRecent() *Recent {
	return &Recent{writes: map[write]version{}, sweepAt: fewWrites, now: time.Now}
}

// note remembers a write. Some are of objects at which nobody looks again, so it
// forgets what is older than anybody waits for, each time that the writes have
// doubled.
func (r *Recent) note(key write, v version) {
	r.writes[key] = v
	if len(r.writes) < r.sweepAt {
		return
	}
	maps.DeleteFunc(r.writes, func(_ write, v version) bool { return r.now().Sub(v.at) >= cachePatience })
	r.sweepAt = max(fewWrites, 2*len(r.writes))
}

// Creating notes that an object is about to be created: the event of that may
// come before the answer. Wrote or Failed must follow.
func (r *Recent) Creating(kind schema.GroupVersionKind, object client.ObjectKey) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.note(write{kind, object}, version{at: r.now()})
}

// Failed notes that an object was not created after all.
func (r *Recent) Failed(kind schema.GroupVersionKind, object client.ObjectKey) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	delete(r.writes, write{kind, object})
}

// Wrote notes the version that a write resulted in.
func (r *Recent) Wrote(kind schema.GroupVersionKind, result metav1.Object) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	key := write{kind, client.ObjectKey{Namespace: result.GetNamespace(), Name: result.GetName()}}
	if r.writes[key].seen == result.GetResourceVersion() && result.GetResourceVersion() != "" {
		delete(r.writes, key)
		return
	}
	r.note(key, version{resource: result.GetResourceVersion(), at: r.now()})
}

// Behind reports whether the version the cache has, empty for none, is older
// than the last one written. Nothing is older than what a nil Recent wrote.
func (r *Recent) Behind(kind schema.GroupVersionKind, object client.ObjectKey, cached string) bool {
	if r == nil {
		return false
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	key := write{kind, object}
	last, known := r.writes[key]
	if known && last.resource != "" && older(cached, last.resource) && r.now().Sub(last.at) < cachePatience {
		return true
	}
	delete(r.writes, key)
	return false
}

// Echo reports whether an event tells of nothing but our own last write, which
// whoever wrote it has seen in the answer. Such an event ends the wait for the
// cache: informers update it before they tell anybody.
func (r *Recent) Echo(kind schema.GroupVersionKind, event metav1.Object) bool {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	key := write{kind, client.ObjectKey{Namespace: event.GetNamespace(), Name: event.GetName()}}
	last, known := r.writes[key]
	switch {
	case !known:
		return false
	case last.resource == "" && last.seen == "":
		// Either it is ours, or our create fails and looks at what is in the way.
		last.seen = event.GetResourceVersion()
		r.writes[key] = last
		return true
	case last.resource != event.GetResourceVersion():
		return false
	}
	delete(r.writes, key)
	return true
}

func older(cached, written string) bool {
	if cached == "" {
		return true
	}
	order, err := resourceversion.CompareResourceVersion(cached, written)
	return err == nil && order < 0
}
