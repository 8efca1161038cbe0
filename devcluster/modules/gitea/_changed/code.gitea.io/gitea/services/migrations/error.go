package migrations

import "errors"

// ErrRepoNotCreated is what an upload ends with that has no repository to go to.
var ErrRepoNotCreated = errors.New("migrate: create the repository first")

// IsRateLimitError reports none: github.go is left out.
func IsRateLimitError(error) bool { return false }

// IsTwoFactorAuthError reports none: github.go is left out.
func IsTwoFactorAuthError(error) bool { return false }
