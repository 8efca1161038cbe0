package kube

import (
	"context"
	"fmt"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/sets"
	"k8s.io/client-go/util/csaupgrade"
	"sigs.k8s.io/controller-runtime/pkg/client"
)

// handOver turns the ownership that creating an object gave us into the kind an
// apply has. Without it a field the intent no longer has would stay: the record
// of the creation would still claim it. It costs two requests, once, at the
// first change of an object, where making each object by an apply would cost a
// merge and a look at what is there for every one.
func (a *Applier) handOver(ctx context.Context, found client.Object) error {
	if !CreatedByUs(found.GetManagedFields()) {
		return nil
	}
	// The cache keeps no more of managedFields than the question above needs.
	if err := a.live.Get(ctx, client.ObjectKeyFromObject(found), found); err != nil {
		return fmt.Errorf("read the owners of the fields of %q: %w", found.GetName(), err)
	}
	patch, err := csaupgrade.UpgradeManagedFieldsPatch(found, sets.New(FieldOwner), FieldOwner)
	if err != nil || patch == nil {
		return err
	}
	if err := a.cached.Patch(ctx, found, client.RawPatch(types.JSONPatchType, patch)); err != nil {
		return fmt.Errorf("hand over the fields of %q: %w", found.GetName(), err)
	}
	return nil
}

// CreatedByUs reports whether fields are still ours by the creation of the
// object instead of by an apply.
func CreatedByUs(fields []metav1.ManagedFieldsEntry) bool {
	for _, entry := range fields {
		if IsCreation(entry) {
			return true
		}
	}
	return false
}

// IsCreation reports whether the entry is the record of our creation. All that
// matters of managedFields is whether there is one.
func IsCreation(entry metav1.ManagedFieldsEntry) bool {
	return entry.Manager == FieldOwner && entry.Operation == metav1.ManagedFieldsOperationUpdate && entry.Subresource == ""
}
