package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"

	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/plugin/pack"
	"mostrador/host/plugin/permission"
	"mostrador/host/plugin/scaffold"
	"mostrador/sdk/manifest"
)

// The commands of whoever makes plug-ins. None of them needs a store.

type pluginNewCmd struct {
	Folder string `arg:""`
	ID     string `name:"id" required:"" placeholder:"PLG0000"`
	Name   string `required:"" placeholder:"NAME"`
	SDK    string `name:"sdk" env:"MOSTRADOR_SDK" placeholder:"DIR"`
}

type pluginPackCmd struct {
	Folder   string   `arg:"" default:"."`
	Out      string   `placeholder:"FILE.plg"`
	Platform []string `placeholder:"OS/ARCH"`
	Program  []string `placeholder:"OS/ARCH=FILE" sep:"none"`
}

type pluginSignCmd struct {
	File     string `arg:"" placeholder:"FILE.plg"`
	Key      string `required:"" placeholder:"FILE.key"`
	Password string `placeholder:"-"`
}

type pluginVerifyCmd struct {
	File string   `arg:"" placeholder:"FILE.plg"`
	By   []string `placeholder:"KEY" sep:"none"`
}

type pluginKeyCmd struct {
	Keyfile  string `arg:"" placeholder:"FILE.key"`
	Password string `placeholder:"-"`
}

func (c *pluginNewCmd) Run(ctx context.Context, s *session) error {
	sdk, err := c.findSDK()
	if err != nil {
		return s.scaffolded(c, err)
	}
	files, err := scaffold.Write(ctx, c.Folder, scaffold.Plugin{ID: c.ID, Name: c.Name, SDK: sdk})
	if err != nil {
		return s.scaffolded(c, err)
	}
	list := make([]any, len(files))
	for i, f := range files {
		list[i] = f
	}
	answer, err := structpb.NewStruct(map[string]any{"id": c.ID, "folder": c.Folder, "files": list})
	if err != nil {
		return err
	}
	return s.answer(answer, func() {
		s.print("plugin_written", "plugin", c.ID, "folder", c.Folder)
		for _, f := range files {
			fmt.Fprintln(s.out, "  "+filepath.Join(c.Folder, filepath.FromSlash(f)))
		}
		s.print("plugin_next", "folder", c.Folder)
	})
}

// findSDK returns the folder that was named, or else the source that this program or the current folder is in.
func (c *pluginNewCmd) findSDK() (string, error) {
	if c.SDK != "" {
		return c.SDK, nil
	}
	var dirs []string
	if program, err := os.Executable(); err == nil {
		if real, err := filepath.EvalSymlinks(program); err == nil {
			program = real
		}
		dirs = append(dirs, filepath.Dir(program))
	}
	if here, err := os.Getwd(); err == nil {
		dirs = append(dirs, here)
	}
	return scaffold.FindSDK(dirs...)
}

// scaffolded is the sentence about a plug-in that was not written.
func (s *session) scaffolded(c *pluginNewCmd, err error) error {
	args := []any{"folder", c.Folder, "id", c.ID, "example", strings.ToLower(c.ID) + "saludo", "problem", err}
	for reason, key := range map[error]string{
		scaffold.ErrID: "new_id", scaffold.ErrName: "new_folder", scaffold.ErrExists: "new_exists",
		scaffold.ErrNoSDK: "new_sdk", scaffold.ErrNoGo: "no_go",
	} {
		if errors.Is(err, reason) {
			return s.fault(key, args...)
		}
	}
	return s.fault("new_failed", args...)
}

