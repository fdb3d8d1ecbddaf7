package conformance

import (
	"fmt"
	"os/exec"
	"path/filepath"

	"mostrador/host/plugin"
	"mostrador/sdk/manifest"
)

// command is how a package's program is started.
func command(pkg *plugin.Package) (name string, args []string, err error) {
	if pkg.Manifest.Runtime != manifest.RuntimeNode {
		return pkg.Program, nil, nil
	}
	node, err := exec.LookPath(string(manifest.RuntimeNode))
	if err == nil {
		node, err = filepath.Abs(node)
	}
	if err != nil {
		return "", nil, fmt.Errorf("its runtime: %w", err)
	}
	return node, []string{pkg.Program}, nil
}
