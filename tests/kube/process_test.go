package kube

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// How long anything may take on a machine that has much else to do.
const patience = 2 * time.Minute

// process is a program that was started here; its output is in a file.
type process struct {
	name    string
	command *exec.Cmd
	log     string
	ended   chan struct{}
}

// All processes start from one thread that lives as long as this program: with its end, however it comes, the kernel ends them.
var starting = func() chan func() {
	work := make(chan func())
	go func() {
		runtime.LockOSThread()
		for each := range work {
			each()
		}
	}()
	return work
}()

// start runs a program with arguments and what is added to its environment; its log is name.log in folder.
func start(folder, name, program string, environment []string, arguments ...string) (*process, error) {
	started := &process{name: name, log: filepath.Join(folder, name+".log"), ended: make(chan struct{})}
	log, err := os.OpenFile(started.log, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	defer log.Close()
	started.command = exec.Command(program, arguments...)
	started.command.Dir = folder
	started.command.Stdout, started.command.Stderr = log, log
	started.command.Env = append(os.Environ(), environment...)
	started.command.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	begun := make(chan error)
	starting <- func() { begun <- started.command.Start() }
	if err := <-begun; err != nil {
		return nil, fmt.Errorf("%s does not start: %w", name, err)
	}
	go func() {
		_ = started.command.Wait()
		close(started.ended)
	}()
	return started, nil
}

// kill ends it as `kill -9` does, and waits for its end.
func (p *process) kill() {
	_ = p.command.Process.Kill()
	<-p.ended
}

// stop asks it to end, and waits for it.
func (p *process) stop() error {
	_ = p.command.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.ended:
		return nil
	case <-time.After(patience):
		return fmt.Errorf("%s did not end within %s of being asked to", p.name, patience)
	}
}

// tail is the end of its log.
func (p *process) tail() string {
	text, err := os.ReadFile(p.log)
	if err != nil {
		return err.Error()
	}
	return fmt.Sprintf("the end of %s's log:\n%s", p.name, text[max(0, len(text)-6000):])
}

// ready waits until it does what it is for; its early end is told with its log.
func (p *process) ready(check func() error) error {
	var last error
	for began := time.Now(); time.Since(began) < patience; {
		if last = check(); last == nil {
			return nil
		}
		select {
		case <-p.ended:
			return fmt.Errorf("%s ended: %s\n%s", p.name, p.command.ProcessState, p.tail())
		case <-time.After(100 * time.Millisecond):
		}
	}
	return fmt.Errorf("%s is not ready within %s: %w\n%s", p.name, patience, last, p.tail())
}

// until waits for what a condition says to be so; the error that it gives tells what is not so yet.
func until(t *testing.T, what string, condition func() error) {
	t.Helper()
	var last error
	for began := time.Now(); time.Since(began) < patience; time.Sleep(100 * time.Millisecond) {
		if last = condition(); last == nil {
			return
		}
	}
	t.Fatalf("%s: not within %s: %v", what, patience, last)
}

// program is a program by its name: of those that `make test-kube` built, or Mortar's own.
func program(name string) (string, error) {
	folder := os.Getenv("MORTAR_KUBE")
	if name == "mortar" {
		folder = filepath.Dir(os.Getenv("MORTAR"))
		name = filepath.Base(os.Getenv("MORTAR"))
	}
	path := filepath.Join(folder, name)
	if _, err := os.Stat(path); err != nil || strings.HasPrefix(path, ".") {
		return "", fmt.Errorf("there is no program %s: run make test-kube", path)
	}
	return path, nil
}
