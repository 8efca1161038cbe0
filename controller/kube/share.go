package kube

import (
	"reflect"

	"k8s.io/utils/lru"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// shared lets the objects in a cache share the memory of their equal parts. The
// carrels of a Template differ in little more than the name of their user. An object
// keeps its value, so no reader can notice. It is safe for concurrent use.
type shared struct {
	// latest holds, by group, the object that was added last.
	latest *lru.Cache
}

// group identifies objects that are probably alike.
type group struct {
	kind                reflect.Type
	namespace, template string
}

// sharedGroups bounds the groups that are remembered. To forget a group costs the
// sharing between the objects before and after.
const sharedGroups = 1000

func newShared() *shared { return &shared{latest: lru.New(sharedGroups)} }

// add replaces the parts of an object that are equal to those of the previous object
// of its group by the latter.
func (s *shared) add(object client.Object) {
	key := group{reflect.TypeOf(object), object.GetNamespace(), object.GetLabels()[v1alpha1.TemplateLabel]}
	if previous, known := s.latest.Get(key); known && previous != object {
		share(reflect.ValueOf(object).Elem(), reflect.ValueOf(previous).Elem())
	}
	s.latest.Add(key, object)
}

// share replaces the parts of a value that are equal to those of another by the
// latter, and reports whether all are. The other value is only read.
func share(value, other reflect.Value) (same bool) {
	switch value.Kind() {
	case reflect.Struct:
		return shareFields(value, other)
	case reflect.Slice:
		return shareElements(value, other)
	case reflect.Pointer:
		if value.IsNil() || other.IsNil() {
			return value.IsNil() && other.IsNil()
		}
		same = share(value.Elem(), other.Elem())
	case reflect.String:
		same = value.String() == other.String()
	case reflect.Map:
		same = reflect.DeepEqual(value.Interface(), other.Interface())
		if mine, ok := value.Interface().(map[string]string); ok && !same {
			shareEntries(mine, other.Interface().(map[string]string))
		}
	default:
		return reflect.DeepEqual(value.Interface(), other.Interface())
	}
	if same {
		value.Set(other)
	}
	return same
}

func shareFields(value, other reflect.Value) (same bool) {
	same = true
	for i := range value.NumField() {
		if !value.Type().Field(i).IsExported() {
			// A time or a quantity.
			return reflect.DeepEqual(value.Interface(), other.Interface())
		}
		same = share(value.Field(i), other.Field(i)) && same
	}
	return same
}

func shareElements(value, other reflect.Value) (same bool) {
	same = value.Len() == other.Len() && value.IsNil() == other.IsNil()
	for i := range min(value.Len(), other.Len()) {
		same = share(value.Index(i), other.Index(i)) && same
	}
	if same {
		value.Set(other)
	}
	return same
}

// shareEntries does so for labels and annotations. Those of two carrels are never equal, but
// their keys and most of their values are.
func shareEntries(entries, others map[string]string) {
	for key, other := range others {
		if value, there := entries[key]; there {
			if value == other {
				value = other
			}
			entries[key] = value // Go replaces a key that is a string along with its value
		}
	}
}
