package main

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"log"
	"net/http"
	"os"
	"os/exec"

	"github.com/coder/websocket"
	"github.com/creack/pty"
)

//go:embed page.html
var pageSource string

var page = template.Must(template.New("page").Parse(pageSource))

// terminal serves a page and the shells behind it.
type terminal struct {
	shell string
	title string
}

func (t terminal) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", t.servePage)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") })
	mux.HandleFunc("GET /ws", t.serveShell)
	return mux
}

func (t terminal) servePage(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := page.Execute(w, t.title); err != nil {
		log.Print("page: ", err)
	}
}

// serveShell runs a shell for one WebSocket. Binary messages carry what is typed
// and what is printed; a text message carries the size of the window.
func (t terminal) serveShell(w http.ResponseWriter, r *http.Request) {
	// Accept refuses the pages of other origins, which could else type here.
	connection, err := websocket.Accept(w, r, nil)
	if err != nil {
		log.Print("connect: ", err)
		return
	}
	defer func() { _ = connection.CloseNow() }()
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()

	command := exec.CommandContext(ctx, t.shell)
	command.Env = append(os.Environ(), "TERM=dumb")
	device, err := pty.Start(command)
	if err != nil {
		_ = connection.Close(websocket.StatusInternalError, "no shell: "+err.Error())
		return
	}
	// Closing the device hangs up on the shell and on whatever it has started.
	context.AfterFunc(ctx, func() { device.Close() })
	go func() {
		defer cancel()
		typeInto(ctx, device, connection)
	}()
	show(ctx, connection, device)
	// Who has left needs no farewell, and a shell that was hung up on ends with an error.
	_ = connection.Close(websocket.StatusNormalClosure, "the shell has ended")
	cancel()
	_ = command.Wait()
}

// show sends what the shell prints until it ends.
func show(ctx context.Context, connection *websocket.Conn, device *os.File) {
	buffer := make([]byte, 32<<10)
	for {
		n, err := device.Read(buffer)
		if err != nil || connection.Write(ctx, websocket.MessageBinary, buffer[:n]) != nil {
			return
		}
	}
}

// typeInto passes on what is typed until the page is closed.
func typeInto(ctx context.Context, device *os.File, connection *websocket.Conn) {
	for {
		kind, message, err := connection.Read(ctx)
		if err != nil {
			return
		}
		if kind == websocket.MessageText {
			resize(device, message)
		} else if _, err := device.Write(message); err != nil {
			return
		}
	}
}

func resize(device *os.File, message []byte) {
	var size struct{ Rows, Cols uint16 }
	if err := json.Unmarshal(message, &size); err != nil {
		log.Print("window size: ", err)
		return
	}
	if err := pty.Setsize(device, &pty.Winsize{Rows: size.Rows, Cols: size.Cols}); err != nil {
		log.Print("window size: ", err)
	}
}
