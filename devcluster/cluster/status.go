package cluster

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/carrel-dev/carrel/devcluster/filelock"
)

// ErrDown says that a cluster does not run.
var ErrDown = errors.New("is not up")

// Read returns the record of a cluster that runs; its error says how to get one
// that does.
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

// Dead lists the components that ended although the cluster is up.
func (r Record) Dead() []Component {
	var dead []Component
	for _, component := range r.Components {
		if component.Ended != "" {
			dead = append(dead, component)
		}
	}
	return dead
}
