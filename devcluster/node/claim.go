package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"syscall"
)

// claimAddress is an abstract socket: the kernel frees it with the process that
// listens, and leaves no file. The listener sends its Owner to every process that
// connects.
const claimAddress = "@carrel-devcluster-node"

// Owner identifies the cluster whose node runs on this machine.
type Owner struct {
	Name  string `json:"name"`
	State string `json:"state"`
}

// Claim reserves this machine for owner's node until release is called or the
// process ends. Two nodes would conflict over the link and the mount points.
func Claim(ctx context.Context, owner Owner) (release func(), err error) {
	return claimAt(ctx, claimAddress, owner)
}

func claimAt(ctx context.Context, address string, owner Owner) (release func(), err error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "unix", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, unclaimedAt(ctx, address)
	}
	if err != nil {
		return nil, fmt.Errorf("claim the machine for the node: %w", err)
	}
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			_ = json.NewEncoder(connection).Encode(owner)
			connection.Close()
		}
	}()
	return func() { listener.Close() }, nil
}

// Unclaimed returns nil if no node runs on this machine. Otherwise the error names
// the node's cluster and says how to stop it.
func Unclaimed(ctx context.Context) error { return unclaimedAt(ctx, claimAddress) }

func unclaimedAt(ctx context.Context, address string) error {
	connection, err := new(net.Dialer).DialContext(ctx, "unix", address)
	if err != nil {
		return nil
	}
	defer connection.Close()
	var owner Owner
	if err := json.NewDecoder(connection).Decode(&owner); err != nil {
		return fmt.Errorf("another full node runs on this machine and does not say which: %w", err)
	}
	return fmt.Errorf("the full node of cluster %q runs on this machine (state in %s), and a machine has room for one: use that, stop it with devcluster down --name %[1]s, or use --size control-plane here", owner.Name, owner.State)
}
