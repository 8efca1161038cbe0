package manifests

import (
	"testing"

	"github.com/carrel-dev/carrel/test/apiserver"
)

// The policies of Carrel leave alone what is not Carrel's: a namespace without a course, and
// the jobs of carrel-system itself, whoever makes them.
func TestOthersAreLeftAlone(t *testing.T) {
	local(t)
	admin := apiserver.Client(t)
	makeNamespace(t, admin, "accounts")
	const pod = "{containers: [{name: a, image: i}], restartPolicy: Never}"
	in := func(namespace, kind, spec string) string {
		return "{" + kind + ", metadata: {name: other, namespace: " + namespace + "}, " + spec + "}"
	}
	for _, namespace := range []string{"accounts", "carrel-system", "default"} {
		for _, text := range []string{
			in(namespace, "apiVersion: batch/v1, kind: Job", "spec: {template: {spec: "+pod+"}}"),
			in(namespace, "apiVersion: batch/v1, kind: CronJob", "spec: {schedule: '0 1 * * *', jobTemplate: {spec: {template: {spec: "+pod+"}}}}"),
			in(namespace, "apiVersion: apps/v1, kind: Deployment", "spec: {selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: i}]}}}"),
			in(namespace, "apiVersion: apps/v1, kind: StatefulSet", "spec: {serviceName: a, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: a, image: i}]}}}"),
			in(namespace, "apiVersion: v1, kind: Service", "spec: {ports: [{name: http, port: 80}]}"),
			in(namespace, "apiVersion: v1, kind: ConfigMap", "data: {a: b}"),
			in(namespace, "apiVersion: v1, kind: Secret", "stringData: {a: b}"),
			in(namespace, "apiVersion: v1, kind: PersistentVolumeClaim", "spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}"),
		} {
			o := object(t, text)
			t.Run(namespace+"/"+o.GetKind(), func(t *testing.T) {
				if err := admin.Create(t.Context(), o); err != nil {
					t.Fatal(err)
				}
				if err := admin.Delete(t.Context(), o); err != nil {
					t.Errorf("it can't be deleted: %v", err)
				}
			})
		}
	}
}
