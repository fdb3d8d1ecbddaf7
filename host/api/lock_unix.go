//go:build unix

package api

import (
	"os"
	"syscall"
)

// lock takes the file for this process, and reports false when another process has it. The system gives it
// back when the process ends, however it ends.
func lock(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if err == syscall.EWOULDBLOCK {
		return false, nil
	}
	return err == nil, err
}
