//go:build amd64 || arm64

package sandbox

import (
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Where seccomp(2) shows a filter the call: struct seccomp_data. Both machines are little-endian.
const (
	offsetCall = 0
	offsetArch = 4
)

// argument is the place of the lower half of an argument, and upper that of its upper half.
func argument(n uint32) uint32 { return 16 + 8*n }
func upper(n uint32) uint32    { return argument(n) + 4 }

// What follows from a call.
const (
	allowed   = unix.SECCOMP_RET_ALLOW
	killed    = unix.SECCOMP_RET_KILL_PROCESS
	forbidden = unix.SECCOMP_RET_ERRNO | uint32(unix.EPERM)
	unknown   = unix.SECCOMP_RET_ERRNO | uint32(unix.ENOSYS)
	noNetwork = unix.SECCOMP_RET_ERRNO | uint32(unix.EACCES)
)

// lastCall is the newest system call that this filter knows. What came later is unknown to a plug-in, too.
const lastCall = unix.SYS_MSEAL

// namespaces are the flags of clone(2) that make a new namespace.
const namespaces = unix.CLONE_NEWNS | unix.CLONE_NEWCGROUP | unix.CLONE_NEWUTS | unix.CLONE_NEWIPC | unix.CLONE_NEWUSER |
	unix.CLONE_NEWPID | unix.CLONE_NEWNET

// refused are calls in which no plug-in has business, whatever it was granted. Most would be refused for lack of
// rights anyway; those that would not are the reason for the list.
var refused = append([]uint32{
	// Other processes of the same user: their memory, descriptors, threads and limits.
	unix.SYS_PTRACE, unix.SYS_PROCESS_VM_READV, unix.SYS_PROCESS_VM_WRITEV, unix.SYS_PROCESS_MADVISE, unix.SYS_PROCESS_MRELEASE,
	unix.SYS_PIDFD_GETFD, unix.SYS_KCMP, unix.SYS_PERF_EVENT_OPEN, unix.SYS_MIGRATE_PAGES, unix.SYS_MOVE_PAGES,
	unix.SYS_SETRLIMIT, unix.SYS_IOPRIO_SET, unix.SYS_SETSID, unix.SYS_SCHED_SETSCHEDULER, unix.SYS_SCHED_SETPARAM, unix.SYS_SCHED_SETATTR,
	// Around the bounds: io_uring opens and connects past a filter, memory that no limit counts.
	unix.SYS_MEMFD_CREATE, unix.SYS_MEMFD_SECRET, unix.SYS_SHMGET, unix.SYS_SHMAT, unix.SYS_REMAP_FILE_PAGES,
	unix.SYS_MSGGET, unix.SYS_SEMGET, unix.SYS_MQ_OPEN,
	// What Landlock does not know: owners, modes and attributes of files, and watching them.
	unix.SYS_FCHMOD, unix.SYS_FCHMODAT, unix.SYS_FCHMODAT2, unix.SYS_FCHOWN, unix.SYS_FCHOWNAT, unix.SYS_UTIMENSAT,
	unix.SYS_SETXATTR, unix.SYS_LSETXATTR, unix.SYS_FSETXATTR, unix.SYS_REMOVEXATTR, unix.SYS_LREMOVEXATTR, unix.SYS_FREMOVEXATTR,
	unix.SYS_INOTIFY_ADD_WATCH, unix.SYS_FANOTIFY_INIT, unix.SYS_FANOTIFY_MARK, unix.SYS_NAME_TO_HANDLE_AT, unix.SYS_OPEN_BY_HANDLE_AT,
	unix.SYS_SYNC, unix.SYS_SYNCFS, unix.SYS_QUOTACTL, unix.SYS_QUOTACTL_FD,
	// The system as a whole.
	unix.SYS_MOUNT, unix.SYS_UMOUNT2, unix.SYS_MOUNT_SETATTR, unix.SYS_MOVE_MOUNT, unix.SYS_OPEN_TREE, unix.SYS_FSOPEN,
	unix.SYS_FSCONFIG, unix.SYS_FSMOUNT, unix.SYS_FSPICK, unix.SYS_PIVOT_ROOT, unix.SYS_CHROOT, unix.SYS_SETNS, unix.SYS_UNSHARE,
	unix.SYS_BPF, unix.SYS_USERFAULTFD, unix.SYS_KEYCTL, unix.SYS_ADD_KEY, unix.SYS_REQUEST_KEY, unix.SYS_SYSLOG,
	unix.SYS_INIT_MODULE, unix.SYS_FINIT_MODULE, unix.SYS_DELETE_MODULE, unix.SYS_KEXEC_LOAD, unix.SYS_REBOOT, unix.SYS_ACCT,
	unix.SYS_SWAPON, unix.SYS_SWAPOFF, unix.SYS_SETHOSTNAME, unix.SYS_SETDOMAINNAME, unix.SYS_VHANGUP,
	unix.SYS_SETTIMEOFDAY, unix.SYS_CLOCK_SETTIME, unix.SYS_ADJTIMEX, unix.SYS_CLOCK_ADJTIME, unix.SYS_LOOKUP_DCOOKIE,
}, refusedHere...)

// absent are calls that libraries do without when a kernel does not have them.
var absent = []uint32{
	unix.SYS_CLONE3, // its flags lie in memory, where a filter does not look; clone does as well
	unix.SYS_IO_URING_SETUP, unix.SYS_IO_URING_ENTER, unix.SYS_IO_URING_REGISTER,
}

// signalling are the calls that send signals to other processes. Go's runtime needs tgkill for its own threads.
var signalling = []uint32{
	unix.SYS_KILL, unix.SYS_TKILL, unix.SYS_RT_SIGQUEUEINFO, unix.SYS_RT_TGSIGQUEUEINFO, unix.SYS_PIDFD_SEND_SIGNAL,
}

// assemble writes the filter of b. It is a list of rules, each for one call: a jump over the rule when the call is
// another, and then instructions of which the last always decides. The kernel runs it beforehand for each call and
// remembers those that are allowed whatever their arguments, so that its length costs nothing.
func assemble(b Bounds, password uint32, signals bool) []unix.SockFilter {
	f := []unix.SockFilter{
		load(offsetArch), ifEqual(auditArch, 1, 0), decide(killed),
		load(offsetCall), ifMore(lastCall, 0, 1), decide(unknown),
	}
	rule := func(call uint32, body ...unix.SockFilter) {
		f = append(append(f, ifEqual(call, 0, uint8(len(body)))), body...)
	}
	rules := func(decision uint32, calls []uint32) {
		for _, call := range calls {
			rule(call, decide(decision))
		}
	}
	rules(forbidden, refused)
	rules(unknown, absent)
	if signals {
		rules(forbidden, signalling)
	}
	// Processes: the host's thread says the password; threads are free; others are for who may.
	others := uint32(forbidden)
	if b.Spawn {
		others = allowed
	} else {
		rules(forbidden, forking)
	}
	rule(unix.SYS_CLONE,
		load(upper(0)), ifEqual(password, 0, 1), decide(allowed), ifEqual(0, 1, 0), decide(killed),
		load(argument(0)), ifAny(namespaces, 0, 1), decide(forbidden), ifAny(unix.CLONE_THREAD, 0, 1), decide(allowed), decide(others))
	// Their group is what the host ends them by: nobody leaves it. The child of the host's thread says the password.
	rule(unix.SYS_SETPGID,
		load(upper(1)), ifEqual(password, 0, 1), decide(allowed), ifEqual(0, 1, 0), decide(killed), decide(forbidden))
	// What a parent's end does to it is not the plug-in's to change.
	rule(unix.SYS_PRCTL,
		load(argument(0)), ifEqual(unix.PR_SET_PDEATHSIG, 1, 0), decide(allowed),
		load(argument(1)), ifEqual(uint32(unix.SIGKILL), 0, 1), decide(allowed), decide(forbidden))
	// Limits: it may look at its own. They are set when the process has started, and a program that is quicker than that
	// could raise them still.
	rule(unix.SYS_PRLIMIT64,
		load(argument(0)), ifEqual(0, 1, 0), decide(forbidden),
		load(argument(2)), ifEqual(0, 1, 0), decide(forbidden),
		load(upper(2)), ifEqual(0, 0, 1), decide(allowed), decide(forbidden))
	// Processors and priorities: its own only.
	rule(unix.SYS_SCHED_SETAFFINITY, load(argument(0)), ifEqual(0, 0, 1), decide(allowed), decide(forbidden))
	rule(unix.SYS_SETPRIORITY,
		load(argument(0)), ifEqual(unix.PRIO_PROCESS, 1, 0), decide(forbidden),
		load(argument(1)), ifEqual(0, 0, 1), decide(allowed), decide(forbidden))
	// Memory that RLIMIT_DATA does not count: shared without a file, and stacks that grow.
	rule(unix.SYS_MMAP,
		load(argument(3)), ifAny(unix.MAP_GROWSDOWN, 0, 1), decide(forbidden),
		ifAny(unix.MAP_ANONYMOUS, 1, 0), decide(allowed),
		ifAny(unix.MAP_SHARED, 0, 1), decide(forbidden), decide(allowed))
	f = append(f, sockets(b)...)
	return append(f, decide(allowed))
}

// kindOfSocket cuts the flags off a socket's type.
const kindOfSocket = 0xf

// sockets are the rules of sockets: local ones to listen on; and those of TCP, with UDP to ask for names, for who may
// use the network. A datagram socket needs no connect to reach others, hence its absence elsewhere.
func sockets(b Bounds) []unix.SockFilter {
	local := []unix.SockFilter{
		load(argument(0)), ifEqual(unix.AF_UNIX, 0, 4),
		load(argument(1)), mask(kindOfSocket), ifEqual(unix.SOCK_STREAM, 0, 1), decide(allowed),
	}
	var f []unix.SockFilter
	rule := func(call uint32, body ...unix.SockFilter) {
		f = append(append(f, ifEqual(call, 0, uint8(len(body)))), body...)
	}
	rule(unix.SYS_SOCKETPAIR, append(local[:len(local):len(local)], decide(noNetwork))...)
	if !b.network() {
		rule(unix.SYS_SOCKET, append(local, decide(noNetwork))...)
		rule(unix.SYS_CONNECT, decide(noNetwork))
		return f
	}
	rule(unix.SYS_SOCKET, append(local,
		load(argument(0)), ifEqual(unix.AF_INET, 2, 0), ifEqual(unix.AF_INET6, 1, 0), decide(noNetwork),
		load(argument(1)), mask(kindOfSocket), ifEqual(unix.SOCK_STREAM, 0, 4),
		load(argument(2)), ifEqual(0, 1, 0), ifEqual(unix.IPPROTO_TCP, 0, 6), decide(allowed),
		ifEqual(unix.SOCK_DGRAM, 0, 4),
		load(argument(2)), ifEqual(0, 1, 0), ifEqual(unix.IPPROTO_UDP, 0, 1), decide(allowed),
		decide(noNetwork))...)
	// A connection that is made by the way passes by Landlock.
	rule(unix.SYS_SENDTO, load(argument(3)), ifAny(unix.MSG_FASTOPEN, 0, 1), decide(noNetwork), decide(allowed))
	rule(unix.SYS_SENDMSG, load(argument(2)), ifAny(unix.MSG_FASTOPEN, 0, 1), decide(noNetwork), decide(allowed))
	rule(unix.SYS_SENDMMSG, load(argument(3)), ifAny(unix.MSG_FASTOPEN, 0, 1), decide(noNetwork), decide(allowed))
	return f
}

func load(offset uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: offset}
}

