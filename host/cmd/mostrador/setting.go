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
		rows := s.table("key", "setting", "value")
		for _, setting := range resp.Msg.GetSettings() {
			rows.add(setting.GetKey(), setting.GetName(), s.settingValue(setting))
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
	if c.Value == nil && c.ContentFile == "" {
		return misused(s.say("misuse_missing_arguments", "what", "<value>"))
	}
	api, err := s.connect(ctx)
	if err != nil {
		return err
	}
	current, err := api.setting.Get(ctx, connect.NewRequest(&mostradorv1.GetSettingRequest{Key: c.Key, Language: s.lang}))
	if err != nil {
		return err
	}
	req := &mostradorv1.SetSettingRequest{Key: c.Key, Language: s.lang}
	kind := current.Msg.GetSetting().GetType()
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
	if c.ContentFile != "" {
		text, err := s.readFile(c.ContentFile)
		if err != nil {
			return err
		}
		req.Content = &text
		if req.Value == nil {
			req.Value = structpb.NewStringValue(filepath.Base(c.ContentFile))
		}
	} else if kind == "template_file" {
		// A file of this folder; what is not here is one of the host's own or the plug-in's.
		if path, err := filepath.Abs(req.Value.GetStringValue()); err == nil && isFile(path) {
			req.Value = structpb.NewStringValue(path)
		}
	}
	resp, err := api.setting.Set(ctx, connect.NewRequest(req))
	if err != nil {
		return err
	}
	return s.answer(resp.Msg, func() { s.setting(resp.Msg.GetSetting()) })
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
		rows := s.table("change", "time", "operator", "till", "key", "from", "to")
		for _, ch := range resp.Msg.GetChanges() {
			rows.add(strconv.FormatUint(ch.GetSequence(), 10), s.time(ch.GetTime()), ch.GetOperator(), ch.GetTill(),
				ch.GetKey(), s.value(ch.GetFrom()), s.value(ch.GetTo()))
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
	rows.addIf(s.say("col_default"), s.value(setting.GetDefault()))
	var choices []string
	for _, c := range setting.GetChoices() {
		choices = append(choices, c.GetValue()+" ("+c.GetLabel()+")")
	}
	rows.addIf(s.say("col_choices"), strings.Join(choices, ", "))
	rows.addIf(s.say("col_help"), setting.GetHelp())
	rows.addIf(s.say("col_warning"), setting.GetWarning())
	rows.print()
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
