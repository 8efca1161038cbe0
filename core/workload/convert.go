package workload

import (
	"encoding/json"
	"fmt"
)

// convert makes an apply configuration of a typed value. Both have the same
// JSON, which is also the only thing an API server sees of either.
func convert(from, into any) error {
	data, err := json.Marshal(from)
	if err != nil {
		return fmt.Errorf("encode %T: %w", from, err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("decode %T: %w", into, err)
	}
	return nil
}
