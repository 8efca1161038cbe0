package utils

import "fmt"

// ProviderByName knows none: the SDKs of the clouds are left out. A cluster of
// ours reaches its git server and its API server with plain credentials.
func ProviderByName[T any](name string) (T, error) {
	var none T
	return none, fmt.Errorf("provider '%s' is not part of this build", name)
}
