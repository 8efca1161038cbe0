// Command webterm serves a shell in a browser: the smallest carrel there is, for
// tests that need one which starts at once. It listens on $PORT, 8080 if unset,
// and runs $SHELL, /bin/sh if unset, once for each page that is open.
//
// It does not ask who is there: as with every carrel, the gateway does.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "webterm:", err)
		os.Exit(1)
	}
}

func run() error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	terminal := terminal{
		shell: cmp.Or(os.Getenv("SHELL"), "/bin/sh"),
		title: cmp.Or(os.Getenv("CARREL_USER"), "webterm"),
	}
	server := &http.Server{
		Addr:              net.JoinHostPort("", cmp.Or(os.Getenv("PORT"), "8080")),
		Handler:           terminal.handler(),
		ReadHeaderTimeout: 10 * time.Second,
		// Shells end with ctx, so that a shutdown does not wait for people to leave.
		BaseContext: func(net.Listener) context.Context { return ctx },
	}
	context.AfterFunc(ctx, func() { server.Close() })
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
