// Command chaos rehearses the worst day. A class types in terminals, and teachers merge
// rosters and Templates. Meanwhile one thing after the other is killed, paused or cut off, in
// a random order that the seed repeats. After each, chaos fails unless everything is as
// declared within a bound, no file has lost a line, and no message was lost that the student
// was not told of.
package main

import (
	"flag"
	"fmt"
	"time"

	"github.com/carrel-dev/carrel/test/story"
)

func main() {
	c := &chaos{}
	flag.Uint64Var(&c.seed, "seed", 0, "seed of the order and the choice of faults; 0 takes one from the clock")
	flag.DurationVar(&c.lasts, "for", 3*time.Minute, "time in which faults begin, after the class has come")
	flag.IntVar(&c.students, "students", 40, "size of the class")
	flag.Parse()
	if c.seed == 0 {
		c.seed = uint64(time.Now().UnixNano()) % 1_000_000
	}
	story.Main(story.Program{Name: "chaos", Acts: func(s *story.Stage) []story.Act {
		c.Stage = s
		return []story.Act{
			{Title: fmt.Sprintf("A class of %d begins to work", c.students), Do: c.begin},
			{Title: fmt.Sprintf("The worst day: -seed=%d -for=%s -students=%d", c.seed, c.lasts, c.students), Do: c.day},
		}
	}})
}
