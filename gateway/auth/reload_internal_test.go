package auth

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// A key that is put first in the login file is used without a restart, and logins of the
// key before go on until that is taken out. A login file with an error changes nothing.
func TestKeysAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "login.yaml")
	write := func(name, text string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	login := func(keys ...string) string {
		for i := range keys {
			keys[i] = filepath.Join(dir, keys[i])
		}
		return fmt.Sprintf("proxy: {userHeader: X-Proxy-User, from: [10.0.0.0/8]}\nsessions: {keyFiles: [%s]}\n", strings.Join(keys, ", "))
	}
	write("one", strings.Repeat("1", 64))
	write("two", strings.Repeat("2", 64))
	write("login.yaml", login("one"))
	config, err := ReadConfig(file)
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t)
	if w.desk, err = NewDesk(config, Options{URL: deskURL, Clock: w.now}); err != nil {
		t.Fatal(err)
	}
	inside := http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write([]byte("inside")) })
	w.handler = w.desk.RequireLogin(inside)
	b := w.browser()
	sealed, err := w.desk.keys.seal(forSession, "desk.test", w.desk.newSession(Identity{User: "alice", Provider: "campus"}))
	if err != nil {
		t.Fatal(err)
	}
	b.cookies["desk.test"] = map[string]string{sessionCookie: sealed}
	last := contentOf(file, config)
	reload := func() { last = w.desk.reload(t.Context(), file, last) }

	write("login.yaml", login("two", "one"))
	reload()
	b.want(b.get(deskURL+"/"), http.StatusOK, "inside")
	w.now.SetTime(w.now.Now().Add(2 * time.Minute))
	b.want(b.get(deskURL+"/"), http.StatusOK, "inside") // records the use, sealed by the new key
	renewed := b.cookies["desk.test"][sessionCookie]

	write("login.yaml", "no: login")
	reload()
	b.want(b.get(deskURL+"/"), http.StatusOK, "inside")

	write("login.yaml", login("two"))
	reload()
	b.cookies["desk.test"][sessionCookie] = renewed
	b.want(b.get(deskURL+"/"), http.StatusOK, "inside")
	b.cookies["desk.test"][sessionCookie] = sealed
	b.want(b.get(deskURL+"/"), http.StatusUnauthorized, "")

	write("two", strings.Repeat("3", 64)) // the same file with another key ends all logins
	reload()
	b.cookies["desk.test"][sessionCookie] = renewed
	b.want(b.get(deskURL+"/"), http.StatusUnauthorized, "")
}
