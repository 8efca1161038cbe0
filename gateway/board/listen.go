package board

import (
	"bytes"
	"cmp"
	"net/http"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/timetable"
	"github.com/carrel-dev/carrel/gateway/page"
)

const (
	// defaultTick is the least time between two messages to a page.
	defaultTick = time.Second
	// keepAlive is the longest time between two messages to a page. The timeline moves
	// on, and proxies see that the connection is alive.
	keepAlive = 20 * time.Second
	// listenFor is the duration of one stream. The page then connects again, and its
	// login and rights are checked again.
	listenFor = 10 * time.Minute
)

// update is the data of a change event.
type update struct {
	// Seats holds the HTML of the seats that changed, by the carrel's name.
	Seats map[string]string `json:"seats,omitempty"`
	// Parts holds the HTML of the parts above the seats that changed, by the id of the
	// element.
	Parts map[string]string `json:"parts,omitempty"`
}

// events sends a page what changes, as server-sent events. The event `change` has an
// update; `layout` makes the page reload.
func (b *Board) events(rw http.ResponseWriter, r *http.Request) {
	_, course, ok := b.viewer(rw, r)
	if !ok {
		return
	}
	epoch, seq, err := position(cmp.Or(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("since")))
	if err != nil {
		page.Refuse(rw, http.StatusBadRequest, "badrequest", err.Error())
		return
	}
	changed, stop := b.Directory.Watch(course.Name)
	defer stop()
	stream := page.NewStream(rw)
	if stream == nil {
		return
	}
	listener := &listener{board: b, stream: stream, course: course.Name, epoch: epoch, seq: seq, lang: page.LanguageOf(r), parts: map[string]string{}}
	end := b.clock().After(listenFor)
	quiet := b.clock().NewTicker(keepAlive)
	defer quiet.Stop()
	for listener.send() {
		// Changes within a tick are sent together.
		select {
		case <-r.Context().Done():
			return
		case <-end:
			return
		case <-b.clock().After(cmp.Or(b.Tick, defaultTick)):
		}
		select {
		case <-r.Context().Done():
			return
		case <-end:
			return
		case <-changed:
		case <-quiet.C():
		}
	}
}

// listener is an open page.
type listener struct {
	board  *Board
	stream *page.Stream
	course string
	lang   page.Lang
	// epoch and seq are the position up to which the page has seen changes.
	epoch string
	seq   int
	// parts holds the HTML that the page shows above the seats.
	parts map[string]string
	// drawn is the end of the timeline that the page shows.
	drawn time.Time
}

// send sends what changed. It returns false when the page has gone or must reload.
func (l *listener) send() bool {
	course, found := l.board.Directory.Course(l.course)
	if !found {
		return false
	}
	now := l.board.snapshot(l.course, l.seq)
	if now.epoch != l.epoch && sameLayout(now.epoch, l.epoch) {
		// Another replica served the page, so its numbers mean nothing here: send all seats.
		l.epoch, l.seq = now.epoch, 0
		return l.send()
	}
	if now.epoch != l.epoch {
		_ = l.stream.Send("layout", "", struct{}{}) // fails only if the visitor has left
		return false
	}
	news, err := l.update(course, now)
	if err != nil {
		return false
	}
	if len(news.Parts) == 0 && len(news.Seats) == 0 {
		return l.stream.KeepAlive() == nil
	}
	l.seq = now.seq
	return l.stream.Send("change", now.id(), news) == nil
}

// update renders what differs from what the page shows.
func (l *listener) update(course *v1alpha1.Course, now snapshot) (update, error) {
	times := page.Times{Lang: l.lang, Zone: timetable.ZoneOf(course), Now: l.board.clock().Now()}
	news := update{Seats: map[string]string{}, Parts: map[string]string{}}
	for _, s := range now.changes {
		text, err := l.part("seat", seatView{l.course, s, times})
		if err != nil {
			return news, err
		}
		news.Seats[s.Name] = text
	}
	head := headOf(course, now.seats, times)
	parts := map[string]any{"facts": head, "counts": head, "work": workOf(course, l.board.Directory.Kept(l.course), now.seats, times)}
	// The chart is large, so it is sent only when the timeline has moved on.
	if chart := l.board.chart(l.course, now.seats, times.Now); !chart.To.Equal(l.drawn) {
		l.drawn = chart.To
		parts["chart"] = view{Chart: chart, Times: times}
	}
	for name, data := range parts {
		text, err := l.part(name, data)
		if err != nil {
			return news, err
		}
		if last, sent := l.parts[name]; !sent || text != last {
			l.parts[name], news.Parts[name] = text, text
		}
	}
	return news, nil
}

func (l *listener) part(name string, data any) (string, error) {
	var text bytes.Buffer
	err := pages.Part(&text, l.lang, name, data)
	return text.String(), err
}
