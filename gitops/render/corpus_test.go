package render_test

import "strings"

// corpus holds overlays that cover kustomize's features. Each is built at directory
// a. The text "\n" is a newline, as in Go.
var corpus = map[string]map[string]string{
	"a generator with a hash, options and references": {
		"a/kustomization.yaml": "resources: [deployment.yaml]\nconfigMapGenerator:\n- name: settings\n  files: [app.conf, other=nested/b.txt]\n  literals: [a=b, 'c=d e']\n  envs: [some.env]\n  options: {labels: {x: one}, annotations: {of: two}}\nsecretGenerator:\n- name: keys\n  literals: [password=pässword]\n  type: Opaque\n- name: plain\n  literals: [a=b]\n  options: {disableNameSuffixHash: true, immutable: true}\ngeneratorOptions: {labels: {made: \"yes\"}}\n",
		"a/app.conf":           "one\r\ntwo\ttabs\n\n  indented\n", "a/nested/b.txt": "\x00\xff binary \xfe", "a/some.env": "# comment\nFOO=bar\nBAZ=\"quoted\"\n",
		"a/deployment.yaml": deployment,
	},
	"strategic and JSON patches": {
		"a/kustomization.yaml": "resources: [deployment.yaml, service.yaml]\npatches:\n- path: more.yaml\n- path: less.json\n  target: {kind: Deployment, labelSelector: app=web}\n- target: {kind: Service}\n  patch: |-\n    - op: replace\n      path: /spec/ports/0/port\n      value: 8080\n    - {op: add, path: /metadata/annotations, value: {a~b: c/d}}\n- patch: |-\n    apiVersion: v1\n    kind: Service\n    metadata: {name: web}\n    spec: {selector: {$patch: replace, only: this}}\n",
		"a/more.yaml":          "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      containers:\n      - name: sidecar\n        image: side:1\n      - name: web\n        env: [{name: A, value: \"1\"}, {name: B, $patch: delete}]\n",
		"a/less.json":          `[{"op": "remove", "path": "/spec/replicas"}, {"op": "test", "path": "/kind", "value": "Deployment"}]`,
		"a/deployment.yaml":    deployment, "a/service.yaml": service,
	},
	"the old ways to patch": {
		"a/kustomization.yaml": "resources: [deployment.yaml]\npatchesStrategicMerge:\n- more.yaml\n- |-\n  apiVersion: apps/v1\n  kind: Deployment\n  metadata: {name: web}\n  spec: {paused: true}\npatchesJson6902:\n- target: {group: apps, version: v1, kind: Deployment, name: web}\n  path: patch.yaml\ncommonLabels: {team: blue}\nbases: [../b]\n",
		"a/more.yaml":          "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec: {replicas: 7}\n", "a/patch.yaml": "- {op: add, path: /metadata/labels/extra, value: \"1\"}\n",
		"a/deployment.yaml": deployment, "b/kustomization.yaml": "resources: [service.yaml]\n", "b/service.yaml": service,
	},
	"names, labels, images, replicas, namespace": {
		"a/kustomization.yaml": "namespace: there\nnamePrefix: pre-\nnameSuffix: -post\nresources: [deployment.yaml, service.yaml, account.yaml, claim.yaml]\nimages: [{name: web, newName: registry.example:5000/web, newTag: \"2\"}, {name: other/init, digest: 'sha256:0000'}]\nreplicas: [{name: web, count: 9}]\nlabels: [{pairs: {a: b}, includeSelectors: true}, {pairs: {c: d}, includeTemplates: true}, {pairs: {e: f}}]\ncommonAnnotations: {note: \"multi\\nline\"}\n",
		"a/deployment.yaml":    deployment, "a/service.yaml": service, "a/claim.yaml": "kind: PersistentVolumeClaim\napiVersion: v1\nmetadata: {name: data}\nspec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}\n",
		"a/account.yaml": "kind: ServiceAccount\napiVersion: v1\nmetadata: {name: runner}\n---\nkind: RoleBinding\napiVersion: rbac.authorization.k8s.io/v1\nmetadata: {name: runner}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: runner}\nsubjects: [{kind: ServiceAccount, name: runner, namespace: elsewhere}, {kind: ServiceAccount, name: default}]\n---\nkind: Role\napiVersion: rbac.authorization.k8s.io/v1\nmetadata: {name: runner}\nrules: []\n",
	},
	"components of components": {
		"a/kustomization.yaml": "resources: [deployment.yaml]\ncomponents: [../one, ../two]\nnamePrefix: p-\n", "a/deployment.yaml": deployment,
		"one/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\ncomponents: [../two/inner]\nconfigMapGenerator: [{name: settings, literals: [a=1]}]\n",
		"two/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: [x.yaml]\npatches: [{target: {kind: Deployment}, patch: '[{\"op\": \"replace\", \"path\": \"/spec/replicas\", \"value\": 3}]'}]\n", "two/x.yaml": "kind: Secret\napiVersion: v1\nmetadata: {name: x}\nstringData: {a: b}\n",
		"two/inner/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nlabels: [{pairs: {inner: \"true\"}}]\n",
	},
	"replacements, in place and in a file": {
		"a/kustomization.yaml": "resources: [deployment.yaml, service.yaml]\nreplacements:\n- path: replace.yaml\n- source: {kind: Service, fieldPath: spec.ports.0.port}\n  targets: [{select: {kind: Deployment}, fieldPaths: ['spec.template.spec.containers.[name=web].ports.0.containerPort'], options: {create: true}}]\n",
		"a/replace.yaml":       "- source: {kind: Service, name: web, fieldPath: metadata.name}\n  targets:\n  - select: {kind: Deployment}\n    fieldPaths: ['spec.template.spec.containers.[name=web].image']\n    options: {delimiter: ':', index: 1}\n  - select: {kind: Deployment}\n    reject: [{name: other}]\n    fieldPaths: [metadata.annotations.from]\n    options: {create: true}\n",
		"a/deployment.yaml":    deployment, "a/service.yaml": service,
	},
	"vars": {
		"a/kustomization.yaml": "resources: [deployment.yaml, service.yaml]\nnamePrefix: v-\nvars:\n- name: SERVICE\n  objref: {kind: Service, name: web, apiVersion: v1}\n- name: PORT\n  objref: {kind: Service, name: web, apiVersion: v1}\n  fieldref: {fieldpath: 'spec.ports[0].port'}\n",
		"a/deployment.yaml":    deployment, "a/service.yaml": service,
	},
	"transformers, generators and validators in files": {
		"a/kustomization.yaml": "resources: [deployment.yaml]\ntransformers: [t.yaml, ../shared]\ngenerators: [g.yaml]\n", "a/deployment.yaml": deployment,
		"a/t.yaml": "apiVersion: builtin\nkind: PrefixSuffixTransformer\nmetadata: {name: p}\nprefix: t-\nfieldSpecs: [{path: metadata/name}]\n---\napiVersion: builtin\nkind: AnnotationsTransformer\nmetadata: {name: n}\nannotations: {a: b}\nfieldSpecs: [{path: metadata/annotations, create: true}]\n",
		"a/g.yaml": "apiVersion: builtin\nkind: ConfigMapGenerator\nmetadata: {name: made}\nliterals: [a=b]\nfiles: [text.txt]\n", "a/text.txt": "x\n",
		"shared/kustomization.yaml": "resources: [l.yaml]\n", "shared/l.yaml": "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: l}\nlabels: {via: transformer}\nfieldSpecs: [{path: metadata/labels, create: true}]\n",
	},
	"configurations and crds": {
		"a/kustomization.yaml": "resources: [own.yaml, secret.yaml]\nnamePrefix: c-\nconfigurations: [config.yaml]\ncrds: [crd.json]\ncommonLabels: {x: one}\n",
		"a/own.yaml":           "apiVersion: example.org/v1\nkind: Own\nmetadata: {name: own}\nspec: {uses: key, image: web:1, also: key, labels: {}}\n", "a/secret.yaml": "kind: Secret\napiVersion: v1\nmetadata: {name: key}\n",
		"a/config.yaml": "nameReference:\n- {kind: Secret, version: v1, fieldSpecs: [{group: example.org, kind: Own, path: spec/uses}]}\nimages: [{path: spec/image, kind: Own}]\ncommonLabels: [{path: spec/labels, create: true, kind: Own}]\n",
		"a/crd.json":    `{"github.com/example/Own": {"Schema": {"type": "object", "properties": {"apiVersion": {"type": "string"}, "kind": {"type": "string"}, "metadata": {"$ref": "k8s.io/apimachinery/pkg/apis/meta/v1.ObjectMeta"}, "spec": {"$ref": "github.com/example/OwnSpec"}}, "x-kubernetes-group-version-kind": [{"group": "example.org", "kind": "Own", "version": "v1"}]}}, "k8s.io/apimachinery/pkg/apis/meta/v1.ObjectMeta": {"Schema": {"type": "object"}}, "github.com/example/OwnSpec": {"Schema": {"type": "object", "properties": {"also": {"type": "object", "x-kubernetes-object-ref-api-version": "v1", "x-kubernetes-object-ref-kind": "Secret"}}}}}`,
	},
	"a schema of one's own": {
		"a/kustomization.yaml": "resources: [own.yaml]\nopenapi: {path: schema.json}\npatches: [{path: patch.yaml}]\n",
		"a/own.yaml":           "apiVersion: example.org/v1\nkind: Own\nmetadata: {name: own}\nspec: {parts: [{id: a, v: 1}, {id: b, v: 2}]}\n",
		"a/patch.yaml":         "apiVersion: example.org/v1\nkind: Own\nmetadata: {name: own}\nspec: {parts: [{id: b, v: 3}]}\n",
		"a/schema.json":        `{"definitions": {"v1.Own": {"type": "object", "x-kubernetes-group-version-kind": [{"group": "example.org", "kind": "Own", "version": "v1"}], "properties": {"spec": {"type": "object", "properties": {"parts": {"type": "array", "x-kubernetes-patch-merge-key": "id", "x-kubernetes-patch-strategy": "merge", "items": {"type": "object"}}}}}}}}`,
	},
	"the same patch without that schema": {
		"a/kustomization.yaml": "resources: [own.yaml]\npatches: [{path: patch.yaml}]\n",
		"a/own.yaml":           "apiVersion: example.org/v1\nkind: Own\nmetadata: {name: own}\nspec: {parts: [{id: a, v: 1}, {id: b, v: 2}]}\n",
		"a/patch.yaml":         "apiVersion: example.org/v1\nkind: Own\nmetadata: {name: own}\nspec: {parts: [{id: b, v: 3}]}\n",
	},
	"bases of bases, one of them twice under other names": {
		"a/kustomization.yaml": "resources: [../b, ../c]\n", "b/kustomization.yaml": "resources: [../d]\nnamePrefix: b-\n", "c/kustomization.yaml": "resources: [../d]\nnamePrefix: c-\nnamespace: c\n",
		"d/kustomization.yaml": "resources: [deployment.yaml, service.yaml]\nconfigMapGenerator: [{name: settings, literals: [a=b]}]\n", "d/deployment.yaml": deployment, "d/service.yaml": service,
	},
	"a generator that merges and one that replaces": {
		"a/kustomization.yaml": "resources: [../b]\nconfigMapGenerator: [{name: one, behavior: merge, literals: [b=2]}, {name: two, behavior: replace, literals: [b=2]}]\n",
		"b/kustomization.yaml": "configMapGenerator: [{name: one, literals: [a=1, b=1]}, {name: two, literals: [a=1]}]\n",
	},
	"what YAML allows": {
		"a/kustomization.yml": "\ufeff# a comment\nkind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\nresources:\n- many.yaml\n- windows.yaml\n- list.yaml\n- data.json\n",
		"a/many.yaml":         "---\n# nothing\n---\nkind: ConfigMap\napiVersion: v1\nmetadata:\n  name: anchors\n  labels: &l {a: b}\n  annotations: *l\ndata:\n  folded: >-\n    one\n    two\n\n    three\n  literal: |+\n    kept\n\n\n  plain: yes it is\n  quoted: 'yes'\n  number: \"1\"\n  unicode: \"日本語 \\u00e9 \\U0001F600\"\n  empty: ''\n---\nkind: ConfigMap\napiVersion: v1\nmetadata: {name: merge}\ndata: {<<: {x: \"1\"}, y: \"2\"}\n...\n",
		"a/windows.yaml":      "kind: ConfigMap\r\napiVersion: v1\r\nmetadata:\r\n  name: windows\r\ndata:\r\n  text: |\r\n    one\r\n    two\r\n",
		"a/list.yaml":         "kind: List\napiVersion: v1\nitems:\n- {kind: ConfigMap, apiVersion: v1, metadata: {name: first}}\n- {kind: Own, apiVersion: example.org/v1, metadata: {name: numbers}, spec: {a: 1, b: 1.50, c: 0x10, d: 1e3, e: 0o17, f: true, g: null, h: 2026-01-01, i: -0, j: 12345678901234567890}}\n",
		"a/data.json":         `{"kind": "ConfigMap", "apiVersion": "v1", "metadata": {"name": "json"}, "data": {"a": "b\n\tc", "slash": "/"}}`,
	},
	"local configuration, origins, an order": {
		"a/kustomization.yaml": "resources: [x.yaml, service.yaml]\nbuildMetadata: [originAnnotations, managedByLabel, transformerAnnotations]\nsortOptions: {order: legacy}\n",
		"a/x.yaml":             "kind: ConfigMap\napiVersion: v1\nmetadata: {name: x, annotations: {config.kubernetes.io/local-config: \"true\"}}\n---\nkind: Namespace\napiVersion: v1\nmetadata: {name: last}\n", "a/service.yaml": service,
	},
	"a list of courses": list(nil),
	"a list with two of one base": list(map[string]string{
		"c1/kustomization.yaml": "namespace: one\nresources: [../accounts]\n", "c2/kustomization.yaml": "namespace: two\nresources: [../accounts]\nnamePrefix: x-\n",
		"accounts/kustomization.yaml": "resources: [accounts.yaml]\n", "accounts/accounts.yaml": accounts,
	}),
	"a list with something of the whole cluster": list(map[string]string{
		"c1/kustomization.yaml": "namePrefix: x-\nresources: [role.yaml]\n", "c1/role.yaml": "kind: ClusterRole\napiVersion: rbac.authorization.k8s.io/v1\nmetadata: {name: helper}\nrules: []\n",
		"c2/kustomization.yaml": "namespace: two\nresources: [binding.yaml]\n", "c2/binding.yaml": "kind: RoleBinding\napiVersion: rbac.authorization.k8s.io/v1\nmetadata: {name: helper}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: helper}\nsubjects: []\n",
	}),
	"a list whose subjects are elsewhere on it": list(map[string]string{
		"c1/kustomization.yaml": "namespace: one\nnamePrefix: x-\nresources: [sa.yaml]\n", "c1/sa.yaml": "kind: ServiceAccount\napiVersion: v1\nmetadata: {name: helper}\n",
		"c2/kustomization.yaml": "resources: [binding.yaml]\n", "c2/binding.yaml": "kind: RoleBinding\napiVersion: rbac.authorization.k8s.io/v1\nmetadata: {name: helper, namespace: two}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}\nsubjects: [{kind: ServiceAccount, name: helper, namespace: one}]\n",
	}),
	"a list with two of one namespace": list(map[string]string{
		"c1/kustomization.yaml": "namespace: one\nconfigMapGenerator: [{name: s, literals: [a=b]}]\n",
		"c2/kustomization.yaml": "namespace: one\nresources: [pod.yaml]\n", "c2/pod.yaml": "kind: Pod\napiVersion: v1\nmetadata: {name: p}\nspec: {volumes: [{name: s, configMap: {name: s}}]}\n",
	}),
	"a list whose entry says how names refer": list(map[string]string{
		"c1/kustomization.yaml": "namespace: one\nconfigurations: [c.yaml]\nresources: [../accounts]\n", "c1/c.yaml": "nameReference: [{kind: ServiceAccount, fieldSpecs: [{kind: Own, path: spec/account}]}]\n",
		"c2/kustomization.yaml": "namespace: two\nnamePrefix: p-\nresources: [own.yaml, ../accounts]\n", "c2/own.yaml": "kind: Own\napiVersion: example.org/v1\nmetadata: {name: o}\nspec: {account: helper}\n",
		"accounts/kustomization.yaml": "resources: [accounts.yaml]\n", "accounts/accounts.yaml": accounts,
	}),
	"a list with the same twice": list(map[string]string{"a/kustomization.yaml": "resources: [../c1, ../c2, ../c3, ../c4, ../c1]\n"}),
	"a list with patches, components and sources": list(map[string]string{
		"a/kustomization.yaml": "resources: [source.yaml, ../c1, ../c2, ../c3, ../c4]\ncomponents: [../fill]\npatches:\n" + addImages + "- {target: {kind: Pod, namespace: c2}, patch: '- {op: add, path: /metadata/labels, value: {x: one}}'}\n",
		"a/source.yaml":        source, "fill/kustomization.yaml": fill,
	}),
	"a list whose component reads an entry": list(map[string]string{
		"a/kustomization.yaml":    "resources: [../c1, ../c2, ../c3, ../c4]\ncomponents: [../fill]\n",
		"c1/kustomization.yaml":   "resources: [all.yaml]\nnamespace: c1\n",
		"c1/all.yaml":             source,
		"fill/kustomization.yaml": fill,
	}),
	"a list whose component reads every entry": list(map[string]string{
		"a/kustomization.yaml":    "resources: [../c1, ../c2, ../c3, ../c4]\ncomponents: [../fill]\n",
		"fill/kustomization.yaml": strings.ReplaceAll(fill, "kind: Sources, fieldPath: spec.account", "kind: Namespace, fieldPath: metadata.name"),
	}),
	"a list whose source is an entry's too": list(map[string]string{
		"a/kustomization.yaml": "resources: [source.yaml, ../c1, ../c2, ../c3, ../c4]\ncomponents: [../fill]\n",
		"a/source.yaml":        source, "fill/kustomization.yaml": fill,
		"c1/all.yaml": source,
	}),
	"a list that makes objects of its own": list(map[string]string{
		"a/kustomization.yaml": "resources: [../c1, ../c2, ../c3, ../c4, more.yaml]\n", "a/more.yaml": "kind: ConfigMap\napiVersion: v1\nmetadata: {name: more, namespace: more}\n",
	}),
	"a list with a patch for one entry by its name": list(map[string]string{
		"a/kustomization.yaml": "resources: [../c1, ../c2, ../c3, ../c4]\npatches: [{patch: '{kind: Pod, apiVersion: v1, metadata: {name: p-p, namespace: c2}, spec: {hostNetwork: false}}'}]\n",
	}),
	"a list whose patch renames two of one name": list(map[string]string{
		"a/kustomization.yaml":  "resources: [../c1, ../c2, ../c3, ../c4]\npatches: [{target: {kind: Namespace, labelSelector: a=b}, patch: '- {op: replace, path: /metadata/name, value: other}'}]\n",
		"c1/kustomization.yaml": "resources: [all.yaml]\n", "c1/all.yaml": "kind: Namespace\napiVersion: v1\nmetadata: {name: c2, labels: {a: b}}\n",
	}),
	"a list whose replacement makes a subject of another": list(map[string]string{
		"c1/kustomization.yaml": "namespace: one\nnamePrefix: x-\nresources: [sa.yaml]\n", "c1/sa.yaml": accounts,
		"c2/kustomization.yaml": "resources: [binding.yaml, parts.yaml]\nreplacements: [{source: {kind: Parts, fieldPath: spec.last}, targets: [{select: {kind: RoleBinding}, fieldPaths: [subjects.0.namespace], options: {delimiter: '-', index: 1}}]}]\n",
		"c2/parts.yaml":         "kind: Parts\napiVersion: example.org/v1\nmetadata: {name: parts, annotations: {config.kubernetes.io/local-config: 'true'}}\nspec: {last: one}\n",
		"c2/binding.yaml":       "kind: RoleBinding\napiVersion: rbac.authorization.k8s.io/v1\nmetadata: {name: helper, namespace: two}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}\nsubjects: [{kind: ServiceAccount, name: helper, namespace: 'a-b'}]\n",
	}),
	// One overlay builds on another of the list, and a binding first refers to the
	// account of the other.
	"a list with one made of another": list(map[string]string{
		"c1/kustomization.yaml": "resources: [binding.yaml]\n", "c1/binding.yaml": accounts + "---\nkind: RoleBinding\napiVersion: rbac.authorization.k8s.io/v1\nmetadata: {name: helper, namespace: one}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}\nsubjects: [{kind: ServiceAccount, name: helper, namespace: one}]\n",
		"c2/kustomization.yaml": "namespace: two\nresources: [../c1]\n",
	}),
}

