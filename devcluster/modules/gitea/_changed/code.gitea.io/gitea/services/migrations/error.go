package migrations

import "errors"

// ErrRepoNotCreated returns the error that repository not created
var ErrRepoNotCreated = errors.New("repository is not created yet")

// IsRateLimitError reports none: github.go is left out.
func IsRateLimitError(error) bool { return false }

// IsTwoFactorAuthError reports none: github.go is left out.
func IsTwoFactorAuthError(error) bool { return false }
