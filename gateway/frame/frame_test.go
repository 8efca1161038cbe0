package frame_test

import (
	"bytes"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/carrel-dev/carrel/gateway/frame"
)

// stream returns the bytes of a client: keep-alives, a message in two frames, and a large one.
func stream() []byte {
	masked := func(first, length byte, more []byte, payload int) []byte {
		out := append([]byte{first, 0x80 | length}, more...)
		out = append(out, 1, 2, 3, 4)
		return append(out, make([]byte, payload)...)
	}
	return bytes.Join([][]byte{
		masked(0x89, 0, nil, 0),                              // ping
		masked(0x82, 13, nil, 13),                            // binary
		masked(0x01, 125, nil, 125), masked(0x8a, 0, nil, 0), // text, not the last; pong between
		masked(0x80, 126, []byte{0, 200}, 200),                           // continuation
		masked(0x82, 127, []byte{0, 0, 0, 0, 0, 1, 0x11, 0x70}, 70000),   // large
		{0x81, 3, 'a', 'b', 'c'}, {0x88, 126, 0, 126}, make([]byte, 126), // unmasked, as servers send
	}, nil)
}

func TestFollower(t *testing.T) {
	want := []frame.Header{
		{Opcode: frame.Ping}, {Opcode: frame.Binary, Length: 13}, {Opcode: frame.Text, Length: 125}, {Opcode: frame.Pong},
		{Opcode: frame.Continuation, Length: 200}, {Opcode: frame.Binary, Length: 70000}, {Opcode: frame.Text, Length: 3}, {Opcode: frame.Close, Length: 126},
	}
	all := stream()
	for _, piece := range []int{1, 2, 3, 7, 512, len(all)} {
		var got []frame.Header
		f := frame.Follower{Seen: func(h frame.Header) { got = append(got, h) }}
		for rest := all; len(rest) > 0; {
			n := min(piece, len(rest))
			f.Feed(rest[:n])
			rest = rest[n:]
		}
		if diff := cmp.Diff(want, got); diff != "" || !f.Between() {
			t.Errorf("in pieces of %d bytes, at an end %v (-want +got):\n%s", piece, f.Between(), diff)
		}
	}
}

func TestBetween(t *testing.T) {
	var f frame.Follower
	for i, b := range []byte{0x82, 2, 'a', 'b', 0x89, 0} {
		if got, want := f.Between(), i == 0 || i == 4; got != want {
			t.Errorf("before byte %d: between frames %v, want %v", i, got, want)
		}
		f.Feed([]byte{b})
	}
	if !f.Between() {
		t.Error("after the last frame it is not between")
	}
}

func FuzzFollower(f *testing.F) {
	f.Add(stream(), 3)
	f.Fuzz(func(t *testing.T, data []byte, piece int) {
		var whole, pieces []frame.Header
		one := frame.Follower{Seen: func(h frame.Header) { whole = append(whole, h) }}
		one.Feed(data)
		other := frame.Follower{Seen: func(h frame.Header) { pieces = append(pieces, h) }}
		for rest := data; len(rest) > 0; {
			n := min(max(piece, 1), len(rest))
			other.Feed(rest[:n])
			rest = rest[n:]
		}
		if diff := cmp.Diff(whole, pieces); diff != "" {
			t.Errorf("in pieces of %d bytes (-whole +pieces):\n%s", piece, diff)
		}
	})
}
