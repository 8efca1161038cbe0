package kube

import (
	"context"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// ByLabel returns a reader of the API server that understands those indexes of the
// cache by which a carrel is observed: it lists by the label of the Userland instead,
// and by the person after it has read the whole namespace.
func ByLabel(reader client.Reader) client.Reader { return byLabel{reader} }

type byLabel struct{ client.Reader }

// List reads the objects that the options select.
func (r byLabel) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	o := client.ListOptions{}
	o.ApplyOptions(options)
	selector := o.FieldSelector
	if selector == nil {
		return r.Reader.List(ctx, list, &o)
	}
	if name, found := selector.RequiresExactMatch(userlandField); found {
		o.FieldSelector, o.LabelSelector = nil, labels.SelectorFromSet(labels.Set{v1alpha1.UserlandLabel: name})
	}
	if login, found := selector.RequiresExactMatch(personField); found {
		o.FieldSelector = nil
		if err := r.Reader.List(ctx, list, &o); err != nil {
			return err
		}
		return keepPerson(list, login)
	}
	return r.Reader.List(ctx, list, &o)
}

// keepPerson removes the objects of other people from a list.
func keepPerson(list client.ObjectList, login string) error {
	items, err := meta.ExtractList(list)
	if err != nil {
		return fmt.Errorf("read the items of %T: %w", list, err)
	}
	items = slices.DeleteFunc(items, func(item runtime.Object) bool { return !slices.Contains(person(item.(client.Object)), login) })
	if err := meta.SetList(list, items); err != nil {
		return fmt.Errorf("set the items of %T: %w", list, err)
	}
	return nil
}
