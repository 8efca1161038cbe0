package convert

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Stdin is the path that stands for standard input.
const Stdin = "-"

// Read reads files and directories. In a directory, it reads everything below
// except names that begin with a dot. The result keeps the paths as given. A
// symbolic link to a file is read as that file.
func Read(paths []string, stdin io.Reader) ([]ManifestFile, error) {
	var all []ManifestFile
	for _, path := range paths {
		var found []ManifestFile
		var err error
		if path == Stdin {
			found, err = readStdin(stdin)
		} else {
			found, err = readTree(path)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	return all, nil
}

func readStdin(stdin io.Reader) ([]ManifestFile, error) {
	data, err := io.ReadAll(stdin)
	if err != nil {
		return nil, fmt.Errorf("read standard input: %w", err)
	}
	return []ManifestFile{{Path: Stdin, Relative: "converted.yaml", Data: data}}, nil
}

func readTree(root string) (all []ManifestFile, err error) {
	err = filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case path != root && entry.Name()[0] == '.' && entry.IsDir():
			return filepath.SkipDir
		case path != root && entry.Name()[0] == '.', entry.IsDir():
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if path == root {
			relative = filepath.Base(path)
		}
		all = append(all, ManifestFile{Path: path, Relative: relative, Data: data})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the manifests: %w", err)
	}
	return all, nil
}

// Write writes files below a directory. It returns an error, and writes nothing, if
// one of them exists.
func Write(directory string, files []ManifestFile) error {
	var wrong []error
	from := map[string]string{}
	for _, file := range files {
		target := filepath.Join(directory, file.Relative)
		if other, taken := from[target]; taken {
			wrong = append(wrong, fmt.Errorf("%s and %s would both become %s: convert them one after the other", other, file.Path, target))
		}
		from[target] = file.Path
		if _, err := os.Lstat(target); err == nil {
			wrong = append(wrong, fmt.Errorf("%s exists already: name another directory, or remove it", target))
		}
	}
	if len(wrong) > 0 {
		return errors.Join(wrong...)
	}
	for _, file := range files {
		target := filepath.Join(directory, file.Relative)
		if err := os.MkdirAll(filepath.Dir(target), 0o755); err != nil {
			return fmt.Errorf("make a directory: %w", err)
		}
		if err := os.WriteFile(target, file.Data, 0o644); err != nil {
			return fmt.Errorf("write a manifest: %w", err)
		}
	}
	return nil
}

// Replace writes the files that changed to the paths from which they were read.
func Replace(files []ManifestFile) error {
	for _, file := range files {
		if file.Path == Stdin {
			return errors.New("standard input can't be written in place: name a file or a directory")
		}
	}
	for _, file := range files {
		if before, err := os.ReadFile(file.Path); err == nil && bytes.Equal(before, file.Data) {
			continue
		}
		if err := os.WriteFile(file.Path, file.Data, 0o644); err != nil {
			return fmt.Errorf("write a manifest: %w", err)
		}
	}
	return nil
}

// Stream writes the manifests among files as one stream of documents for kubectl.
// It leaves out kustomizations, which kubectl can't read.
func Stream(out io.Writer, files []ManifestFile) error {
	var b bytes.Buffer
	for _, file := range files {
		if !isManifest(file.Path) || slices.Contains(kustomizationNames, filepath.Base(file.Path)) || len(file.Data) == 0 {
			continue
		}
		if b.Len() > 0 && !bytes.HasPrefix(file.Data, []byte("---")) {
			b.WriteString("---\n")
		}
		b.Write(file.Data)
		if !bytes.HasSuffix(file.Data, []byte("\n")) {
			b.WriteByte('\n')
		}
	}
	if _, err := out.Write(b.Bytes()); err != nil {
		return fmt.Errorf("write the manifests: %w", err)
	}
	return nil
}
