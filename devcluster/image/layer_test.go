package image

import (
	"archive/tar"
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestLayersAreTheSameWhateverTheOrderOfEntries(t *testing.T) {
	entries := []entry{
		text("/etc/passwd", 0o644, "root:x:0:0::/root:/bin/sh\n"),
		symlink("/bin/sh", "busybox"),
		directory("/etc", 0o755),
		directory("/bin", 0o755),
		directory("/home/coder", 0o755).ownedBy(student),
	}
	first := layerBytes(t, entries)
	slices.Reverse(entries)
	if second := layerBytes(t, entries); !bytes.Equal(first, second) {
		t.Error("the same entries in another order gave another layer: its digest would differ from build to build")
	}
}

func layerBytes(t *testing.T, entries []entry) []byte {
	t.Helper()
	file := filepath.Join(t.TempDir(), "layer.tar.gz")
	if err := writeLayer(file, entries); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

func TestLayerHoldsEntriesInOrderWithoutTimes(t *testing.T) {
	var out bytes.Buffer
	err := writeTar(&out, []entry{
		text("/etc/passwd", 0o644, "root"),
		directory("/tmp", 0o1777),
		{header: tar.Header{Typeflag: tar.TypeLink, Name: "/etc/users", Linkname: "/etc/passwd"}},
		directory("/etc", 0o755),
		directory("/home", 0o750).ownedBy(student),
	})
	if err != nil {
		t.Fatal(err)
	}
	type line struct {
		Name, Link string
		Mode       int64
		Owner      int
		Time       int64
	}
	var got []line
	for archive := tar.NewReader(&out); ; {
		header, err := archive.Next()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, line{header.Name, header.Linkname, header.Mode, header.Uid, header.ModTime.Unix()})
	}
	want := []line{
		{Name: "etc/", Mode: 0o755},
		{Name: "etc/passwd", Mode: 0o644},
		{Name: "etc/users", Link: "etc/passwd"},
		{Name: "home/", Mode: 0o750, Owner: student},
		{Name: "tmp/", Mode: 0o1777},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("tar file differs (-want +got):\n%s", diff)
	}
}
