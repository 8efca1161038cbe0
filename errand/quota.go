package errand

import (
	"fmt"
	"slices"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	"k8s.io/utils/ptr"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// overQuota describes the first quota that has no room for the volumes of a Template;
// empty if all have.
func overQuota(quotas []corev1.ResourceQuota, t *v1alpha1.Template) string {
	needs := volumeNeeds(t)
	for _, quota := range quotas {
		names := make([]corev1.ResourceName, 0, len(needs))
		for name := range needs {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			hard, limited := quota.Spec.Hard[name]
			need := quota.Status.Used[name].DeepCopy()
			need.Add(needs[name])
			if limited && need.Cmp(hard) > 0 {
				return fmt.Sprintf("with the volumes of the trial, %s of %s are needed, and ResourceQuota %q allows %s", need.String(), name, quota.Name, hard.String())
			}
		}
	}
	return ""
}

// volumeNeeds returns what a quota counts for the volumes of a Template.
func volumeNeeds(t *v1alpha1.Template) corev1.ResourceList {
	needs := corev1.ResourceList{}
	add := func(name corev1.ResourceName, more resource.Quantity) {
		sum := needs[name]
		sum.Add(more)
		needs[name] = sum
	}
	one := *resource.NewQuantity(1, resource.DecimalSI)
	for _, volume := range t.Spec.Volumes {
		size := volume.PVCSpec.Resources.Requests[corev1.ResourceStorage]
		add(corev1.ResourcePersistentVolumeClaims, one)
		add("count/persistentvolumeclaims", one)
		add(corev1.ResourceRequestsStorage, size)
		if class := ptr.Deref(volume.PVCSpec.StorageClassName, ""); class != "" {
			add(corev1.ResourceName(class+".storageclass.storage.k8s.io/persistentvolumeclaims"), one)
			add(corev1.ResourceName(class+".storageclass.storage.k8s.io/requests.storage"), size)
		}
	}
	return needs
}
