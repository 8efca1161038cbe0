// Package forge speaks of commit statuses without saying which forge holds them.
// Each forge has a package of its own below this one, built on that forge's
// maintained client library, and passes the tests of package conformance.
package forge

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// State is what a commit status says.
type State string

// The states every forge knows.
const (
	Pending State = "pending"
	Success State = "success"
	Failure State = "failure"
)

// MaxDescription is the longest description, in characters, that every forge
// takes: GitHub answers 422 to a longer one.
const MaxDescription = 140

// Status is one line under a commit.
type Status struct {
	// Context tells the lines of a commit apart; the newest of a context counts.
	Context string
	State   State
	// Description is at most MaxDescription characters of plain text.
	Description string
	// Target is the web page that the line leads to; optional.
	Target string
}

// Client reads and writes the commit statuses of one repository.
//
// Its errors match ErrUnauthorized, ErrNotFound or *UnavailableError, whichever
// says what to do about it; any other means that the request itself was refused.
type Client interface {
	// Latest is the newest status of a context on a commit, given as a full
	// hash; nil when there is none. Unknown commits are ErrNotFound.
	Latest(ctx context.Context, commit, statusContext string) (*Status, error)

	// Post adds a status to a commit. It is not idempotent: forges keep a row
	// for every call.
	Post(ctx context.Context, commit string, status Status) error
}

// Config is how to reach a repository.
type Config struct {
	Repository Repository
	// Token is the access token sent with each request.
	Token string
	// App takes the place of a token, on GitHub only; nil if there is a token.
	App *App
	// Branch is the one that commits are taken from, if it is known. A GitLab puts
	// statuses into that branch's pipeline; others have no use for it.
	Branch string
	// CA holds PEM certificates to trust in place of the system's; optional.
	CA []byte
	// Timeout bounds each request; 0 means DefaultTimeout.
	Timeout time.Duration
}

// App is a GitHub App, which gives tokens of an hour.
type App struct {
	// ID is the App's own.
	ID int64
	// InstallationID is that of the App in the account of the repository; 0: it is
	// asked for.
	InstallationID int64
	// PrivateKey is one of the App's, in PEM.
	PrivateKey []byte
	// BaseURL is where the API gives tokens; empty: that of the repository's server.
	BaseURL string
}

// DefaultTimeout bounds a request to a forge.
const DefaultTimeout = 15 * time.Second

// Open makes a client. It sends nothing.
type Open func(Config) (Client, error)

var (
	// ErrUnauthorized says that the forge does not accept the token, or the token's owner
	// may not write statuses there. A person must act.
	ErrUnauthorized = errors.New("the forge refuses the token")

	// ErrNotFound says that the forge has no such repository or commit, or does
	// not show it to the token's owner. A person must act.
	ErrNotFound = errors.New("the forge has no such repository or commit")
)

// UnavailableError says that the forge did not answer, or that it can't now.
// The same request may succeed later, and may even have succeeded this time.
type UnavailableError struct {
	// RetryAfter is how long the forge asked to be left alone; 0 if it did not.
	RetryAfter time.Duration
	Err        error
}

func (e *UnavailableError) Error() string { return fmt.Sprintf("the forge is unavailable: %v", e.Err) }

// Unwrap gives the cause.
func (e *UnavailableError) Unwrap() error { return e.Err }
