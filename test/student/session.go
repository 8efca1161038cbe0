// Package student plays students who type in the terminals of their carrels, and finds
// what was lost of that.
package student

import (
	"context"
	"fmt"
	"regexp"
	"strconv"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/carrel-dev/carrel/test/story"
)

const (
	// WorkFile is the file in the student's home to which each message adds a line.
	WorkFile = "/home/coder/work.txt"
	// openedWithin bounds the opening of a WebSocket.
	openedWithin = 20 * time.Second
)

// Session is a student's terminal: one WebSocket through the gateway, in which they type
// numbered messages.
type Session struct {
	user   string
	opened time.Time
	first  int

	mu       sync.Mutex
	sent     int
	answered map[int]bool
	rest     string
	ended    error
}

// Open opens the WebSocket of a carrel's address, and types a message in each interval until
// the context ends or the WebSocket is closed. The messages are numbered from first on.
func Open(ctx context.Context, visitor *story.Visitor, user, address string, first int, interval time.Duration) (*Session, error) {
	opening, cancel := context.WithTimeout(ctx, openedWithin)
	defer cancel()
	socket, err := visitor.WebSocket(opening, address+"ws")
	if err != nil {
		return nil, fmt.Errorf("open the terminal of %s: %w", user, err)
	}
	s := newSession(user, first)
	socket.SetReadLimit(1 << 20)
	go s.read(ctx, socket)
	go s.types(ctx, socket, interval)
	return s, nil
}

func newSession(user string, first int) *Session {
	return &Session{user: user, opened: time.Now(), first: first, sent: first - 1, answered: map[int]bool{}}
}

// Opened returns the time at which the WebSocket was opened.
func (s *Session) Opened() time.Time { return s.opened }

// types sends a numbered message again and again.
func (s *Session) types(ctx context.Context, socket *websocket.Conn, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		s.mu.Lock()
		s.sent++
		// What is typed is echoed with the quotes, and answered without them. The answer
		// comes when the line is in the file.
		message := fmt.Sprintf("m=\"<\"%d\">\"; echo $m >>%s && echo $m\n", s.sent, WorkFile)
		s.mu.Unlock()
		if err := socket.Write(ctx, websocket.MessageBinary, []byte(message)); err != nil {
			s.end(err)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

func (s *Session) read(ctx context.Context, socket *websocket.Conn) {
	defer func() { _ = socket.CloseNow() }()
	for {
		_, text, err := socket.Read(ctx)
		if err != nil {
			s.end(err)
			return
		}
		s.take(string(text))
	}
}

func (s *Session) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		s.ended = fmt.Errorf("the WebSocket of %s was closed after %s and %d messages: %w", s.user, time.Since(s.opened).Round(time.Second), s.sent-s.first+1, err)
	}
}

// Ended returns how the WebSocket was closed; nil while it is open.
func (s *Session) Ended() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ended
}

// Sent returns the number of the last message that was sent.
func (s *Session) Sent() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent
}

var answer = regexp.MustCompile(`<(\d+)>`)

// take records the answers in what the terminal printed. An answer may come in two
// pieces.
func (s *Session) take(text string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	text = s.rest + text
	end := 0
	for _, match := range answer.FindAllStringSubmatchIndex(text, -1) {
		if n, err := strconv.Atoi(text[match[2]:match[3]]); err == nil {
			s.answered[n] = true
		}
		end = match[1]
	}
	s.rest = text[end:]
}

// Missing returns the messages of the session up to the one given that have no answer.
func (s *Session) Missing(upTo int) (numbers []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := s.first; n <= upTo; n++ {
		if !s.answered[n] {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// answers returns the messages that were answered.
func (s *Session) answers() (numbers []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := s.first; n <= s.sent; n++ {
		if s.answered[n] {
			numbers = append(numbers, n)
		}
	}
	return numbers
}
