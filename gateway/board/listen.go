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
	// Head is what stands above, if it changed.
	Head string `json:"head,omitempty"`
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
	listener := &listener{board: b, stream: stream, course: course.Name, epoch: epoch, seq: seq, lang: page.LanguageOf(r)}
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
	// epoch and seq are what the page has seen, head what it shows above.
	epoch string
	seq   int
	head  string
}

// tell sends what is new. It returns false when there is nobody to tell any more,
// or the page has to begin anew.
func (l *listener) tell() bool {
	course, found := l.board.Directory.Course(l.course)
	if !found {
		return false
	}
	now := l.board.hubs.of(l.course).refresh(l.board.Directory.In(l.course), l.seq)
	if now.epoch != l.epoch {
		_ = l.stream.Send("layout", "", struct{}{}) // who left does not miss it
		return false
	}
	news, err := l.news(course, now)
	if err != nil {
		return false
	}
	if news.Head == "" && len(news.Seats) == 0 {
		return l.stream.Breathe() == nil
	}
	l.seq = now.seq
	return l.stream.Send("change", now.id(), news) == nil
}

func (l *listener) news(course *v1alpha1.Course, now snapshot) (change, error) {
	times := page.Times{Lang: l.lang, Zone: page.ZoneOf(course), Now: l.board.clock().Now()}
	var news change
	var text bytes.Buffer
	for _, s := range now.changes {
		text.Reset()
		if err := pages.Part(&text, l.lang, "seat", seatView{l.course, s, times}); err != nil {
			return news, err
		}
		if news.Seats == nil {
			news.Seats = map[string]string{}
		}
		news.Seats[s.Name] = text.String()
	}
	text.Reset()
	if err := pages.Part(&text, l.lang, "head", l.board.head(course, now.seats, times)); err != nil {
		return news, err
	}
	if head := text.String(); head != l.head {
		news.Head, l.head = head, head
	}
	return news, nil
}
