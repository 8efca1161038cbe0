package wait

import (
	"bytes"
	"context"
	"net/http"
	"time"

	"github.com/carrel-dev/carrel/api/v1alpha1"
	"github.com/carrel-dev/carrel/core/timetable"
	"github.com/carrel-dev/carrel/gateway/directory"
	"github.com/carrel-dev/carrel/gateway/page"
)

// listenFor is the duration of one stream. A page that is still open then connects again,
// and its login and rights are checked again.
const listenFor = 10 * time.Minute

// news is the data of a news event.
type news struct {
	Title string `json:"title"`
	HTML  string `json:"html"`
}

// Events sends a waiting page what happens, as server-sent events: `news` with what to
// show, and `ready` when the carrel is ready. The caller has checked that the visitor may
// open the carrel. While the carrel is queued or starting, seen is called at once and then
// every keepAlive, because somebody waits for it: it keeps its place, and does not fall
// asleep before it is ready.
func (w *Waiter) Events(rw http.ResponseWriter, r *http.Request, course, name string, seen func(directory.Carrel)) {
	stream := page.NewStream(rw)
	if stream == nil {
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), listenFor)
	defer cancel()
	lang := page.LanguageOf(r)
	situations := make(chan situation)
	ready := make(chan bool, 1)
	go func() {
		ready <- w.follow(ctx, course, name, func(s situation) bool {
			select {
			case situations <- s:
				return true
			case <-ctx.Done():
				return false
			}
		})
	}()
	quiet := w.clock().NewTicker(keepAlive)
	defer quiet.Stop()
	w.waitFor(course, name, seen)
	for {
		var err error
		select {
		case open := <-ready:
			if open {
				_ = stream.Send("ready", "", struct{}{}) // fails only if the visitor has left
			}
			return
		case s := <-situations:
			err = w.sendNews(stream, s, lang, course, name)
		case <-quiet.C():
			w.waitFor(course, name, seen)
			err = stream.KeepAlive()
		}
		if err != nil {
			return
		}
	}
}

// waitFor calls seen if the carrel is on its way.
func (w *Waiter) waitFor(course, name string, seen func(directory.Carrel)) {
	c, found := w.Directory.Carrel(course, name)
	if found && (c.State == v1alpha1.StateQueued || c.State == v1alpha1.StateStarting) {
		seen(c)
	}
}

func (w *Waiter) sendNews(stream *page.Stream, s situation, lang page.Lang, course, name string) error {
	class, _ := w.Directory.Course(course)
	times := page.Times{Lang: lang, Zone: timetable.ZoneOf(class), Now: w.clock().Now()}
	var html bytes.Buffer
	if err := pages.Part(&html, lang, "situation", w.detail(s, course, name, class, times)); err != nil {
		return err
	}
	return stream.Send("news", "", news{Title: lang.Text("wait." + s.Kind + ".title"), HTML: html.String()})
}
