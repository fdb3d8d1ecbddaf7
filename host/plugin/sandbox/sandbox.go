// Package sandbox starts a program so that it reaches nothing but what it was granted.
package sandbox

// Part is one of the bounds that a system may or may not be able to set.
type Part string

// The parts.
const (
	// PartFiles keeps files out of reach (Landlock).
	PartFiles Part = "files"
	// PartTCP keeps TCP ports out of reach (Landlock 4).
	PartTCP Part = "tcp"
	// PartSignals keeps other processes out of reach (Landlock 6).
	PartSignals Part = "signals"
	// PartCalls keeps system calls out of reach (seccomp): other processes, the network, dangerous corners of the kernel.
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
	// Missing are the parts that cannot be had here, with the reason for programmers.
	Missing []Gap
}

// Gap is a part that is missing.
type Gap struct {
	Part   Part
	Reason string
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
