// Package scaffold writes a new plug-in: a small one that is complete, with a manifest, handlers, tests and
// translations, as a Go module of its own beside the SDK that it is built with.
//
// What it writes are the templates in files/. The module's requirements come from the SDK: those that its packages need,
// in its versions, with its sums, so that the plug-in builds at once and without a network.
package scaffold

import (
	"bytes"
	"context"
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/template"
)

//go:embed files
var files embed.FS

// sdkModule is the module that the SDK is part of, and sdkPackages what a plug-in imports of it.
const sdkModule = "mostrador"

var sdkPackages = []string{sdkModule + "/sdk", sdkModule + "/sdk/plgtest"}

var (
	// ErrID means that the id is not PLG and four digits.
	ErrID = errors.New("scaffold: not an id of a plug-in")
	// ErrName means that the folder's name cannot be the program's: it begins with the id in lower case, and small
	// letters and digits follow.
	ErrName = errors.New("scaffold: the folder's name does not fit the id")
	// ErrExists means that there is something in the folder already.
	ErrExists = errors.New("scaffold: the folder is not empty")
	// ErrNoSDK means that there is no SDK in the folder that was given for it.
	ErrNoSDK = errors.New("scaffold: no SDK there")
	// ErrNoGo means that there is no Go to build with.
	ErrNoGo = errors.New("scaffold: go is not installed")
)

// Plugin is what is known of a plug-in before it is written.
type Plugin struct {
	// ID is PLG and four digits.
	ID string
	// Name is what people call it.
	Name string
	// SDK is the folder with Mostrador's source.
	SDK string
}

var pluginID = regexp.MustCompile(`^PLG[0-9]{4}$`)

// Write writes a plug-in into dir, which is made, and returns the names of its files. dir's base is the name of the
// program: "plg9005saludo" for PLG9005.
func Write(ctx context.Context, dir string, p Plugin) ([]string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, err
	}
	program := filepath.Base(dir)
	prefix := strings.ToLower(p.ID)
	switch {
	case !pluginID.MatchString(p.ID):
		return nil, ErrID
	case !regexp.MustCompile(`^` + prefix + `[a-z0-9]+$`).MatchString(program):
		return nil, ErrName
	}
	if there, err := os.ReadDir(dir); err == nil && len(there) > 0 {
		return nil, ErrExists
	} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	mod, sum, err := module(ctx, p.SDK, program)
	if err != nil {
		return nil, err
	}
	name, err := json.Marshal(p.Name) // a JSON string is a YAML one
	if err != nil {
		return nil, err
	}
	written, err := render(map[string]string{
		"ID": p.ID, "Prefix": prefix, "Name": p.Name, "QuotedName": string(name), "Program": program,
	})
	if err != nil {
		return nil, err
	}
	written["go.mod"], written["go.sum"] = mod, sum
	for name, data := range written {
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return nil, err
		}
	}
	return slices.Sorted(maps.Keys(written)), nil
}

// render fills in the templates.
func render(values map[string]string) (map[string][]byte, error) {
	written := map[string][]byte{}
	err := fs.WalkDir(files, "files", func(name string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		text, err := files.ReadFile(name)
		if err != nil {
			return err
		}
		// The delimiters leave the braces of YAML and Go alone.
		t, err := template.New(name).Delims("<<", ">>").Option("missingkey=error").Parse(string(text))
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := t.Execute(&b, values); err != nil {
			return err
		}
		name = strings.TrimSuffix(strings.TrimPrefix(name, "files/"), ".tmpl")
		if path.Base(name) == "gitignore" {
			name = path.Join(path.Dir(name), ".gitignore")
		}
		written[name] = b.Bytes()
		return nil
	})
	return written, err
}

// FindSDK looks for the folder with Mostrador's source in dirs and above them. It returns the first, or ErrNoSDK.
func FindSDK(dirs ...string) (string, error) {
	for _, dir := range dirs {
		for {
			if isSDK(dir) {
				return dir, nil
			}
			parent := filepath.Dir(dir)
			if parent == dir {
				break
			}
			dir = parent
		}
	}
	return "", ErrNoSDK
}

var moduleLine = regexp.MustCompile(`(?m)^module ` + sdkModule + `\r?$`)

func isSDK(dir string) bool {
	data, err := os.ReadFile(filepath.Join(dir, "go.mod"))
	return err == nil && moduleLine.Match(data)
}

// goModFile is what `go mod edit -json` says of interest.
type goModFile struct{ Go, Toolchain string }

// platforms are those whose requirements a plug-in has, since packages differ in what they import.
var platforms = []string{"linux", "windows", "darwin"}

// module returns go.mod and go.sum of a plug-in that is built with the SDK.
func module(ctx context.Context, sdk, name string) (mod, sum []byte, err error) {
	if sdk, err = filepath.Abs(sdk); err != nil {
		return nil, nil, err
	}
	if !isSDK(sdk) {
		return nil, nil, ErrNoSDK
	}
	if sum, err = os.ReadFile(filepath.Join(sdk, "go.sum")); err != nil {
		return nil, nil, err
	}
	text, err := runGo(ctx, sdk, nil, "mod", "edit", "-json")
	if err != nil {
		return nil, nil, err
	}
	var of goModFile
	if err := json.Unmarshal(text, &of); err != nil {
		return nil, nil, fmt.Errorf("scaffold: reading the SDK's go.mod: %w", err)
	}
	needed := map[string]bool{}
	for _, platform := range platforms {
		args := append([]string{"list", "-deps", "-f", "{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}}{{end}}{{end}}"}, sdkPackages...)
		list, err := runGo(ctx, sdk, []string{"GOOS=" + platform, "GOARCH=amd64", "CGO_ENABLED=0"}, args...)
		if err != nil {
			return nil, nil, err
		}
		for line := range strings.Lines(string(list)) {
			if line = strings.TrimSpace(line); line != "" {
				needed[line] = true
			}
		}
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "module %s\n\ngo %s\n\n", name, of.Go)
	if of.Toolchain != "" {
		fmt.Fprintf(&b, "toolchain %s\n\n", of.Toolchain)
	}
	fmt.Fprintf(&b, "require %s v0.0.0\n\n", sdkModule)
	fmt.Fprintf(&b, "// The SDK is this folder, until it is published as a module.\nreplace %s v0.0.0 => %s\n\n", sdkModule, quoted(filepath.ToSlash(sdk)))
	b.WriteString("require (\n")
	for _, line := range slices.Sorted(maps.Keys(needed)) {
		fmt.Fprintf(&b, "\t%s // indirect\n", line)
	}
	b.WriteString(")\n")
	return b.Bytes(), sum, nil
}

// quoted writes a path as go.mod wants it.
func quoted(path string) string {
	if strings.ContainsAny(path, " \t\"'`,()[]{}") || strings.Contains(path, "//") {
		return strconv.Quote(path)
	}
	return path
}

// runGo runs the go command in a folder, as its own module and with nothing but what is on this machine asked of it.
func runGo(ctx context.Context, dir string, env []string, args ...string) ([]byte, error) {
	program, err := exec.LookPath("go")
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNoGo, err)
	}
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), append([]string{"GOWORK=off", "GOFLAGS="}, env...)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("scaffold: go %s: %w\n%s", args[0], err, errs.Bytes())
	}
	return out, nil
}
