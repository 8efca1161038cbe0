package forge

import "fmt"

// Kind describes one sort of forge. Package kinds lists those that Carrel knows.
type Kind struct {
	// Name is the type of the Flux Provider for it, such as "github".
	Name string
	Open Open
	// OpenComments opens the comments on merge requests.
	OpenComments OpenComments
	// Apps is set if Config.App may take the place of a token.
	Apps bool
	// RunsPipeline reports whether the environment of this process is that of a
	// pipeline on the forge.
	RunsPipeline func(getenv func(string) string) bool
	// MergeRequest reads, in such an environment, for which merge request the pipeline
	// runs. Its error names the variable that is missing.
	MergeRequest func(getenv func(string) string) (MergeRequest, error)
}

// Kinds is a list of kinds.
type Kinds []Kind

// Named returns the kind with a name; false if there is none.
func (k Kinds) Named(name string) (Kind, bool) {
	for _, kind := range k {
		if kind.Name == name {
			return kind, true
		}
	}
	return Kind{}, false
}

// Names returns the names of the kinds.
func (k Kinds) Names() []string {
	names := make([]string, len(k))
	for i, kind := range k {
		names[i] = kind.Name
	}
	return names
}

// MergeRequest is the merge request that a pipeline runs for.
type MergeRequest struct {
	Repository Repository
	// Number is the one that people know the request by.
	Number int64
	// Base and Head are the commits that the request goes from and to, as full hashes.
	Base, Head string
}

// Check returns an error if a part of the merge request is missing.
func (m MergeRequest) Check() error {
	if m.Number < 1 || len(m.Base) < 40 || len(m.Head) < 40 {
		return fmt.Errorf("the run does not describe its merge request completely: number %d, base %q, head %q", m.Number, m.Base, m.Head)
	}
	return nil
}
