package route_test

import (
	"crypto/sha1" //nolint:gosec // RFC 6455 says so
	"encoding/base64"
)

// accept returns the Sec-WebSocket-Accept of a Sec-WebSocket-Key (RFC 6455, section 4.2.2).
func accept(key string) string {
	sum := sha1.Sum([]byte(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11")) //nolint:gosec // as above
	return base64.StdEncoding.EncodeToString(sum[:])
}
