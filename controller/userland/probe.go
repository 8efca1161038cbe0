package userland

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
	// probeTimeout is for one question: who does not answer within it is not asked
	// again before the next look.
	probeTimeout = 5 * time.Second
	// probeFresh is how long an answer counts.
	probeFresh = 30 * time.Second
	// probesAtOnce bounds the questions asked at the same time.
	probesAtOnce = 32
	// longestAnswer is what is read of an answer, in bytes.
	longestAnswer = 64 << 10
)

// ProbeAnswer is what a carrel said.
type ProbeAnswer struct {
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
	answers map[client.ObjectKey]ProbeAnswer
	asking  map[client.ObjectKey]bool
}

// NewProber makes a Prober that follows no redirects: where a student's program
// points to is none of the controller's business.
func NewProber(clock clock.PassiveClock) *Prober {
	return &Prober{
		Wake:  make(chan event.TypedGenericEvent[*v1alpha1.Userland]),
		clock: clock,
		client: &http.Client{
			Timeout:       probeTimeout,
			Transport:     &http.Transport{DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		slots:   make(chan struct{}, probesAtOnce),
		answers: map[client.ObjectKey]ProbeAnswer{},
		asking:  map[client.ObjectKey]bool{},
	}
}

// Ask returns what the carrel of a Userland answered at the URL lately, and not
// before the moment given. If there is no such answer it reports false and asks;
// the Userland is sent on Wake when there is one.
func (p *Prober) Ask(ctx context.Context, u *v1alpha1.Userland, url string, notBefore time.Time) (ProbeAnswer, bool) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	key := client.ObjectKeyFromObject(u)
	answer, answered := p.answers[key]
	if answered && !answer.askedAt.Before(notBefore) && p.clock.Since(answer.askedAt) < probeFresh {
		return answer, true
	}
	delete(p.answers, key)
	if !p.asking[key] {
		p.asking[key] = true
		// The answer is awaited beyond the reconciliation that asks.
		go p.ask(context.WithoutCancel(ctx), u, url)
	}
	return ProbeAnswer{}, false
}

func (p *Prober) ask(ctx context.Context, u *v1alpha1.Userland, url string) {
	p.slots <- struct{}{}
	answer := ProbeAnswer{askedAt: p.clock.Now()}
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
	return readActivity(io.LimitReader(response.Body, longestAnswer))
}

// readActivity takes the time from an answer.
func readActivity(body io.Reader) (time.Time, error) {
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
