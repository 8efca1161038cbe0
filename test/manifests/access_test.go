package manifests

import (
	"context"
	"testing"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/test/apiserver"
)

// The accounts of the system.
var (
	roster     = types.NamespacedName{Namespace: "prog1", Name: "roster"}
	templates  = types.NamespacedName{Namespace: "prog1", Name: "templates"}
	carrels    = types.NamespacedName{Namespace: "prog1", Name: "default"}
	controller = types.NamespacedName{Namespace: "carrel-system", Name: "carrel-controller"}
	reporter   = types.NamespacedName{Namespace: "carrel-system", Name: "carrel-reporter"}
	errand     = types.NamespacedName{Namespace: "carrel-system", Name: "carrel-errand"}
)

// The objects of the requests. Those with names that local creates exist.
const (
	aUserland = "{apiVersion: carrel.dev/v1alpha1, kind: Userland, metadata: {name: hana-mori, namespace: prog1}, spec: {user: hana.mori@stu.example.ac.jp}}"
	// rowUserland belongs to a row. ownedElsewhere claims to be owned by another
	// namespace's Course.
	rowUserland    = "{apiVersion: carrel.dev/v1alpha1, kind: Userland, metadata: {name: new, namespace: prog1, ownerReferences: [{apiVersion: carrel.dev/v1alpha1, kind: Course, name: prog1, uid: 1-2-3, controller: true}]}}"
	ownedElsewhere = "{apiVersion: carrel.dev/v1alpha1, kind: Userland, metadata: {name: new, namespace: prog1, ownerReferences: [{apiVersion: carrel.dev/v1alpha1, kind: Course, name: database, uid: 1-2-3, controller: true}]}}"
	takenOver      = "{apiVersion: carrel.dev/v1alpha1, kind: Userland, metadata: {name: hana-mori, namespace: prog1, ownerReferences: [{apiVersion: carrel.dev/v1alpha1, kind: Course, name: prog1, uid: 1-2-3, controller: true}]}, spec: {user: hana.mori@stu.example.ac.jp}}"
	enrolled       = "{apiVersion: carrel.dev/v1alpha1, kind: Userland, metadata: {name: enrolled, namespace: prog1, ownerReferences: [{apiVersion: carrel.dev/v1alpha1, kind: Course, name: prog1, uid: 1-2-3, controller: true}]}}"
	released       = "{apiVersion: carrel.dev/v1alpha1, kind: Userland, metadata: {name: marked, namespace: prog1}, spec: {section: b}}"
	marked         = "{apiVersion: carrel.dev/v1alpha1, kind: Userland, metadata: {name: marked, namespace: prog1, annotations: {kustomize.toolkit.fluxcd.io/prune: disabled}}}"
	markedOver     = "{apiVersion: carrel.dev/v1alpha1, kind: Userland, metadata: {name: marked, namespace: prog1, ownerReferences: [{apiVersion: carrel.dev/v1alpha1, kind: Course, name: prog1, uid: 1-2-3, controller: true}]}}"
	newUserland    = "{apiVersion: carrel.dev/v1alpha1, kind: Userland, metadata: {name: new, namespace: prog1}}"
	aCourse        = "{apiVersion: carrel.dev/v1alpha1, kind: Course, metadata: {name: prog1, namespace: prog1}, spec: {title: Programming 1}}"
	aTemplate      = "{apiVersion: carrel.dev/v1alpha1, kind: Template, metadata: {name: code-server, namespace: prog1}, spec: {service: {ports: [{name: http, port: 80}]}, template: {spec: {containers: [{name: a, image: i}]}}}}"
	newTemplate    = "{apiVersion: carrel.dev/v1alpha1, kind: Template, metadata: {name: new, namespace: prog1}, spec: {service: {ports: [{name: http, port: 80}]}, template: {spec: {containers: [{name: a, image: i}]}}}}"

	elsewhereUserland = "{apiVersion: carrel.dev/v1alpha1, kind: Userland, metadata: {name: new, namespace: database}}"
	elsewhereTemplate = "{apiVersion: carrel.dev/v1alpha1, kind: Template, metadata: {name: new, namespace: database}, spec: {service: {ports: [{name: http, port: 80}]}, template: {spec: {containers: [{name: a, image: i}]}}}}"
	elsewhereRoster   = "{apiVersion: v1, kind: ConfigMap, metadata: {name: new, namespace: database, labels: {carrel.dev/roster: 'true'}}}"

	userlandStatus = "{apiVersion: carrel.dev/v1alpha1, kind: Userland, metadata: {name: hana-mori, namespace: prog1}, status: {state: Running}}"
	courseStatus   = "{apiVersion: carrel.dev/v1alpha1, kind: Course, metadata: {name: prog1, namespace: prog1}, status: {observedGeneration: 1}}"
	courseReport   = "{apiVersion: carrel.dev/v1alpha1, kind: Course, metadata: {name: prog1, namespace: prog1}, status: {report: {revision: da3eb18, state: success, description: all, time: '2026-10-01T10:00:00Z'}}}"
	courseRequest  = "{apiVersion: carrel.dev/v1alpha1, kind: Course, metadata: {name: prog1, namespace: prog1}, status: {requests: {volumes: [{claim: hana-mori--home, at: '2026-10-01T10:00:00Z', keepUntil: Forever}]}}}"
	templateStatus = "{apiVersion: carrel.dev/v1alpha1, kind: Template, metadata: {name: code-server, namespace: prog1}, status: {userlands: {total: 1}}}"

	elsewhereStatus   = "{apiVersion: carrel.dev/v1alpha1, kind: Userland, metadata: {name: hana-mori, namespace: database}, status: {requests: {stopAt: '2026-10-01T10:00:00Z'}}}"
	activity          = "{apiVersion: carrel.dev/v1alpha1, kind: Userland, metadata: {name: hana-mori, namespace: prog1}, status: {lastActivityTime: '2026-10-01T10:00:00Z'}}"
	elsewhereActivity = "{apiVersion: carrel.dev/v1alpha1, kind: Userland, metadata: {name: hana-mori, namespace: database}, status: {lastActivityTime: '2026-10-01T10:00:00Z'}}"
	requests          = "{apiVersion: carrel.dev/v1alpha1, kind: Userland, metadata: {name: hana-mori, namespace: prog1}, status: {requests: {stopAt: '2026-10-01T10:00:00Z'}}}"

	courseIsolation      = "{apiVersion: carrel.dev/v1alpha1, kind: Course, metadata: {name: prog1, namespace: prog1}, status: {isolation: {time: '2026-10-01T10:00:00Z', retryTime: '2026-10-01T10:00:00Z'}}}"
	networkPolicy        = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: new, namespace: prog1}, spec: {podSelector: {}}}"
	errandDeployment     = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: carrel-errand, namespace: carrel-system}}"
	controllerDeployment = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: carrel-controller, namespace: carrel-system}}"

	templateTrial = "{apiVersion: carrel.dev/v1alpha1, kind: Template, metadata: {name: code-server, namespace: prog1}, status: {trials: [{revision: r, outcome: Started, time: '2026-10-01T10:00:00Z'}]}}"
	anyJob        = "{apiVersion: batch/v1, kind: Job, metadata: {name: new, namespace: prog1}, spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: i}]}}}}"

	deployment = "{apiVersion: apps/v1, kind: Deployment, metadata: {name: new, namespace: prog1}, spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: i}]}}}}"
	pod        = "{apiVersion: v1, kind: Pod, metadata: {name: new, namespace: prog1}, spec: {containers: [{name: a, image: i}]}}"
	service    = "{apiVersion: v1, kind: Service, metadata: {name: new, namespace: prog1}, spec: {clusterIP: None, ports: [{name: http, port: 80}]}}"
	claim      = "{apiVersion: v1, kind: PersistentVolumeClaim, metadata: {name: hana-mori--home, namespace: prog1}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}"
	secret     = "{apiVersion: v1, kind: Secret, metadata: {name: new, namespace: prog1}}"
	namespace  = "{apiVersion: v1, kind: Namespace, metadata: {name: prog1, labels: {pod-security.kubernetes.io/enforce: privileged}}}"
	quota      = "{apiVersion: v1, kind: ResourceQuota, metadata: {name: course, namespace: prog1}, spec: {hard: {pods: 1000}}}"
	network    = "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: open, namespace: prog1}, spec: {podSelector: {}, ingress: [{}]}}"
	role       = "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: roster, namespace: prog1}, rules: [{apiGroups: ['*'], resources: ['*'], verbs: ['*']}]}"
	binding    = "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: new, namespace: prog1}, roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}, subjects: [{kind: ServiceAccount, name: roster, namespace: prog1}]}"
	account    = "{apiVersion: v1, kind: ServiceAccount, metadata: {name: new, namespace: prog1}}"
	fluxSync   = "{apiVersion: kustomize.toolkit.fluxcd.io/v1, kind: Kustomization, metadata: {name: roster, namespace: prog1}, spec: {serviceAccountName: templates}}"

	newRoster   = "{apiVersion: v1, kind: ConfigMap, metadata: {name: roster-5h2k, namespace: prog1, labels: {carrel.dev/roster: 'true'}}}"
	aRoster     = "{apiVersion: v1, kind: ConfigMap, metadata: {name: roster-there, namespace: prog1, labels: {carrel.dev/roster: 'true'}}}"
	unlabelled  = "{apiVersion: v1, kind: ConfigMap, metadata: {name: new, namespace: prog1}}"
	rootCA      = "{apiVersion: v1, kind: ConfigMap, metadata: {name: kube-root-ca.crt, namespace: prog1, labels: {carrel.dev/roster: 'true'}}, data: {ca.crt: mine}}"
	relabelled  = "{apiVersion: v1, kind: ConfigMap, metadata: {name: roster-there, namespace: prog1, labels: {carrel.dev/roster: 'false'}}}"
	forgeToken  = "{apiVersion: v1, kind: Secret, metadata: {name: carrel-forge, namespace: flux-system}}"
	gitPassword = "{apiVersion: v1, kind: Secret, metadata: {name: carrel-git, namespace: flux-system}}"
	provider    = "{apiVersion: notification.toolkit.fluxcd.io/v1beta3, kind: Provider, metadata: {name: carrel, namespace: flux-system}, spec: {address: 'http://elsewhere.invalid'}}"
	source      = "{apiVersion: source.toolkit.fluxcd.io/v1, kind: GitRepository, metadata: {name: carrel, namespace: flux-system}, spec: {url: 'http://elsewhere.invalid'}}"

	aNode       = "{apiVersion: v1, kind: Node, metadata: {name: one}}"
	endpoints   = "{apiVersion: discovery.k8s.io/v1, kind: EndpointSlice, metadata: {name: new, namespace: prog1}, addressType: IPv4, endpoints: []}"
	loginSecret = "{apiVersion: v1, kind: Secret, metadata: {name: carrel-login, namespace: carrel-system}}"

	controllerLease = "{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: carrel-controller, namespace: carrel-system}}"
	errandLease     = "{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: carrel-errand, namespace: carrel-system}}"
	reporterMarks   = "{apiVersion: v1, kind: ConfigMap, metadata: {name: carrel-reporter-marks, namespace: carrel-system}, data: {flux-system.carrel: '{}'}}"
	otherMarks      = "{apiVersion: v1, kind: ConfigMap, metadata: {name: new, namespace: carrel-system}}"
	reporterLease   = "{apiVersion: coordination.k8s.io/v1, kind: Lease, metadata: {name: carrel-reporter, namespace: carrel-system}}"
)

