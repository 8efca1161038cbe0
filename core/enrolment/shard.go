package enrolment

import (
	"maps"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

// shardPrefix begins the labels that divide courses among controllers. Userlands
// take them from their Course, else its controller would not see them.
const shardPrefix = "sharding.carrel.dev/"

// ShardLabels returns the labels that put an object into a shard.
func ShardLabels(o metav1.Object) map[string]string {
	labels := maps.Clone(o.GetLabels())
	maps.DeleteFunc(labels, func(name, _ string) bool { return !strings.HasPrefix(name, shardPrefix) })
	return labels
}

// Move gives a Userland the labels of another shard.
type Move struct {
	Userland *v1alpha1.Userland
	// Labels holds the labels to set, and those to remove as nil.
	Labels map[string]*string
}

// Moves returns what has to be done for the Userlands that rows became to follow
// their Course to its shard. They follow it whatever is wrong with the rosters, and
// also while the Course is suspended: else nobody would reconcile them.
func Moves(w CourseWorld) (moves []Move) {
	shard := ShardLabels(w.Course)
	for i := range w.Userlands {
		u := &w.Userlands[i]
		has := ShardLabels(u)
		if !metav1.IsControlledBy(u, w.Course) || u.DeletionTimestamp != nil || maps.Equal(shard, has) {
			continue
		}
		move := Move{Userland: u, Labels: make(map[string]*string, len(shard)+len(has))}
		for name := range has {
			move.Labels[name] = nil
		}
		for name, value := range shard {
			move.Labels[name] = &value
		}
		moves = append(moves, move)
	}
	return moves
}
