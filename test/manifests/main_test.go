// Package manifests tests against a real API server what Flux would apply from this
// repository: that it is admitted, and which requests each account is refused.
package manifests

import (
	"testing"

	"github.com/carrel-dev/carrel/test/flux"
)

func TestMain(m *testing.M) { flux.Main(m) }
