package plugin

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"mostrador/host/plugin/sandbox"
	"mostrador/sdk/manifest"
)

// nodeMemory is what a plugin on Node.js may take when its manifest does not say: the engine alone takes more than a
// whole program in Go.
const nodeMemory = 640 << 20

// boundsOf is the command that starts a package's program, and what its permissions leave within reach.
func boundsOf(pkg *Package, cfg *Config) (program []string, b sandbox.Bounds, err error) {
	m := pkg.Manifest
	program = []string{pkg.Program}
	b = sandbox.Bounds{
		Program: pkg.Program,
		Read:    []string{pkg.Dir},
		Spawn:   slices.Contains(m.Permissions, manifest.PermissionSpawn),
		Memory:  max(cfg.Policy.Memory, 0),
		Nice:    cfg.Policy.Nice,
	}
	if m.Runtime == manifest.RuntimeNode {
		node, err := exec.LookPath("node")
		if err != nil {
			return nil, b, fmt.Errorf("it runs on Node.js, which is not installed: %w", err)
		}
		if node, err = filepath.Abs(node); err != nil {
			return nil, b, err
		}
		program = []string{node, pkg.Program}
		b.Program = node
		b.Read = append(b.Read, nodeFiles...)
		if b.Memory > 0 {
			b.Memory = max(b.Memory, nodeMemory)
		}
	}
	if mib := manifest.MemoryMiB(m.Permissions); mib > 0 && b.Memory > 0 {
		b.Memory = int64(mib) << 20
	}
	for _, permission := range m.Permissions {
		if _, port, ok := manifest.Net(permission); ok {
			b.Ports = append(b.Ports, uint16(port))
		}
	}
	if path, private, found := trespass(m, cfg.Private); found {
		return nil, b, fmt.Errorf("its manifest opens %s, and no plugin reaches %s", path, private)
	}
	for _, f := range manifest.Files(m.Permissions) {
		if f.Write {
			b.Write = append(b.Write, f.Path)
		} else {
			b.Read = append(b.Read, f.Path)
		}
	}
	return program, b, nil
}

// nodeFiles are what Node.js reads when it starts.
var nodeFiles = []string{"/usr/share/nodejs", "/etc/ssl/openssl.cnf", "/usr/lib/ssl/openssl.cnf"}

// Trespass finds a path that the manifest opens although it is private (Config.Private); such a plugin is not started.
func (m *Manager) Trespass(asks *manifest.Manifest) (path string, found bool) {
	path, _, found = trespass(asks, m.cfg.Private)
	return path, found
}

func trespass(m *manifest.Manifest, private []string) (path, theirs string, found bool) {
	for _, f := range manifest.Files(m.Permissions) {
		if theirs, found = overlap(f.Path, private); found {
			return f.Path, theirs, true
		}
	}
	return "", "", false
}

// overlap finds one of private that lies in path, or in which path lies; links are followed first.
func overlap(path string, private []string) (string, bool) {
	path = resolve(path)
	for _, p := range private {
		if within(path, resolve(p)) || within(resolve(p), path) {
			return p, true
		}
	}
	return "", false
}

func resolve(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return filepath.Clean(path)
}

// within tells whether path is folder or lies in it.
func within(path, folder string) bool {
	rest, err := filepath.Rel(folder, path)
	return err == nil && rest != ".." && !strings.HasPrefix(rest, ".."+string(filepath.Separator))
}
