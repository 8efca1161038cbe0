package image

import (
	"context"
	"time"

	"github.com/carrel-dev/carrel/devcluster/program"
)

// weights are the processor time, on the two cores of docs/performance.md, of
// the layers that take long, by name. The others take a second or two.
var weights = map[string]time.Duration{
	"debian-" + suite:   20 * time.Second,
	"code-server-tools": 30 * time.Second,
	"code-server":       120 * time.Second,
	"mariadb":           40 * time.Second,
	"phpmyadmin":        30 * time.Second,
}

// Weight is the processor time of making the named image where nothing is cached.
func Weight(name string) time.Duration {
	var weight time.Duration
	for _, layer := range recipes[name].layers {
		weight += weights[layer.name()]
	}
	return weight
}

// Pending returns the steps that Build will report for the named images and
// that take long, each with its weight.
func (b Builder) Pending(ctx context.Context, names ...string) (map[string]time.Duration, error) {
	pending := map[string]time.Duration{}
	for _, name := range names {
		for _, layer := range recipes[name].layers {
			weight, slow := weights[layer.name()]
			if !slow {
				continue
			}
			key, err := layer.key(ctx, b)
			if err != nil {
				return nil, err
			}
			if !b.Cache.Has(entryOf(layer, key)) {
				pending[stepOf(layer)] = weight
			}
		}
	}
	return pending, nil
}

// Sets returns the sets whose programs the named image holds.
func Sets(name string) []program.Set {
	var sets []program.Set
	for _, layer := range recipes[name].layers {
		if layer, is := layer.(programLayer); is {
			sets = append(sets, layer.set)
		}
	}
	return sets
}

// entryOf is the cache entry of a layer, and stepOf what making it is called.
func entryOf(l layer, key string) string { return "layer-" + l.name() + "-" + key }
func stepOf(l layer) string              { return "make layer " + l.name() }
