package plugin

import (
	"os"
	"syscall"
	"unsafe"

	"golang.org/x/sys/windows"

	"mostrador/host/plugin/sandbox"
)

// attributes gives a plugin no console window and a process group of its own: Ctrl-C is the host's business.
func attributes() *syscall.SysProcAttr {
	return &syscall.SysProcAttr{
		HideWindow:    true,
		CreationFlags: windows.CREATE_NEW_PROCESS_GROUP | windows.CREATE_NO_WINDOW,
	}
}

// family is a process with its Job Object. Windows ends all processes of the job when its last handle is
// closed, by this program or by the end of this program.
type family struct {
	process *os.Process
	job     windows.Handle
}

func adopt(p *os.Process, bounds sandbox.Bounds, _ <-chan struct{}) (family, error) {
	job, err := windows.CreateJobObject(nil, nil)
	if err != nil {
		return family{}, os.NewSyscallError("CreateJobObject", err)
	}
	limits := windows.JOBOBJECT_EXTENDED_LIMIT_INFORMATION{
		BasicLimitInformation: windows.JOBOBJECT_BASIC_LIMIT_INFORMATION{
			LimitFlags: windows.JOB_OBJECT_LIMIT_KILL_ON_JOB_CLOSE,
		},
	}
	if !bounds.Off {
		basic := &limits.BasicLimitInformation
		basic.LimitFlags |= windows.JOB_OBJECT_LIMIT_PRIORITY_CLASS | windows.JOB_OBJECT_LIMIT_DIE_ON_UNHANDLED_EXCEPTION
		basic.PriorityClass = windows.BELOW_NORMAL_PRIORITY_CLASS
		if bounds.Memory > 0 { // of all its processes together
			basic.LimitFlags |= windows.JOB_OBJECT_LIMIT_JOB_MEMORY
			limits.JobMemoryLimit = uintptr(bounds.Memory)
		}
		if !bounds.Spawn {
			basic.LimitFlags |= windows.JOB_OBJECT_LIMIT_ACTIVE_PROCESS
			basic.ActiveProcessLimit = 1
		}
	}
	_, err = windows.SetInformationJobObject(job, windows.JobObjectExtendedLimitInformation,
		uintptr(unsafe.Pointer(&limits)), uint32(unsafe.Sizeof(limits)))
	err = os.NewSyscallError("SetInformationJobObject", err)
	if err == nil {
		var assign error
		err = p.WithHandle(func(handle uintptr) {
			assign = windows.AssignProcessToJobObject(job, windows.Handle(handle))
		})
		if err == nil {
			err = os.NewSyscallError("AssignProcessToJobObject", assign)
		}
	}
	if err != nil {
		_ = windows.CloseHandle(job)
		return family{}, err
	}
	return family{process: p, job: job}, nil
}

// waitAndEnd waits for the end of the process and then ends what is left of its job.
func (f family) waitAndEnd() {
	_ = f.process.WithHandle(func(handle uintptr) {
		_, _ = windows.WaitForSingleObject(windows.Handle(handle), windows.INFINITE)
	})
	_ = windows.CloseHandle(f.job)
}

// wasKilled cannot be known: TerminateProcess leaves an ordinary exit status.
func wasKilled(*os.ProcessState) bool { return false }

// descends tells whether a process is one of roots; this system has no socket that tells more.
func descends(pid int, roots map[int]bool) bool { return roots[pid] }
