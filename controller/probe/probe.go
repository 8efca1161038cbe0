// Package probe asks the software in a carrel when it was last used.
package probe

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/event"

	"github.com/carrel-dev/carrel/api/v1alpha1"
)

const (
	// timeout is for one question: who does not answer within it is not asked
	// again before the next look.
	timeout = 5 * time.Second
	// fresh is how long an answer counts.
	fresh = 30 * time.Second
	// atOnce bounds the questions asked at the same time.
	atOnce = 32
	// longest is what is read of an answer, in bytes.
	longest = 64 << 10
)

// Answer is what a carrel said.
type Answer struct {
	// LastActivity is when it was last used.
	LastActivity time.Time
	// Err is why it could not be learned.
	Err error

	askedAt time.Time
}

// Prober asks carrels in the background, so that one that does not answer keeps
// nobody waiting. Safe for concurrent use.
type Prober struct {
	// Wake carries the Userlands whose carrel has answered, or failed to.
	Wake chan event.TypedGenericEvent[*v1alpha1.Userland]

	clock  clock.PassiveClock
	client *http.Client
	slots  chan struct{}

	mutex   sync.Mutex
	answers map[client.ObjectKey]Answer
	asking  map[client.ObjectKey]bool
}

// New makes a Prober that follows no redirects: where a student's program
// points to is none of the controller's business.
func New(clock clock.PassiveClock) *Prober {
	return &Prober{
		Wake:  make(chan event.TypedGenericEvent[*v1alpha1.Userland]),
		clock: clock,
		client: &http.Client{
			Timeout:       timeout,
			Transport:     &http.Transport{DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		slots:   make(chan struct{}, atOnce),
		answers: map[client.ObjectKey]Answer{},
		asking:  map[client.ObjectKey]bool{},
	}
}

// Ask returns what the carrel of a Userland answered at the URL lately, and not
// before the moment given. If there is no such answer it reports false and asks;
// the Userland is sent on Wake when there is one.
func (p *Prober) Ask(ctx context.Context, u *v1alpha1.Userland, url string, notBefore time.Time) (Answer, bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	key := client.ObjectKeyFromObject(u)
	answer, answered := p.answers[key]
	if answered && !answer.askedAt.Before(notBefore) && p.clock.Since(answer.askedAt) < fresh {
		return answer, true
	}
	delete(p.answers, key)
	if !p.asking[key] {
		p.asking[key] = true
		// The answer is awaited beyond the reconciliation that asks.
		go p.ask(context.WithoutCancel(ctx), u, url)
	}
	return Answer{}, false
}

func (p *Prober) ask(ctx context.Context, u *v1alpha1.Userland, url string) {
	p.slots <- struct{}{}
	answer := Answer{askedAt: p.clock.Now()}
	answer.LastActivity, answer.Err = p.get(ctx, url)
	<-p.slots

	p.mutex.Lock()
	key := client.ObjectKeyFromObject(u)
	p.answers[key] = answer
	delete(p.asking, key)
	p.mutex.Unlock()
	p.Wake <- event.TypedGenericEvent[*v1alpha1.Userland]{Object: u}
}

func (p *Prober) get(ctx context.Context, url string) (time.Time, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return time.Time{}, err
	}
	request.Header.Set("Accept", "application/json")
	response, err := p.client.Do(request)
	if err != nil {
		return time.Time{}, err
	}
	defer func() { _ = response.Body.Close() }()
	if response.StatusCode != http.StatusOK {
		return time.Time{}, fmt.Errorf("it answers %s", response.Status)
	}
	return read(io.LimitReader(response.Body, longest))
}

// read takes the time from an answer.
func read(body io.Reader) (time.Time, error) {
	var answer struct {
		LastActivity *time.Time `json:"last_activity"`
	}
	if err := json.NewDecoder(body).Decode(&answer); err != nil {
		return time.Time{}, fmt.Errorf("its answer is not the JSON expected: %w", err)
	}
	if answer.LastActivity == nil {
		return time.Time{}, fmt.Errorf("its answer has no last_activity")
	}
	return *answer.LastActivity, nil
}
