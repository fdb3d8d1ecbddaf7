//go:build !linux

package sandbox

import (
	"errors"
	"os/exec"
	"runtime"
	"time"
)

func support() Support {
	var s Support
	for _, part := range Parts() {
		if part == PartMemory && runtime.GOOS == "windows" { // a Job Object
			continue
		}
		s.Missing = append(s.Missing, Gap{Part: part, Reason: "not on " + runtime.GOOS})
	}
	return s
}

// GoLast does nothing here: a Job Object's priority is low from the beginning.
func GoLast(int) error { return nil }

// Worked is not known here.
func Worked(int) (time.Duration, error) { return 0, errors.ErrUnsupported }

// Start starts cmd. ended is nil: the end shows when it is waited for.
func Start(cmd *exec.Cmd, b Bounds) (applied Applied, ended <-chan struct{}, err error) {
	applied = Applied{Support: support(), Off: b.Off}
	if !b.Off && !applied.Lacks(PartMemory) {
		applied.Memory = b.Memory
	}
	return applied, nil, cmd.Start()
}
