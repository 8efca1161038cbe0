# Run `make help` for the list of targets.

TOOL       := go tool -modfile=tools/go.mod
DEVCLUSTER := bin/devcluster
# Modules of this repository that hold Go code of ours.
MODULES    := . devcluster
# The direct fallback of GOPROXY would ask forges one by one for what the proxy
# does not have; nothing here needs it.
export GOPROXY := $(shell go env GOPROXY | sed 's/,direct$$//')

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-zA-Z0-9_-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

##### Use

.PHONY: demo
demo: $(DEVCLUSTER) ## Bring up a real cluster, merge a student in, watch their carrel open
	go run ./test/demo

.PHONY: demo-down
demo-down: $(DEVCLUSTER) ## Stop the demo and leave nothing behind
	$(DEVCLUSTER) down

##### Develop

.PHONY: build
build: $(DEVCLUSTER) ## Build the programs into bin/
	go build -o bin/ ./cmd/...

.PHONY: $(DEVCLUSTER)
$(DEVCLUSTER):
	@go -C devcluster build -o ../$(DEVCLUSTER) .

.PHONY: generate
generate: ## Make deepcopy, apply configurations, CRDs, RBAC and the API reference anew
	$(TOOL) controller-gen object:headerFile=/dev/null applyconfiguration:headerFile=/dev/null paths=./api/v1alpha1
	$(TOOL) controller-gen crd:generateEmbeddedObjectMeta=true paths=./api/v1alpha1 output:crd:dir=kustomize/crds
	$(TOOL) controller-gen rbac:roleName=carrel-reporter paths=./controller/report/... output:rbac:dir=kustomize/reporter
	$(TOOL) controller-gen rbac:roleName=carrel-controller "paths={./controller/userland,./controller/template,./controller/course}" output:rbac:dir=kustomize/controller
	$(TOOL) crd-ref-docs --source-path=api/v1alpha1 --log-level=ERROR --config=docs/api-reference.yaml --renderer=markdown --output-path=docs/api-reference.md

.PHONY: verify
verify: ## Fail when generated files are stale, or vet, format or lint finds something
	./ci/verify-generated
	@for module in $(MODULES); do (set -ex; cd $$module; go vet -tags=e2e,node ./...; go mod tidy -diff); done
	@unformatted=$$(git ls-files '*.go' | xargs gofmt -l); test -z "$$unformatted" || { echo "not gofmt-ed: $$unformatted; run gofmt -w"; exit 1; }
	$(MAKE) lint

.PHONY: lint
lint: ## Run golangci-lint over every module
	$(TOOL) golangci-lint run --allow-parallel-runners ./...
	cd devcluster && go tool -modfile=../tools/go.mod golangci-lint run --allow-parallel-runners --config=../.golangci.yaml ./...

##### Test

.PHONY: test
test: test-unit test-node test-e2e ## Run every test: needs root for the full node

.PHONY: test-unit
test-unit: $(DEVCLUSTER) ## Run the tests that need no root: pure ones and those on a real API server
	KUBEBUILDER_ASSETS=$$($(DEVCLUSTER) assets) CARREL_GITEA=$$($(DEVCLUSTER) assets gitea)/gitea go test ./...
	go -C devcluster test ./...

.PHONY: test-node
test-node: ## Run the tests that bring the full node up and down (root)
	go -C devcluster test -count=1 -v -timeout=20m -tags=node ./test/...

.PHONY: test-e2e
test-e2e: $(DEVCLUSTER) ## Run the whole system on a full node: Kubernetes, Flux, Gitea (root)
	go test -count=1 -v -timeout=40m -tags=e2e ./test/e2e/...
