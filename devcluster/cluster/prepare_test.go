package cluster

import (
	"slices"
	"testing"

	"github.com/carrel-dev/carrel/devcluster/program"
	"github.com/carrel-dev/carrel/devcluster/schedule"
)

func TestJobsOfEverySizeCanBeRun(t *testing.T) {
	for name, parts := range map[string]Parts{
		"control plane":   {Size: ControlPlane},
		"node":            {Size: FullNode},
		"node and course": {Size: FullNode, Images: []string{"code-server", "busybox"}, Packages: program.Packages{Patterns: []string{"./cmd/..."}}},
	} {
		graph, err := schedule.NewGraph(parts.jobs())
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for queue := graph.Start(); len(queue) > 0; queue = append(queue[1:], graph.Start()...) {
			graph.Done(queue[0])
		}
		if !graph.Finished() {
			t.Errorf("%s: jobs are left that never begin", name)
		}
	}
}

// Modules are fetched ahead: the next set's while this one is compiled.
func TestFetchingWaitsForNoCompiler(t *testing.T) {
	jobs := Parts{Size: FullNode}.jobs()
	for _, job := range jobs {
		for _, set := range program.Sets() {
			if job.Name == set.FetchStep() && (job.Line != "" || slices.ContainsFunc(program.Sets(), func(s program.Set) bool { return slices.Contains(job.After, s.Step()) })) {
				t.Errorf("%q queues in line %q and waits for %v, want it to wait for other fetching only", job.Name, job.Line, job.After)
			}
		}
	}
}

func TestEveryImageIsMadeAndLoadedOnce(t *testing.T) {
	images := Parts{Size: FullNode, Images: []string{"busybox", "webterm", "webterm"}}.images()
	if !slices.Contains(images, "webterm") || !slices.Contains(images, "pause") {
		t.Errorf("images %v, want the node's and the course's", images)
	}
	slices.Sort(images)
	if once := slices.Compact(slices.Clone(images)); len(once) != len(images) {
		t.Errorf("images are named twice: %v", images)
	}
}
