package program

import (
	"os"
	"testing"

	"golang.org/x/mod/modfile"
)

// The modules whose packages are compiled with the same settings.
var compiledAlike = []string{"../../go.mod", "../go.mod", "../modules/cluster/go.mod"}

// Flux's controllers of this release don't compile with the newer versions that
// Carrel requires. No other module builds on these two.
var mayDiffer = map[string]bool{
	"github.com/fluxcd/pkg/apis/meta": true,
	"github.com/fluxcd/pkg/runtime":   true,
}

// A package that is needed in two versions is compiled twice, and so is everything
// that imports it.
func TestModulesRequireTheSameVersions(t *testing.T) {
	type requirement struct{ file, version string }
	seen := map[string]requirement{}
	for _, file := range compiledAlike {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		module, err := modfile.Parse(file, data, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, require := range module.Require {
			path, version := require.Mod.Path, require.Mod.Version
			if other, found := seen[path]; found && other.version != version && !mayDiffer[path] {
				t.Errorf("%s requires %s %s, and %s %s: require the newer one in both (go get %[2]s@VERSION)", file, path, version, other.file, other.version)
			}
			seen[path] = requirement{file, version}
		}
	}
}
