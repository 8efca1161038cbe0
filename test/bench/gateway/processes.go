package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// server is one measured server.
type server struct {
	name, address string
	// request is the HTTP request to send.
	request []byte
	// upgrade is the request for a WebSocket. It is empty if the server is not
	// measured with WebSockets.
	upgrade []byte
	// memory is the address that reports the server's memory. It is empty if the
	// server has none.
	memory string
	// tls reports whether it speaks TLS.
	tls bool
	// process is the server's; nil if another program started it.
	process *os.Process
}

// course and domain are those of all carrels, and host is the host name of the first one.
const (
	course = "prog1"
	domain = "carrels-example.org"
	host   = "hana--" + course + "." + domain
)

// start starts all servers. stop stops them.
func (b bench) start(ctx context.Context, out io.Writer) (servers []server, stop func() error, err error) {
	p, err := newProcesses()
	if err != nil {
		return nil, func() error { return nil }, err
	}
	upstream, err := p.self(ctx, "upstream", "")
	if err != nil {
		return nil, p.stop, err
	}
	bare, err := p.self(ctx, "bare", upstream.address)
	if err != nil {
		return nil, p.stop, err
	}
	gateway, err := p.self(ctx, "gateway", upstream.address)
	if err != nil {
		return nil, p.stop, err
	}
	upstream.name = "direct"
	upstream.memory = ""
	servers = []server{upstream, bare, gateway}
	for _, other := range []struct {
		name  string
		start func(context.Context, string) (string, error)
	}{
		{"nginx", p.nginx},
		{"chp", func(ctx context.Context, upstream string) (string, error) { return p.node(ctx, b.chp, upstream) }},
	} {
		address, err := other.start(ctx, upstream.address)
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, os.ErrNotExist) {
			_, _ = fmt.Fprintf(out, "%s is left out: %v\n", other.name, err)
			continue
		}
		if err != nil {
			return nil, p.stop, fmt.Errorf("start %s: %w", other.name, err)
		}
		servers = append(servers, server{name: other.name, address: address, request: request("")})
	}
	return servers, p.stop, nil
}

// request returns a request as a browser sends it. cookie is a header line or
// empty.
func request(cookie string) []byte { return requestTo(host, cookie) }

func requestTo(host, cookie string) []byte {
	return []byte("GET /api/state HTTP/1.1\r\nHost: " + host + "\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\nAccept-Language: en\r\n" +
		"Sec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\nReferer: https://" + host + "/\r\n" + cookie + "\r\n")
}

// upgrade returns a request for a WebSocket.
func upgrade(cookie string) []byte { return upgradeOf(host, cookie) }

func upgradeOf(host, cookie string) []byte {
	return []byte("GET /socket HTTP/1.1\r\nHost: " + host + "\r\nOrigin: https://" + host + "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n" +
		"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + cookie + "\r\n")
}

// mostMemory returns the largest resident memory that a server has had.
func mostMemory(s server) (string, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.process.Pid))
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(data)) {
		if value, found := strings.CutPrefix(line, "VmHWM:"); found {
			return strings.TrimSpace(value), nil
		}
	}
	return "", errors.New("the kernel does not tell how much memory a process has had")
}

// processes holds the started processes.
type processes struct {
	dir     string
	running []*exec.Cmd
}

func newProcesses() (*processes, error) {
	dir, err := os.MkdirTemp("", "carrel-bench-")
	return &processes{dir: dir}, err
}

func (p *processes) stop() error {
	for _, c := range p.running {
		_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
		_ = c.Wait()
	}
	return os.RemoveAll(p.dir)
}

func (p *processes) run(c *exec.Cmd) error {
	c.Stderr = os.Stderr
	c.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := c.Start(); err != nil {
		return err
	}
	p.running = append(p.running, c)
	return nil
}

// self starts this program as one of its servers. The server prints three lines:
// its address, the address of its memory report, and the cookie to send.
func (p *processes) self(ctx context.Context, role, upstream string, environment ...string) (server, error) {
	program, err := os.Executable()
	if err != nil {
		return server{}, err
	}
	c := exec.CommandContext(ctx, program, "-serve", role, "-upstream", upstream)
	c.Env = append(os.Environ(), environment...)
	said, err := c.StdoutPipe()
	if err != nil {
		return server{}, err
	}
	if err := p.run(c); err != nil {
		return server{}, err
	}
	var lines [3]string
	from := bufio.NewReader(said)
	for i := range lines {
		line, err := from.ReadString('\n')
		if err != nil {
			return server{}, fmt.Errorf("start %s: %w", role, err)
		}
		lines[i] = strings.TrimSpace(line)
	}
	cookie := ""
	if lines[2] != "" {
		cookie = "Cookie: " + lines[2] + "\r\n"
	}
	return server{name: role, address: lines[0], memory: lines[1], request: request(cookie), upgrade: upgrade(cookie), process: c.Process}, nil
}

// nginx starts nginx with the settings one would use here: a connection pool and an
// access log.
func (p *processes) nginx(ctx context.Context, upstream string) (string, error) {
	program, err := exec.LookPath("nginx")
	if err != nil {
		return "", err
	}
	address, err := freePort(ctx)
	if err != nil {
		return "", err
	}
	config := fmt.Sprintf(`daemon off; worker_processes auto; pid %[1]s/nginx.pid; error_log stderr crit;
events { worker_connections 20000; }
http {
  access_log %[1]s/access.log;
  client_body_temp_path %[1]s/body; proxy_temp_path %[1]s/proxy; fastcgi_temp_path %[1]s/f; uwsgi_temp_path %[1]s/u; scgi_temp_path %[1]s/s;
  upstream carrel { server %[2]s; keepalive 256; }
  server {
    listen %[3]s;
    keepalive_requests 1000000000;
    location / {
      proxy_pass http://carrel; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-User hana;
    }
  }
}
`, p.dir, upstream, address)
	file := filepath.Join(p.dir, "nginx.conf")
	if err := os.WriteFile(file, []byte(config), 0o600); err != nil {
		return "", err
	}
	if err := p.run(exec.CommandContext(ctx, program, "-c", file, "-p", p.dir)); err != nil {
		return "", err
	}
	return address, listens(ctx, address)
}

func (p *processes) node(ctx context.Context, program, upstream string) (string, error) {
	if _, err := exec.LookPath(program); err != nil {
		return "", err
	}
	address, err := freePort(ctx)
	if err != nil {
		return "", err
	}
	api, err := freePort(ctx)
	if err != nil {
		return "", err
	}
	_, port, _ := net.SplitHostPort(address)
	_, apiPort, _ := net.SplitHostPort(api)
	c := exec.CommandContext(ctx, program, "--ip", "127.0.0.1", "--port", port, "--api-ip", "127.0.0.1", "--api-port", apiPort,
		"--default-target", "http://"+upstream, "--log-level", "error")
	if err := p.run(c); err != nil {
		return "", err
	}
	return address, listens(ctx, address)
}

func freePort(ctx context.Context) (string, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// listens waits until a server listens at address.
func listens(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	for {
		conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}
