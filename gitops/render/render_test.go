package render_test

import (
	"bytes"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"sigs.k8s.io/kustomize/api/krusty"
	kustypes "sigs.k8s.io/kustomize/api/types"
	"sigs.k8s.io/kustomize/kyaml/filesys"

	"github.com/carrel-dev/carrel/gitops/render"
	"github.com/carrel-dev/carrel/gitops/tree"
	"github.com/carrel-dev/carrel/test/commits"
	"github.com/carrel-dev/carrel/test/flux"
)

// root is the root of this repository.
const root = "../.."

var tops = []string{"clusters", "courses", "kustomize"}

// committed returns the tree of a commit with files.
func committed(t *testing.T, files map[string]string) *tree.Tree {
	t.Helper()
	found, _, err := tree.At(commits.Repository(t, files), "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// ours returns the files of this repository that Flux reads.
func ours(t *testing.T) map[string]string {
	t.Helper()
	files := map[string]string{}
	for _, top := range tops {
		err := fs.WalkDir(os.DirFS(root), top, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || entry.IsDir() {
				return err
			}
			data, err := os.ReadFile(filepath.Join(root, path))
			files[path] = string(data)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// TestBuildsAsKustomizeDoes compares every overlay of this repository, byte for
// byte, with kustomize's build on disk.
func TestBuildsAsKustomizeDoes(t *testing.T) {
	files := ours(t)
	commit, built := committed(t, files), 0
	for path, content := range files {
		if filepath.Base(path) != "kustomization.yaml" || strings.Contains(content, "kind: Component") {
			continue
		}
		built++
		dir := filepath.Dir(path)
		options := &krusty.Options{LoadRestrictions: kustypes.LoadRestrictionsNone, PluginConfig: kustypes.DisabledPluginConfig()}
		onDisk, err := krusty.MakeKustomizer(options).Run(filesys.MakeFsOnDisk(), filepath.Join(root, dir))
		if err != nil {
			t.Fatal(err)
		}
		want, err := onDisk.AsYaml()
		if err != nil {
			t.Fatal(err)
		}
		rendered, err := render.Build(commit.FileSystem(), "/"+dir)
		if err != nil {
			t.Errorf("%s: %v", dir, err)
			continue
		}
		got, err := rendered.AsYaml()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(want, got) {
			t.Errorf("%s (-kustomize +ours):\n%s", dir, cmp.Diff(string(want), string(got)))
		}
	}
	if built < 10 {
		t.Errorf("only %d overlays were compared", built)
	}
}

// TestAppliesAsFluxDoes compares every Kustomization of every cluster with the
// result of kustomize-controller's own code.
func TestAppliesAsFluxDoes(t *testing.T) {
	commit := committed(t, ours(t))
	clusters := render.Clusters(commit)
	if diff := cmp.Diff([]string{"campus", "local"}, clusters); diff != "" {
		t.Fatalf("clusters (-want +got):\n%s", diff)
	}
	for _, name := range clusters {
		repository, err := flux.Copy(t.TempDir(), root, tops...)
		if err != nil {
			t.Fatal(err)
		}
		all, err := render.Cluster(t.Context(), commit, name)
		if err != nil {
			t.Fatal(err)
		}
		courses := 0
		for _, applied := range all[1:] {
			if applied.Err != nil {
				t.Errorf("cluster %s: %v", name, applied.Err)
				continue
			}
			want, err := repository.Render(applied.Kustomization)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, applied.Objects); diff != "" {
				t.Errorf("cluster %s, Kustomization %s/%s (-Flux +ours):\n%s", name, applied.Kustomization.Namespace, applied.Kustomization.Name, diff)
			}
			if applied.Kustomization.Name == "roster" {
				courses++
			}
		}
		if courses < 2 {
			t.Errorf("cluster %s: the rosters of %d courses were found", name, courses)
		}
	}
}

// bomb expands to a list of ten to the eighth items.
const bomb = `data:
  a: &a [x, x, x, x, x, x, x, x, x, x]
  b: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]
  c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]
  d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]
  e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]
  f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]
  g: &g [*f, *f, *f, *f, *f, *f, *f, *f, *f, *f]
`

// TestRefused checks that no proposed file can make us read or run anything else.
func TestRefused(t *testing.T) {
	const fine = "kind: ConfigMap\napiVersion: v1\nmetadata: {name: a}\n"
	for name, test := range map[string]struct {
		files map[string]string
		want  string
	}{
		"a remote base":             {map[string]string{"a/kustomization.yaml": "resources: ['https://example.invalid/x//y?ref=z']"}, "remote files are refused"},
		"a base by its short name":  {map[string]string{"a/kustomization.yaml": "resources: ['github.com/example/x']"}, "remote bases are refused"},
		"a remote base of a base":   {map[string]string{"a/kustomization.yaml": "resources: [../b]", "b/kustomization.yaml": "components: ['git@example.invalid:x/y']"}, "b/kustomization.yaml"},
		"a remote patch":            {map[string]string{"a/kustomization.yaml": "resources: [x.yaml]\npatches: [{path: 'http://example.invalid/p'}]", "a/x.yaml": fine}, "remote files are refused"},
		"a remote file in a roster": {map[string]string{"a/kustomization.yaml": "configMapGenerator: [{name: r, files: ['r.csv=https://example.invalid/r']}]"}, "remote files are refused"},
		"a helm chart":              {map[string]string{"a/kustomization.yaml": "helmCharts: [{name: x, repo: 'https://example.invalid'}]"}, "helm charts are not rendered"},
		"a plugin":                  {map[string]string{"a/kustomization.yaml": "generators: [g.yaml]", "a/g.yaml": "apiVersion: someteam.example.com/v1\nkind: Exec\nmetadata: {name: g}\n"}, "plugin"},
		"a function in a container": {map[string]string{"a/kustomization.yaml": "generators: [g.yaml]", "a/g.yaml": "apiVersion: v1\nkind: F\nmetadata: {name: g, annotations: {config.kubernetes.io/function: '{container: {image: x}}'}}\n"}, "plugin"},
		"a link out of the tree":    {map[string]string{"a/kustomization.yaml": "resources: [x.yaml]", "a/x.yaml": "-> ../../etc/passwd"}, "it is a symbolic link"},
		"a link to the root":        {map[string]string{"a/kustomization.yaml": "resources: [x.yaml]", "a/x.yaml": "-> /etc/passwd"}, "it is a symbolic link"},
		"a file above the tree":     {map[string]string{"a/kustomization.yaml": "resources: [../../../../etc/passwd]"}, "not in the repository"},
		"an anchor within itself":   {map[string]string{"a/kustomization.yaml": "resources: [x.yaml]", "a/x.yaml": fine + "data: {x: &x {*x}}\n"}, "x.yaml: line 4: the anchor x is part of itself"},
		"one in a patch":            {map[string]string{"a/kustomization.yaml": "resources: [x.yaml]\npatches: [{patch: '{kind: ConfigMap, apiVersion: v1, metadata: {name: a}, data: {x: &x {*x}}}'}]", "a/x.yaml": fine}, "the anchor x is part of itself"},
		"aliases of aliases":        {map[string]string{"a/kustomization.yaml": "resources: [x.yaml]", "a/x.yaml": fine + bomb}, "with each alias written out"},
		"a link to a directory":     {map[string]string{"a/kustomization.yaml": "resources: [../b]", "b": "-> c", "c/kustomization.yaml": "resources: []"}, "it is a symbolic link"},
		"a linked roster":           {map[string]string{"a/kustomization.yaml": "configMapGenerator: [{name: r, files: [r.csv]}]", "a/r.csv": "-> s.csv", "a/s.csv": "user\n"}, "it is a symbolic link"},
		"what .sourceignore names":  {map[string]string{"a/kustomization.yaml": "resources: [x.yaml]", "a/x.yaml": fine, ".sourceignore": "x.yaml\n"}, "a file .sourceignore"},
		"a link to a link":          {map[string]string{"a/kustomization.yaml": "resources: [x.yaml]", "a/x.yaml": "-> y.yaml", "a/y.yaml": "-> x.yaml"}, "it is a symbolic link"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := render.Build(committed(t, test.files).FileSystem(), "/a")
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want one that says %q", err, test.want)
			}
		})
	}
}
