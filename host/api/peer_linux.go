package api

import (
	"net"

	"golang.org/x/sys/unix"
)

// peer is the process at the other end of a local socket, when it connected.
func peer(conn net.Conn) (pid int, ok bool) {
	local, is := conn.(*net.UnixConn)
	if !is {
		return 0, false
	}
	raw, err := local.SyscallConn()
	if err != nil {
		return 0, false
	}
	err = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid, ok = int(cred.Pid), true
		}
	})
	return pid, ok && err == nil
}
