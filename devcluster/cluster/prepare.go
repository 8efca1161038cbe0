package cluster

import (
	"context"
	"slices"
	"time"

	"github.com/carrel-dev/carrel/devcluster/addons"
	"github.com/carrel-dev/carrel/devcluster/image"
	"github.com/carrel-dev/carrel/devcluster/network"
	"github.com/carrel-dev/carrel/devcluster/node"
	"github.com/carrel-dev/carrel/devcluster/program"
	"github.com/carrel-dev/carrel/devcluster/progress"
	"github.com/carrel-dev/carrel/devcluster/schedule"
)

// Parts lists what a cluster is made of that has to be built.
type Parts struct {
	// Size of the cluster.
	Size Size
	// Images are those of package image that a full node has beside its own.
	Images []string
	// Packages are compiled as well, if there are any patterns.
	Packages program.Packages
}

// own names the images without which no node is ready, and more the others.
func (p Parts) own() []string {
	if p.Size == ControlPlane {
		return nil
	}
	return slices.Concat(node.Images(), addons.Images())
}

func (p Parts) more() []string {
	if p.Size == ControlPlane {
		return nil
	}
	var more []string
	for _, name := range p.Images {
		if !slices.Contains(p.own(), name) && !slices.Contains(more, name) {
			more = append(more, name)
		}
	}
	return more
}

func (p Parts) images() []string { return slices.Concat(p.own(), p.more()) }

func (p Parts) sets() []program.Set {
	if p.Size == ControlPlane {
		return []program.Set{program.Cluster}
	}
	return program.Sets()
}

// Lines of the schedule. The go command uses all processors by itself. What makes
// images waits for archives and disks half of the time, so one is made beside it.
const (
	compileLine = "compile"
	imageLine   = "image"
)

// jobs lists what is to be done and in what order. Modules are fetched one
// after the other, the first to be compiled first, while others are compiled.
func (p Parts) jobs() []schedule.Job {
	var jobs []schedule.Job
	var fetched, compiled []string
	add := func(fetch, compile string, weight time.Duration) {
		jobs = append(jobs,
			schedule.Job{Name: fetch, After: fetched, Weight: time.Second},
			// A set finds what those before it have compiled only once they are done.
			schedule.Job{Name: compile, After: slices.Concat([]string{fetch}, compiled), Line: compileLine, Weight: weight},
		)
		fetched, compiled = []string{fetch}, []string{compile}
	}
	for _, set := range p.sets() {
		add(set.FetchStep(), set.Step(), set.Weight)
	}
	if len(p.Packages.Patterns) > 0 {
		add(p.Packages.FetchStep(), p.Packages.Step(), p.Packages.Weight())
	}
	if p.Size == FullNode {
		jobs = append(jobs, schedule.Job{Name: fetchManifests})
	}
	for _, name := range p.images() {
		job := schedule.Job{Name: imageJob(name), Line: imageLine, Weight: image.Weight(name)}
		for _, set := range image.Sets(name) {
			job.After = append(job.After, set.Step())
		}
		jobs = append(jobs, job)
	}
	return jobs
}

// fetchManifests fetches what Flux is installed from.
const fetchManifests = "fetch manifests of Flux"

func imageJob(name string) string { return "image " + name }

// Prepared is what Prepare has built.
type Prepared struct {
	// Sets are the directories of the programs, by name of the set.
	Sets map[string]string
	// Own are the archives of the images that every node has, and More those of
	// the others.
	Own, More []string
}

// Prepare builds the parts, or finds them in the cache, as many side by side as
// keep two processors busy.
func Prepare(ctx context.Context, report progress.Sink, cache program.Cache, parts Parts) (Prepared, error) {
	graph, err := schedule.NewGraph(parts.jobs())
	if err != nil {
		return Prepared{}, err
	}
	builder := image.Builder{Cache: cache, Report: report}
	if err := image.Check(parts.images()...); err != nil {
		return Prepared{}, err
	}
	var built results
	work := schedule.Work{fetchManifests: func(ctx context.Context) error {
		_, err := addons.LocateFlux(ctx)
		return err
	}}
	for _, set := range parts.sets() {
		work[set.FetchStep()] = func(ctx context.Context) error { return cache.Fetch(ctx, report, set) }
		work[set.Step()] = built.keep(set.Step(), func(ctx context.Context) (string, error) { return cache.Build(ctx, report, set) })
	}
	if packages := parts.Packages; len(packages.Patterns) > 0 {
		work[packages.FetchStep()] = func(ctx context.Context) error { return packages.Fetch(ctx, report) }
		work[packages.Step()] = func(ctx context.Context) error { return packages.Compile(ctx, report) }
	}
	for _, name := range parts.images() {
		work[imageJob(name)] = built.keep(imageJob(name), func(ctx context.Context) (string, error) { return builder.BuildOne(ctx, name) })
	}
	if err := schedule.Run(ctx, graph, work); err != nil {
		return Prepared{}, err
	}
	prepared := Prepared{Sets: map[string]string{}}
	for _, set := range parts.sets() {
		prepared.Sets[set.Name] = built.of[set.Step()]
	}
	for _, name := range parts.own() {
		prepared.Own = append(prepared.Own, built.of[imageJob(name)])
	}
	for _, name := range parts.more() {
		prepared.More = append(prepared.More, built.of[imageJob(name)])
	}
	return prepared, nil
}

// Estimate returns how long Prepare will take, as far as nothing is cached.
func Estimate(ctx context.Context, cache program.Cache, parts Parts) (*progress.Estimate, error) {
	weights, err := image.Builder{Cache: cache}.Pending(ctx, parts.images()...)
	if err != nil {
		return nil, err
	}
	for _, set := range parts.sets() {
		built, err := cache.Built(set)
		if err != nil {
			return nil, err
		}
		if !built {
			weights[set.Step()] = set.Weight
		}
	}
	if len(weights) > 0 && len(parts.Packages.Patterns) > 0 {
		weights[parts.Packages.Step()] = parts.Packages.Weight()
	}
	return progress.NewEstimate(weights), nil
}

// EstimateSet returns how long building one set will take.
func EstimateSet(cache program.Cache, set program.Set) (*progress.Estimate, error) {
	built, err := cache.Built(set)
	if err != nil || built {
		return nil, err
	}
	return progress.NewEstimate(map[string]time.Duration{set.Step(): set.Weight}), nil
}

// describe returns the Spec of a cluster made of the prepared parts, with
// addresses that are free.
func describe(ctx context.Context, layout Layout, size Size, prepared Prepared) (Spec, error) {
	spec := Spec{Name: layout.Name, Size: size, Kubernetes: prepared.Sets[program.Cluster.Name]}
	var err error
	if spec.Network, err = planNetwork(); err != nil || size == ControlPlane {
		return spec, err
	}
	spec.Gitea = prepared.Sets[program.Forge.Name]
	spec.Images, spec.MoreImages = prepared.Own, prepared.More
	spec.Addons = layout.path("addons.yaml")
	return spec, writeAddons(ctx, spec.Addons, spec.Network)
}

func planNetwork() (network.Plan, error) {
	used, err := network.Used()
	if err != nil {
		return network.Plan{}, err
	}
	return network.Choose(used)
}
