package utils

import (
	"context"
	"fmt"

	"github.com/fluxcd/pkg/auth"
)

// GitCredentials are what a provider gives for a git repository.
type GitCredentials struct {
	BearerToken string
	Username    string
	Password    string
}

// GetGitCredentials refuses every provider: see ProviderByName.
func GetGitCredentials(_ context.Context, providerName string, _ ...auth.Option) (*GitCredentials, error) {
	return nil, fmt.Errorf("provider '%s' is not part of this build", providerName)
}
