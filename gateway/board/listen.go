package board

import (
	"bytes"
	"net/http"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/gateway/page"
)

const (
	// defaultTick is the least time between two messages to a page.
	defaultTick = time.Second
	// breath is how often a page hears something though nothing changed: the
	// timeline goes on, and proxies see that the connection lives.
	breath = 20 * time.Second
	// listenFor is how long one stream lasts: the page then comes again, and is
	// asked anew who it is.
	listenFor = 10 * time.Minute
)

// change is what a page is told.
type change struct {
	// Seats are those that changed, by name.
	Seats map[string]string `json:"seats,omitempty"`
	// Parts are those above the seats that changed, by the id of their element.
	Parts map[string]string `json:"parts,omitempty"`
}

// listen tells a page what changes, by server-sent events: `change`, or `layout`
// when it has to load all anew.
func (b *Board) listen(rw http.ResponseWriter, r *http.Request) {
	_, course, ok := b.viewer(rw, r)
	if !ok {
		return
	}
	epoch, seq, err := position(firstOf(r.Header.Get("Last-Event-ID"), r.URL.Query().Get("since")))
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
	breathing := b.clock().NewTicker(breath)
	defer breathing.Stop()
	for listener.tell() {
		// What happens at once is told at once.
		select {
		case <-r.Context().Done():
			return
		case <-end:
			return
		case <-b.clock().After(b.tick()):
		}
		select {
		case <-r.Context().Done():
			return
		case <-end:
			return
		case <-changed:
		case <-breathing.C():
		}
	}
}

func (b *Board) tick() time.Duration {
	if b.Tick == 0 {
		return defaultTick
	}
	return b.Tick
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}

// listener is one page.
type listener struct {
	board  *Board
	stream *page.Stream
	course string
	lang   page.Lang
	// epoch and seq are what the page has seen, parts what it shows above.
	epoch string
	seq   int
	parts map[string]string
	// drawn is the time of the timeline it shows.
	drawn time.Time
}

// tell sends what is new. It returns false when there is nobody to tell any more,
// or the page has to begin anew.
func (l *listener) tell() bool {
	course, found := l.board.Directory.Course(l.course)
	if !found {
		return false
	}
	now := l.board.look(l.course, l.seq)
	if now.epoch != l.epoch && sameLayout(now.epoch, l.epoch) {
		// Another replica showed the page: it is told all of the seats.
		l.epoch, l.seq = now.epoch, 0
		return l.tell()
	}
	if now.epoch != l.epoch {
		_ = l.stream.Send("layout", "", struct{}{}) // who left does not miss it
		return false
	}
	news, err := l.news(course, now)
	if err != nil {
		return false
	}
	if len(news.Parts) == 0 && len(news.Seats) == 0 {
		return l.stream.Breathe() == nil
	}
	l.seq = now.seq
	return l.stream.Send("change", now.id(), news) == nil
}

func (l *listener) news(course *v1alpha1.Course, now snapshot) (change, error) {
	times := page.Times{Lang: l.lang, Zone: page.ZoneOf(course), Now: l.board.clock().Now()}
	news := change{Seats: map[string]string{}, Parts: map[string]string{}}
	for _, s := range now.changes {
		text, err := l.part("seat", seatView{l.course, s, times})
		if err != nil {
			return news, err
		}
		news.Seats[s.Name] = text
	}
	head := headOf(course, now.seats, times)
	parts := map[string]any{"facts": head, "counts": head}
	// A line that moves on with each change would be the most of what is sent.
	if chart := l.board.chart(l.course, now.seats, times.Now); !chart.To.Equal(l.drawn) {
		l.drawn = chart.To
		parts["chart"] = view{Chart: chart, Times: times}
	}
	for name, data := range parts {
		text, err := l.part(name, data)
		if err != nil {
			return news, err
		}
		if text != l.parts[name] {
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
