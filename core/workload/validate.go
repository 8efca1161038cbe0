package workload

import (
	"encoding/json"
	"fmt"
	"strings"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/util/validation/field"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// checks are the rules for a Template that its CRD can't express. Each names
// the field and the cure; a new rule is a function and a line here.
var checks = []func(*v1alpha1.TemplateSpec) field.ErrorList{
	size,
	reservedEnvironment,
	headlessPortMapping,
	repeatedServicePorts,
	volumesOfOneName,
	mountsOfNoVolume,
	claimsWithoutSize,
}

// Validate says what is wrong with a Template, by fields of the Template.
func Validate(t *v1alpha1.Template) field.ErrorList {
	var all field.ErrorList
	for _, check := range checks {
		all = append(all, check(&t.Spec)...)
	}
	return all
}

var (
	specPath    = field.NewPath("spec")
	podSpecPath = specPath.Child("template", "spec")
)

// maxSpec is the largest size of a Template's spec as JSON, in bytes. Each carrel has
// a copy of it in its Deployment, its ReplicaSet and its pod.
const maxSpec = 64 << 10

func size(spec *v1alpha1.TemplateSpec) field.ErrorList {
	encoded, err := json.Marshal(spec)
	if err != nil {
		return field.ErrorList{field.InternalError(specPath, fmt.Errorf("encode the spec: %w", err))}
	}
	if len(encoded) <= maxSpec {
		return nil
	}
	return field.ErrorList{field.Invalid(specPath, fmt.Sprintf("%d bytes", len(encoded)),
		fmt.Sprintf("a Template is at most %d bytes long, because each carrel has a copy of it: move files and long lists of variables to a ConfigMap, and mount it or name it in envFrom", maxSpec))}
}

func reservedEnvironment(spec *v1alpha1.TemplateSpec) field.ErrorList {
	return eachContainer(spec, func(c corev1.Container, path *field.Path) (errs field.ErrorList) {
		for i, env := range c.Env {
			if strings.HasPrefix(env.Name, v1alpha1.ReservedEnvPrefix) {
				errs = append(errs, field.Invalid(path.Child("env").Index(i).Child("name"), env.Name,
					fmt.Sprintf("variables beginning with %s are set by Carrel: remove it or choose another name", v1alpha1.ReservedEnvPrefix)))
			}
		}
		return errs
	})
}

func headlessPortMapping(spec *v1alpha1.TemplateSpec) (errs field.ErrorList) {
	if spec.Service.Type == v1alpha1.ServiceClusterIP {
		return nil
	}
	for i, port := range spec.Service.Ports {
		if TargetPort(port) != port.Port {
			errs = append(errs, field.Invalid(specPath.Child("service", "ports").Index(i).Child("targetPort"), port.TargetPort,
				fmt.Sprintf("a Headless service does not map ports: set port to %d, or service.type to ClusterIP", port.TargetPort)))
		}
	}
	return errs
}

func repeatedServicePorts(spec *v1alpha1.TemplateSpec) (errs field.ErrorList) {
	seen := map[string]string{}
	for i, port := range spec.Service.Ports {
		key := fmt.Sprintf("%d/%s", port.Port, protocol(port))
		if first, repeated := seen[key]; repeated {
			errs = append(errs, field.Invalid(specPath.Child("service", "ports").Index(i).Child("port"), port.Port,
				fmt.Sprintf("port %q has this number already: remove one of them or change its number", first)))
			continue
		}
		seen[key] = port.Name
	}
	return errs
}

func volumesOfOneName(spec *v1alpha1.TemplateSpec) (errs field.ErrorList) {
	own := map[string]bool{}
	for _, volume := range spec.Volumes {
		own[volume.Name] = true
	}
	for i, volume := range spec.Template.Spec.Volumes {
		if own[volume.Name] {
			errs = append(errs, field.Invalid(podSpecPath.Child("volumes").Index(i).Child("name"), volume.Name,
				"spec.volumes has a volume of this name, which Carrel adds to the pod itself: remove this one or rename it"))
		}
	}
	return errs
}

func mountsOfNoVolume(spec *v1alpha1.TemplateSpec) field.ErrorList {
	known := map[string]bool{}
	for _, volume := range spec.Volumes {
		known[volume.Name] = true
	}
	for _, volume := range spec.Template.Spec.Volumes {
		known[volume.Name] = true
	}
	return eachContainer(spec, func(c corev1.Container, path *field.Path) (errs field.ErrorList) {
		for i, mount := range c.VolumeMounts {
			if !known[mount.Name] {
				errs = append(errs, field.Invalid(path.Child("volumeMounts").Index(i).Child("name"), mount.Name,
					"there is no volume of this name: add it to spec.volumes, or to spec.template.spec.volumes if it need not outlive the pod"))
			}
		}
		return errs
	})
}

func claimsWithoutSize(spec *v1alpha1.TemplateSpec) (errs field.ErrorList) {
	for i, volume := range spec.Volumes {
		if _, sized := volume.PVCSpec.Resources.Requests[corev1.ResourceStorage]; !sized {
			errs = append(errs, field.Required(specPath.Child("volumes").Index(i).Child("pvcSpec", "resources", "requests", "storage"),
				"say how much each user gets, such as 1Gi"))
		}
	}
	return errs
}

// eachContainer collects what a check says of every container of the pod.
func eachContainer(spec *v1alpha1.TemplateSpec, check func(corev1.Container, *field.Path) field.ErrorList) (errs field.ErrorList) {
	for i, c := range spec.Template.Spec.InitContainers {
		errs = append(errs, check(c, podSpecPath.Child("initContainers").Index(i))...)
	}
	for i, c := range spec.Template.Spec.Containers {
		errs = append(errs, check(c, podSpecPath.Child("containers").Index(i))...)
	}
	return errs
}