func mask(bits uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_ALU | unix.BPF_AND | unix.BPF_K, K: bits}
}

func decide(decision uint32) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K, K: decision}
}

// The jumps skip so many instructions when the loaded word equals k, is more than k, or has any bit of k; and so many
// when not.
func ifEqual(k uint32, yes, no uint8) unix.SockFilter { return jump(unix.BPF_JEQ, k, yes, no) }
func ifMore(k uint32, yes, no uint8) unix.SockFilter  { return jump(unix.BPF_JGT, k, yes, no) }
func ifAny(k uint32, yes, no uint8) unix.SockFilter   { return jump(unix.BPF_JSET, k, yes, no) }

func jump(condition uint16, k uint32, yes, no uint8) unix.SockFilter {
	return unix.SockFilter{Code: unix.BPF_JMP | condition | unix.BPF_K, Jt: yes, Jf: no, K: k}
}

// install has the filter hold for the calling thread. That it reads memory of this process only, and costs nothing
// where the processor guesses ahead, is what SPEC_ALLOW says: the bounds do not rest on it.
func install(filter []unix.SockFilter) error {
	if len(filter) == 0 {
		return nil
	}
	program := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_SPEC_ALLOW,
		uintptr(unsafe.Pointer(&program))); errno != 0 {
		return os.NewSyscallError("seccomp", errno)
	}
	return nil
}

// filterMissing says why there are no filters here; empty when there are.
func filterMissing() string {
	action := uint32(killed)
	if _, _, errno := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_GET_ACTION_AVAIL, 0, uintptr(unsafe.Pointer(&action))); errno != 0 {
		return "the kernel has no seccomp filters"
	}
	return ""
}
