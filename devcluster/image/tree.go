package image

import (
	"archive/tar"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// readTree returns entries for the files below root, named relative to target. It
// keeps hard links. It skips the files for which leaveOut returns true; leaveOut
// receives paths relative to root.
func readTree(root, target string, leaveOut func(path string) bool) ([]entry, error) {
	var entries []entry
	linked := map[inode]string{}
	err := filepath.WalkDir(root, func(file string, found fs.DirEntry, err error) error {
		if err != nil || file == root {
			return err
		}
		name, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		if leaveOut(name) {
			if found.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		e, err := readEntry(file, path.Join(target, name), linked)
		if err != nil {
			return err
		}
		entries = append(entries, e)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read tree: %w", err)
	}
	return entries, nil
}

type inode struct{ device, number uint64 }

func readEntry(file, name string, linked map[inode]string) (entry, error) {
	info, err := os.Lstat(file)
	if err != nil {
		return entry{}, err
	}
	if info.Mode()&(fs.ModeDevice|fs.ModeSocket|fs.ModeNamedPipe) != 0 {
		return entry{}, fmt.Errorf("%s is neither a file nor a directory nor a link", name)
	}
	var target string
	if info.Mode()&fs.ModeSymlink != 0 {
		if target, err = os.Readlink(file); err != nil {
			return entry{}, err
		}
	}
	header, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return entry{}, err
	}
	status := info.Sys().(*syscall.Stat_t)
	// User names and the other two times differ from machine to machine.
	e := entry{header: tar.Header{
		Typeflag: header.Typeflag, Name: name, Linkname: header.Linkname, Size: header.Size,
		Mode: header.Mode, Uid: int(status.Uid), Gid: int(status.Gid), ModTime: header.ModTime,
	}}
	if header.Typeflag != tar.TypeReg {
		return e, nil
	}
	if status.Nlink > 1 {
		id := inode{status.Dev, status.Ino}
		if first, seen := linked[id]; seen {
			e.header.Typeflag, e.header.Linkname, e.header.Size = tar.TypeLink, first, 0
			return e, nil
		}
		linked[id] = name
	}
	e.open = func() (io.ReadCloser, error) { return os.Open(file) }
	return e, nil
}

// readHeaders returns the headers of the entries in a layer file, by name.
func readHeaders(file string) (map[string]tar.Header, error) {
	in, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read layer: %w", err)
	}
	defer func() { _ = in.Close() }()
	uncompressed, err := gzip.NewReader(in)
	if err != nil {
		return nil, fmt.Errorf("read layer %s: %w", file, err)
	}
	headers := map[string]tar.Header{}
	for archive := tar.NewReader(uncompressed); ; {
		header, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return headers, nil
		}
		if err != nil {
			return nil, fmt.Errorf("read layer %s: %w", file, err)
		}
		headers[path.Clean(header.Name)] = *header
	}
}

// difference returns the layer that turns the tree before into the tree after. The
// files of before must have the modification time zero that layers give them: a
// later time marks a changed file.
func difference(before map[string]tar.Header, after []entry) []entry {
	var changes []entry
	stays, folders := map[string]bool{}, map[string]bool{".": true}
	for _, e := range after {
		stays[e.name()] = true
		folders[e.name()] = e.header.Typeflag == tar.TypeDir
		if old, existed := before[e.name()]; !existed || !alike(old, e.header) {
			changes = append(changes, e)
		}
	}
	for name := range before {
		// Removing or replacing a directory also removes its content.
		if !stays[name] && folders[path.Dir(name)] {
			changes = append(changes, whiteout(name))
		}
	}
	return changes
}

// whiteout returns the entry by which a layer marks a file of the layers below as
// deleted.
func whiteout(name string) entry {
	return text(path.Join(path.Dir(name), ".wh."+path.Base(name)), 0o644, "")
}

func alike(old, now tar.Header) bool {
	if old.Typeflag != now.Typeflag || old.Mode != now.Mode || old.Uid != now.Uid || old.Gid != now.Gid || old.Linkname != now.Linkname {
		return false
	}
	return now.Typeflag != tar.TypeReg || old.Size == now.Size && now.ModTime.Equal(time.Unix(0, 0))
}

// within reports whether name is folder or a path below it.
func within(name, folder string) bool {
	return name == folder || strings.HasPrefix(name, folder+"/")
}
