# Run `make help` for the list of targets.

TOOL       := go tool -modfile=tools/go.mod
DEVCLUSTER := bin/devcluster
# Modules of this repository that hold Go code of ours.
MODULES    := . api devcluster tools
# The direct fallback of GOPROXY would ask forges one by one for what the proxy
# does not have; nothing here needs it.
export GOPROXY := $(shell go env GOPROXY 2>/dev/null | sed 's/,direct$$//')
# Without C, as devcluster compiles Kubernetes and Flux: what their packages and
# ours have in common, which is most of ours, is compiled once for all.
export CGO_ENABLED := 0

.DEFAULT_GOAL := help
# Each step uses all cores by itself, and the order of prerequisites counts.
.NOTPARALLEL:

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-zA-Z0-9_-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# Installs what a target needs, or says in one sentence what is missing.
.PHONY: FORCE
prepare-%: FORCE
	@./ci/prepare $*

##### Use

.PHONY: demo
demo: prepare-demo fetch-ahead $(DEVCLUSTER) ## Bring up a real cluster, merge a student in, watch their carrel open
	$(DEVCLUSTER) prepare --image=code-server,mariadb,phpmyadmin,webterm --packages=./cmd/...,./test/demo
	go run ./test/demo

# In a fresh clone, fetches the modules of what is compiled first while devcluster
# is compiled. Errors are left to whoever needs the modules, who meets them too.
.PHONY: fetch-ahead
fetch-ahead:
	@test -e $(DEVCLUSTER) || { go list -deps ./cmd/... ./test/demo; go -C devcluster/modules/cluster list -deps ./kubernetes ./coredns; } >/dev/null 2>&1 &

.PHONY: demo-update
demo-update: prepare-demo-update $(DEVCLUSTER) ## Rebuild Carrel's programs and put them into the running demo: seconds
	go run ./test/demo/update

.PHONY: demo-pipeline
demo-pipeline: prepare-demo-pipeline $(DEVCLUSTER) ## Check merge requests at the demo's forge, as its pipeline would, until interrupted
	go run ./test/demo/pipeline

.PHONY: demo-down
demo-down: $(DEVCLUSTER) ## Stop the demo and leave nothing behind
	$(DEVCLUSTER) down

##### Develop

.PHONY: build
build: $(DEVCLUSTER) ## Build the programs into bin/
	go build -o bin/ ./cmd/...

.PHONY: $(DEVCLUSTER)
$(DEVCLUSTER):
	@test -e $@ || echo "Compiling devcluster: about two minutes the first time."
	@go -C devcluster build -o ../$(DEVCLUSTER) .

.PHONY: generate
generate: generate-api ## Make deepcopy, Go clients, CRDs, RBAC, the API reference, the manual and the dashboard anew
	$(TOOL) controller-gen rbac:roleName=carrel-reporter paths=./reporter/... output:rbac:dir=kustomize/reporter
	$(TOOL) controller-gen rbac:roleName=carrel-errand paths=./errand/... output:rbac:dir=kustomize/errand
	$(TOOL) controller-gen rbac:roleName=carrel-gateway paths=./gateway/... output:rbac:dir=kustomize/gateway
	$(TOOL) controller-gen rbac:roleName=carrel-controller "paths={./controller/userland,./controller/template,./controller/course,./controller/volume}" output:rbac:dir=kustomize/controller
	$(TOOL) crd-ref-docs --source-path=api/v1alpha1 --log-level=ERROR --config=docs/api-reference.yaml --renderer=markdown --output-path=docs/api-reference.md
	rm -rf docs/man && go run ./cmd/carrel man docs/man
	go -C tools run ./dashboard > kustomize/components/monitoring/dashboard.json

# The generators of k8s.io/code-generator leave what they no longer make.
API       := github.com/carrel-dev/carrel/api
API_TOOL  := go tool -modfile=../tools/go.mod
.PHONY: generate-api
generate-api:
	cd api && $(API_TOOL) controller-gen object:headerFile=/dev/null paths=./v1alpha1
	cd api && $(API_TOOL) controller-gen crd:generateEmbeddedObjectMeta=true paths=./v1alpha1 output:crd:dir=../kustomize/crds
	rm -rf api/applyconfiguration api/clientset api/listers api/informers
	cd api && $(API_TOOL) applyconfiguration-gen --output-dir=applyconfiguration --output-pkg=$(API)/applyconfiguration ./v1alpha1
	cd api && $(API_TOOL) client-gen --clientset-name=versioned --input-base=$(dir $(API)) --input=api/v1alpha1 --apply-configuration-package=$(API)/applyconfiguration \
		--output-dir=clientset --output-pkg=$(API)/clientset
	cd api && $(API_TOOL) lister-gen --output-dir=listers --output-pkg=$(API)/listers ./v1alpha1
	cd api && $(API_TOOL) informer-gen --versioned-clientset-package=$(API)/clientset/versioned --listers-package=$(API)/listers \
		--output-dir=informers --output-pkg=$(API)/informers ./v1alpha1

