package wait

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/carrel-dev/carrel/gateway/page"
)

// listenFor is how long one stream lasts: a page that is still open then comes
// again, and is asked anew who it is.
const listenFor = 10 * time.Minute

// news is what a waiting page is told.
type news struct {
	Title string `json:"title"`
	HTML  string `json:"html"`
}

// Events tells a waiting page what happens, by server-sent events: `news` with
// what to show, and `ready` when the carrel opens. Whoever calls it has seen to
// it that the person may open the carrel.
func (w *Waiter) Events(rw http.ResponseWriter, r *http.Request, course, name string) {
	stream := page.NewStream(rw)
	if stream == nil {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), listenFor)
	defer cancel()
	lang := page.LanguageOf(r)
	tellings := make(chan situation)
	ready := make(chan bool, 1)
	go func() {
		ready <- w.follow(ctx, course, name, func(s situation) bool {
			select {
			case tellings <- s:
				return true
			case <-ctx.Done():
				return false
			}
		})
	}()
	breathing := w.clock().NewTicker(breath)
	defer breathing.Stop()
	for {
		var err error
		select {
		case open := <-ready:
			if open {
				_ = stream.Send("ready", "", struct{}{}) // who left does not miss it
			}
			return
		case s := <-tellings:
			err = w.tell(stream, s, lang, course, name)
		case <-breathing.C():
			err = stream.Breathe()
		}
		if err != nil {
			return
		}
	}
}

func (w *Waiter) tell(stream *page.Stream, s situation, lang page.Lang, course, name string) error {
	class, _ := w.Directory.Course(course)
	times := page.Times{Lang: lang, Zone: page.ZoneOf(class), Now: w.clock().Now()}
	var html bytes.Buffer
	if err := pages.Part(&html, lang, "situation", w.detail(s, course, name, class, times)); err != nil {
		return err
	}
	return stream.Send("news", "", news{Title: lang.Text("wait." + s.Kind + ".title"), HTML: html.String()})
}
