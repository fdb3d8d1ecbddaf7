package main

import (
	"context"
	"fmt"
	"strconv"

	"connectrpc.com/connect"

	"mostrador/host/api/mostradorv1"
)

func (c *pluginListCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.plugin.List(ctx, connect.NewRequest(&mostradorv1.ListPluginsRequest{Language: s.lang}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("plugin", "name", "version", "state", "pending", "parked")
		for _, p := range resp.Msg.GetPlugins() {
			rows.add(p.GetId(), p.GetName(), p.GetVersion(), s.pluginState(p),
				strconv.FormatUint(p.GetPending(), 10), strconv.FormatUint(p.GetParked(), 10))
		}
		rows.print()
		for _, p := range resp.Msg.GetPlugins() {
			for _, line := range p.GetLastLog() {
				fmt.Fprintf(s.out, "%s: %s\n", p.GetId(), line)
			}
		}
		if sync := resp.Msg.GetSync(); sync.GetRunning() {
			s.print("sync_running", "done", sync.GetDone(), "total", sync.GetTotal(), "changed", sync.GetChanged())
		}
		for _, conflict := range resp.Msg.GetConflicts() {
			s.print("conflict", "target", conflict.GetTarget(), "explanation", conflict.GetExplanation())
		}
	})
}

func (c *pluginEnableCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.plugin.Enable(ctx, connect.NewRequest(&mostradorv1.EnablePluginRequest{Id: c.Plugin}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.pluginLine(resp.Msg.GetPlugin()) })
}

func (c *pluginDisableCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.plugin.Disable(ctx, connect.NewRequest(&mostradorv1.DisablePluginRequest{Id: c.Plugin}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.pluginLine(resp.Msg.GetPlugin()) })
}

func (c *pluginWhyCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.plugin.Why(ctx, connect.NewRequest(&mostradorv1.WhyRequest{Target: c.Target, Language: s.lang}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		fmt.Fprintln(s.out, resp.Msg.GetExplanation())
		rows := s.pairs()
		rows.add(s.say("col_visible"), s.yesNo(resp.Msg.GetVisible()))
		rows.add(s.say("col_editable"), s.yesNo(resp.Msg.GetEditable()))
		rows.add(s.say("col_required"), s.yesNo(resp.Msg.GetRequired()))
		rows.addIf(s.say("col_value"), resp.Msg.GetValue())
		rows.print()
		for _, r := range resp.Msg.GetRules() {
			rows := s.pairs()
			rows.add("  "+s.say("col_plugin"), r.GetPlugin())
			rows.add("  "+s.say("col_when"), r.GetWhen()+" ("+s.yesNo(r.GetHolds())+")")
			rows.addIf("  "+s.say("col_policy"), r.GetPolicy())
			rows.addIf("  "+s.say("col_reason"), r.GetReason())
			rows.print()
		}
		for _, conflict := range resp.Msg.GetConflicts() {
			s.print("conflict", "target", conflict.GetTarget(), "explanation", conflict.GetExplanation())
		}
	})
}

// pluginLine prints a plug-in that was just enabled or disabled.
func (s *session) pluginLine(p *mostradorv1.PluginInfo) {
	s.print("plugin_is", "plugin", p.GetId(), "name", p.GetName(), "version", p.GetVersion(), "state", s.pluginState(p))
}

func (s *session) pluginState(p *mostradorv1.PluginInfo) string {
	return s.say("plugin_" + enum(p.GetState().String(), "PLUGIN_STATE_"))
}
