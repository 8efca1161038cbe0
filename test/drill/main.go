// Command drill rehearses the loss of a cluster. A class works, the API server's data is
// lost, and one command rebuilds the cluster from git, the Secrets and the volumes. The
// drill loses the data twice: the first time the volumes are restored before the carrels
// exist, the second time after that. It prints each step, and fails unless everybody finds
// their work.
package main

import "github.com/carrel-dev/carrel/test/story"

func main() {
	story.Main(story.Program{Name: "drill", Inventory: true, Acts: func(s *story.Stage) []story.Act {
		d := &drill{Stage: s}
		return []story.Act{
			{Title: "A class works, one student is dropped, one begins again", Do: d.term},
			{Title: "The nightly inventory is taken, and etcd is lost", Do: d.lose},
			{Title: "One command rebuilds the cluster: volumes first", Do: d.rebuild},
			{Title: "Everybody finds their work", Do: d.check},
			{Title: "The inventory is taken again, and etcd is lost again", Do: d.lose},
			{Title: "Somebody starts git without the volumes: carrels first, and a student works", Do: d.carrelsFirst},
			{Title: "The same command", Do: d.rebuild},
			{Title: "Everybody finds their work, and what was written meanwhile is kept", Do: d.checkMeanwhile},
			{Title: "One student's files are lost: their volume comes back from a backup", Do: d.backup},
			{Title: "The time", Do: d.summary},
		}
	}})
}
