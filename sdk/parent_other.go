//go:build !windows

package sdk

import (
	"os"
	"strconv"
	"time"
)

// parentPoll is how often the parent is looked at. On Linux the host also asks the kernel to end its plugins
// with it; this is for the other systems, and for the moment before that request.
const parentPoll = time.Second

// waitForParent returns when the process that started this one is gone: whose parent dies is given another.
// host is the parent's id as the host wrote it, or empty.
func waitForParent(host string) {
	parent, err := strconv.Atoi(host)
	if err != nil {
		parent = os.Getppid()
	}
	tick := time.NewTicker(parentPoll)
	defer tick.Stop()
	for os.Getppid() == parent {
		<-tick.C
	}
}
