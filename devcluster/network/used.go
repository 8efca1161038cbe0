package network

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"math/bits"
	"net"
	"net/netip"
	"os"
	"strings"
)

// Used is every IPv4 network this machine has an address or a route in.
func Used() ([]netip.Prefix, error) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil, fmt.Errorf("list addresses: %w", err)
	}
	var used []netip.Prefix
	for _, address := range addresses {
		if prefix, err := netip.ParsePrefix(address.String()); err == nil && prefix.Addr().Is4() {
			used = append(used, prefix.Masked())
		}
	}
	file, err := os.Open("/proc/net/route")
	if err != nil {
		return nil, fmt.Errorf("list routes: %w", err)
	}
	defer file.Close()
	routes, err := parseRoutes(file)
	return append(used, routes...), err
}

// parseRoutes reads the kernel's table: destination and mask are its second and
// eighth column, hexadecimal and little-endian.
func parseRoutes(r io.Reader) ([]netip.Prefix, error) {
	var routes []netip.Prefix
	lines := bufio.NewScanner(r)
	lines.Scan() // the heading
	for lines.Scan() {
		columns := strings.Fields(lines.Text())
		if len(columns) < 8 {
			return nil, fmt.Errorf("read route %q: too few columns", lines.Text())
		}
		destination, err := littleEndian(columns[1])
		if err != nil {
			return nil, fmt.Errorf("read route %q: %w", lines.Text(), err)
		}
		mask, err := littleEndian(columns[7])
		if err != nil {
			return nil, fmt.Errorf("read route %q: %w", lines.Text(), err)
		}
		length := bits.OnesCount32(binary.BigEndian.Uint32(mask[:]))
		routes = append(routes, netip.PrefixFrom(netip.AddrFrom4(destination), length))
	}
	return routes, lines.Err()
}

func littleEndian(text string) (octets [4]byte, err error) {
	data, err := hex.DecodeString(text)
	if err != nil || len(data) != 4 {
		return octets, fmt.Errorf("not an address: %q", text)
	}
	for i := range octets {
		octets[i] = data[3-i]
	}
	return octets, nil
}
