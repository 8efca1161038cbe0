package userland

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"

	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"github.com/carrel-dev/carrel/controller/kube"
	"github.com/carrel-dev/carrel/core/lifecycle"
)

const (
	// probeTimeout is for one question: who does not answer within it is not asked
	// again before the next look.
	probeTimeout = 5 * time.Second
	// probesAtOnce bounds the questions asked at the same time.
	probesAtOnce = 32
	// longestAnswer is what is read of an answer, in bytes.
	longestAnswer = 64 << 10
)

// Prober asks carrels in the background, so that one that does not answer keeps
// nobody waiting. Safe for concurrent use.
type Prober struct {
	// Waker wakes the Userlands whose carrel has answered, or failed to.
	kube.Waker

	clock  clock.PassiveClock
	client *http.Client
	slots  chan struct{}

	mutex   sync.Mutex
	answers map[client.ObjectKey]lifecycle.Probe
	asking  map[client.ObjectKey]bool
}

// NewProber makes a Prober that follows no redirects: where a student's program
// points to is none of the controller's business.
func NewProber(clock clock.PassiveClock) *Prober {
	return &Prober{
		clock: clock,
		client: &http.Client{
			Timeout:       probeTimeout,
			Transport:     &http.Transport{DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		slots:   make(chan struct{}, probesAtOnce),
		answers: map[client.ObjectKey]lifecycle.Probe{},
		asking:  map[client.ObjectKey]bool{},
	}
}

// Answer returns the last answer of the carrel of a Userland; zero if there is none.
func (p *Prober) Answer(userland client.ObjectKey) lifecycle.Probe {
	if p == nil {
		return lifecycle.Probe{}
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return p.answers[userland]
}

// Ask asks the carrel of a Userland at the URL, unless it is being asked. The
// Userland is woken when there is an answer.
func (p *Prober) Ask(ctx context.Context, userland client.ObjectKey, url string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	delete(p.answers, userland)
	if !p.asking[userland] {
		p.asking[userland] = true
		// The answer is awaited beyond the reconciliation that asks.
		go p.ask(context.WithoutCancel(ctx), userland, url)
	}
}

// Forget drops the answer of a Userland that is gone.
func (p *Prober) Forget(userland client.ObjectKey) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	delete(p.answers, userland)
}

func (p *Prober) ask(ctx context.Context, userland client.ObjectKey, url string) {
	p.slots <- struct{}{}
	answer := lifecycle.Probe{AskedAt: p.clock.Now()}
	var err error
	if answer.LastActivity, err = p.get(ctx, url); err != nil {
		answer.Failure = describeFailure(err)
	}
	<-p.slots

	p.mutex.Lock()
	p.answers[userland] = answer
	delete(p.asking, userland)
	p.mutex.Unlock()
	p.Wake(userland.Namespace, userland.Name)
}

// describeFailure returns the text of an error without the ports of the connection,
// which differ from attempt to attempt.
func describeFailure(err error) string {
	var network *net.OpError
	if errors.As(err, &network) {
		return fmt.Sprintf("%s %s: %v", network.Op, network.Net, network.Err)
	}
	return err.Error()
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
