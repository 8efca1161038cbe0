package classroom

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/cache"
)

// InNamespace limits a cache to a namespace.
func InNamespace(name string) map[string]cache.Config { return map[string]cache.Config{name: {}} }

// Requests records what the controllers ask of the API server besides watches.
type Requests struct {
	mutex sync.Mutex
	made  []string
	// refuse answers a request in place of the API server; nil: the API server does.
	refuse func(*http.Request) *metav1.Status
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func (r *Requests) wrap(next http.RoundTripper) http.RoundTripper {
	return roundTripper(func(request *http.Request) (*http.Response, error) {
		if request.URL.Query().Get("watch") == "" {
			r.mutex.Lock()
			dry := strings.Repeat(" (dry run)", len(request.URL.Query()["dryRun"]))
			r.made = append(r.made, request.Method+" "+request.URL.Path+dry)
			refuse := r.refuse
			r.mutex.Unlock()
			if refuse != nil {
				if status := refuse(request); status != nil {
					return answer(request, status)
				}
			}
		}
		return next.RoundTrip(request)
	})
}

// Refusing makes a function answer in place of the API server; nil: the API server
// answers.
func (r *Requests) Refusing(refuse func(*http.Request) *metav1.Status) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.refuse = refuse
}

// answer returns a status as the API server sends it.
func answer(request *http.Request, status *metav1.Status) (*http.Response, error) {
	status.TypeMeta = metav1.TypeMeta{Kind: "Status", APIVersion: "v1"}
	status.Status = metav1.StatusFailure
	body, err := json.Marshal(status)
	return &http.Response{
		StatusCode: int(status.Code), Status: http.StatusText(int(status.Code)), Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {"application/json"}}, Body: io.NopCloser(bytes.NewReader(body)), Request: request,
	}, err
}

// All returns the requests so far.
func (r *Requests) All() []string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return append([]string{}, r.made...)
}

// Writes returns the requests so far that could change something.
func (r *Requests) Writes() []string {
	var writes []string
	for _, made := range r.All() {
		if !strings.HasPrefix(made, http.MethodGet) {
			writes = append(writes, made)
		}
	}
	return writes
}

// Tail returns the last n lines.
func Tail(lines []string, n int) []string { return lines[max(0, len(lines)-n):] }

// Lists counts the requests so far that read the objects of the namespace.
func (r *Requests) Lists() map[string]int {
	counts := map[string]int{}
	for _, made := range r.All() {
		if path, read := strings.CutPrefix(made, http.MethodGet+" "); read && strings.Contains(path, "/namespaces/") {
			counts[path]++
		}
	}
	return counts
}
