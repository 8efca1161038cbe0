package node

import (
	"context"
	"fmt"
	"net"
	"os/exec"
	"strconv"
	"strings"
)

// hostLink is the machine's end of the link to the node. Its name can be fixed:
// a machine has one full node at most.
const hostLink = "carrel0"

// linkCommands join the namespaces of the process first to this machine: the
// link, its addresses, and routes by which pods and Services open from here.
// When the namespaces go, link and routes go with them.
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

// Link joins the namespaces of the process first to this machine.
func (c Config) Link(ctx context.Context, first int) error {
	for _, command := range c.linkCommands(first) {
		if out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput(); err != nil {
			return fmt.Errorf("link the node: %s: %w: %s", strings.Join(command, " "), err, out)
		}
	}
	return nil
}

// unlink removes the link if it is still there. It goes with the node's
// namespaces, but the kernel takes its time over those.
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