// act is one request.
type act func(context.Context, client.Client, *unstructured.Unstructured) error

// toApply applies an object. Like all acts it is a dry run: the API server
// authorizes and admits the request, but stores nothing.
func toApply(ctx context.Context, c client.Client, o *unstructured.Unstructured) error {
	return applyOne(ctx, c, o, client.DryRunAll)
}

func toDelete(ctx context.Context, c client.Client, o *unstructured.Unstructured) error {
	return client.IgnoreNotFound(c.Delete(ctx, o, client.DryRunAll))
}

func toRead(ctx context.Context, c client.Client, o *unstructured.Unstructured) error {
	return client.IgnoreNotFound(c.Get(ctx, client.ObjectKeyFromObject(o), o))
}

func toList(ctx context.Context, c client.Client, o *unstructured.Unstructured) error {
	list := &metav1.PartialObjectMetadataList{}
	list.SetGroupVersionKind(o.GroupVersionKind().GroupVersion().WithKind(o.GetKind() + "List"))
	return c.List(ctx, list, client.InNamespace(o.GetNamespace()))
}

func toSetStatus(ctx context.Context, c client.Client, o *unstructured.Unstructured) error {
	return c.Status().Apply(ctx, client.ApplyConfigurationFromUnstructured(o.DeepCopy()), client.FieldOwner("test"), client.ForceOwnership, client.DryRunAll)
}

