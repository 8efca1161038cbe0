package network

import (
	"context"
	"fmt"
	"net"
)

// FreePorts asks the kernel for n ports that nothing listens on at address. All
// are held until the last is known, so that none is given twice.
func FreePorts(ctx context.Context, address string, n int) ([]int, error) {
	ports := make([]int, n)
	for i := range ports {
		listener, err := new(net.ListenConfig).Listen(ctx, "tcp", net.JoinHostPort(address, "0"))
		if err != nil {
			return nil, fmt.Errorf("find a free port: %w", err)
		}
		defer listener.Close()
		ports[i] = listener.Addr().(*net.TCPAddr).Port
	}
	return ports, nil
}
