package program

import (
	"context"
	"os"
	"os/exec"
	"slices"
	"time"

	"github.com/carrel-dev/carrel/devcluster/progress"
)

// Packages are Go packages of a work tree that somebody will build, run or test
// soon. Their dependencies can be compiled ahead, beside everything else.
type Packages struct {
	// Directory is where the go command is run.
	Directory string
	// Patterns name the packages as the go command's arguments do.
	Patterns []string
}

// packagesWeight is the processor time of compiling Carrel's packages when the
// set Cluster is compiled already. Measured as Set.Weight is.
const packagesWeight = 70 * time.Second

// Step is what compiling the packages is called in progress.
func (Packages) Step() string { return "build Carrel" }

// FetchStep is what fetching their modules is called in progress.
func (Packages) FetchStep() string { return "fetch modules of Carrel" }

// Weight is the processor time that Compile takes where nothing is cached.
func (Packages) Weight() time.Duration { return packagesWeight }

// Fetch fetches the modules that the packages need.
func (p Packages) Fetch(ctx context.Context, report progress.Sink) error {
	return report.Do(p.FetchStep(), func(*progress.Step) error {
		_, err := p.dependencies(ctx)
		return err
	})
}

// Compile compiles what the packages import, into Go's own build cache. The main
// packages are left to whoever links them.
func (p Packages) Compile(ctx context.Context, report progress.Sink) error {
	return report.Do(p.Step(), func(step *progress.Step) error {
		sources, err := p.dependencies(ctx)
		if err != nil || len(sources) == 0 {
			return err
		}
		names := make([]string, 0, len(sources))
		for name := range sources {
			names = append(names, name)
		}
		slices.Sort(names)
		return runCounting(step, p.command(ctx, append([]string{"build", "-v"}, names...)...), sources)
	})
}

// dependencies are the packages that are not compiled yet, without the mains.
func (p Packages) dependencies(ctx context.Context) (Sources, error) {
	const format = `{{if and .Stale (ne .Name "main")}}{{.ImportPath}}{{range .GoFiles}}{{"\t"}}{{$.Dir}}/{{.}}{{end}}{{end}}`
	list, err := output(p.command(ctx, append([]string{"list", "-deps", "-f", format}, p.Patterns...)...))
	return measure(list), err
}

func (p Packages) command(ctx context.Context, arguments ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, "go", arguments...)
	command.Dir = p.Directory
	command.Env = append(os.Environ(), "CGO_ENABLED=0", collectLess)
	return command
}
