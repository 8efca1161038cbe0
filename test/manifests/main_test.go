// Package manifests tests against a real API server what Flux would apply from this
// repository: that it is admitted, and which requests each account is refused.
package manifests

import (
	"context"
	"fmt"
	"os"
	"testing"

	"github.com/carrel-dev/carrel/test/apiserver"
	"github.com/carrel-dev/carrel/test/flux"
)

func TestMain(m *testing.M) {
	crds, err := flux.CRDs(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	apiserver.Main(m, crds...)
}
