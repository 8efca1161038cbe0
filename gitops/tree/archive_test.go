package tree_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/fluxcd/pkg/sourceignore"
	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/gitops/tree"
)

// written writes files into a directory of this machine.
func written(t *testing.T, files map[string]string) (dir string, found *tree.Tree) {
	t.Helper()
	dir = t.TempDir()
	for name, text := range files {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	found, err := tree.Directory(dir)
	if err != nil {
		t.Fatal(err)
	}
	return dir, found
}

// files returns the paths of all files of a tree.
func files(t *testing.T, of *tree.Tree) (all []string) {
	t.Helper()
	err := of.FileSystem().Walk("/", func(path string, info fs.FileInfo, err error) error {
		if err == nil && !info.IsDir() {
			all = append(all, strings.TrimPrefix(path, "/"))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

var sources = map[string]string{
	"a/x.yaml": "", "a/y.yaml": "", "a/deep/x.yaml": "", "b/x.yaml": "", "b/photo.jpg": "", ".gitlab-ci.yml": "", ".github/x.yml": "", "z.zip": "", "a/.sops.yaml": "",
}

// TestArchive compares the tree with what source-controller's own code leaves out.
func TestArchive(t *testing.T) {
	for name, test := range map[string]struct{ root, below, ignore string }{
		"no rules":                  {},
		"a directory":               {root: "a/\n"},
		"a name anywhere":           {root: "# all\nx.yaml\n"},
		"a name at the root":        {root: "/x.yaml\n/a/y.yaml\n"},
		"a rule below":              {below: "x.yaml\n"},
		"a rule taken back below":   {root: "x.yaml\n", below: "!x.yaml\n"},
		"spec.ignore":               {ignore: "/b\n"},
		"spec.ignore counts more":   {root: "a/\n", ignore: "!a/\n"},
		"only one directory":        {ignore: "/*\n!/a\n"},
		"what Flux leaves out kept": {ignore: "!*.jpg\n"},
	} {
		t.Run(name, func(t *testing.T) {
			dir, found := written(t, withRules(test.root, test.below))
			patterns, err := sourceignore.LoadIgnorePatterns(dir, nil)
			if err != nil {
				t.Fatal(err)
			}
			matcher := sourceignore.NewDefaultMatcher(append(patterns, sourceignore.ReadPatterns(strings.NewReader(test.ignore), nil)...), nil)
			var want []string
			for _, file := range filesOf(t, dir) {
				if !matcher.Match(strings.Split(file, "/"), false) {
					want = append(want, file)
				}
			}
			archive := found.Archive(test.ignore)
			if diff := cmp.Diff(want, files(t, archive)); diff != "" {
				t.Errorf("files (-source-controller +tree):\n%s", diff)
			}
			if _, err := archive.ReadFile("z.zip"); !errors.Is(err, fs.ErrNotExist) || !strings.Contains(err.Error(), ".sourceignore") {
				t.Errorf("the error for an ignored file is %v", err)
			}
		})
	}
}

func withRules(root, below string) map[string]string {
	all := map[string]string{}
	for name, text := range sources {
		all[name] = text
	}
	if root != "" {
		all[".sourceignore"] = root
	}
	if below != "" {
		all["a/.sourceignore"] = below
	}
	return all
}

func filesOf(t *testing.T, dir string) (all []string) {
	t.Helper()
	err := fs.WalkDir(os.DirFS(dir), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			all = append(all, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// FuzzArchive compares any rules with source-controller's own code.
func FuzzArchive(f *testing.F) {
	f.Add("a/\n!x.yaml", "x.yaml\n#", "/*\n!/a")
	f.Add("**/deep\n\\#", "!**", "*.y?ml")
	f.Fuzz(func(t *testing.T, root, below, ignore string) {
		dir, found := written(t, withRules(root, below))
		patterns, err := sourceignore.LoadIgnorePatterns(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		matcher := sourceignore.NewDefaultMatcher(append(patterns, sourceignore.ReadPatterns(strings.NewReader(ignore), nil)...), nil)
		var want []string
		for _, file := range filesOf(t, dir) {
			if !matcher.Match(strings.Split(file, "/"), false) {
				want = append(want, file)
			}
		}
		if diff := cmp.Diff(want, files(t, found.Archive(ignore))); diff != "" {
			t.Errorf("files (-source-controller +tree):\n%s", diff)
		}
	})
}
