package page

import "github.com/carrel-dev/carrel/api/v1alpha1"

// Ended describes how a carrel last ended by itself, for the template "ended" of the layout.
// Values are comparable.
type Ended struct {
	// Key names the words.
	Key string
	// At is the time in words, and Reason the cluster's word for the cause.
	At, Container, Reason string
	ExitCode              int32
	// Log holds the last lines of the log; empty if there are none, or if the visitor may
	// not see them.
	Log string
}

// EndedOf returns how a carrel last ended; nil if it never did. The log is left out
// unless the visitor may see it.
func EndedOf(e *v1alpha1.LastEnd, times Times, mayLog bool) *Ended {
	if e == nil {
		return nil
	}
	ended := &Ended{Key: "ended.other", At: times.At(e.Time.Time), Container: e.Container, Reason: e.Reason, ExitCode: e.ExitCode}
	switch {
	case e.Reason == "OOMKilled":
		ended.Key = "ended.memory"
	case e.Container == "":
		ended.Key = "ended.cluster"
	case e.ExitCode == 0:
		ended.Key = "ended.itself"
	}
	if mayLog {
		ended.Log = e.Log
	}
	return ended
}
