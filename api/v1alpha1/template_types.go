package v1alpha1

import (
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// ServiceType selects how a carrel is reached inside the cluster.
// +kubebuilder:validation:Enum=Headless;ClusterIP
type ServiceType string

const (
	// ServiceHeadless gives the Service no address of its own: its name resolves to
	// the pod. Such a Service can't map port to another targetPort.
	ServiceHeadless ServiceType = "Headless"
	// ServiceClusterIP allocates an address, for software that needs a fixed one or
	// a port mapping.
	ServiceClusterIP ServiceType = "ClusterIP"
)

// TemplateSpec describes the carrels of a Template. It is at most 64 KiB long, as
// JSON, because each carrel has a copy of it.
// +kubebuilder:validation:XValidation:rule="!has(self.template.metadata) || !has(self.template.metadata.labels) || self.template.metadata.labels.all(k, !k.startsWith('carrel.dev/') && k != 'app.kubernetes.io/managed-by')",fieldPath=".template",message="labels carrel.dev/* and app.kubernetes.io/managed-by belong to Carrel: remove them from template.metadata.labels"
// +kubebuilder:validation:XValidation:rule="!has(self.template.metadata) || !has(self.template.metadata.annotations) || self.template.metadata.annotations.all(k, !k.startsWith('carrel.dev/'))",fieldPath=".template",message="annotations carrel.dev/* belong to Carrel: remove them from template.metadata.annotations"
type TemplateSpec struct {
	// template is the pod of a carrel, as in a Deployment. Carrel adds the volumes,
	// and the variables CARREL_USER, CARREL_USERLAND and CARREL_COURSE in every
	// container. They may be used as $(CARREL_USER) in args and env. Other
	// variables beginning with CARREL_ are refused.
	// +required
	Template corev1.PodTemplateSpec `json:"template"`

	// service defines how the carrel is reached.
	// +required
	Service ServiceSpec `json:"service"`

	// volumes are the storage that each user gets. A container mounts a volume by
	// its name in volumeMounts.
	// +optional
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MaxItems=16
	Volumes []Volume `json:"volumes,omitempty"`

	// idle defines when a carrel that nobody uses is stopped. Absent means never.
	// +optional
	Idle *Idle `json:"idle,omitempty"`

	// rollout defines how running carrels take a new revision of this Template.
	// +optional
	// +kubebuilder:default={}
	Rollout Rollout `json:"rollout,omitempty"`

	// trial is Never to start no trial of new revisions. Empty, the default, means that
	// each revision that no carrel has started yet is started once, in a pod that
	// belongs to no student, and the outcome is recorded in status.trials.
	// +optional
	Trial TrialWhen `json:"trial,omitempty"`
}

// ServiceSpec defines how a carrel is reached.
type ServiceSpec struct {
	// type is Headless or ClusterIP. The name of a Headless Service resolves
	// directly to the pod. A ClusterIP Service has an address of its own, for
	// software that needs one or a port mapping. Defaults to Headless.
	// +optional
	// +kubebuilder:default=Headless
	Type ServiceType `json:"type,omitempty"`

	// name is the name of each carrel's Service, for a proxy with names of its own.
	// $(CARREL_USERLAND) stands for the name of the Userland, as in
	// cloud9-$(CARREL_USERLAND)-svc. Empty means the name of the Userland, with the
	// prefix u-- if it begins with a digit.
	// +optional
	// +kubebuilder:validation:MaxLength=80
	// +kubebuilder:validation:Pattern=`^([a-z][-a-z0-9]*[$][(]CARREL_USERLAND[)]([-a-z0-9]*[a-z0-9])?)?$`
	Name string `json:"name,omitempty"`

	// ports are the ports of the Service. Browsers open the port named http or, if
	// there is none, the first.
	// +required
	// +listType=map
	// +listMapKey=name
	// +kubebuilder:validation:MinItems=1
	// +kubebuilder:validation:MaxItems=16
	Ports []ServicePort `json:"ports"`
}

// ServicePort is one port of the Service.
type ServicePort struct {
	// name is the unique name of the port.
	// +required
	// +kubebuilder:validation:MaxLength=15
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	Name string `json:"name"`

	// port is the port number of the Service. For a Headless Service, it must be
	// the number on which the container listens.
	// +required
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	Port int32 `json:"port"`

	// targetPort is the number of the container's port. Defaults to port.
	// +optional
	// +kubebuilder:validation:Minimum=1
	// +kubebuilder:validation:Maximum=65535
	TargetPort int32 `json:"targetPort,omitempty"`

	// protocol is TCP, UDP or SCTP. Defaults to TCP.
	// +optional
	// +kubebuilder:default=TCP
	// +kubebuilder:validation:Enum=TCP;UDP;SCTP
	Protocol corev1.Protocol `json:"protocol,omitempty"`
}

// Volume is storage that each user gets and that outlives the pod.
type Volume struct {
	// name is the name by which containers mount the volume. It is also part of the
	// name of the PersistentVolumeClaim, <userland>--<name>.
	// +required
	// +kubebuilder:validation:MaxLength=40
	// +kubebuilder:validation:Pattern=`^[a-z0-9]([-a-z0-9]*[a-z0-9])?$`
	// +kubebuilder:validation:XValidation:rule="!self.contains('--')",message="must not contain '--', which separates user and volume in the claim's name: use a single '-'"
	Name string `json:"name"`

	// pvcSpec is the spec of the claim that is created for each user.
	// +required
	PVCSpec corev1.PersistentVolumeClaimSpec `json:"pvcSpec"`

	// retain is the time for which the volume is kept after its Userland is
	// removed: days (30d), hours (12h) or Forever. Defaults to 30d.
	// +optional
	// +kubebuilder:default="30d"
	// +kubebuilder:validation:MaxLength=7
	// +kubebuilder:validation:Pattern=`^([1-9][0-9]{0,4}[dh]|Forever)$`
	Retain string `json:"retain,omitempty"`
}

// TemplateStatus is the observed state of a Template.
type TemplateStatus struct {
	// observedGeneration is the generation of the spec that the conditions
	// describe. It is -1 before the controller has seen the Template.
	// +optional
	// +kubebuilder:default=-1
	ObservedGeneration int64 `json:"observedGeneration,omitempty"`

	// revision is the revision that carrels take when they start: the present spec,
	// or the last one that was accepted.
	// +optional
	Revision *TemplateRevision `json:"revision,omitempty"`

	// lastHandledReconcileAt is the last value of the annotation
	// reconcile.fluxcd.io/requestedAt for which the controller has judged the Template
	// again, as in Flux's own kinds.
	// +optional
	// +kubebuilder:validation:MaxLength=262144
	LastHandledReconcileAt string `json:"lastHandledReconcileAt,omitempty"`

	// userlands counts the Userlands that use this Template.
	// +optional
	Userlands *TemplateUserlands `json:"userlands,omitempty"`

	// trials are the outcomes of the trials of the latest revisions, the newest first.
	// The errand process writes them.
	// +optional
	// +listType=map
	// +listMapKey=revision
	// +kubebuilder:validation:MaxItems=4
	Trials []TemplateTrial `json:"trials,omitempty"`

	// conditions are Ready, Reconciling and Stalled, as kstatus defines them, and
	// RolloutHeld while a rollout waits for updated carrels to recover.
	// +optional
	// +listType=map
	// +listMapKey=type
	// +kubebuilder:validation:MaxItems=16
	Conditions []metav1.Condition `json:"conditions,omitempty"`
}

// Template defines the containers of a carrel.
//
// +genclient
// +kubebuilder:object:root=true
// +kubebuilder:subresource:status
// +kubebuilder:resource:shortName=tpl,categories=carrel
// +kubebuilder:printcolumn:name="Image",type=string,JSONPath=`.spec.template.spec.containers[*].image`
// +kubebuilder:printcolumn:name="Userlands",type=integer,JSONPath=`.status.userlands.total`
// +kubebuilder:printcolumn:name="Updated",type=integer,JSONPath=`.status.userlands.updated`
// +kubebuilder:printcolumn:name="Ready",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].status`
// +kubebuilder:printcolumn:name="Reason",type=string,JSONPath=`.status.conditions[?(@.type=="Ready")].message`,priority=1
// +kubebuilder:printcolumn:name="Age",type=date,JSONPath=`.metadata.creationTimestamp`
// +kubebuilder:validation:XValidation:rule="size(self.metadata.name) <= 63",message="metadata.name must be at most 63 characters, because it becomes a label: shorten it"
type Template struct {
	metav1.TypeMeta `json:",inline"`
	// +optional
	metav1.ObjectMeta `json:"metadata,omitempty"`

	// spec describes the carrels of this Template.
	// +required
	Spec TemplateSpec `json:"spec"`

	// status is the observed state of the Template.
	// +optional
	// +kubebuilder:default={"observedGeneration":-1}
	Status TemplateStatus `json:"status,omitempty"`
}

// TemplateList is a list of Templates.
//
// +kubebuilder:object:root=true
type TemplateList struct {
	metav1.TypeMeta `json:",inline"`
	metav1.ListMeta `json:"metadata,omitempty"`
	Items           []Template `json:"items"`
}

// GetConditions returns the conditions of the status.
func (t *Template) GetConditions() []metav1.Condition { return t.Status.Conditions }

// SetConditions replaces the conditions of the status.
func (t *Template) SetConditions(conditions []metav1.Condition) { t.Status.Conditions = conditions }
