package kube

import (
	"context"

	"k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// ByLabel returns a reader of the API server that understands the index of
// Userlands which the cache has: it lists by the label instead.
func ByLabel(reader client.Reader) client.Reader { return byLabel{reader} }

type byLabel struct{ client.Reader }

// List reads the objects that the options select.
func (r byLabel) List(ctx context.Context, list client.ObjectList, options ...client.ListOption) error {
	o := client.ListOptions{}
	o.ApplyOptions(options)
	if o.FieldSelector != nil {
		if name, found := o.FieldSelector.RequiresExactMatch(userlandField); found {
			o.FieldSelector, o.LabelSelector = nil, labels.SelectorFromSet(labels.Set{v1alpha1.UserlandLabel: name})
		}
	}
	return r.Reader.List(ctx, list, &o)
}
