package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"slices"
	"strings"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

type pluginInstallCmd struct {
	File           string `arg:"" placeholder:"FILE.plg"`
	Yes            bool
	AllowDowngrade bool
	NoEnable       bool
}

type pluginUpgradeCmd struct {
	File           string `arg:"" placeholder:"FILE.plg"`
	Yes            bool
	AllowDowngrade bool
}

type pluginRollbackCmd struct {
	Plugin  string `arg:""`
	Version string `arg:"" optional:""`
}

type pluginRemoveCmd struct {
	Plugin  string `arg:""`
	Version string `arg:"" optional:""`
}

type pluginLogsCmd struct {
	Plugin string `arg:""`
	Limit  int32  `default:"100" placeholder:"N"`
}

type pluginSettleCmd struct {
	Target string `arg:""`
	Plugin string `arg:"" optional:""`
}

type doctorCmd struct{}

func (c *pluginInstallCmd) Run(ctx context.Context, s *session) error {
	return s.install(ctx, c.File, c.Yes, &mostradorv1.InstallRequest{AllowDowngrade: c.AllowDowngrade, Enable: !c.NoEnable}, false)
}

func (c *pluginUpgradeCmd) Run(ctx context.Context, s *session) error {
	return s.install(ctx, c.File, c.Yes, &mostradorv1.InstallRequest{AllowDowngrade: c.AllowDowngrade}, true)
}

// install shows what a package is and asks for, asks, and installs it.
func (s *session) install(ctx context.Context, file string, yes bool, req *mostradorv1.InstallRequest, upgrade bool) error {
	data, err := os.ReadFile(file)
	if err != nil {
		return misused(s.say("file_unreadable", "file", file, "problem", err))
	}
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	inspected, err := api.plugin.Inspect(ctx, connect.NewRequest(&mostradorv1.InspectRequest{Package: data}))
	if err != nil {
		return err
	}
	seen := inspected.Msg
	if upgrade && seen.GetInstalledVersion() == "" {
		return misused(s.say("not_installed", "plugin", seen.GetId()))
	}
	if !s.JSON {
		s.showPackage(seen)
	}
	if slices.ContainsFunc(seen.GetDiagnostics(), isError) && (seen.GetInstalledVersion() == "" || s.JSON) {
		return &refusal{&mostradorv1.Refusal{Diagnostics: seen.GetDiagnostics()}}
	}
	if !yes && !s.confirm("install_question", "plugin", seen.GetId(), "version", seen.GetVersion()) {
		return misused(s.say("not_confirmed"))
	}
	req.Package, req.Digest = data, seen.GetDigest()
	for _, p := range seen.GetPermissions() {
		req.AcceptedPermissions = append(req.AcceptedPermissions, p.GetId())
	}
	resp, err := api.plugin.Install(ctx, connect.NewRequest(req))
	if err != nil {
		return err
	}
	err = s.answer(resp.Msg, func() {
		if why := resp.Msg.GetRolledBack(); why != "" {
			fmt.Fprintln(s.out, why)
		}
		s.pluginLine(resp.Msg.GetPlugin())
	})
	if err == nil && resp.Msg.GetRolledBack() != "" {
		return errSaid
	}
	return err
}

func isError(d *plgv1.Diagnostic) bool { return d.GetSeverity() == plgv1.Severity_SEVERITY_ERROR }

// showPackage prints what a technician should read before he installs.
func (s *session) showPackage(p *mostradorv1.InspectResponse) {
	rows := s.pairs()
	rows.add(s.say("col_plugin"), p.GetId()+" "+p.GetName())
	rows.add(s.say("col_version"), p.GetVersion())
	rows.addIf(s.say("col_installed"), p.GetInstalledVersion())
	signer := p.GetSigner()
	if signer == "" {
		signer = s.say("nobody_trusted")
	}
	rows.add(s.say("col_signer"), signer)
	rows.add("SHA-256", p.GetDigest())
	rows.print()
	if p.GetDescription() != "" {
		fmt.Fprintln(s.out, p.GetDescription())
	}
	s.print("asks_for")
	if len(p.GetPermissions()) == 0 {
		s.print("asks_nothing")
	}
	for _, permission := range p.GetPermissions() {
		mark := "  - "
		if permission.GetSensitive() {
			mark = "  ! "
		}
		line := mark + permission.GetText()
		if p.GetInstalledVersion() != "" && slices.Contains(p.GetAddedPermissions(), permission.GetId()) {
			line += " " + s.say("permission_new")
		}
		fmt.Fprintln(s.out, line)
	}
	for _, d := range p.GetDiagnostics() {
		fmt.Fprintln(s.out, "* "+d.GetSummary())
	}
}

// confirm asks a question that only yes answers.
func (s *session) confirm(key string, args ...any) bool {
	fmt.Fprint(s.err, s.say(key, args...)+" ")
	line, _ := bufio.NewReader(s.in).ReadString('\n')
	answer := strings.ToLower(strings.TrimSpace(line))
	return answer != "" && slices.Contains(strings.Fields(s.say("yes_words")), answer)
}

func (c *pluginRollbackCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.plugin.Rollback(ctx, connect.NewRequest(&mostradorv1.RollbackRequest{Id: c.Plugin, Version: c.Version}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.pluginLine(resp.Msg.GetPlugin()) })
}

func (c *pluginRemoveCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.plugin.Remove(ctx, connect.NewRequest(&mostradorv1.RemoveRequest{Id: c.Plugin, Version: c.Version}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.print("plugin_removed", "plugin", c.Plugin) })
}

func (c *pluginLogsCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.plugin.Logs(ctx, connect.NewRequest(&mostradorv1.LogsRequest{Id: c.Plugin, Limit: c.Limit}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		for _, line := range resp.Msg.GetLines() {
			fmt.Fprintln(s.out, line)
		}
		if n := resp.Msg.GetDropped(); n > 0 {
			s.print("lines_dropped", "dropped", n)
		}
	})
}

func (c *pluginSettleCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.plugin.Settle(ctx, connect.NewRequest(&mostradorv1.SettleRequest{Target: c.Target, Plugin: c.Plugin}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		if c.Plugin == "" {
			s.print("unsettled", "target", c.Target)
			return
		}
		s.print("settled", "target", c.Target, "plugin", c.Plugin)
	})
}

func (c *doctorCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.plugin.Check(ctx, connect.NewRequest(&mostradorv1.CheckPluginsRequest{}))
	if err != nil {
		return err
	}
	ill := slices.ContainsFunc(resp.Msg.GetPlugins(), func(p *mostradorv1.PluginInfo) bool {
		return slices.ContainsFunc(p.GetHealth(), isError)
	})
	err = s.answer(resp.Msg, func() {
		for _, d := range resp.Msg.GetMachine() {
			fmt.Fprintln(s.out, d.GetSummary())
		}
		for _, p := range resp.Msg.GetPlugins() {
			s.pluginLine(p)
			if p.GetActive() && p.GetSandbox() != "" {
				fmt.Fprintln(s.out, "  "+p.GetSandbox())
			}
			for _, d := range p.GetHealth() {
				fmt.Fprintln(s.out, "  * "+d.GetSummary())
			}
		}
	})
	if err == nil && ill {
		return errSaid
	}
	return err
}
