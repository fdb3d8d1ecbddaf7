package sandbox

import "golang.org/x/sys/unix"

const auditArch = unix.AUDIT_ARCH_AARCH64

// refusedHere are the calls to refuse that this machine alone has.
var refusedHere = []uint32{unix.SYS_KEXEC_FILE_LOAD}

// forking are the old calls that make a process: there are none here.
var forking []uint32
