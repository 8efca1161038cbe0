package cluster

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/carrel-dev/carrel/devcluster/filelock"
)

// ErrDown is wrapped by the errors of Read for a cluster that is not up.
var ErrDown = errors.New("is not up")

// Read returns the record of a running cluster. If the cluster is not running, the
// error wraps ErrDown and says how to start it.
func Read(layout Layout) (Record, error) {
	var record Record
	holder, err := filelock.Holder(layout.Lock())
	if err != nil {
		return record, err
	}
	if holder == 0 && layout.exists() {
		return record, fmt.Errorf("cluster %q %w: it crashed or failed to start, see %s; start it again: devcluster up --name %[1]s", layout.Name, ErrDown, layout.Logs())
	}
	if holder == 0 {
		return record, fmt.Errorf("cluster %q %w; start it: devcluster up --name %[1]s", layout.Name, ErrDown)
	}
	err = readJSON(layout.record(), &record)
	if errors.Is(err, fs.ErrNotExist) || (err == nil && !record.Ready) {
		return record, fmt.Errorf("cluster %q %w yet: process %d is bringing it up", layout.Name, ErrDown, holder)
	}
	return record, err
}

// Dead returns the components that ended while the cluster is up.
func (r Record) Dead() []Component {
	var dead []Component
	for _, component := range r.Components {
		if component.Ended != "" {
			dead = append(dead, component)
		}
	}
	return dead
}