// acts holds all acts by their names in test titles.
var acts = map[string]act{"apply": toApply, "delete": toDelete, "read": toRead, "list": toList, "set the status of": toSetStatus}

func TestLeastPrivilege(t *testing.T) {
	others(t)
	admin := apiserver.Client(t)
	apply(t, admin, []*unstructured.Unstructured{
		object(t, aRoster),
		object(t, marked),
		object(t, enrolled),
		// A lease is taken over by an update, so it must exist. A create can't be
		// limited by name.
		object(t, controllerLease),
		object(t, reporterLease),
		object(t, errandLease),
		object(t, "{apiVersion: v1, kind: ConfigMap, metadata: {name: kube-root-ca.crt, namespace: prog1}}"),
	})

	may, mayNot := []string(nil), []string{"forbidden"}
	notOurs := []string{"userland-owner.carrel.dev", "owned by the Course of their namespace"}
	byPolicy := func(parts ...string) []string { return append([]string{"roster-configmaps.carrel.dev"}, parts...) }
	tests := []struct {
		account types.NamespacedName
		act     string
		what    string
		object  string
		refused []string
	}{
		// The roster account of a course, which decides who is in it.
		{roster, "apply", "a student", aUserland, may},
		{roster, "apply", "a new student", newUserland, may},
		{roster, "delete", "a student", aUserland, may},
		{roster, "apply", "the Course", aCourse, may},
		{roster, "apply", "a new roster", newRoster, may},
		{roster, "apply", "a roster that exists", aRoster, may},
		{roster, "delete", "a roster that exists", aRoster, may},
		{roster, "apply", "a ConfigMap that is no roster", unlabelled, byPolicy("'new' is not labelled so", "Label it")},
		{roster, "apply", "the cluster's certificates, labelled as a roster", rootCA, byPolicy("'kube-root-ca.crt' exists and is something else")},
		{roster, "delete", "the cluster's certificates", rootCA, byPolicy("'kube-root-ca.crt' exists and is something else")},
		{roster, "apply", "a roster without its label", relabelled, byPolicy("is not labelled so")},
		{roster, "apply", "a Template", aTemplate, mayNot},
		{roster, "apply", "a new Template", newTemplate, mayNot},
		{roster, "delete", "a Template", aTemplate, mayNot},
		{roster, "apply", "a Deployment", deployment, mayNot},
		{roster, "apply", "a pod", pod, mayNot},
		{roster, "apply", "a Service", service, mayNot},
		{roster, "delete", "a student's volume", claim, mayNot},
		{roster, "read", "a Secret", secret, mayNot},
		{roster, "apply", "a Secret", secret, mayNot},
		{roster, "apply", "its namespace", namespace, mayNot},
		{roster, "apply", "its quota", quota, mayNot},
		{roster, "apply", "a network policy", network, mayNot},
		{roster, "apply", "its own role", role, mayNot},
		{roster, "apply", "a role binding", binding, mayNot},
		{roster, "apply", "an account", account, mayNot},
		{roster, "apply", "its own Kustomization", fluxSync, mayNot},
		{roster, "apply", "another course's student", elsewhereUserland, mayNot},
		{roster, "list", "another course's students", elsewhereUserland, mayNot},
		{roster, "apply", "another course's roster", elsewhereRoster, mayNot},
		{roster, "set the status of", "a student", userlandStatus, mayNot},
		{roster, "set the status of", "the Course", courseStatus, mayNot},

		// The templates account of a course, which decides what its carrels
		// contain.
		{templates, "apply", "a Template", aTemplate, may},
		{templates, "apply", "a new Template", newTemplate, may},
		{templates, "delete", "a Template", aTemplate, may},
		{templates, "apply", "a student", aUserland, mayNot},
		{templates, "delete", "a student", aUserland, mayNot},
		{templates, "apply", "the Course", aCourse, mayNot},
		{templates, "apply", "a roster", newRoster, mayNot},
		{templates, "apply", "a Deployment", deployment, mayNot},
		{templates, "apply", "a pod", pod, mayNot},
		{templates, "read", "a Secret", secret, mayNot},
		{templates, "apply", "its namespace", namespace, mayNot},
		{templates, "apply", "its quota", quota, mayNot},
		{templates, "apply", "a network policy", network, mayNot},
		{templates, "apply", "a role", role, mayNot},
		{templates, "apply", "another course's Template", elsewhereTemplate, mayNot},
		{templates, "set the status of", "a Template", templateStatus, mayNot},

		// A student's pod.
		{carrels, "list", "the students", aUserland, mayNot},
		{carrels, "read", "a Secret", secret, mayNot},
		{carrels, "list", "the ConfigMaps", aRoster, mayNot},
		{carrels, "apply", "a student", aUserland, mayNot},

		// The controller, which creates carrels and decides nothing.
		{controller, "list", "the students of all courses", elsewhereUserland, may},
		{controller, "apply", "a Deployment", deployment, may},
		{controller, "apply", "a Service", service, may},
		{controller, "apply", "a student's volume", claim, may},
		{controller, "set the status of", "a student", userlandStatus, may},
		{controller, "set the status of", "a Template", templateStatus, may},
		{controller, "set the status of", "the Course", courseStatus, may},
		{controller, "set the status of", "the Course, with a request,", courseRequest, mayNot},
		{controller, "apply", "a student of a row", rowUserland, may},
		{controller, "delete", "a student of a row", enrolled, may},
		{controller, "apply", "a student whose file is marked to be replaced by a row", markedOver, may},
		{controller, "apply", "a student", aUserland, notOurs},
		{controller, "apply", "a new student that nobody owns", newUserland, notOurs},
		{controller, "apply", "a student of another Course's", ownedElsewhere, notOurs},
		{controller, "apply", "a student of a file, as its own", takenOver, notOurs},
		{controller, "apply", "a marked student without owning it", released, notOurs},
		{controller, "delete", "a student", aUserland, notOurs},
		{controller, "delete", "a marked student", marked, notOurs},
		{controller, "list", "the rosters of all courses", elsewhereRoster, may},
		{controller, "apply", "a roster", newRoster, mayNot},
		{controller, "apply", "a Template", aTemplate, mayNot},
		{controller, "apply", "the Course", aCourse, mayNot},
		{controller, "read", "a Secret", secret, mayNot},
		{controller, "read", "the forge's token", forgeToken, mayNot},
		{controller, "apply", "a role", role, mayNot},
		{controller, "apply", "a quota", quota, mayNot},
		{controller, "apply", "its own lease", controllerLease, may},
		{controller, "apply", "the reporter's lease", reporterLease, mayNot},

		// The reporter, which holds the forge's token and starts nothing.
		{reporter, "list", "the students of all courses", elsewhereUserland, may},
		{reporter, "list", "Flux's Kustomizations", fluxSync, may},
		{reporter, "read", "the source", source, may},
		{reporter, "list", "the Providers", provider, may},
		{reporter, "read", "the forge's token", forgeToken, may},
		{reporter, "set the status of", "the Course, with a report,", courseReport, may},
		{reporter, "set the status of", "the Course", courseStatus, mayNot},
		{reporter, "read", "Flux's git password", gitPassword, mayNot},
		{reporter, "list", "Flux's Secrets", forgeToken, mayNot},
		{reporter, "read", "a Secret of a course", secret, mayNot},
		{reporter, "apply", "the Provider", provider, mayNot},
		{reporter, "apply", "the source", source, mayNot},
		{reporter, "apply", "Flux's Kustomization", fluxSync, mayNot},
		{reporter, "apply", "a Deployment", deployment, mayNot},
		{reporter, "apply", "a pod", pod, mayNot},
		{reporter, "apply", "a student", aUserland, mayNot},
		{reporter, "apply", "a Template", aTemplate, mayNot},
		{reporter, "apply", "the Course", aCourse, mayNot},
		{reporter, "set the status of", "a student", userlandStatus, mayNot},
		{reporter, "delete", "a student's volume", claim, mayNot},
		{reporter, "apply", "its own lease", reporterLease, may},
		{reporter, "read", "what it posted", reporterMarks, may},
		{reporter, "apply", "what it posted", reporterMarks, may},
		{reporter, "delete", "what it posted", reporterMarks, mayNot},
		{reporter, "apply", "another ConfigMap beside it", otherMarks, mayNot},
		{reporter, "list", "the ConfigMaps beside it", otherMarks, mayNot},
		{controller, "apply", "what the reporter posted", reporterMarks, mayNot},
		{reporter, "apply", "the controller's lease", controllerLease, mayNot},

		// The errand process, which alone may create Jobs in courses: see
		// TestErrands.
		{errand, "list", "the students of all courses", elsewhereUserland, may},
		{errand, "list", "the volumes", claim, may},
		{errand, "set the status of", "a Template, with a trial,", templateTrial, may},
		{errand, "set the status of", "a Template", templateStatus, []string{"template-status.carrel.dev", "writes status.trials only"}},
		{errand, "set the status of", "a student", userlandStatus, mayNot},
		{errand, "set the status of", "the Course", courseStatus, []string{"course-status.carrel.dev", "only the controller writes status.observedGeneration"}},
		{errand, "set the status of", "the Course, with the time of a canary,", courseIsolation, may},
		{errand, "list", "the NetworkPolicies", networkPolicy, may},
		{errand, "apply", "a NetworkPolicy", networkPolicy, mayNot},
		{errand, "read", "its own Deployment", errandDeployment, may},
		{errand, "read", "another Deployment", controllerDeployment, mayNot},
		{errand, "apply", "a Job of any kind", anyJob, mayNot},
		{errand, "apply", "a Deployment", deployment, mayNot},
		{errand, "apply", "a student's volume", claim, mayNot},
		{errand, "delete", "a student's volume", claim, mayNot},
		{errand, "delete", "a pod", pod, mayNot},
		{errand, "apply", "a Service", service, mayNot},
		{errand, "apply", "a student", aUserland, mayNot},
		{errand, "apply", "a Template", aTemplate, mayNot},
		{errand, "apply", "the Course", aCourse, mayNot},
		{errand, "read", "a Secret", secret, mayNot},
		{errand, "read", "the forge's token", forgeToken, mayNot},
		{errand, "apply", "its own lease", errandLease, may},
		{errand, "apply", "the controller's lease", controllerLease, mayNot},
		{controller, "set the status of", "a Template, with a trial,", templateTrial, []string{"only the errand process writes status.trials"}},
		{controller, "apply", "a Job", anyJob, mayNot},
		{templates, "apply", "a Job", anyJob, mayNot},
		{roster, "apply", "a Job", anyJob, mayNot},
		{reporter, "apply", "a Job", anyJob, mayNot},

		// The gateway, through which everybody comes and which decides nothing.
		{gateway, "list", "the students of all courses", elsewhereUserland, may},
		{gateway, "list", "the Templates", aTemplate, may},
		{gateway, "list", "where carrels answer", endpoints, may},
		{gateway, "set the status of", "a student, as seen at work,", activity, may},
		{gateway, "set the status of", "a student, with a request,", requests, may},
		{gateway, "set the status of", "a student", userlandStatus, mayNot},
		{gateway, "list", "the volumes", claim, may},
		{gateway, "set the status of", "the Course, with a request,", courseRequest, may},
		{gateway, "set the status of", "the Course", courseStatus, mayNot},
		{gateway, "apply", "a student", aUserland, mayNot},
		{gateway, "apply", "a new student", newUserland, mayNot},
		{gateway, "delete", "a student", aUserland, mayNot},
		{gateway, "apply", "a Template", aTemplate, mayNot},
		{gateway, "apply", "the Course", aCourse, mayNot},
		{gateway, "apply", "a Deployment", deployment, mayNot},
		{gateway, "apply", "a pod", pod, mayNot},
		{gateway, "list", "the pods", pod, mayNot},
		{gateway, "apply", "where carrels answer", endpoints, mayNot},
		{gateway, "delete", "a student's volume", claim, mayNot},
		{gateway, "list", "the nodes", aNode, may},
		{gateway, "apply", "a node", aNode, mayNot},
		{gateway, "read", "a Secret", secret, mayNot},
		{gateway, "read", "its own keys", loginSecret, mayNot},
		{gateway, "read", "the forge's token", forgeToken, mayNot},
		{gateway, "list", "the ConfigMaps", aRoster, mayNot},
		{gateway, "apply", "a role", role, mayNot},

		// A proxy, which sees where carrels are and records activity.
		{proxy, "list", "the students of all courses", elsewhereUserland, may},
		{proxy, "read", "a student", aUserland, may},
		{proxy, "list", "the Services", service, may},
		{proxy, "set the status of", "a student, as seen at work,", activity, may},
		{proxy, "set the status of", "another course's student, as seen at work,", elsewhereActivity, may},
		{proxy, "set the status of", "a student, with a request,", requests, mayNot},
		{proxy, "set the status of", "a student", userlandStatus, mayNot},
		{proxy, "set the status of", "the Course", courseStatus, mayNot},
		{proxy, "list", "the Templates", aTemplate, mayNot},
		{proxy, "list", "the pods", pod, mayNot},
		{proxy, "list", "the volumes", claim, mayNot},
		{proxy, "read", "a Secret", secret, mayNot},
		{proxy, "apply", "a student", aUserland, mayNot},
		{proxy, "delete", "a student", aUserland, mayNot},
		{proxy, "apply", "a Template", aTemplate, mayNot},
		{proxy, "apply", "a Service", service, mayNot},
		{proxy, "apply", "a Deployment", deployment, mayNot},

		// The staff of a course, who see its carrels and ask for restarts and
		// stops.
		{assistant, "list", "the students", aUserland, may},
		{assistant, "list", "the Templates", aTemplate, may},
		{assistant, "read", "the Course", aCourse, may},
		{assistant, "set the status of", "a student, with a request,", requests, may},
		{assistant, "set the status of", "a student, as seen at work,", activity, mayNot},
		{assistant, "set the status of", "a student", userlandStatus, mayNot},
		{assistant, "list", "the volumes", claim, may},
		{assistant, "set the status of", "the Course, with a request,", courseRequest, may},
		{assistant, "set the status of", "the Course", courseStatus, mayNot},
		{assistant, "set the status of", "a Template", templateStatus, mayNot},
		{assistant, "set the status of", "another course's student", elsewhereStatus, mayNot},
		{assistant, "list", "another course's students", elsewhereUserland, mayNot},
		{assistant, "apply", "a student", aUserland, mayNot},
		{assistant, "delete", "a student", aUserland, mayNot},
		{assistant, "apply", "a Template", aTemplate, mayNot},
		{assistant, "apply", "a Deployment", deployment, mayNot},
		{assistant, "apply", "a pod", pod, mayNot},
		{assistant, "delete", "a student's volume", claim, mayNot},
		{assistant, "list", "the ConfigMaps", aRoster, mayNot},
		{assistant, "read", "a Secret", secret, mayNot},
	}
	for _, tt := range tests {
		title := tt.account.Name + " may " + tt.act + " " + tt.what
		if len(tt.refused) > 0 {
			title = tt.account.Name + " may not " + tt.act + " " + tt.what
		}
		t.Run(title, func(t *testing.T) {
			c, do, o := as(t, tt.account.Namespace, tt.account.Name), acts[tt.act], object(t, tt.object)
			check(t, tt.refused, func(ctx context.Context) error { return do(ctx, c, o.DeepCopy()) })
		})
	}
}

// TestSmuggledObjectIsRefusedByName checks that a merge request can't make a
// course's account apply an object of another kind or another course.
func TestSmuggledObjectIsRefusedByName(t *testing.T) {
	local(t)
	c := as(t, roster.Namespace, roster.Name)
	err := applyOne(t.Context(), c, object(t, newTemplate), client.DryRunAll)
	const want = `templates.carrel.dev "new" is forbidden: User "system:serviceaccount:prog1:roster" cannot patch resource "templates"`
	if err == nil || !apierrors.IsForbidden(err) {
		t.Fatalf("got %v, want it forbidden", err)
	}
	check(t, []string{want}, func(context.Context) error { return err })
}
