package student

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/carrel-dev/carrel/test/story"
)

const (
	// AnsweredWithin bounds the time until a terminal answers.
	AnsweredWithin = time.Minute
	// looksEvery is the time between two looks at a session.
	looksEvery = 200 * time.Millisecond
	// retriesEvery is the time between two attempts to open a terminal.
	retriesEvery = time.Second
)

// Student is a student who has logged in and types, and opens their terminal again when
// its WebSocket is closed. A closed WebSocket tells them which messages have no answer.
type Student struct {
	User string
	// Lines reads the lines of the student's file.
	Lines func(context.Context) ([]string, error)

	open func(ctx context.Context, first int) (*Session, error)

	mu       sync.Mutex
	sessions []*Session
	// refused is the error of the last attempt to open the terminal; nil while it is open.
	refused error
}

// Begin opens the terminal at the carrel's address, and types in it until the context ends.
func Begin(ctx context.Context, visitor *story.Visitor, user, address string, interval time.Duration, lines func(context.Context) ([]string, error)) (*Student, error) {
	s := &Student{User: user, Lines: lines, open: func(ctx context.Context, first int) (*Session, error) {
		return Open(ctx, visitor, user, address, first, interval)
	}}
	session, err := s.open(ctx, 1)
	if err != nil {
		return nil, err
	}
	s.sessions = []*Session{session}
	go s.work(ctx)
	return s, nil
}

// work opens the terminal again whenever it was closed.
func (s *Student) work(ctx context.Context) {
	for pause(ctx, looksEvery) == nil {
		last := s.session()
		if last.Ended() == nil {
			continue
		}
		session, err := s.open(ctx, last.Sent()+1)
		s.mu.Lock()
		if s.refused = err; err == nil {
			s.sessions = append(s.sessions, session)
		}
		s.mu.Unlock()
		if err != nil {
			_ = pause(ctx, retriesEvery)
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

// session returns the newest session.
func (s *Student) session() *Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions[len(s.sessions)-1]
}

// Told returns the number of WebSockets that were closed, and of the messages that had no
// answer then.
func (s *Student) Told() (closed, messages int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, session := range s.sessions {
		if session.Ended() != nil {
			closed++
			messages += len(session.Missing(session.Sent()))
		}
	}
	return closed, messages
}

// Settled waits until the terminal is open and has answered everything that had been sent
// when it was called. It returns an error if a WebSocket stays open and does not answer
// within AnsweredWithin: the student would not know that messages are lost. Then it compares
// the file with the answers.
func (s *Student) Settled(ctx context.Context) (sent int, err error) {
	ctx, cancel := context.WithTimeoutCause(ctx, 2*AnsweredWithin, fmt.Errorf("the terminal of %s was closed again and again for %s", s.User, 2*AnsweredWithin))
	defer cancel()
	for err := s.quiet(ctx, s.session()); err != nil; err = s.quiet(ctx, s.session()) {
		if !errors.Is(err, errClosed) {
			return 0, err
		}
		if err := pause(ctx, looksEvery); err != nil {
			return 0, errors.Join(err, s.lastRefusal())
		}
	}
	// What is answered before the file is read must be in it.
	answered := s.known().answered
	lines, err := s.Lines(ctx)
	if err != nil {
		return 0, err
	}
	known := s.known()
	known.answered = answered
	return known.sent, compare(s.User, lines, known)
}

// known returns what the student knows of their work.
func (s *Student) known() (w written) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, session := range s.sessions {
		w.firsts = append(w.firsts, session.first)
		w.sent = session.Sent()
		w.answered = append(w.answered, session.answers()...)
	}
	return w
}

func (s *Student) lastRefusal() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.refused
}

// errClosed means that a session was closed.
var errClosed = errors.New("the WebSocket was closed")

// quiet waits until a session has answered all that was sent.
func (s *Student) quiet(ctx context.Context, session *Session) error {
	sent := session.Sent()
	for begin := time.Now(); ; {
		// A session that was closed has told the student.
		if session.Ended() != nil {
			return errClosed
		}
		missing := session.Missing(sent)
		if len(missing) == 0 {
			return nil
		}
		if time.Since(begin) > AnsweredWithin {
			return fmt.Errorf("messages %v of %s are not answered within %s, and the WebSocket is open", missing, s.User, AnsweredWithin)
		}
		if err := pause(ctx, looksEvery); err != nil {
			return err
		}
	}
}
