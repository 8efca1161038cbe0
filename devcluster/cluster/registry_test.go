package cluster

import (
	"context"
	"net"
	"net/http"
	"os"
	"testing"
)

func TestRegistryServesUntilItsContextEnds(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	err = serveRegistry(ctx, listener, func() error {
		defer cancel()
		response, err := http.Get("http://" + listener.Addr().String() + "/v2/")
		if err != nil {
			return err
		}
		if response.StatusCode != http.StatusOK {
			t.Errorf("the registry answers %s", response.Status)
		}
		return response.Body.Close()
	})
	if err != nil {
		t.Errorf("the registry ends with: %v", err)
	}
	if connection, err := net.Dial("tcp", listener.Addr().String()); err == nil {
		t.Error("the registry still listens")
		_ = connection.Close()
	}
}

// containerd reads <directory>/<host:port>/hosts.toml.
func TestNodeTrustsARegistryUntilItIsForgotten(t *testing.T) {
	layout := Layout{Root: t.TempDir()}
	forget, err := layout.trustRegistry("10.111.0.1:4711")
	if err != nil {
		t.Fatal(err)
	}
	file := layout.path("node", "registries", "10.111.0.1:4711", "hosts.toml")
	text, err := os.ReadFile(file)
	if want := "[host.\"http://10.111.0.1:4711\"]\ncapabilities = [\"pull\", \"resolve\"]\n"; err != nil || string(text) != want {
		t.Errorf("%s has %q (%v), want %q", file, text, err, want)
	}
	if err := forget(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(file); !os.IsNotExist(err) {
		t.Errorf("%s is still there: %v", file, err)
	}
}
