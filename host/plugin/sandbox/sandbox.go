// Package sandbox starts a program so that it reaches nothing but what it was granted: its own files, a folder for
// its socket, the ports that it named, so much memory. The operating system keeps the bounds, so that they hold for
// any program in any language, and from its first instruction on.
//
// On Linux five things work together, each of which stands by itself where another is missing:
//
//   - Landlock keeps files, TCP ports and the signals to others out of reach;
//   - a seccomp filter keeps out what Landlock does not know: other processes, sockets of any other kind, connect()
//     for who was granted no address, and the corners of the kernel in which a plug-in has no business;
//   - the rights of a privileged user are given up, for good;
//   - resource limits bound memory, files and their size;
//   - a lower priority lets the store's own work go first.
//
// There is no helper program. Landlock domains, filters, rights and priorities belong to threads, and a new process
// inherits them from the thread that makes it. So Start gives up all of that on a thread of its own, has that thread
// make the process, keeps it to wait for the process's end, and throws it away then. (The thread is needed for as
// long as the process lives anyway: its end would be taken for the end of the parent, see PR_SET_PDEATHSIG.)
//
// The filter forbids the program to make processes, and the thread that is under the same filter must make one. It
// says a password to do so: the kernel ignores the upper half of some arguments of system calls, the filter sees it.
// The password is drawn anew for each start and never reaches the program. Who tries a wrong one is killed.
//
// On Windows a Job Object bounds memory and processes; see package plugin. Elsewhere there are no bounds. Report says
// what a machine lacks.
package sandbox

import "slices"

// Part is one of the bounds that a system may or may not be able to keep.
type Part string

// The parts.
const (
	// PartFiles keeps files out of reach (Landlock).
	PartFiles Part = "files"
	// PartTCP keeps TCP ports out of reach of who may use the network (Landlock 4).
	PartTCP Part = "tcp"
	// PartSignals keeps signals from other processes (Landlock 6; else the filter leaves a gap).
	PartSignals Part = "signals"
	// PartCalls keeps system calls out of reach (seccomp): processes, the network, dangerous corners of the kernel.
	PartCalls Part = "calls"
	// PartRights takes the rights of a privileged user away.
	PartRights Part = "rights"
	// PartMemory bounds memory.
	PartMemory Part = "memory"
)

// Parts lists all parts.
func Parts() []Part {
	return []Part{PartFiles, PartTCP, PartSignals, PartCalls, PartRights, PartMemory}
}

// Support says what this machine and system can do.
type Support struct {
	// Landlock is the version of the kernel's Landlock, 0 when there is none.
	Landlock int
	// Missing are the parts that cannot be had here.
	Missing []Gap
}

// Gap is a part that is missing, and why, for programmers.
type Gap struct {
	Part   Part
	Reason string
}

// Lacks tells whether a part is missing.
func (s Support) Lacks(part Part) bool {
	return slices.ContainsFunc(s.Missing, func(g Gap) bool { return g.Part == part })
}

// Applied is what holds for one process.
type Applied struct {
	Support
	// Memory is the bound of its memory in bytes; 0 when there is none.
	Memory int64
	// Off says that it was started without any bounds on purpose.
	Off bool
}

// Report says what this machine and system can do.
func Report() Support { return support() }

// Bounds is what a process may reach. Beyond them it has what every program needs: the loader and libraries where it
// is linked to any, time zones, randomness, /dev/null. Paths are absolute; what does not exist is left out.
type Bounds struct {
	// Off starts it without any bounds; it is for a plug-in under its author's debugger.
	Off bool
	// Program is the file that it executes, and the only one unless Spawn.
	Program string
	// Read are files and folders (with all that is in them) to read.
	Read []string
	// Write are files and folders to read, change and make files in.
	Write []string
	// Sockets are folders in which it may make sockets, and empty files.
	Sockets []string
	// Ports are the TCP ports that it may connect to. With none it has no network at all, nor any other socket
	// than those that it listens on.
	Ports []uint16
	// Spawn lets it start programs of the system and of its own; they inherit all bounds.
	Spawn bool
	// Memory bounds its memory, in bytes; 0 does not.
	Memory int64
	// Nice lowers its priority, from 0 to 19 (nice(2)).
	Nice int
}

// network tells whether it may use the network.
func (b Bounds) network() bool { return len(b.Ports) > 0 }
