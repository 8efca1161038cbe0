package workload

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// Reach holds what the cluster allows the Templates of a course beside their own
// carrels. The zero value allows nothing.
type Reach struct {
	// Claims are PersistentVolumeClaims with material for everybody.
	Claims []string
	// RuntimeClasses are names of runtime classes.
	RuntimeClasses []string
	// Tolerations are keys of taints.
	Tolerations []string
}

// NewReach reads what the annotations of a course's namespace allow.
func NewReach(annotations map[string]string) Reach {
	return Reach{
		Claims:         names(annotations[v1alpha1.AllowClaimsAnnotation]),
		RuntimeClasses: names(annotations[v1alpha1.AllowRuntimeClassesAnnotation]),
		Tolerations:    names(annotations[v1alpha1.AllowTolerationsAnnotation]),
	}
}

// names splits a list at its commas.
func names(list string) (all []string) {
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			all = append(all, name)
		}
	}
	return all
}

// Volumes of other types reach the node, the network, an account or somebody's work. The
// policy template-reach has the same two lists.
var (
	volumeTypes      = []string{"configMap", "downwardAPI", "emptyDir", "image", "persistentVolumeClaim", "projected", "secret"}
	projectedSources = []string{"configMap", "downwardAPI", "secret"}
)

// Validate returns an error for each field of a Template that reaches beside its carrel,
// unless the cluster allows that. By the policy template-reach, the API server refuses the
// same fields. Validate does not judge Secrets, because only the API server knows their
// labels.
func (r Reach) Validate(t *v1alpha1.Template) (errs field.ErrorList) {
	pod := &t.Spec.Template.Spec
	refuse := func(path *field.Path, value any, detail string) {
		errs = append(errs, field.Invalid(path, value, detail))
	}
	if pod.ServiceAccountName != "" && pod.ServiceAccountName != "default" {
		refuse(podSpecPath.Child("serviceAccountName"), pod.ServiceAccountName, "but carrels run as 'default', which may do nothing: remove the field")
	}
	if pod.DeprecatedServiceAccount != "" && pod.DeprecatedServiceAccount != "default" {
		refuse(podSpecPath.Child("serviceAccount"), pod.DeprecatedServiceAccount, "must not be set: remove the field")
	}
	if strings.HasPrefix(pod.PriorityClassName, "system-") {
		refuse(podSpecPath.Child("priorityClassName"), pod.PriorityClassName, "which belongs to the cluster itself: remove the field, or name a class of your own")
	}
	if pod.AutomountServiceAccountToken != nil && *pod.AutomountServiceAccountToken {
		refuse(podSpecPath.Child("automountServiceAccountToken"), true, "but carrels get no token of the API server: remove the field")
	}
	if pod.NodeName != "" {
		refuse(podSpecPath.Child("nodeName"), pod.NodeName, "passes over the scheduler, its limits and the taints of the node: remove the field")
	}
	if name := pod.RuntimeClassName; name != nil && *name != "" && !slices.Contains(r.RuntimeClasses, *name) {
		refuse(podSpecPath.Child("runtimeClassName"), *name,
			"which the cluster does not allow in this course: remove the field, or list the class in the annotation carrel.dev/allow-runtime-classes of the Namespace")
	}
	for i, toleration := range pod.Tolerations {
		if !slices.Contains(r.Tolerations, toleration.Key) {
			refuse(podSpecPath.Child("tolerations").Index(i).Child("key"), toleration.Key,
				"which the cluster does not allow in this course: remove them, or list the keys in the annotation carrel.dev/allow-tolerations of the Namespace")
		}
	}
	return append(errs, r.volumes(t)...)
}

// volumes judges the volumes of the pod and those that the carrel keeps.
func (r Reach) volumes(t *v1alpha1.Template) (errs field.ErrorList) {
	ofPod := t.Spec.Template.Spec.Volumes
	for i := range ofPod {
		errs = append(errs, r.podVolume(&ofPod[i], podSpecPath.Child("volumes").Index(i))...)
	}
	for i := range t.Spec.Volumes {
		errs = append(errs, r.ownVolume(&t.Spec.Volumes[i].PVCSpec, specPath.Child("volumes").Index(i).Child("pvcSpec"))...)
	}
	return errs
}

const notEverybodys = "which may be a student's work: use spec.volumes without a data source, or list a claim with material for everybody in the annotation carrel.dev/allow-claims of the Namespace"

// podVolume judges a volume of the pod itself.
func (r Reach) podVolume(v *corev1.Volume, path *field.Path) (errs field.ErrorList) {
	for _, kind := range keys(&v.VolumeSource) {
		if !slices.Contains(volumeTypes, kind) {
			errs = append(errs, field.Invalid(path.Child(kind), v.Name, fmt.Sprintf("but carrels have only volumes of the types %s: use one of them, or spec.volumes for files that stay", strings.Join(volumeTypes, ", "))))
		}
	}
	if v.Projected != nil {
		for i := range v.Projected.Sources {
			for _, kind := range keys(&v.Projected.Sources[i]) {
				if !slices.Contains(projectedSources, kind) {
					errs = append(errs, field.Invalid(path.Child("projected", "sources").Index(i).Child(kind), v.Name,
						fmt.Sprintf("but carrels have only %s: remove the others", strings.Join(projectedSources, ", "))))
				}
			}
		}
	}
	if claim := v.PersistentVolumeClaim; claim != nil && !slices.Contains(r.Claims, claim.ClaimName) {
		errs = append(errs, field.Invalid(path.Child("persistentVolumeClaim", "claimName"), claim.ClaimName, notEverybodys))
	}
	return errs
}

// ownVolume judges a volume that each user has for themselves.
func (r Reach) ownVolume(spec *corev1.PersistentVolumeClaimSpec, path *field.Path) (errs field.ErrorList) {
	const claim = "PersistentVolumeClaim"
	if from := spec.DataSource; from != nil && (from.Kind != claim || !slices.Contains(r.Claims, from.Name)) {
		errs = append(errs, field.Invalid(path.Child("dataSource", "name"), from.Name, notEverybodys))
	}
	if from := spec.DataSourceRef; from != nil && (from.Kind != claim || from.Namespace != nil || !slices.Contains(r.Claims, from.Name)) {
		errs = append(errs, field.Invalid(path.Child("dataSourceRef", "name"), from.Name, notEverybodys))
	}
	if spec.VolumeName != "" {
		errs = append(errs, field.Invalid(path.Child("volumeName"), spec.VolumeName, "to one PersistentVolume for everybody: remove pvcSpec.volumeName"))
	}
	return errs
}

// keys returns the names of the fields that are set in a struct of which one is to be
// set, sorted.
func keys(source any) []string {
	fields, err := runtime.DefaultUnstructuredConverter.ToUnstructured(source)
	if err != nil {
		panic(err) // types of Kubernetes' API can be converted
	}
	return slices.Sorted(maps.Keys(fields))
}
