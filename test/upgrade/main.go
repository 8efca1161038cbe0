// Command upgrade upgrades a cluster while people work, and goes back. It installs the
// previous release, whose commit the file previous names. Students type in terminals. Then
// it merges the present commit, and after that the previous one again. It fails if a pod was
// restarted, a WebSocket closed, a message or a line of a file lost, a claim replaced, or a
// status lost.
package main

import "github.com/carrel-dev/carrel/test/story"

func main() {
	story.Main(story.Program{Name: "upgrade", Acts: func(s *story.Stage) []story.Act {
		u := &upgrade{Stage: s}
		return []story.Act{
			{Title: "The previous release is installed", Do: u.install},
			{Title: "Students begin to work", Do: u.work},
			{Title: "The present release is merged", Do: u.forward},
			{Title: "A student comes, and the previous release is merged again", Do: u.back},
		}
	}})
}
