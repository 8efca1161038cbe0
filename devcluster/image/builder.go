package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/carrel-dev/carrel/devcluster/program"
	"github.com/carrel-dev/carrel/devcluster/progress"
)

// Builder builds container images into a cache.
type Builder struct {
	// Cache stores layers, archives, and the programs inside them.
	Cache program.Cache
	// Report receives the steps of a build: their names, progress and duration.
	Report progress.Sink
}

// Build returns the paths of the named images' archives, in the order of names. It
// builds the archives that are not cached.
func (b Builder) Build(ctx context.Context, names ...string) ([]string, error) {
	if err := Check(names...); err != nil {
		return nil, err
	}
	var archives []string
	for _, name := range names {
		archive, err := b.BuildOne(ctx, name)
		if err != nil {
			return nil, err
		}
		archives = append(archives, archive)
	}
	return archives, nil
}

// BuildOne returns the path of one image's archive. Check must have accepted the
// name.
func (b Builder) BuildOne(ctx context.Context, name string) (string, error) {
	archive, err := b.archive(ctx, name)
	if err != nil {
		return "", fmt.Errorf("image %s: %w", name, err)
	}
	return archive, nil
}

// archive returns the path of one image's archive, and builds the archive if it is
// not cached.
func (b Builder) archive(ctx context.Context, name string) (string, error) {
	recipe := recipes[name]
	var layers []string
	for _, layer := range recipe.layers {
		file, err := b.layer(ctx, layer)
		if err != nil {
			return "", err
		}
		layers = append(layers, file)
	}
	config, err := json.Marshal(recipe.config)
	if err != nil {
		return "", err
	}
	key := keyOf(append([]string{string(config)}, layers...)...)
	entry := fmt.Sprintf("image-%s-%s-%s", name, recipe.tag, key)
	file := name + ".tar"
	directory, err := b.Cache.Entry(ctx, b.Report, entry, "pack image "+name+" "+recipe.tag, func(_ *progress.Step, directory string) error {
		return writeArchive(filepath.Join(directory, file), Reference(name), recipe.config, layers)
	})
	return filepath.Join(directory, file), err
}

// layer returns the path of a layer's file, and builds the layer if it is not
// cached.
func (b Builder) layer(ctx context.Context, l layer) (string, error) {
	key, err := l.key(ctx, b)
	if err != nil {
		return "", err
	}
	const file = "layer.tar.gz"
	directory, err := b.Cache.Entry(ctx, b.Report, entryOf(l, key), stepOf(l), func(_ *progress.Step, directory string) error {
		return l.write(ctx, b, filepath.Join(directory, file))
	})
	return filepath.Join(directory, file), err
}

// keyOf returns a hash of parts, 10 hexadecimal digits long. It hashes the length
// of each part, so that ("ab", "c") and ("a", "bc") differ.
func keyOf(parts ...string) string {
	hash := sha256.New()
	for _, part := range parts {
		fmt.Fprintf(hash, "%d %s\n", len(part), part)
	}
	return hex.EncodeToString(hash.Sum(nil))[:10]
}