.PHONY: verify
verify: prepare-verify ## Fail when generated files are stale, or vet, format or lint finds something
	./ci/verify-generated
	@for module in $(MODULES); do (set -ex; cd $$module; go vet -tags=e2e,node ./...; go mod tidy -diff) || exit 1; done
	@unformatted=$$(git ls-files '*.go' | xargs gofmt -l); test -z "$$unformatted" || { echo "not gofmt-ed: $$unformatted; run gofmt -w"; exit 1; }
	$(MAKE) check-courses
	$(MAKE) lint

.PHONY: check-courses
check-courses: ## Look for mistakes in the courses of this repository
	go run ./cmd/carrel check

.PHONY: lint
lint: ## Run golangci-lint over every module
	$(TOOL) golangci-lint run --allow-parallel-runners ./...
	@for module in $(filter-out .,$(MODULES)); do (set -ex; cd $$module; go tool -modfile=../tools/go.mod golangci-lint run --allow-parallel-runners --config=../.golangci.yaml ./...) || exit 1; done

##### Test

.PHONY: test
test: prepare-test test-unit test-node test-e2e ## Run every test: needs root for the full node

.PHONY: test-fast
test-fast: prepare-test-fast ## Run what needs no root, no server and no node: under a minute
	go test -short ./...
	go -C api test -short ./...
	go -C devcluster test -short ./...

.PHONY: test-unit
test-unit: prepare-test-unit $(DEVCLUSTER) ## Run what needs no root: that, and the tests on a real API server and a real Gitea
	KUBEBUILDER_ASSETS=$$($(DEVCLUSTER) assets) CARREL_GITEA=$$($(DEVCLUSTER) assets gitea)/gitea go test -timeout=40m ./...
	go -C api test ./...
	go -C devcluster test -timeout=40m ./...

.PHONY: test-node
test-node: prepare-test-node ## Run the tests that bring the full node up and down (root)
	go -C devcluster test -count=1 -v -timeout=20m -tags=node ./test/...

.PHONY: test-e2e
test-e2e: prepare-test-e2e $(DEVCLUSTER) ## Run the whole system on a full node: Kubernetes, Flux, Gitea (root)
	go test -count=1 -v -tags=e2e ./test/pages
	go test -count=1 -v -parallel=16 -timeout=140m -tags=e2e ./test/e2e

.PHONY: drill
drill: prepare-drill $(DEVCLUSTER) ## Lose etcd on a full node, rebuild it by one command, and look whether everybody finds their work (root)
	go run ./test/drill

.PHONY: test-install
test-install: prepare-test-install $(DEVCLUSTER) ## Make a release, and install it on a full node as clusters/campus/README.md says (root)
	go run ./test/install

.PHONY: test-upgrade
test-upgrade: prepare-test-upgrade $(DEVCLUSTER) ## Upgrade a full node from the previous release while people work, and go back (root)
	go run ./test/upgrade

.PHONY: chaos
chaos: prepare-chaos $(DEVCLUSTER) ## Kill, pause and cut off one thing after the other on a full node while a class works (root): FOR=30m SEED=7
	go run ./test/chaos -for=$(or $(FOR),30m) $(if $(SEED),-seed=$(SEED))

.PHONY: release
release: prepare-release $(DEVCLUSTER) ## Make a release of the tagged commit in dist/release: VERSION=v0.2.0, and to push its images REGISTRY=git.example.edu/lab
	go run ./ci/release -version=$(VERSION) $(if $(REGISTRY),-registry=$(REGISTRY) -push)

.PHONY: long
long: test drill test-install test-upgrade chaos ## Run every test, the drill, an installation of a release, an upgrade, and the worst day

.PHONY: bench
bench: prepare-bench $(DEVCLUSTER) ## Measure a class being made, carrels waking up, what carrel takes of git, and the gateway (docs/performance.md)
	KUBEBUILDER_ASSETS=$$($(DEVCLUSTER) assets) go run ./test/bench/converge
	KUBEBUILDER_ASSETS=$$($(DEVCLUSTER) assets) go run ./test/bench/wake
	go run ./test/bench/gitops
	go run ./test/bench/gitops -files
	go run ./test/bench/gitops/why
	go run ./test/bench/gateway
