// Package supervise runs the processes of a cluster: each in a process group of
// its own with a log file, none outliving the supervisor, and the death of one
// noticed.
package supervise

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
)

// Command is what to run.
type Command struct {
	// Name of the component; its log is <name>.log.
	Name string
	// Args are the program and its arguments.
	Args []string
	// Env is added to the supervisor's environment.
	Env []string
	// Namespaces are clone(2) flags for namespaces of its own.
	Namespaces uintptr
	// Inherit are files the process gets from descriptor 3 on.
	Inherit []*os.File
}

// Group is the set of processes of one cluster.
type Group struct {
	logs   string
	starts chan func()

	mu        sync.Mutex
	processes []*Process
	changed   func([]*Process)
}

// NewGroup keeps logs in the directory logs and calls changed, never twice at
// once, whenever a process started or ended.
//
// The kernel kills a child when the thread that started it ends, which is how
// nothing outlives even a supervisor killed with SIGKILL. Go ends threads as it
// likes, unless a goroutine is locked to one: so one goroutine starts them all.
func NewGroup(logs string, changed func([]*Process)) *Group {
	group := &Group{logs: logs, changed: changed, starts: make(chan func())}
	go func() {
		runtime.LockOSThread()
		for start := range group.starts {
			start()
		}
	}()
	return group
}

// Start starts command. Its standard output and error go to its log file.
func (g *Group) Start(command Command) (*Process, error) {
	log, err := os.OpenFile(filepath.Join(g.logs, command.Name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("start %s: %w", command.Name, err)
	}
	defer log.Close()
	run := exec.Command(command.Args[0], command.Args[1:]...) //nolint:noctx // it runs until Kill, whatever began it
	run.Env = append(os.Environ(), command.Env...)
	run.Stdout, run.Stderr = log, log
	run.ExtraFiles = command.Inherit
	run.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL, Cloneflags: command.Namespaces}
	if err := g.onStarter(run.Start); err != nil {
		return nil, fmt.Errorf("start %s: %w", command.Name, err)
	}
	process := &Process{Name: command.Name, PID: run.Process.Pid, Log: log.Name(), ended: make(chan struct{})}
	g.update(func() { g.processes = append(g.processes, process) })
	go func() {
		err := run.Wait()
		g.update(func() { process.end(run.ProcessState, err) })
	}()
	return process, nil
}

func (g *Group) onStarter(start func() error) error {
	result := make(chan error)
	g.starts <- func() { result <- start() }
	return <-result
}

func (g *Group) update(change func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	change()
	g.changed(g.processes)
}

// Kill ends every process, the last started first, and waits until they are
// gone. A cluster's data goes with it, so nobody needs a gentler word.
func (g *Group) Kill() {
	g.mu.Lock()
	processes := append([]*Process(nil), g.processes...)
	g.mu.Unlock()
	for i := len(processes) - 1; i >= 0; i-- {
		processes[i].kill()
	}
	for _, process := range processes {
		<-process.ended
	}
}

// Stop ends the processes with these names, in this order, and waits until they are
// gone. The group then no longer has them: their end is no death to be noticed.
func (g *Group) Stop(names ...string) {
	for _, name := range names {
		for _, process := range g.forget(name) {
			process.kill()
			<-process.ended
		}
	}
}

// forget takes the processes with a name out of the group, and returns them.
func (g *Group) forget(name string) (forgotten []*Process) {
	g.update(func() {
		var left []*Process
		for _, process := range g.processes {
			if process.Name == name {
				forgotten = append(forgotten, process)
			} else {
				left = append(left, process)
			}
		}
		g.processes = left
	})
	return forgotten
}
