// Package forge defines one interface to the commit statuses and comments of all forges.
// Each forge has a package below this one. It is built on the forge's maintained client
// library, and passes the tests of package conformance.
package forge

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// State is the state of a commit status.
type State string

// The states that every forge has.
const (
	Pending State = "pending"
	Success State = "success"
	Failure State = "failure"
)

// MaxDescription is the length of the longest description that every forge accepts, in
// characters. GitHub answers 422 to a longer one.
const MaxDescription = 140

// Status is a commit status.
type Status struct {
	// Context identifies the status among those of a commit. The newest of a context
	// counts.
	Context string
	State   State
	// Description is plain text of at most MaxDescription characters.
	Description string
	// Target is the web page that the status links to; optional.
	Target string
}

// Client reads and writes the commit statuses of one repository, and reads its history.
//
// An error that a retry or a person can mend matches ErrUnauthorized, ErrNotFound or
// *UnavailableError. Any other error means that the forge refused the request itself.
type Client interface {
	// Latest returns the newest status of a context on a commit, which is given as a full
	// hash; nil if there is none. For an unknown commit it returns ErrNotFound.
	Latest(ctx context.Context, commit, statusContext string) (*Status, error)

	// Post adds a status to a commit. It is not idempotent: forges keep a row for each
	// call.
	Post(ctx context.Context, commit string, status Status) error

	History
}

// Config configures the access to a repository.
type Config struct {
	Repository Repository
	// Token is the access token sent with each request.
	Token string
	// App replaces the token on forges whose Kind has Apps set; nil if there is a token.
	App *App
	// Branch is the branch that commits come from; empty if it is not known. GitLab puts
	// statuses into the pipeline of this branch; other forges do not use it.
	Branch string
	// CA holds certificates in PEM that replace the system's; optional.
	CA []byte
	// Timeout bounds each request; 0 means DefaultTimeout.
	Timeout time.Duration
}

// App holds the credentials of a GitHub App, whose tokens last an hour.
type App struct {
	ID int64
	// InstallationID identifies the App's installation in the account of the repository; 0
	// means that the forge is asked for it.
	InstallationID int64
	// PrivateKey is a private key of the App, in PEM.
	PrivateKey []byte
	// BaseURL is the address of the API that gives tokens; empty means that of the
	// repository's server.
	BaseURL string
}

// DefaultTimeout bounds a request to a forge.
const DefaultTimeout = 15 * time.Second

// Open makes a client. It sends no request.
type Open func(Config) (Client, error)

var (
	// ErrUnauthorized means that the forge does not accept the token, or that the token's
	// owner may not write statuses there. A person must act.
	ErrUnauthorized = errors.New("the forge refuses the token")

	// ErrNotFound means that the forge has no such repository or commit, or does not show
	// it to the token's owner. A person must act.
	ErrNotFound = errors.New("the forge has no such repository or commit")
)

// UnavailableError means that the forge did not answer, or can't serve the request now. The
// same request may succeed later, and may even have succeeded this time.
type UnavailableError struct {
	// RetryAfter is the time that the forge asked to wait; 0 if it did not ask.
	RetryAfter time.Duration
	Err        error
}

func (e *UnavailableError) Error() string { return fmt.Sprintf("the forge is unavailable: %v", e.Err) }

// Unwrap returns the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }
