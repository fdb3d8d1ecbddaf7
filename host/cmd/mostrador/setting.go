package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

func (c *settingListCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.setting.List(ctx, connect.NewRequest(&mostradorv1.ListSettingsRequest{
		Query: strings.Join(c.Words, " "), Language: s.lang,
	}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("key", "setting", "value", "scope")
		for _, setting := range resp.Msg.GetSettings() {
			rows.add(setting.GetKey(), setting.GetName(), s.settingValue(setting), s.scope(setting.GetScope(), ""))
		}
		rows.print()
	})
}

func (c *settingGetCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.setting.Get(ctx, connect.NewRequest(&mostradorv1.GetSettingRequest{Key: c.Key, Language: s.lang}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.setting(resp.Msg.GetSetting()) })
}

// Run sets a value, read by the setting's type: what a person types needs no quotes, what a script writes may
// be JSON.
func (c *settingSetCmd) Run(ctx context.Context, s *session) error {
	switch given := c.Value != nil || c.ContentFile != ""; {
	case !given && !c.Clear:
		return misused(s.say("misuse_missing_arguments", "what", "<value>"))
	case given && c.Clear:
		return misused(s.say("misuse_together", "what", "<value>", "other", "--clear"))
	}
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	req := &mostradorv1.SetSettingRequest{Key: c.Key, Language: s.lang, Clear: c.Clear, Scope: scopesByName[c.Scope]}
	if !c.Clear {
		current, err := api.setting.Get(ctx, connect.NewRequest(&mostradorv1.GetSettingRequest{Key: c.Key, Language: s.lang}))
		if err != nil {
			return err
		}
		if err := c.fill(s, req, current.Msg.GetSetting().GetType()); err != nil {
			return err
		}
	}
	resp, err := api.setting.Set(ctx, connect.NewRequest(req))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.setting(resp.Msg.GetSetting()) })
}

var scopesByName = map[string]mostradorv1.SettingScope{
	"chain": mostradorv1.SettingScope_SETTING_SCOPE_CHAIN,
	"store": mostradorv1.SettingScope_SETTING_SCOPE_STORE,
	"till":  mostradorv1.SettingScope_SETTING_SCOPE_TILL,
}

// fill puts value and content into the request, by the setting's type.
func (c *settingSetCmd) fill(s *session, req *mostradorv1.SetSettingRequest, kind string) error {
	var err error
	switch {
	case c.Value == nil:
	case *c.Value == "-":
		text, err := s.readFile("-")
		if err != nil {
			return err
		}
		if kind != "long_text" {
			text, _, _ = strings.Cut(text, "\n")
		}
		req.Value = structpb.NewStringValue(strings.TrimRight(text, "\r\n"))
	default:
		if req.Value, err = s.typedValue(kind, *c.Value); err != nil {
			return err
		}
	}
	content := c.ContentFile
	if path := req.GetValue().GetStringValue(); content == "" && kind == "file" && isFile(path) {
		content = path
		req.Value = nil
	}
	if content == "" {
		if kind == "template_file" {
			// A file of this folder; what is not here is one of the host's own or the plug-in's.
			if path, err := filepath.Abs(req.Value.GetStringValue()); err == nil && isFile(path) {
				req.Value = structpb.NewStringValue(path)
			}
		}
		return nil
	}
	text, err := s.readFile(content)
	if err != nil {
		return err
	}
	if kind == "file" {
		req.Data = []byte(text)
	} else {
		req.Content = &text
	}
	if req.Value == nil {
		req.Value = structpb.NewStringValue(filepath.Base(content))
	}
	return nil
}

// Run writes the file to standard output, or where --to says.
func (c *settingExportCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.setting.Export(ctx, connect.NewRequest(&mostradorv1.ExportSettingsRequest{All: c.All, Language: s.lang}))
	if err != nil {
		return err
	}
	if c.To != "" {
		if err := os.WriteFile(c.To, []byte(resp.Msg.GetFile()), 0o600); err != nil {
			return s.fault("file_unwritable", "file", c.To, "problem", err)
		}
	}
	return s.answer(resp.Msg, func() {
		if c.To == "" {
			fmt.Fprint(s.out, resp.Msg.GetFile())
		}
		if secrets := resp.Msg.GetSecrets(); len(secrets) > 0 {
			fmt.Fprintln(s.err, s.say("secrets_left_out", "keys", strings.Join(secrets, ", ")))
		}
	})
}

// Run shows what a file changes and, with --apply, takes it over.
func (c *settingImportCmd) Run(ctx context.Context, s *session) error {
	file, err := s.readFile(c.Exported)
	if err != nil {
		return err
	}
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.setting.Import(ctx, connect.NewRequest(&mostradorv1.ImportSettingsRequest{File: file, Apply: c.Apply, Language: s.lang}))
	if err != nil {
		return err
	}
	wrong := false
	for _, d := range resp.Msg.GetDiagnostics() {
		wrong = wrong || d.GetSeverity() == plgv1.Severity_SEVERITY_ERROR
		fmt.Fprintln(s.err, d.GetSummary())
	}
	err = s.answer(resp.Msg, func() {
		rows := s.table("key", "setting", "scope", "from", "to")
		for _, d := range resp.Msg.GetDifferences() {
			rows.add(d.GetKey(), d.GetName(), s.scope(d.GetScope(), d.GetTill()), s.value(d.GetFrom()), s.value(d.GetTo()))
		}
		rows.print()
		changes := len(resp.Msg.GetDifferences())
		switch {
		case wrong:
			s.print("import_refused")
		case resp.Msg.GetApplied():
			s.print("import_applied", "changes", changes)
		case changes > 0:
			s.print("import_preview")
		}
	})
	if err == nil && wrong {
		return errSaid
	}
	return err
}

func (c *settingHistoryCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.setting.History(ctx, connect.NewRequest(&mostradorv1.SettingHistoryRequest{Key: c.Key, Limit: c.Limit}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() {
		rows := s.table("change", "time", "operator", "till", "key", "scope", "from", "to")
		for _, ch := range resp.Msg.GetChanges() {
			rows.add(strconv.FormatUint(ch.GetSequence(), 10), s.time(ch.GetTime()), ch.GetOperator(), ch.GetTill(),
				ch.GetKey(), s.scope(ch.GetScope(), ch.GetScopeTill()), s.value(ch.GetFrom()), s.value(ch.GetTo()))
		}
		rows.print()
	})
}

func (c *settingRevertCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.setting.Revert(ctx, connect.NewRequest(&mostradorv1.RevertSettingRequest{Key: c.Key, Sequence: c.Change}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.setting(resp.Msg.GetSetting()) })
}

func (c *settingTestMailCmd) Run(ctx context.Context, s *session) error {
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	resp, err := api.setting.SendTest(ctx, connect.NewRequest(&mostradorv1.SendTestRequest{To: c.To}))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { fmt.Fprintln(s.out, resp.Msg.GetAnswer()) })
}

func isFile(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular()
}

// typedValue reads what was typed as a value of the setting's type.
func (s *session) typedValue(kind, typed string) (*structpb.Value, error) {
	switch kind {
	case "yes_no":
		yes, ok := parseYesNo(typed)
		if !ok {
			return nil, misused(s.say("misuse_yes_no", "what", typed))
		}
		return structpb.NewBoolValue(yes), nil
	case "number":
		n, err := strconv.ParseFloat(strings.Replace(typed, ",", ".", 1), 64)
		if err != nil {
			return nil, misused(s.say("misuse_number", "what", typed))
		}
		return structpb.NewNumberValue(n), nil
	case "list":
		var items []any
		if strings.HasPrefix(typed, "[") && json.Unmarshal([]byte(typed), &items) == nil {
			return structpb.NewValue(items)
		}
	}
	var text string
	if strings.HasPrefix(typed, `"`) && json.Unmarshal([]byte(typed), &text) == nil {
		return structpb.NewStringValue(text), nil
	}
	return structpb.NewStringValue(typed), nil
}

// setting prints one entry of the Guide.
func (s *session) setting(setting *mostradorv1.Setting) {
	rows := s.pairs()
	rows.add(s.say("col_key"), setting.GetKey())
	rows.add(s.say("col_setting"), strings.Join(append(setting.GetPath(), setting.GetName()), " > "))
	rows.add(s.say("col_value"), s.settingValue(setting))
	if len(setting.GetValues()) > 0 {
		rows.add(s.say("col_scope"), s.scope(setting.GetScope(), ""))
	}
	for _, v := range setting.GetValues() {
		value := s.value(v.GetValue())
		if setting.GetType() == "secret" {
			value = s.say("secret_set")
		}
		rows.add("  "+s.scope(v.GetScope(), v.GetTill()), value)
	}
	rows.addIf(s.say("col_default"), s.value(setting.GetDefault()))
	var choices []string
	for _, c := range setting.GetChoices() {
		choices = append(choices, c.GetValue()+" ("+c.GetLabel()+")")
	}
	rows.addIf(s.say("col_choices"), strings.Join(choices, ", "))
	rows.addIf(s.say("col_rule"), setting.GetRule())
	rows.addIf(s.say("col_help"), setting.GetHelp())
	if setting.GetReadOnly() || setting.GetRequired() {
		rows.addIf(s.say("col_reason"), setting.GetReason())
	}
	rows.addIf(s.say("col_warning"), setting.GetWarning())
	rows.print()
}

// scope says for whom a value is.
func (s *session) scope(scope mostradorv1.SettingScope, till string) string {
	switch scope {
	case mostradorv1.SettingScope_SETTING_SCOPE_CHAIN:
		return s.say("scope_chain")
	case mostradorv1.SettingScope_SETTING_SCOPE_STORE:
		return s.say("scope_store")
	case mostradorv1.SettingScope_SETTING_SCOPE_TILL:
		return strings.TrimSpace(s.say("scope_till", "till", till))
	}
	return s.say("scope_default")
}

func (s *session) settingValue(setting *mostradorv1.Setting) string {
	if setting.GetType() == "secret" {
		if setting.GetIsSet() {
			return s.say("secret_set")
		}
		return s.say("secret_unset")
	}
	return s.value(setting.GetValue())
}

// value is a setting's value for people: text without quotes, yes and no in words.
func (s *session) value(v *structpb.Value) string {
	switch kind := v.GetKind().(type) {
	case nil, *structpb.Value_NullValue:
		return ""
	case *structpb.Value_StringValue:
		return kind.StringValue
	case *structpb.Value_BoolValue:
		return s.yesNo(kind.BoolValue)
	}
	data, err := v.MarshalJSON()
	if err != nil {
		return err.Error()
	}
	return string(data)
}