func (c *pluginPackCmd) Run(ctx context.Context, s *session) error {
	dir, err := filepath.Abs(c.Folder)
	if err != nil {
		return err
	}
	text, err := os.ReadFile(filepath.Join(dir, "plugin.yaml"))
	if err != nil {
		return s.fault("file_unreadable", "file", filepath.Join(c.Folder, "plugin.yaml"), "problem", reason(err))
	}
	m, err := manifest.Parse(text, "plugin.yaml")
	if err != nil {
		return s.packed(c.Folder, &pack.Refused{Code: pack.CodeManifest, Args: []any{"problem", err}})
	}
	temp, err := os.MkdirTemp("", "mostrador-pack-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	programs, err := c.programs(ctx, s, dir, temp, m)
	if err != nil {
		return err
	}
	out := c.Out
	if out == "" {
		out = m.ID + "-" + m.Version + ".plg"
	}
	if err := writePackage(out, dir, programs); err != nil {
		return s.packed(out, err)
	}
	f, done, err := openPackage(out)
	if err != nil {
		return s.packed(out, err)
	}
	defer done()
	return s.answer(s.inspected(f, ""), func() {
		s.print("packed", "file", out, "plugin", m.ID, "version", m.Version, "platforms", strings.Join(f.Platforms(), ", "))
	})
}

// programs finds or builds the plug-in's programs: those that were named; main.js and what lies beside it; what Go
// builds; or else what stands in bin/ already.
func (c *pluginPackCmd) programs(ctx context.Context, s *session, dir, temp string, m *manifest.Manifest) ([]pack.Program, error) {
	if len(c.Program) > 0 {
		return c.named(s)
	}
	if m.Runtime != "" {
		return found(dir, "any")
	}
	if sources, _ := filepath.Glob(filepath.Join(dir, "*.go")); len(sources) == 0 { // its only error is a bad pattern
		return found(dir, "*-*")
	}
	platforms := c.Platform
	if len(platforms) == 0 {
		platforms = []string{runtime.GOOS + "/" + runtime.GOARCH}
	}
	var programs []pack.Program
	for _, platform := range platforms {
		goos, arch, ok := strings.Cut(platform, "/")
		if !ok {
			return nil, misused(s.say("bad_platform", "platform", platform))
		}
		path := filepath.Join(temp, goos+"-"+arch, programName(dir, m.ID))
		if err := s.goBuild(ctx, dir, goos, arch, path); err != nil {
			return nil, err
		}
		programs = append(programs, pack.Program{OS: goos, Arch: arch, Path: path})
	}
	return programs, nil
}

func (c *pluginPackCmd) named(s *session) ([]pack.Program, error) {
	var programs []pack.Program
	for _, p := range c.Program {
		platform, file, ok := strings.Cut(p, "=")
		goos, arch, two := strings.Cut(platform, "/")
		switch {
		case ok && platform == "any":
			goos = ""
		case !ok || !two:
			return nil, misused(s.say("bad_program", "program", p))
		}
		programs = append(programs, pack.Program{OS: goos, Arch: arch, Path: file})
	}
	return programs, nil
}

// found lists the programs in the folders below bin/ that a pattern names.
func found(dir, pattern string) ([]pack.Program, error) {
	paths, err := filepath.Glob(filepath.Join(dir, "bin", pattern, "*"))
	if err != nil {
		return nil, err
	}
	var programs []pack.Program
	for _, path := range paths {
		goos, arch, _ := strings.Cut(filepath.Base(filepath.Dir(path)), "-")
		if goos == "any" {
			goos = ""
		}
		programs = append(programs, pack.Program{OS: goos, Arch: arch, Path: path})
	}
	return programs, nil
}

// programName is what a plug-in's program is called: like its folder, when that begins with the id.
func programName(dir, id string) string {
	base, prefix := filepath.Base(dir), strings.ToLower(id)
	if regexp.MustCompile(`^` + prefix + `[a-z0-9_]*$`).MatchString(base) {
		return base
	}
	return prefix
}

// goBuild builds the program in dir, the same whoever builds it and wherever.
func (s *session) goBuild(ctx context.Context, dir, goos, arch, out string) error {
	program, err := exec.LookPath("go")
	if err != nil {
		return s.fault("no_go", "problem", err)
	}
	cmd := exec.CommandContext(ctx, program, "build", "-trimpath", "-buildvcs=false", "-tags", "grpcnotrace", "-ldflags", "-s -w", "-o", out, ".")
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOOS="+goos, "GOARCH="+arch, "CGO_ENABLED=0")
	if said, err := cmd.CombinedOutput(); err != nil {
		return s.fault("build_failed", "platform", goos+"/"+arch, "problem", strings.TrimSpace(string(said)+" "+err.Error()))
	}
	return nil
}

// writePackage builds a package into a file, whole or not at all.
func writePackage(out, dir string, programs []pack.Program) error {
	f, err := os.CreateTemp(filepath.Dir(out), ".pack-*")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name()) // it is no longer there when all went well
	err = pack.Build(f, dir, programs)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), out)
}

func openPackage(name string) (f *pack.File, done func(), err error) {
	in, err := os.Open(name)
	if err != nil {
		return nil, nil, err
	}
	info, err := in.Stat()
	if err == nil {
		f, err = pack.Open(in, info.Size())
	}
	if err != nil {
		in.Close()
		return nil, nil, err
	}
	return f, func() { in.Close() }, nil
}

func (c *pluginSignCmd) Run(_ context.Context, s *session) error {
	text, err := os.ReadFile(c.Key)
	if err != nil {
		return s.fault("file_unreadable", "file", c.Key, "problem", reason(err))
	}
	password, err := s.readSecret(c.Password)
	if err != nil {
		return err
	}
	key, err := pack.ParseSecretKey(text, password)
	switch {
	case errors.Is(err, pack.ErrPassword):
		return s.fault("key_password", "file", c.Key)
	case err != nil:
		return s.fault("key_broken", "file", c.Key)
	}
	if err := pack.Sign(c.File, key); err != nil {
		return s.packed(c.File, err)
	}
	f, done, err := openPackage(c.File)
	if err != nil {
		return s.packed(c.File, err)
	}
	defer done()
	return s.answer(s.inspected(f, ""), func() { s.print("signed", "file", c.File, "key", f.KeyID()) })
}

