package main

import "math/rand/v2"

// deck deals the names of faults in a random order. Each is dealt once before any is dealt
// again.
type deck struct {
	random *rand.Rand
	names  []string
	left   []string
}

func newDeck(seed uint64, names []string) *deck {
	return &deck{random: rand.New(rand.NewPCG(seed, 0)), names: names} //nolint:gosec // an order, and no secret
}

// next deals the next name.
func (d *deck) next() string {
	if len(d.left) == 0 {
		d.left = append(d.left, d.names...)
		d.random.Shuffle(len(d.left), func(i, j int) { d.left[i], d.left[j] = d.left[j], d.left[i] })
	}
	name := d.left[0]
	d.left = d.left[1:]
	return name
}

// one returns one of the numbers below n.
func (d *deck) one(n int) int { return d.random.IntN(n) }
