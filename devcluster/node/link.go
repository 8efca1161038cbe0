package node

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
)

// hostLink is the name of the machine's end of the link to the node. The name is
// constant because a machine has at most one full node.
const hostLink = "carrel0"

// linkCommands returns the commands that link this machine to the namespaces of the
// process first. They create the link, its addresses, and the routes to pods and
// Services. The kernel removes link and routes with the namespaces.
func (c Config) linkCommands(first int) [][]string {
	node := c.Network.Node.Addr().String()
	host := c.Network.Host.Addr().String()
	inside := func(command ...string) []string { return Enter(first, command) }
	return [][]string{
		{"ip", "link", "add", hostLink, "type", "veth", "peer", "name", "eth0", "netns", strconv.Itoa(first)},
		{"ip", "address", "add", c.Network.Host.String(), "dev", hostLink},
		{"ip", "link", "set", hostLink, "up"},
		inside("ip", "link", "set", "lo", "up"),
		inside("ip", "address", "add", c.Network.Node.String(), "dev", "eth0"),
		inside("ip", "link", "set", "eth0", "up"),
		inside("ip", "route", "add", "default", "via", host),
		{"ip", "route", "add", c.Network.Pods.String(), "via", node},
		{"ip", "route", "add", c.Network.Services.String(), "via", node},
	}
}

// Link connects this machine to the namespaces of the process first. It removes the
// link to a node that has ended.
func (c Config) Link(ctx context.Context, first int) error {
	if err := unlink(ctx); err != nil {
		return err
	}
	for _, command := range c.linkCommands(first) {
		if out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("link the node: %s: %w: %s", strings.Join(command, " "), err, out)
		}
	}
	return nil
}

// unlink removes the link if it still exists. The kernel removes the link with the
// node's namespaces, but some time after they end.
func unlink(ctx context.Context) error {
	if !linked() {
		return nil
	}
	out, err := exec.CommandContext(ctx, "ip", "link", "delete", hostLink).CombinedOutput()
	if err != nil && linked() {
		return fmt.Errorf("unlink the node: %w: %s", err, out)
	}
	return nil
}

func linked() bool {
	_, err := net.InterfaceByName(hostLink)
	return err == nil
}
