package sdk

import (
	"os"
	"strconv"

	"golang.org/x/sys/windows"
)

// waitForParent returns when the process that started this one is gone. host is its id as the host wrote it,
// or empty. Windows gives an orphan no other parent, so the parent itself is waited for.
func waitForParent(host string) {
	parent, err := strconv.Atoi(host)
	if err != nil {
		parent = os.Getppid()
	}
	handle, err := windows.OpenProcess(windows.SYNCHRONIZE, false, uint32(parent))
	if err != nil {
		return // it is gone already
	}
	defer windows.CloseHandle(handle)
	windows.WaitForSingleObject(handle, windows.INFINITE)
}
