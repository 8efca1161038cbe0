package story

import (
	"context"
	"fmt"
	"strconv"
	"strings"
)

// Process returns the process ID of a component of the cluster, by the name that devcluster
// status gives it.
func (d Devcluster) Process(ctx context.Context, component string) (int, error) {
	status, err := d.output(ctx, "status")
	if err != nil {
		return 0, err
	}
	return processOf(status, component)
}

// processOf finds a component's process ID in the table of devcluster status.
func processOf(status, component string) (int, error) {
	for line := range strings.Lines(status) {
		if columns := strings.Fields(line); len(columns) > 1 && columns[0] == component {
			return strconv.Atoi(columns[1])
		}
	}
	return 0, fmt.Errorf("devcluster status lists no %s:\n%s", component, status)
}
