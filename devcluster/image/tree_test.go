package image

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func everything(string) bool { return false }

// tree creates a directory of files with modification time zero, as unpacking a
// layer does.
func tree(t *testing.T, files map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, content := range files {
		write(t, root, name, content)
		if err := os.Chtimes(filepath.Join(root, name), time.Unix(0, 0), time.Unix(0, 0)); err != nil {
			t.Fatal(err)
		}
	}
	return root
}

func write(t *testing.T, root, name, content string) {
	t.Helper()
	file := filepath.Join(root, name)
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

func names(entries []entry) []string {
	var all []string
	for _, e := range entries {
		all = append(all, e.name())
	}
	slices.Sort(all)
	return all
}

func TestDifferenceHoldsWhatChanged(t *testing.T) {
	base := map[string]string{"etc/passwd": "root", "etc/hosts": "here", "usr/bin/ls": "ls", "usr/share/old/a": "a", "usr/share/old/b": "b"}
	tests := map[string]struct {
		change func(t *testing.T, root string)
		want   []string
	}{
		"nothing": {
			change: func(*testing.T, string) {},
		},
		"a new file": {
			change: func(t *testing.T, root string) { write(t, root, "usr/bin/git", "git") },
			want:   []string{"usr/bin/git"},
		},
		"a new file in a new directory": {
			change: func(t *testing.T, root string) { write(t, root, "srv/www/index", "hello") },
			want:   []string{"srv", "srv/www", "srv/www/index"},
		},
		"other content of the same size": {
			change: func(t *testing.T, root string) { write(t, root, "etc/passwd", "toor") },
			want:   []string{"etc/passwd"},
		},
		"another mode": {
			change: func(t *testing.T, root string) { must(t, os.Chmod(filepath.Join(root, "usr/bin/ls"), 0o755)) },
			want:   []string{"usr/bin/ls"},
		},
		"a file gone": {
			change: func(t *testing.T, root string) { must(t, os.Remove(filepath.Join(root, "etc/hosts"))) },
			want:   []string{"etc/.wh.hosts"},
		},
		"a directory gone": {
			change: func(t *testing.T, root string) { must(t, os.RemoveAll(filepath.Join(root, "usr/share/old"))) },
			want:   []string{"usr/share/.wh.old"},
		},
		"a file in place of a directory": {
			change: func(t *testing.T, root string) {
				must(t, os.RemoveAll(filepath.Join(root, "usr/share/old")))
				write(t, root, "usr/share/old", "file")
			},
			want: []string{"usr/share/old"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			root := tree(t, base)
			before, err := readTree(root, "", everything)
			must(t, err)
			layer := filepath.Join(t.TempDir(), "layer.tar.gz")
			must(t, writeLayer(layer, before))
			headers, err := readHeaders(layer)
			must(t, err)

			test.change(t, root)
			after, err := readTree(root, "", everything)
			must(t, err)
			if diff := cmp.Diff(test.want, names(difference(headers, after))); diff != "" {
				t.Errorf("the layer on top differs (-want +got):\n%s", diff)
			}
		})
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestTreeKeepsLinksAndLeavesOutWhatIsUnwanted(t *testing.T) {
	root := tree(t, map[string]string{"usr/bin/perl": "perl", "usr/share/doc/perl/copyright": "text", "dev/null": ""})
	must(t, os.Link(filepath.Join(root, "usr/bin/perl"), filepath.Join(root, "usr/bin/perl5")))
	must(t, os.Symlink("usr/bin", filepath.Join(root, "bin")))
	entries, err := readTree(root, "/opt", unwanted)
	must(t, err)

	links := map[string]string{}
	for _, e := range entries {
		links[e.name()] = e.header.Linkname
	}
	want := map[string]string{
		"opt/bin": "usr/bin", "opt/dev": "", "opt/usr": "", "opt/usr/bin": "", "opt/usr/share": "", "opt/usr/share/doc": "",
		"opt/usr/bin/perl": "", "opt/usr/bin/perl5": "/opt/usr/bin/perl",
	}
	if diff := cmp.Diff(want, links); diff != "" {
		t.Errorf("entries and where they link to differ (-want +got):\n%s", diff)
	}
}

func TestWhatDebianLayersLeaveOut(t *testing.T) {
	tests := map[string]bool{
		"etc/hostname":                         true,
		"etc/apt/sources.list":                 true,
		"etc/apt/sources.list.d":               false,
		"etc/passwd":                           false,
		"etc/passwd-":                          true,
		"var/lib/dpkg/status":                  false,
		"var/lib/dpkg/status-old":              true,
		"var/log":                              false,
		"var/log/dpkg.log":                     true,
		"usr/share/doc":                        false,
		"usr/share/doc/git":                    true,
		"usr/share/docs":                       false,
		"usr/lib/python3/x/__pycache__/y.pyc":  false,
		"usr/share/phpmyadmin/templates/a-old": false,
	}
	for name, want := range tests {
		if got := unwanted(name); got != want {
			t.Errorf("unwanted(%q) is %v, want %v", name, got, want)
		}
	}
}
