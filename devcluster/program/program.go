// Package program builds the programs a cluster is made of from Go modules,
// each once per version, into a cache that outlives clusters and work trees.
package program

import (
	"slices"
)

// Program is something that can be built: one of the wrapper modules, which pin
// versions, and how to build it.
type Program struct {
	// Name of the wrapper module's folder, and of the binary.
	Name string
	// Module whose required version is the program's version.
	Module string
	// Package to build; "." where the wrapper has a main of its own.
	Package string
	// Flags for go build; {version}, {major} and {minor} are filled in.
	Flags []string
	// Static programs run in images that have no C library.
	Static bool
	// Links are the other names the binary is called by.
	Links []string
	// Data names the folders of Module that the program reads when it runs.
	Data []string
}

const strip = "-s -w"

// The programs there are.
var (
	Kubernetes = Program{
		Name: "kubernetes", Module: "k8s.io/kubernetes", Package: ".",
		Flags: []string{"-ldflags", strip +
			" -X k8s.io/component-base/version.gitVersion={version}" +
			" -X k8s.io/component-base/version.gitMajor={major}" +
			" -X k8s.io/component-base/version.gitMinor={minor}"},
		Links: []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl"},
	}
	Gitea = Program{
		Name: "gitea", Module: "code.gitea.io/gitea", Package: "code.gitea.io/gitea",
		// Clients ask for the version and refuse one that is none.
		Flags: []string{"-tags", "sqlite sqlite_unlock_notify", "-ldflags", strip + " -X main.Version={version}"},
		Data:  []string{"options", "public", "templates"},
	}
	SourceController     = static("source-controller", "github.com/fluxcd/source-controller")
	KustomizeController  = static("kustomize-controller", "github.com/fluxcd/kustomize-controller")
	CoreDNS              = static("coredns", "github.com/coredns/coredns")
	LocalPathProvisioner = static("local-path-provisioner", "github.com/rancher/local-path-provisioner")
)

func static(name, module string) Program {
	return Program{Name: name, Module: module, Package: module, Flags: []string{"-ldflags", strip}, Static: true}
}

// environment is what a build of p sets apart from the caller's environment.
// GOFLAGS and GOWORK are emptied so that a developer's settings can't change
// what the cache key does not know of.
func (p Program) environment() []string {
	env := []string{"GOFLAGS=", "GOWORK=off"}
	if p.Static {
		env = append(env, "CGO_ENABLED=0")
	}
	return env
}

// arguments are those of go build and go list alike, without the package. The
// main package lies in a work tree whose state must not be part of the binary.
func (p Program) arguments(version string) []string {
	arguments := []string{"-trimpath", "-buildvcs=false", "-mod=readonly"}
	return append(arguments, expand(slices.Clone(p.Flags), version)...)
}
