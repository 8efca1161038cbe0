// Package frame parses the headers of WebSocket frames in a stream of bytes (RFC 6455,
// section 5.2). It keeps nothing of their payload.
package frame

// Header is the header of a frame.
type Header struct {
	Opcode Opcode
	// Length is the length of the payload, in bytes.
	Length uint64
}

// Opcode is the kind of a frame.
type Opcode byte

// The opcodes of RFC 6455.
const (
	Continuation Opcode = 0x0
	Text         Opcode = 0x1
	Binary       Opcode = 0x2
	Close        Opcode = 0x8
	Ping         Opcode = 0x9
	Pong         Opcode = 0xa
)

// IsData reports whether a frame holds a part of a message.
func (o Opcode) IsData() bool { return o < Close }

// maxHeader is the length of the longest header, in bytes.
const maxHeader = 14

const (
	opcodeBits = 0x0f
	maskBit    = 0x80
	lengthBits = 0x7f
	// length16 and length64 mean that the length follows, in two or eight bytes.
	length16 = 126
	length64 = 127
)

// Follower parses one direction of a WebSocket. The zero value expects the first byte
// of a frame.
type Follower struct {
	// Seen is called with each header when it is complete; may be nil.
	Seen func(Header)

	// header holds the first have bytes of a header that is not complete yet.
	header [maxHeader]byte
	have   int
	// left is the number of bytes of the payload that are still to come.
	left uint64
}

// Feed parses the next bytes of the stream.
func (f *Follower) Feed(p []byte) {
	for len(p) > 0 {
		if f.left > 0 {
			n := min(uint64(len(p)), f.left)
			p, f.left = p[n:], f.left-n
			continue
		}
		f.header[f.have] = p[0]
		p, f.have = p[1:], f.have+1
		if f.have < f.length() {
			continue
		}
		f.left, f.have = f.payload(), 0
		if f.Seen != nil {
			f.Seen(Header{Opcode: Opcode(f.header[0] & opcodeBits), Length: f.left})
		}
	}
}

// Between reports whether the next byte begins a frame.
func (f *Follower) Between() bool { return f.left == 0 && f.have == 0 }

// length returns the length of the header, or 2 while its first two bytes, on which the
// length depends, have not come.
func (f *Follower) length() int {
	n := 2
	if f.have < n {
		return n
	}
	switch f.header[1] & lengthBits {
	case length16:
		n += 2
	case length64:
		n += 8
	}
	if f.header[1]&maskBit != 0 {
		n += 4
	}
	return n
}

// payload returns the length of the payload after a complete header.
func (f *Follower) payload() uint64 {
	size := uint64(f.header[1] & lengthBits)
	var more []byte
	switch size {
	case length16:
		more, size = f.header[2:4], 0
	case length64:
		more, size = f.header[2:10], 0
	}
	for _, b := range more {
		size = size<<8 | uint64(b)
	}
	return size
}

// Codes of a Close frame (RFC 6455, section 7.4.1).
const (
	GoingAway       = 1001
	PolicyViolation = 1008
)

// maxReason is the length of the longest reason in a Close frame, in bytes.
const maxReason = 123

// NewClose returns a Close frame as a server sends it, unmasked. It cuts the reason
// after 123 bytes.
func NewClose(code uint16, reason string) []byte {
	reason = reason[:min(len(reason), maxReason)]
	const fin = 0x80
	return append([]byte{fin | byte(Close), byte(2 + len(reason)), byte(code >> 8), byte(code)}, reason...)
}
