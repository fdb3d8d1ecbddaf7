package host

import (
	"context"
	"fmt"
	"path/filepath"
	"regexp"
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/configguide"
	"mostrador/host/interplay"
	"mostrador/host/plugin"
	"mostrador/host/plugin/pack"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// What the Guide asks the rest of the store about its settings.

// checkSetting says what is wrong with a value that its type allows: by the condition in its manifest, and by what the
// store itself needs of its own settings.
func (h *Host) checkSetting(s *manifest.Setting, value any, values map[string]any, lang string) []*plgv1.Diagnostic {
	if s.Valid != "" {
		switch ok, err := interplay.Valid(s, value, values); {
		case err != nil:
			h.logger.Error("the condition of a setting cannot be evaluated", "setting", s.Key, "error", err)
			return []*plgv1.Diagnostic{h.unfit(lang, "valid_broken", "setting", s.Name.In(lang))}
		case !ok && s.ValidHint.Empty():
			return []*plgv1.Diagnostic{h.unfit(lang, "valid", "setting", s.Name.In(lang), "rule", string(s.Valid))}
		case !ok:
			return []*plgv1.Diagnostic{h.unfit(lang, "valid_hint", "setting", s.Name.In(lang), "hint", s.ValidHint.In(lang))}
		}
	}
	check, ok := lineChecks[s.Key]
	if !ok {
		return nil
	}
	lines, isList := value.([]any)
	if !isList {
		lines = []any{value}
	}
	var bad []*plgv1.Diagnostic
	for _, line := range lines {
		if text, _ := line.(string); text != "" && !check(text) {
			bad = append(bad, h.unfit(lang, s.Key, "line", text))
		}
	}
	return bad
}

// hash is a SHA-256, and perhaps words about it.
var hash = regexp.MustCompile(`^[0-9A-Fa-f]{64}( .*)?$`)

// lineChecks tell whether a line of a setting of the store's own means something.
var lineChecks = map[string]func(line string) bool{
	settingTrustedKeys:   func(line string) bool { _, err := pack.ParseTrustedKey(line); return err == nil },
	settingAllowedHashes: hash.MatchString,
	settingDevelopment:   filepath.IsAbs,
	settingTimeZone:      func(line string) bool { _, err := time.LoadLocation(line); return err == nil },
	interplay.DecisionsKey: func(line string) bool {
		_, _, err := interplay.ParseDecision(line)
		return err == nil
	},
}

// unfit is an error about a value, from the sentences of the Guide.
func (h *Host) unfit(lang, key string, args ...any) *plgv1.Diagnostic {
	return &plgv1.Diagnostic{
		Severity: plgv1.Severity_SEVERITY_ERROR, Code: "setting_" + key, Summary: h.text.Text(lang, "guide."+key, args...),
	}
}

// askAboutSetting asks a plug-in about a value of one of its settings.
func (h *Host) askAboutSetting(ctx context.Context, id, key string, value any, lang string) ([]*plgv1.Diagnostic, error) {
	p, ok := h.plugins.Plugin(id)
	if !ok {
		return nil, plugin.ErrUnknown
	}
	v, err := structpb.NewValue(value)
	if err != nil {
		return nil, fmt.Errorf("the value of %s: %w", key, err)
	}
	done, err := p.Validate(ctx, &plgv1.ValidateCall{Key: key, Value: v, Time: timestamppb.New(time.Now()), Language: lang})
	if err == nil && done.GetFault() != nil {
		err = fmt.Errorf("%s: %s", id, done.GetFault().GetMessage())
	}
	if err != nil {
		h.logger.Warn("a plug-in did not judge one of its settings", "plugin", id, "setting", key, "error", err)
		return nil, err
	}
	return done.GetDiagnostics(), nil
}

// settingPolicy is what the rules of interplay leave of a setting.
func (h *Host) settingPolicy(key, lang string) configguide.Policy {
	rules := h.ensemble.resolution.Load()
	if rules == nil { // the Guide opens before the rules do, which speak of its values
		return configguide.Policy{}
	}
	p := rules.Policy("setting." + key)
	if p.Visible && p.Editable && !p.Required {
		return configguide.Policy{}
	}
	return configguide.Policy{Hidden: !p.Visible, ReadOnly: !p.Editable, Required: p.Required, Reason: p.Reason(lang)}
}
