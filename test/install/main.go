// Command install follows clusters/campus/README.md on a real node. It makes a release of
// this commit, pushes its images to a registry on this machine, and installs the release
// in a cluster, all by the commands of that page. Then it looks whether the cluster runs
// that release, serves the desk, makes carrels and takes the nightly inventory.
package main

import "github.com/carrel-dev/carrel/test/story"

func main() {
	story.Main(story.Program{Name: "install", Acts: func(s *story.Stage) []story.Act {
		i := &installation{Stage: s}
		return []story.Act{
			{Title: "A cluster with Flux, a forge, and a registry on this machine", Do: i.bringUp},
			{Title: "A release is made, and its images are pushed", Do: i.makeRelease},
			{Title: "The repository goes to the forge", Do: i.makeRepository},
			{Title: "The Secrets are written by hand, and git takes over", Do: i.handOver},
			{Title: "The cluster runs the release", Do: i.check},
		}
	}})
}
