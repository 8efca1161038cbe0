package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path"
	"slices"
	"strings"
	"time"
)

// entry is one file, directory or link of a layer.
type entry struct {
	header tar.Header
	// open returns the content of a regular file. It is nil for directories and
	// links.
	open func() (io.ReadCloser, error)
}

func directory(name string, mode int64) entry {
	return entry{header: tar.Header{Typeflag: tar.TypeDir, Name: name, Mode: mode}}
}

func symlink(name, target string) entry {
	return entry{header: tar.Header{Typeflag: tar.TypeSymlink, Name: name, Linkname: target, Mode: 0o777}}
}

// text returns an entry for a regular file with the given content.
func text(name string, mode int64, content string) entry {
	return entry{
		header: tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))},
		open:   func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewBufferString(content)), nil },
	}
}

// copyOf returns an entry for a file whose content is that of source on this
// machine.
func copyOf(name string, mode int64, source string) (entry, error) {
	info, err := os.Stat(source)
	if err != nil {
		return entry{}, fmt.Errorf("copy into image: %w", err)
	}
	return entry{
		header: tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: info.Size()},
		open:   func() (io.ReadCloser, error) { return os.Open(source) },
	}, nil
}

// ownedBy returns e with id as its owning user and group.
func (e entry) ownedBy(id int) entry {
	e.header.Uid, e.header.Gid = id, id
	return e
}

// writeLayer writes entries as a gzipped tar file, whose bytes depend on entries
// only. It uses the fastest compression, because archives stay on the machine that
// built them.
func writeLayer(file string, entries []entry) (err error) {
	out, err := os.Create(file)
	if err != nil {
		return fmt.Errorf("write layer: %w", err)
	}
	defer func() {
		if closeErr := out.Close(); err == nil {
			err = closeErr
		}
	}()
	compressed, err := gzip.NewWriterLevel(out, gzip.BestSpeed)
	if err != nil {
		return err
	}
	if err := writeTar(compressed, entries); err != nil {
		return fmt.Errorf("write layer: %w", err)
	}
	return compressed.Close()
}

func writeTar(out io.Writer, entries []entry) error {
	entries = slices.Clone(entries)
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.name(), b.name()) })
	archive := tar.NewWriter(out)
	for _, e := range entries {
		if err := e.writeTo(archive); err != nil {
			return fmt.Errorf("%s: %w", e.header.Name, err)
		}
	}
	return archive.Close()
}

// name returns the path without slashes at either end, so that a directory sorts
// before its content.
func (e entry) name() string {
	return strings.TrimPrefix(path.Clean(e.header.Name), "/")
}

func (e entry) writeTo(archive *tar.Writer) error {
	header := e.header
	header.Name = e.name()
	switch header.Typeflag {
	case tar.TypeDir:
		header.Name += "/"
	case tar.TypeLink:
		header.Linkname = strings.TrimPrefix(header.Linkname, "/")
	}
	header.ModTime = time.Unix(0, 0)
	header.Format = tar.FormatPAX
	if err := archive.WriteHeader(&header); err != nil {
		return err
	}
	if e.open == nil {
		return nil
	}
	content, err := e.open()
	if err != nil {
		return err
	}
	defer content.Close()
	_, err = io.Copy(archive, content)
	return err
}
