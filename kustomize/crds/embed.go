// Package crds holds the kinds as the API server knows them.
package crds

import "embed"

// Files are the CustomResourceDefinitions, a file each.
//
//go:embed carrel.dev_*.yaml
var Files embed.FS