// A component that replaces a field of all Pods, and the object that it reads. A patch of
// all Pods.
const (
	fill      = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nreplacements: [{source: {kind: Sources, fieldPath: spec.account}, targets: [{select: {kind: Pod}, fieldPaths: [spec.schedulerName], options: {create: true}}]}]\n"
	source    = "kind: Sources\napiVersion: example.org/v1\nmetadata: {name: source, annotations: {config.kubernetes.io/local-config: 'true'}}\nspec: {account: other}\n"
	addImages = "- {target: {kind: Pod}, patch: '- {op: add, path: /spec/containers, value: [{name: web, image: web}]}'}\n"
)

// list returns a list of four courses with some files replaced.
func list(with map[string]string) map[string]string {
	files := map[string]string{"a/kustomization.yaml": "resources: [../c1, ../c2, ../c3, ../c4]\n"}
	for _, name := range []string{"c1", "c2", "c3", "c4"} {
		files[name+"/kustomization.yaml"] = "namespace: " + name + "\nnamePrefix: p-\nresources: [all.yaml]\nconfigMapGenerator: [{name: s, literals: [a=" + name + "]}]\n"
		files[name+"/all.yaml"] = "kind: Namespace\napiVersion: v1\nmetadata: {name: " + name + "}\n---\n" + accounts + "---\nkind: Pod\napiVersion: v1\nmetadata: {name: p}\nspec: {serviceAccountName: helper, volumes: [{name: s, configMap: {name: s}}]}\n---\nkind: RoleBinding\napiVersion: rbac.authorization.k8s.io/v1\nmetadata: {name: helper}\nroleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}\nsubjects: [{kind: ServiceAccount, name: helper, namespace: " + name + "}]\n"
	}
	for name, text := range with {
		files[name] = text
	}
	return files
}

const (
	deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\n  labels: {app: web}\nspec:\n  replicas: 2\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      serviceAccountName: runner\n      initContainers: [{name: init, image: other/init:1}]\n      containers:\n      - name: web\n        image: web:1 # the one\n        args: [$(SERVICE), \"--port=$(PORT)\"]\n        env:\n        - {name: B, value: \"2\"}\n        - name: C\n          valueFrom: {configMapKeyRef: {name: settings, key: a}}\n        envFrom: [{secretRef: {name: keys}}]\n        ports: [{containerPort: 80}]\n      volumes:\n      - {name: s, configMap: {name: settings}}\n      - {name: d, persistentVolumeClaim: {claimName: data}}\n"
	service    = "apiVersion: v1\nkind: Service\nmetadata: {name: web}\nspec:\n  selector: {app: web}\n  ports: [{name: http, port: 80}]\n"
	accounts   = "kind: ServiceAccount\napiVersion: v1\nmetadata: {name: helper}\n"
)
