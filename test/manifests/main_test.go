// Package manifests tests what Flux would apply from this repository, against a
// real API server: that it is admitted, and who is refused what.
package manifests

import (
	"testing"

	"github.com/carrel-dev/carrel/test/flux"
)

func TestMain(m *testing.M) { flux.Main(m) }