func (c *pluginVerifyCmd) Run(_ context.Context, s *session) error {
	trusted, err := c.trusted(s)
	if err != nil {
		return err
	}
	f, done, err := openPackage(c.File)
	if err != nil {
		return s.packed(c.File, err)
	}
	defer done()
	var signer string
	if len(trusted) > 0 {
		if signer, err = f.Verify(trusted); err != nil {
			return s.packed(c.File, err)
		}
	}
	return s.answer(s.inspected(f, signer), func() {
		shown := s.inspected(f, signer)
		switch {
		case shown.Signer != "":
		case f.KeyID() != "":
			shown.Signer = s.say("signer_unchecked", "key", f.KeyID())
		default:
			shown.Signer = s.say("signer_none")
		}
		s.showPackage(shown)
		s.print("works_on", "platforms", strings.Join(f.Platforms(), ", "))
		switch {
		case signer != "":
			s.print("verified_signed", "file", c.File, "signer", signer)
		case f.KeyID() == "":
			s.print("verified_unsigned", "file", c.File)
		default:
			s.print("verified_whole", "file", c.File, "key", f.KeyID())
		}
	})
}

// trusted reads the keys that were named: a key, the file of one, or a name and a key as the Guide has them.
func (c *pluginVerifyCmd) trusted(s *session) ([]pack.TrustedKey, error) {
	var keys []pack.TrustedKey
	for _, by := range c.By {
		if key, err := pack.ParseTrustedKey(by); err == nil {
			keys = append(keys, key)
			continue
		}
		name, text := by, by
		if data, err := os.ReadFile(by); err == nil {
			name, text = strings.TrimSuffix(filepath.Base(by), filepath.Ext(by)), string(data)
		}
		key, err := pack.ParsePublicKey(text)
		if err != nil {
			return nil, s.fault("key_broken", "file", by)
		}
		keys = append(keys, pack.TrustedKey{Name: name, Key: key})
	}
	return keys, nil
}

func (c *pluginKeyCmd) Run(_ context.Context, s *session) error {
	password, err := s.readSecret(c.Password)
	if err != nil {
		return err
	}
	public, secret, err := pack.GenerateKey()
	if err != nil {
		return err
	}
	sealed, err := pack.FormatSecretKey(secret, password)
	if err != nil {
		return err
	}
	publicFile := strings.TrimSuffix(c.Keyfile, filepath.Ext(c.Keyfile)) + ".pub"
	for _, file := range []struct {
		name string
		text []byte
		mode fs.FileMode
	}{
		{c.Keyfile, sealed, 0o600},
		{publicFile, pack.FormatPublicKey(public), 0o644},
	} {
		if err := writeNew(file.name, file.text, file.mode); err != nil {
			return s.fault("key_unwritten", "file", file.name, "problem", reason(err))
		}
	}
	answer, err := structpb.NewStruct(map[string]any{
		"secretKey": c.Keyfile, "publicKey": publicFile, "key": public.String(), "keyId": pack.KeyID(public),
	})
	if err != nil {
		return err
	}
	return s.answer(answer, func() {
		s.print("key_made", "secret", c.Keyfile, "public", publicFile, "key", public.String())
	})
}

// writeNew writes a file that is not there yet.
func writeNew(name string, data []byte, mode fs.FileMode) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Sync(), f.Close())
}

// inspected says what is in a package, as the API does.
func (s *session) inspected(f *pack.File, signer string) *mostradorv1.InspectResponse {
	m := f.Manifest()
	r := &mostradorv1.InspectResponse{
		Id: m.ID, Name: m.Name.In(s.lang), Version: m.Version, Description: m.Description.In(s.lang), Digest: f.Digest(),
		Signer: signer, KeyId: f.KeyID(), Platforms: f.Platforms(),
	}
	for _, p := range permission.List(s.catalog, m, s.lang) {
		r.Permissions = append(r.Permissions, &mostradorv1.Permission{Id: p.ID, Text: p.Text, Sensitive: p.Sensitive})
	}
	return r
}

// packed is the sentence about a package that was not made or not taken.
func (s *session) packed(file string, err error) error {
	var refused *pack.Refused
	if !errors.As(err, &refused) {
		return s.fault("package_failed", "file", file, "problem", reason(err))
	}
	return s.fault("package_refused", "file", file, "problem", s.catalog.Text(s.lang, "pack."+refused.Code, refused.Args...))
}

// reason is why a file could not be read or written, without its name, which the sentence has.
func reason(err error) error {
	var failed *fs.PathError
	if errors.As(err, &failed) {
		return failed.Err
	}
	return err
}
