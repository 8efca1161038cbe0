// Package program builds the programs a cluster is made of from Go modules,
// each once per version, into a cache that outlives clusters and work trees.
package program

import "time"

// Program is one binary.
type Program struct {
	// Name of the binary, which is also the last element of Package.
	Name string
	// Module whose required version is the program's version.
	Module string
	// Package is the main package.
	Package string
	// Links are the other names the binary is called by.
	Links []string
	// Data names the folders of Module that the program reads when it runs.
	Data []string
}

// Set lists programs that one go command builds from one wrapper module. The
// module selects one version of every dependency, so that what the programs
// share is compiled once.
type Set struct {
	// Name of the set.
	Name string
	// Wrapper is the wrapper module's folder.
	Wrapper string
	// Programs of the set. The first one's version names the set.
	Programs []Program
	// Tags are build tags.
	Tags string
	// Variables are set by the linker, as -X does; {version}, {major} and {minor}
	// are those of the first program.
	Variables []string
	// C is true for programs that hold C code. The others are static and run in
	// images that have no C library.
	C bool
	// Weight is the processor time of compiling and linking where nothing is
	// cached but what the sets before it in Sets have left: measured on the two
	// cores of docs/performance.md. It serves estimates only.
	Weight time.Duration
}

// The programs there are.
var (
	Kubernetes = Program{
		Name: "kubernetes", Module: "k8s.io/kubernetes", Package: "./kubernetes",
		Links: []string{"etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy", "kubelet", "kubectl"},
	}
	SourceController     = upstream("source-controller", "github.com/fluxcd/source-controller")
	KustomizeController  = upstream("kustomize-controller", "github.com/fluxcd/kustomize-controller")
	CoreDNS              = Program{Name: "coredns", Module: "github.com/coredns/coredns", Package: "./coredns"}
	LocalPathProvisioner = upstream("local-path-provisioner", "github.com/rancher/local-path-provisioner")
	Gitea                = Program{
		Name: "gitea", Module: "code.gitea.io/gitea", Package: "code.gitea.io/gitea",
		Data: []string{"options", "public", "templates"},
	}
)

// The sets they are built in.
var (
	Cluster = Set{
		Name: "cluster", Wrapper: "cluster",
		Programs: []Program{Kubernetes, SourceController, KustomizeController, CoreDNS},
		Variables: []string{
			"k8s.io/component-base/version.gitVersion={version}",
			"k8s.io/component-base/version.gitMajor={major}",
			"k8s.io/component-base/version.gitMinor={minor}",
		},
		Weight: 1100 * time.Second,
	}
	// Volumes is apart: the go command refuses logrus, which it imports by another
	// spelling than the others, beside theirs.
	Volumes = Set{
		Name: "local-path-provisioner", Wrapper: "cluster",
		Programs: []Program{LocalPathProvisioner},
		Weight:   10 * time.Second,
	}
	Forge = Set{
		Name: "gitea", Wrapper: "gitea",
		Programs: []Program{Gitea},
		Tags:     "sqlite sqlite_unlock_notify",
		// Clients ask for the version and refuse an answer that is none.
		Variables: []string{"main.Version={version}"},
		C:         true,
		Weight:    400 * time.Second,
	}
)

// Sets are all there are.
func Sets() []Set { return []Set{Cluster, Volumes, Forge} }

// upstream is a program that is the root package of its module.
func upstream(name, module string) Program {
	return Program{Name: name, Module: module, Package: module}
}

// environment is what a build of s sets apart from the caller's environment.
// GOFLAGS and GOWORK are emptied so that a developer's settings can't change
// what the cache key does not include. Without C, packages net and os/user are
// the pure ones, as in every build that this repository's Makefile starts: one
// build cache then serves them all.
func (s Set) environment() []string {
	if s.C {
		// SQLite is most of the C code, and nobody here waits for a query.
		return []string{"GOFLAGS=", "GOWORK=off", "CGO_ENABLED=1", "CGO_CFLAGS=-O1"}
	}
	return []string{"GOFLAGS=", "GOWORK=off", "CGO_ENABLED=0"}
}

// arguments are those that go build and go list share, without the packages.
// The main packages lie in a work tree whose state must not be part of the
// binaries. There is no -trimpath: it would compile every dependency once more
// for a developer's go build and go test, which do without.
func (s Set) arguments(version string) []string {
	arguments := []string{"-buildvcs=false", "-mod=readonly", "-ldflags", s.linkerFlags(version)}
	if s.Tags != "" {
		arguments = append(arguments, "-tags", s.Tags)
	}
	return arguments
}

// Step is what building s is called in progress.
func (s Set) Step() string { return "build " + s.Name }

// FetchStep is what fetching the modules of s is called in progress.
func (s Set) FetchStep() string { return "fetch modules of " + s.Name }

// packages are the main packages of s.
func (s Set) packages() []string {
	var packages []string
	for _, p := range s.Programs {
		packages = append(packages, p.Package)
	}
	return packages
}
