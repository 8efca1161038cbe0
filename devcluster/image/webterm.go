package image

import (
	"context"
	"crypto/sha256"
	"encoding/hex"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// student is the user id of students' programs, and studentHome their working
// directory. Both equal those of the public code-server image, so that Templates
// fit both images.
const (
	student     = 1000
	studentHome = "/home/coder"
)

// webterm is a shell in a browser.
var webterm = recipe{
	tag: "dev",
	layers: []layer{
		busyboxLayer{},
		fixedLayer{label: "student", entries: []entry{
			directory("/etc", 0o755),
			directory("/home", 0o755),
			directory(studentHome, 0o755).ownedBy(student),
			text("/etc/passwd", 0o644, "root:x:0:0:root:/root:/bin/sh\ncoder:x:1000:1000::"+studentHome+":/bin/sh\n"),
			text("/etc/group", 0o644, "root:x:0:\ncoder:x:1000:\n"),
		}},
		sourceLayer{command: "webterm", folder: "webterm"},
	},
	config: v1.Config{
		User:         "1000:1000",
		Entrypoint:   []string{binaries + "/webterm"},
		Env:          []string{searchPath, "HOME=" + studentHome, "SHELL=/bin/sh"},
		WorkingDir:   studentHome,
		ExposedPorts: map[string]struct{}{"8080/tcp": {}},
	},
}

// fixedLayer contains entries that are listed in the recipe.
type fixedLayer struct {
	label   string
	entries []entry
}

func (l fixedLayer) name() string { return l.label }

func (l fixedLayer) key(context.Context, Builder) (string, error) {
	hash := sha256.New()
	err := writeTar(hash, l.entries)
	return keyOf(hex.EncodeToString(hash.Sum(nil))), err
}

func (l fixedLayer) write(_ context.Context, _ Builder, file string) error {
	return writeLayer(file, l.entries)
}
