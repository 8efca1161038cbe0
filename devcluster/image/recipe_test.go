package image

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"

	"github.com/carrel-dev/carrel/devcluster/golden"
)

func TestEveryImageHasAProperName(t *testing.T) {
	for _, image := range Names() {
		if _, err := name.NewTag(Reference(image), name.StrictValidation); err != nil {
			t.Errorf("image %s can't be called that: %v", image, err)
		}
	}
}

func TestTagsAreTheVersionsThatAreBuilt(t *testing.T) {
	for image, recipe := range recipes {
		for _, l := range recipe.layers {
			layer, isProgram := l.(programLayer)
			if !isProgram {
				continue
			}
			version, err := layer.set.Version(layer.program)
			must(t, err)
			if recipe.tag != version {
				t.Errorf("image %s is tagged %s and holds %s: change the tag in its recipe", image, recipe.tag, version)
			}
		}
	}
}

func TestImagesOfOtherBasesShareDebian(t *testing.T) {
	for _, image := range []string{"code-server", "mariadb", "phpmyadmin"} {
		if _, ok := recipes[image].layers[0].(debianBase); !ok {
			t.Errorf("image %s does not begin with the Debian layer that others have: it would be stored twice", image)
		}
	}
}

func TestUnknownImageIsRefusedWithTheKnownOnes(t *testing.T) {
	err := Check("postgres")
	if err == nil || !strings.Contains(err.Error(), "postgres") || !strings.Contains(err.Error(), "mariadb") {
		t.Errorf("asking for an unknown image gave %v; it should name it and the known ones", err)
	}
}

func TestEveryWeightIsALayers(t *testing.T) {
	known := map[string]bool{}
	for _, recipe := range recipes {
		for _, layer := range recipe.layers {
			known[layer.name()] = true
		}
	}
	for name := range weights {
		if !known[name] {
			t.Errorf("a weight is given for the layer %q, which no image has", name)
		}
	}
}

func TestHostPackagesNameEveryNeedOnce(t *testing.T) {
	packages := HostPackages()
	if !slices.IsSorted(packages) || len(slices.Compact(slices.Clone(packages))) != len(packages) {
		t.Errorf("packages are not sorted or named twice: %v", packages)
	}
	for _, group := range hostNeeds {
		for _, image := range group.images {
			if _, known := recipes[image]; !known {
				t.Errorf("needs are listed for %q, which is no image", image)
			}
		}
	}
}

func TestReadmeNamesTheHostPackages(t *testing.T) {
	readme, err := os.ReadFile("README.md")
	must(t, err)
	if command := "apt-get install " + strings.Join(HostPackages(), " ") + "\n"; !strings.Contains(string(readme), command) {
		t.Errorf("README.md does not say %q", command)
	}
}

func TestSourcesAreDebiansOwn(t *testing.T) {
	tests := map[string]struct {
		targets string
		want    []source
	}{
		"the three usual ones": {
			targets: "http://mirror.example/debian/ bookworm-updates main Debian\n" +
				"http://mirror.example/debian/ bookworm main Debian\n" +
				"http://mirror.example/debian-security/ bookworm-security main Debian\n",
			want: []source{
				{"http://mirror.example/debian/", "bookworm"},
				{"http://mirror.example/debian-security/", "bookworm-security"},
				{"http://mirror.example/debian/", "bookworm-updates"},
			},
		},
		"one for each architecture": {
			targets: strings.Repeat("http://mirror.example/debian/ bookworm main Debian\n", 2),
			want:    []source{{"http://mirror.example/debian/", "bookworm"}},
		},
		"others beside them": {
			targets: "http://mirror.example/debian/ bookworm main Debian\n" +
				"http://mirror.example/debian/ bookworm contrib Debian\n" +
				"http://node.example/ bookworm main Somebody\n" +
				"http://other.example/ nodistro main \n" +
				"http://mirror.example/debian/ trixie main Debian\n",
			want: []source{{"http://mirror.example/debian/", "bookworm"}},
		},
		"none": {targets: "http://mirror.example/ubuntu/ noble main Ubuntu\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(test.want, parseSources(test.targets), cmp.AllowUnexported(source{})); diff != "" {
				t.Errorf("sources differ (-want +got):\n%s", diff)
			}
		})
	}
}

// Pods rely on these configurations, so a change must show up in the golden file.
func TestConfigurationsAreAsRecorded(t *testing.T) {
	var got strings.Builder
	for _, image := range Names() {
		config := recipes[image].config
		fmt.Fprintf(&got, "%s\n  user %s in %s\n  runs %q %q\n  with %q\n",
			Reference(image), config.User, config.WorkingDir, config.Entrypoint, config.Cmd, config.Env)
	}
	golden.Compare(t, "configurations.txt", got.String())
}
