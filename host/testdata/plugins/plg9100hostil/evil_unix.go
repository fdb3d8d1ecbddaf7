//go:build unix

package main

import (
	"os"
	"os/exec"
	"syscall"
)

// breed starts children that outlive it and hold its output.
func (h *hostile) breed() {
	for _, name := range []string{"/bin/sleep", "/usr/bin/sleep"} {
		cmd := exec.Command(name, "9"+h.port) // seconds by which its host knows it
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		tried("arrancar "+name, cmd.Start())
	}
	self, err := os.Executable()
	if err == nil {
		cmd := exec.Command(self, "9"+h.port)
		cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
		cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
		err = cmd.Start()
	}
	tried("arrancarse otra vez", err)
}

// attack reaches for other processes, with a signal that does no harm to who gets it.
func (h *hostile) attack() {
	tried("avisar a la tienda", syscall.Kill(os.Getppid(), syscall.SIGCONT))
	tried("avisar al primero", syscall.Kill(1, 0))
	tried("subir su prioridad", syscall.Setpriority(syscall.PRIO_PROCESS, 0, -5))
	most := ^uint64(0)
	err := syscall.Setrlimit(syscall.RLIMIT_DATA, &syscall.Rlimit{Cur: most, Max: most})
	tried("subir sus límites", err)
}
