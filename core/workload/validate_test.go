package workload_test

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/workload"
)

// variables returns variables of 45 bytes each, as JSON.
func variables(n int) (all []corev1.EnvVar) {
	for i := range n {
		all = append(all, corev1.EnvVar{Name: fmt.Sprintf("VARIABLE_%05d", i), Value: "twelve bytes"})
	}
	return all
}

func TestValidate(t *testing.T) {
	for _, test := range []struct {
		name string
		edit func(*v1alpha1.TemplateSpec)
		// words of the one fault; none: there is no fault
		words []string
	}{
		{name: "nothing wrong", edit: func(*v1alpha1.TemplateSpec) {}},
		{
			name: "a reserved variable in a container",
			edit: func(s *v1alpha1.TemplateSpec) {
				s.Template.Spec.Containers[0].Env = []corev1.EnvVar{{Name: "A"}, {Name: "CARREL_HOME"}}
			},
			words: []string{"spec.template.spec.containers[0].env[1].name", "CARREL_HOME", "remove it"},
		},
		{
			name: "a reserved variable in an init container",
			edit: func(s *v1alpha1.TemplateSpec) {
				s.Template.Spec.InitContainers[0].Env = []corev1.EnvVar{{Name: "CARREL_USER"}}
			},
			words: []string{"spec.template.spec.initContainers[0].env[0].name", "CARREL_USER"},
		},
		{
			name:  "a port mapping without an address",
			edit:  func(s *v1alpha1.TemplateSpec) { s.Service.Ports[0].Port, s.Service.Ports[0].TargetPort = 80, 8080 },
			words: []string{"spec.service.ports[0].targetPort", "set port to 8080", "ClusterIP"},
		},
		{
			name: "a port mapping with an address",
			edit: func(s *v1alpha1.TemplateSpec) {
				s.Service.Type = v1alpha1.ServiceClusterIP
				s.Service.Ports[0].Port, s.Service.Ports[0].TargetPort = 80, 8080
			},
		},
		{
			name: "two ports of one number",
			edit: func(s *v1alpha1.TemplateSpec) {
				s.Service.Ports = append(s.Service.Ports, v1alpha1.ServicePort{Name: "again", Port: 8080, Protocol: corev1.ProtocolTCP})
			},
			words: []string{"spec.service.ports[1].port", "8080", `"http"`},
		},
		{
			name: "one number in two protocols",
			edit: func(s *v1alpha1.TemplateSpec) {
				s.Service.Ports = append(s.Service.Ports, v1alpha1.ServicePort{Name: "quic", Port: 8080, Protocol: corev1.ProtocolUDP})
			},
		},
		{
			name: "a volume of the pod with the name of one of the user's",
			edit: func(s *v1alpha1.TemplateSpec) {
				s.Template.Spec.Volumes = append(s.Template.Spec.Volumes, corev1.Volume{Name: "home"})
			},
			words: []string{"spec.template.spec.volumes[1].name", "home", "rename"},
		},
		{
			name:  "a mount of no volume",
			edit:  func(s *v1alpha1.TemplateSpec) { s.Template.Spec.Containers[0].VolumeMounts[0].Name = "hoem" },
			words: []string{"spec.template.spec.containers[0].volumeMounts[0].name", "hoem", "spec.volumes"},
		},
		{
			name:  "a volume without a size",
			edit:  func(s *v1alpha1.TemplateSpec) { s.Volumes[0].PVCSpec.Resources = corev1.VolumeResourceRequirements{} },
			words: []string{"spec.volumes[0].pvcSpec.resources.requests.storage", "1Gi"},
		},
		{
			name: "many variables",
			edit: func(s *v1alpha1.TemplateSpec) { s.Template.Spec.Containers[0].Env = variables(1000) },
		},
		{
			name:  "more variables than each carrel is to have",
			edit:  func(s *v1alpha1.TemplateSpec) { s.Template.Spec.Containers[0].Env = variables(2000) },
			words: []string{"spec: ", "bytes", "at most 65536 bytes", "ConfigMap", "envFrom"},
		},
		{
			name: "an annotation too long for that",
			edit: func(s *v1alpha1.TemplateSpec) {
				s.Template.Annotations = map[string]string{"example.com/note": strings.Repeat("x", 65_000)}
			},
			words: []string{"spec: ", "at most 65536 bytes"},
		},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, template := read(t, "testdata/code-server.in.yaml")
			test.edit(&template.Spec)
			faults := workload.Validate(template)
			if len(test.words) == 0 {
				if len(faults) > 0 {
					t.Errorf("refused, and should be accepted: %v", faults)
				}
				return
			}
			if len(faults) != 1 {
				t.Fatalf("%d faults, want one: %v", len(faults), faults)
			}
			for _, words := range test.words {
				if !strings.Contains(faults[0].Error(), words) {
					t.Errorf("the fault does not say %q: %v", words, faults[0])
				}
			}
		})
	}
}
