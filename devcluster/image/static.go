package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"github.com/carrel-dev/carrel/devcluster/program"
)

const (
	// binaries is the directory of programs in an image.
	binaries = "/usr/local/bin"
	// searchPath contains binaries, so that manifests may call programs by name.
	searchPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	// nonroot is the user id of images with one static program. Distroless images
	// use the same number.
	nonroot = 65532
)

// WriteStatic writes an image named reference to archive. The image runs a static
// binary as a user other than root. It also contains CA certificates and /tmp, but
// no shell.
func WriteStatic(archive, reference, binary string) (err error) {
	work, err := os.MkdirTemp(filepath.Dir(archive), ".image-")
	if err != nil {
		return fmt.Errorf("build %s: %w", reference, err)
	}
	defer remove(work, &err)
	name := filepath.Base(binary)
	var files []string
	for i, write := range []func(string) error{
		writeStaticBase,
		func(file string) error { return writeBinary(file, name, binary) },
	} {
		file := filepath.Join(work, fmt.Sprintf("%d.tar.gz", i))
		if err := write(file); err != nil {
			return fmt.Errorf("build %s: %w", reference, err)
		}
		files = append(files, file)
	}
	return writeArchive(archive, reference, staticConfig(name), files)
}

// ofProgram returns the recipe of an image for a program of a set, which the cache
// builds.
func ofProgram(tag string, set program.Set, p program.Program) recipe {
	return recipe{tag: tag, layers: []layer{staticBase{}, programLayer{set, p}}, config: staticConfig(p.Name)}
}

func staticConfig(name string) v1.Config {
	return v1.Config{
		User:       fmt.Sprintf("%d:%d", nonroot, nonroot),
		Entrypoint: []string{path.Join(binaries, name)},
		Env:        []string{searchPath, "HOME=/home/nonroot"},
		WorkingDir: "/",
	}
}

// programLayer contains one of the programs of a cluster.
type programLayer struct {
	set     program.Set
	program program.Program
}

func (l programLayer) name() string { return l.program.Name }

// key hashes the name of the set's cache entry, which covers everything the program
// depends on.
func (l programLayer) key(ctx context.Context, b Builder) (string, error) {
	directory, err := b.Cache.Build(ctx, b.Report, l.set)
	return keyOf(filepath.Base(directory)), err
}

func (l programLayer) write(ctx context.Context, b Builder, file string) error {
	directory, err := b.Cache.Build(ctx, b.Report, l.set)
	if err != nil {
		return err
	}
	return writeBinary(file, l.program.Name, filepath.Join(directory, l.program.Name))
}

func writeBinary(file, name, binary string) error {
	if err := checkStatic(binary); err != nil {
		return err
	}
	executable, err := copyOf(path.Join(binaries, name), 0o755, binary)
	if err != nil {
		return err
	}
	return writeLayer(file, append(parents(binaries), executable))
}

// parents returns entries for the directory dir and all directories above it.
func parents(dir string) []entry {
	var entries []entry
	for ; dir != "/" && dir != "."; dir = path.Dir(dir) {
		entries = append(entries, directory(dir, 0o755))
	}
	return entries
}

// staticBase contains the files that a static program expects: certificates, /tmp,
// and users.
type staticBase struct{}

func (staticBase) name() string { return "static-base" }

// key hashes the certificates, because Debian updates them.
func (staticBase) key(context.Context, Builder) (string, error) {
	certificates, err := os.ReadFile(certificateFile)
	if err != nil {
		return "", err
	}
	return keyOf("1", string(certificates)), nil
}

func (staticBase) write(_ context.Context, _ Builder, file string) error {
	return writeStaticBase(file)
}

// certificateFile contains the certificates that Debian trusts. Go's crypto/x509
// looks there first.
const certificateFile = "/etc/ssl/certs/ca-certificates.crt"

func writeStaticBase(file string) error {
	certificates, err := copyOf(certificateFile, 0o644, certificateFile)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w; install the package ca-certificates", err)
	}
	if err != nil {
		return err
	}
	entries := append(parents("/etc/ssl/certs"), certificates,
		directory("/tmp", 0o1777),
		directory("/home", 0o755),
		directory("/home/nonroot", 0o750).ownedBy(nonroot),
		text("/etc/passwd", 0o644, fmt.Sprintf("root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:%[1]d:%[1]d:nonroot:/home/nonroot:/sbin/nologin\n", nonroot)),
		text("/etc/group", 0o644, fmt.Sprintf("root:x:0:\nnonroot:x:%d:\n", nonroot)),
	)
	return writeLayer(file, entries)
}
