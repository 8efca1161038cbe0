package image

import (
	"archive/tar"
	"context"
	"debug/elf"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Static is an image of one static program for several architectures. Close it after use.
type Static struct {
	index     v1.ImageIndex
	directory string
}

// NewStatic makes an image of one binary for each architecture. The binaries have the same
// file name, and the image runs it as WriteStatic says. Equal binaries and equal
// certificates of this machine make an image with the same digest.
func NewStatic(binaries []string) (_ *Static, err error) {
	directory, err := os.MkdirTemp("", "image-")
	if err != nil {
		return nil, err
	}
	s := &Static{index: mutate.IndexMediaType(empty.Index, types.OCIImageIndex), directory: directory}
	defer func() {
		if err != nil {
			_ = s.Close()
		}
	}()
	base := filepath.Join(directory, "base.tar.gz")
	if err := writeStaticBase(base); err != nil {
		return nil, err
	}
	seen := map[string]string{}
	for _, binary := range binaries {
		architecture, err := architectureOf(binary)
		if err != nil {
			return nil, err
		}
		if other, twice := seen[architecture]; twice {
			return nil, fmt.Errorf("%s and %s are both for %s; give one binary for each architecture", other, binary, architecture)
		}
		seen[architecture] = binary
		if first := filepath.Base(binaries[0]); filepath.Base(binary) != first {
			return nil, fmt.Errorf("%s is another program than %s; give one program for several architectures", binary, first)
		}
		file := filepath.Join(directory, architecture+".tar.gz")
		if err := writeBinary(file, filepath.Base(binary), binary); err != nil {
			return nil, err
		}
		image, err := assemble(staticConfig(filepath.Base(binary)), architecture, []string{base, file})
		if err != nil {
			return nil, err
		}
		image = mutate.ConfigMediaType(mutate.MediaType(image, types.OCIManifestSchema1), types.OCIConfigJSON)
		s.index = mutate.AppendManifests(s.index, mutate.IndexAddendum{
			Add:        image,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: "linux", Architecture: architecture}},
		})
	}
	return s, nil
}

// Close deletes the working files.
func (s *Static) Close() error { return os.RemoveAll(s.directory) }

// Digest names the content of the image, as sha256:<hexadecimal>.
func (s *Static) Digest() (string, error) {
	digest, err := s.index.Digest()
	return digest.String(), err
}

// WriteArchive writes the image to file, as a tar file of an OCI image layout, with
// reference as its name.
func (s *Static) WriteArchive(file, reference string) (err error) {
	if _, err := name.NewTag(reference, name.StrictValidation); err != nil {
		return fmt.Errorf("name image: %w", err)
	}
	directory := filepath.Join(s.directory, "layout")
	path, err := layout.Write(directory, empty.Index)
	if err != nil {
		return err
	}
	if err := path.AppendIndex(s.index, layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": reference,
	})); err != nil {
		return fmt.Errorf("write archive of %s: %w", reference, err)
	}
	out, err := os.Create(file)
	if err != nil {
		return err
	}
	defer func() {
		if closeErr := out.Close(); err == nil {
			err = closeErr
		}
	}()
	return tarOf(out, directory)
}

// Push writes the image to the registry that reference names, with the credentials that
// Docker's configuration of the user has for it.
func (s *Static) Push(ctx context.Context, reference string) error {
	tag, err := name.NewTag(reference, name.StrictValidation)
	if err != nil {
		return fmt.Errorf("name image: %w", err)
	}
	err = remote.WriteIndex(tag, s.index, remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain))
	if err != nil {
		return fmt.Errorf("push %s: %w", reference, err)
	}
	return nil
}

// tarOf writes the files below directory in order of their names, without what depends
// on the machine or the time.
func tarOf(out io.Writer, directory string) error {
	archive := tar.NewWriter(out)
	tree := os.DirFS(directory)
	err := fs.WalkDir(tree, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if err := archive.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: path, Mode: 0o644, Size: info.Size()}); err != nil {
			return err
		}
		file, err := tree.Open(path)
		if err != nil {
			return err
		}
		defer func() { _ = file.Close() }()
		_, err = io.Copy(archive, file)
		return err
	})
	if err != nil {
		return err
	}
	return archive.Close()
}

// architectures maps machines of ELF files to Go's and OCI's names.
var architectures = map[elf.Machine]string{elf.EM_X86_64: "amd64", elf.EM_AARCH64: "arm64"}

func architectureOf(binary string) (string, error) {
	file, err := elf.Open(binary)
	if err != nil {
		return "", fmt.Errorf("read program %s: %w", binary, err)
	}
	defer func() { _ = file.Close() }()
	architecture, known := architectures[file.Machine]
	if !known {
		return "", fmt.Errorf("%s is for %s; images are made for amd64 and arm64", binary, file.Machine)
	}
	return architecture, nil
}
