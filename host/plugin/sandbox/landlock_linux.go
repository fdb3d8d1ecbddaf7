package sandbox

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The versions of Landlock (landlock(7)) from which on it knows something.
const (
	landlockRefer    = 2
	landlockTruncate = 3
	landlockTCP      = 4
	landlockDevices  = 5
	landlockScopes   = 6
)

// Access to files and folders.
const (
	accessRead    = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	accessExecute = accessRead | unix.LANDLOCK_ACCESS_FS_EXECUTE
	accessChange  = unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	// accessSockets is what it takes to make a socket in the way of go-plugin: a name is found by making a file.
	accessSockets = accessRead | accessChange | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_SOCK |
		unix.LANDLOCK_ACCESS_FS_REMOVE_FILE
	accessWrite = accessRead | accessChange | unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_DIR |
		unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR | unix.LANDLOCK_ACCESS_FS_REFER
	// accessFile is what can be granted on something that is no folder.
	accessFile = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | accessChange |
		unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
)

// What programs need of a system. Nothing of it is secret; /etc and /etc/ssl as a whole would be.
var (
	// always: time zones, the null device and randomness.
	always = []string{"/usr/share/zoneinfo", "/etc/localtime", "/etc/timezone", "/dev/urandom", "/dev/random"}
	// libraries: what the loader of a program that is linked to libraries reads.
	libraries = []string{"/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d"}
	// internet: names, addresses and the authorities of TLS.
	internet = []string{
		"/etc/resolv.conf", "/run/systemd/resolve", "/etc/hosts", "/etc/nsswitch.conf", "/etc/host.conf", "/etc/gai.conf", "/etc/services",
		"/etc/protocols", "/etc/ssl/certs", "/etc/ssl/cert.pem", "/etc/ssl/ca-bundle.pem", "/etc/ssl/openssl.cnf", "/etc/pki/tls/certs",
		"/etc/pki/tls/cert.pem", "/etc/pki/ca-trust", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates",
		"/var/lib/ca-certificates",
	}
	// programs: what who may start programs finds to start.
	programs = []string{"/bin", "/usr/bin", "/usr/local/bin", "/lib", "/lib64", "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share"}
)

// landlockVersion is the kernel's version of Landlock, 0 when there is none.
func landlockVersion() int {
	version, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno != 0 {
		return 0
	}
	return int(version)
}

// landlockSignals tells whether signals to others can be kept back. As this was first in the kernel, a thread under
// it could not signal the other threads of its own process either, as Go's runtime must: the fix is erratum 2.
func landlockSignals(version int) bool {
	if version < landlockScopes {
		return false
	}
	errata, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_ERRATA)
	return errno == 0 && errata&(1<<(2-1)) != 0
}

// landlockSockets tells whether the kernel can keep sockets in the file system out of reach.
var landlockSockets = sync.OnceValue(func() bool {
	fd, err := createRuleset(unix.LandlockRulesetAttr{Handled_access_fs: unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX})
	if err != nil {
		return false
	}
	_ = unix.Close(fd)
	return true
})

// handled is what this version of Landlock forbids unless it is granted.
func handled(version int) unix.LandlockRulesetAttr {
	attr := unix.LandlockRulesetAttr{Handled_access_fs: unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1}
	if version >= landlockRefer {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_REFER
	}
	if version >= landlockTruncate {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if version >= landlockDevices {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if landlockSockets() {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX
	}
	if version >= landlockTCP {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if version >= landlockScopes {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
		if landlockSignals(version) {
			attr.Scoped |= unix.LANDLOCK_SCOPE_SIGNAL
		}
	}
	return attr
}

func createRuleset(attr unix.LandlockRulesetAttr) (int, error) {
	// The first three members are those that any version has, or ignores while they are zero.
	size := unsafe.Offsetof(attr.Quiet_access_fs)
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(unsafe.Pointer(&attr)), size, 0)
	if errno != 0 {
		return -1, os.NewSyscallError("landlock_create_ruleset", errno)
	}
	return int(fd), nil
}

// ruleset is a Landlock ruleset in the making.
type ruleset struct {
	fd      int
	handled unix.LandlockRulesetAttr
	err     error
}

// landlockRules makes the ruleset of b.
func landlockRules(version int, b Bounds) (int, error) {
	r := &ruleset{handled: handled(version)}
	if r.fd, r.err = createRuleset(r.handled); r.err != nil {
		return -1, r.err
	}
	r.allow(accessRead, always...)
	r.allow(accessRead|accessChange, os.DevNull)
	r.allow(accessExecute, b.Program)
	r.allow(accessRead, b.Read...)
	r.allow(accessWrite, b.Write...)
	r.allow(accessSockets, b.Sockets...)
	if b.Spawn {
		r.allow(accessExecute, programs...)
		r.allow(accessExecute, filepath.Dir(b.Program))
		r.allow(accessRead, libraries...)
	} else if loader, err := loaderOf(b.Program); err != nil {
		r.err = errors.Join(r.err, err)
	} else if loader != "" {
		r.allow(accessExecute, loader)
		r.allow(accessRead, libraries...)
	}
	if b.network() {
		r.allow(accessRead, internet...)
		for _, port := range b.Ports {
			r.connect(port)
		}
	}
	if r.err != nil {
		_ = unix.Close(r.fd)
		return -1, fmt.Errorf("sandbox: %w", r.err)
	}
	return r.fd, nil
}

// allow grants access to files and folders; those that do not exist are left out.
func (r *ruleset) allow(access uint64, paths ...string) {
	for _, path := range paths {
		if path == "" || r.err != nil {
			continue
		}
		fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
		if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.EACCES) {
			continue // who starts the program cannot reach it either
		}
		if err != nil {
			r.err = &fs.PathError{Op: "open", Path: path, Err: err}
			return
		}
		r.err = r.grant(fd, path, access)
		_ = unix.Close(fd)
	}
}

func (r *ruleset) grant(fd int, path string, access uint64) error {
	var info unix.Stat_t
	if err := unix.Fstat(fd, &info); err != nil {
		return &fs.PathError{Op: "stat", Path: path, Err: err}
	}
	if info.Mode&unix.S_IFMT != unix.S_IFDIR {
		access &= accessFile
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: access & r.handled.Handled_access_fs, Parent_fd: int32(fd)}
	if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(r.fd), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 {
		return &fs.PathError{Op: "landlock_add_rule", Path: path, Err: errno}
	}
	return nil
}

// connect grants connections to a TCP port.
func (r *ruleset) connect(port uint16) {
	access := r.handled.Handled_access_net & unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	if access == 0 || r.err != nil {
		return
	}
	const ruleNetPort = 2 // LANDLOCK_RULE_NET_PORT
	rule := struct{ access, port uint64 }{access, uint64(port)}
	if _, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(r.fd), ruleNetPort,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0); errno != 0 {
		r.err = os.NewSyscallError("landlock_add_rule", errno)
	}
}

// loaderOf is the loader that a program linked to libraries asks for; empty for one that stands alone, or that is no
// program of this system, as the kernel will say.
func loaderOf(program string) (string, error) {
	f, err := os.Open(program)
	if err != nil {
		return "", err
	}
	defer f.Close()
	image, err := elf.NewFile(f)
	if err != nil {
		return "", nil
	}
	for _, p := range image.Progs {
		if p.Type == elf.PT_INTERP {
			name, err := io.ReadAll(io.LimitReader(p.Open(), unix.PathMax))
			return unix.ByteSliceToString(name), err
		}
	}
	return "", nil
}
