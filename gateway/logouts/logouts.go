// Package logouts records the logins that their users have ended. A login is a cookie,
// which no server can take back. So each replica of the gateway knows, by one ConfigMap,
// which logins count no more.
package logouts

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	// maxEntries bounds the entries of all users. With their field owners they have about
	// 1 MB, of 1.5 MB that etcd stores in one object.
	maxEntries = 8000
	// maxLogins bounds the logins of one user that are recorded each. Beyond, all logins
	// of the user are ended.
	maxLogins = 16
	// maxForgotten bounds how many entries that are over are deleted by one write.
	maxForgotten = 200
)

// ErrFull is returned when no further entry may be recorded.
var ErrFull = errors.New("too many logins were ended in a short time to record another one")

// Store holds the ended logins. A nil Store holds none. New makes one.
type Store struct {
	// patch writes entries; it deletes those without a value.
	patch func(ctx context.Context, entries map[string]*string) error
	now   func() time.Time

	mu      sync.RWMutex
	entries map[string]entry
	changed chan struct{}
}

// entry ends one login, or all that began until a time. In the ConfigMap, the key of an
// entry is the hash of its user, followed by the login if it is that of one. The value is
// "<ended>/<until>" in Unix seconds.
type entry struct {
	// ended is the time of the logout. After until, the entry can be forgotten, since
	// the logins it is about are over by themselves.
	ended, until int64
}

// New returns a Store that writes entries by a function.
func New(patch func(ctx context.Context, entries map[string]*string) error, now func() time.Time) *Store {
	return &Store{patch: patch, now: now, entries: map[string]entry{}, changed: make(chan struct{}, 1)}
}

// Ended reports whether a user has ended a login, which began at a time in Unix seconds.
func (s *Store) Ended(user, login string, begun int64) bool {
	if s == nil {
		return false
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if len(s.entries) == 0 {
		return false
	}
	of := hash(user)
	if all, found := s.entries[of]; found && begun <= all.ended {
		return true
	}
	_, found := s.entries[of+"."+login]
	return found && login != ""
}

// NotBefore returns the earliest time, in Unix seconds, at which a new login of a user
// begins, so that a replica whose clock is ahead does not end it.
func (s *Store) NotBefore(user string) int64 {
	if s == nil {
		return 0
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.entries[hash(user)].ended + 1
}

// End records that a login has ended. The login would last until a time at most.
func (s *Store) End(ctx context.Context, user, login string, until time.Time) error {
	if s == nil {
		return nil
	}
	of := hash(user)
	if login == "" || s.loginsOf(of) >= maxLogins {
		return s.EndAll(ctx, user, until)
	}
	return s.write(ctx, of+"."+login, until)
}

// EndAll records that all logins of a user have ended. Any of them would last until a time
// at most.
func (s *Store) EndAll(ctx context.Context, user string, until time.Time) error {
	if s == nil {
		return nil
	}
	return s.write(ctx, hash(user), until)
}

func (s *Store) loginsOf(of string) int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	count := 0
	for key := range s.entries {
		if strings.HasPrefix(key, of+".") {
			count++
		}
	}
	return count
}

func (s *Store) write(ctx context.Context, key string, until time.Time) error {
	now := s.now()
	value := fmt.Sprintf("%d/%d", now.Unix(), until.Unix())
	changes := map[string]*string{key: &value}
	s.mu.RLock()
	_, known := s.entries[key]
	kept := len(s.entries)
	for other, e := range s.entries {
		if e.until <= now.Unix() && len(changes) < maxForgotten && other != key {
			changes[other] = nil
			kept--
		}
	}
	s.mu.RUnlock()
	if !known && kept >= maxEntries {
		return ErrFull
	}
	if err := s.patch(ctx, changes); err != nil {
		return err
	}
	s.mu.Lock()
	for other, v := range changes {
		if v == nil {
			delete(s.entries, other)
		}
	}
	s.mu.Unlock()
	s.Load(map[string]string{key: value})
	return nil
}

// Load adds the entries of a ConfigMap. It removes those that are over, and no others: a
// ConfigMap that somebody deleted brings no login back.
func (s *Store) Load(data map[string]string) {
	now := s.now().Unix()
	s.mu.Lock()
	maps.DeleteFunc(s.entries, func(_ string, e entry) bool { return e.until <= now })
	for key, value := range data {
		if e, ok := parse(value); ok && e.until > now && e.ended >= s.entries[key].ended && (len(s.entries) < 2*maxEntries) {
			s.entries[key] = e
		}
	}
	s.mu.Unlock()
	select {
	case s.changed <- struct{}{}:
	default: // the last value was not received yet
	}
}

// Changed returns a channel that receives a value after entries were added. There is one
// receiver.
func (s *Store) Changed() <-chan struct{} {
	if s == nil {
		return nil
	}
	return s.changed
}

func parse(value string) (entry, bool) {
	ended, until, found := strings.Cut(value, "/")
	from, err := strconv.ParseInt(ended, 10, 64)
	to, err2 := strconv.ParseInt(until, 10, 64)
	return entry{from, to}, found && err == nil && err2 == nil
}

// hash returns what stands for a user, whose name may hold what no key may.
func hash(user string) string {
	sum := sha256.Sum256([]byte(user))
	return base64.RawURLEncoding.EncodeToString(sum[:16])
}
