package node

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// tunables lists the kernel parameters that a kubelet sets for the whole machine,
// and the values it requires. A development cluster must not change, for example,
// how this machine reacts to a kernel panic.
var tunables = map[string]string{
	"/proc/sys/kernel/keys/root_maxbytes": "25000000",
	"/proc/sys/kernel/keys/root_maxkeys":  "1000000",
	"/proc/sys/kernel/panic":              "10",
	"/proc/sys/kernel/panic_on_oops":      "1",
	"/proc/sys/vm/overcommit_memory":      "1",
	"/proc/sys/vm/panic_on_oom":           "0",
}

// shieldTunables mounts ordinary files over the tunables inside the node. They
// contain the values that the kubelet requires, so the kubelet changes nothing.
func shieldTunables(root string) error {
	for path, value := range tunables {
		shown := filepath.Join(root, "tunables", strings.ReplaceAll(strings.TrimPrefix(path, "/proc/sys/"), "/", "."))
		if err := os.MkdirAll(filepath.Dir(shown), 0o755); err != nil {
			return fmt.Errorf("shield %s: %w", path, err)
		}
		if err := os.WriteFile(shown, []byte(value+"\n"), 0o644); err != nil {
			return fmt.Errorf("shield %s: %w", path, err)
		}
		if err := unix.Mount(shown, path, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("shield %s: %w", path, err)
		}
	}
	return nil
}
