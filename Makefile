# Run `make help` for the list of targets.

TOOL := go tool -modfile=tools/go.mod
CRDS := kustomize/crds

.DEFAULT_GOAL := help

.PHONY: help
help: ## Show this list
	@awk 'BEGIN {FS = ":.*## "} /^[a-zA-Z0-9_-]+:.*## / {printf "  %-16s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: generate
generate: ## Make deepcopy, apply configurations, CRDs, RBAC and the API reference anew
	$(TOOL) controller-gen object:headerFile=/dev/null applyconfiguration:headerFile=/dev/null paths=./api/v1alpha1
	$(TOOL) controller-gen crd:generateEmbeddedObjectMeta=true paths=./api/v1alpha1 output:crd:dir=$(CRDS)
