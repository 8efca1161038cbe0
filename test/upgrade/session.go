package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/coder/websocket"
	"k8s.io/apimachinery/pkg/types"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/roster"
	"github.com/carrel-dev/carrel/test/story"
)

const (
	// typesEvery is the time between two messages of a student.
	typesEvery = 500 * time.Millisecond
	// answeredWithin bounds the time until a terminal answers.
	answeredWithin = time.Minute
	// workFile is the file in the student's home to which each message adds a line.
	workFile = "/home/coder/work.txt"
)

// session is a student's terminal: one WebSocket through the gateway.
type session struct {
	user   string
	opened time.Time
	lines  func(context.Context) ([]string, error)

	mu       sync.Mutex
	sent     int
	answered map[int]bool
	rest     string
	ended    error
}

// comes has a student log in, open their carrel, and type until the program ends.
func (u *upgrade) comes(ctx context.Context, user string) error {
	visitor, err := story.LogIn(ctx, u.gateway, user)
	if err != nil {
		return err
	}
	address := u.gateway.CarrelURL(course, roster.UserlandName(user))
	if err := visitor.HandOver(ctx, address); err != nil {
		return err
	}
	opened := story.Opened(visitor, address, `id="screen"`)
	opened.Name = user + " opens"
	if err := u.Follow(ctx, opened, story.Ready(u.client, course, roster.UserlandName(user))); err != nil {
		return err
	}
	socket, err := visitor.WebSocket(ctx, address+"ws")
	if err != nil {
		return fmt.Errorf("open the terminal of %s: %w", user, err)
	}
	s := &session{user: user, opened: time.Now(), answered: map[int]bool{}, lines: func(ctx context.Context) ([]string, error) {
		out, err := u.kubectl(ctx, "exec", "--namespace="+course, "deploy/"+roster.UserlandName(user), "--", "cat", workFile)
		return strings.Fields(out), err
	}}
	socket.SetReadLimit(1 << 20)
	go s.read(ctx, socket)
	go s.types(ctx, socket)
	u.sessions = append(u.sessions, s)
	return nil
}

// types sends a numbered message again and again.
func (s *session) types(ctx context.Context, socket *websocket.Conn) {
	for ticker := time.NewTicker(typesEvery); ; {
		s.mu.Lock()
		s.sent++
		// What is typed is echoed with the quotes, and answered without them.
		message := fmt.Sprintf("echo \"<\"%d\">\" | tee -a %s\n", s.sent, workFile)
		s.mu.Unlock()
		if err := socket.Write(ctx, websocket.MessageBinary, []byte(message)); err != nil {
			s.end(err)
			return
		}
		select {
		case <-ctx.Done():
			ticker.Stop()
			return
		case <-ticker.C:
		}
	}
}

func (s *session) read(ctx context.Context, socket *websocket.Conn) {
	for {
		_, text, err := socket.Read(ctx)
		if err != nil {
			s.end(err)
			return
		}
		s.take(string(text))
	}
}

func (s *session) end(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended == nil {
		s.ended = fmt.Errorf("the WebSocket of %s was closed after %s and %d messages: %w", s.user, time.Since(s.opened).Round(time.Second), s.sent, err)
	}
}

var answer = regexp.MustCompile(`<(\d+)>`)

// take records the answers in what the terminal printed. An answer may come in two
// pieces.
func (s *session) take(text string) {
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

// missing returns the messages up to the one given that have no answer.
func (s *session) missing(upTo int) (numbers []int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for n := 1; n <= upTo; n++ {
		if !s.answered[n] {
			numbers = append(numbers, n)
		}
	}
	return numbers
}

// settled waits until all messages that were sent are answered, and compares the file. It
// returns the number of messages.
func (s *session) settled(ctx context.Context) (sent int, err error) {
	s.mu.Lock()
	sent, err = s.sent, s.ended
	s.mu.Unlock()
	if err != nil {
		return sent, err
	}
	for begin := time.Now(); len(s.missing(sent)) > 0; {
		if time.Since(begin) > answeredWithin {
			return sent, fmt.Errorf("messages %v of %s are not answered within %s", s.missing(sent), s.user, answeredWithin)
		}
		select {
		case <-ctx.Done():
			return sent, context.Cause(ctx)
		case <-time.After(typesEvery):
		}
	}
	lines, err := s.lines(ctx)
	if err != nil {
		return sent, err
	}
	return sent, whole(s.user, lines, sent)
}

// whole returns an error if the lines of a file are not those of the messages, each once
// and in their order. Newer ones may follow.
func whole(user string, lines []string, sent int) error {
	if len(lines) < sent {
		return fmt.Errorf("the file of %s has %d lines after %d messages", user, len(lines), sent)
	}
	for i, line := range lines {
		if want := fmt.Sprintf("<%d>", i+1); line != want {
			return fmt.Errorf("line %d of the file of %s is %q, want %q", i+1, user, line, want)
		}
	}
	return nil
}

// raiseHand has a student ask for help, and for their carrel to be kept for an hour.
func (u *upgrade) raiseHand(ctx context.Context, user string) error {
	now := time.Now().UTC()
	patch := fmt.Sprintf(`{"status":{"requests":{"helpSince":%q,"keepUntil":%q}}}`, now.Format(time.RFC3339), now.Add(time.Hour).Format(time.RFC3339))
	var userland v1alpha1.Userland
	if err := u.client.Get(ctx, client.ObjectKey{Namespace: course, Name: roster.UserlandName(user)}, &userland); err != nil {
		return err
	}
	err := u.client.Status().Patch(ctx, &userland, client.RawPatch(types.MergePatchType, []byte(patch)))
	if err != nil {
		return errors.Join(fmt.Errorf("raise the hand of %s", user), err)
	}
	return nil
}
