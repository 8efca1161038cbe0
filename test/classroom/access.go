package classroom

import (
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// Make creates objects in the namespace.
func (w *Classroom) Make(objects ...client.Object) {
	w.Helper()
	for _, o := range objects {
		o.SetNamespace(w.Namespace)
		if err := w.Create(w.Context(), o); err != nil {
			w.Fatalf("make %T %s: %v", o, o.GetName(), err)
		}
	}
}

// Change edits an object, and tries again if another writer was faster.
func Change[T any, O interface {
	*T
	client.Object
}](w *Classroom, name string, edit func(O)) {
	w.Helper()
	w.Until(func() error {
		o := O(new(T))
		if err := w.Get(w.Context(), w.Key(name), o); err != nil {
			return err
		}
		edit(o)
		return w.Update(w.Context(), o)
	})
}

// ChangeStatus edits the status of an object, whoever else writes it.
func ChangeStatus[T any, O interface {
	*T
	client.Object
}](w *Classroom, name string, edit func(O)) {
	w.Helper()
	w.Until(func() error {
		o := O(new(T))
		if err := w.Get(w.Context(), w.Key(name), o); err != nil {
			return err
		}
		edit(o)
		return w.Status().Update(w.Context(), o)
	})
}

// Key returns the key of an object in the namespace.
func (w *Classroom) Key(name string) client.ObjectKey {
	return client.ObjectKey{Namespace: w.Namespace, Name: name}
}

// Get reads an object that must exist.
func Get[T any, O interface {
	*T
	client.Object
}](w *Classroom, name string) O {
	w.Helper()
	o := O(new(T))
	if err := w.Get(w.Context(), w.Key(name), o); err != nil {
		w.Fatalf("read %T %s: %v", o, name, err)
	}
	return o
}
