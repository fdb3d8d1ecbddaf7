package interplay

import (
	"maps"
	"strings"

	"mostrador/sdk/manifest"
)

// views are the settings as each plugin may see them in its expressions: those of the store, its own, and of
// other plugins the public ones. (Secrets are in no view: callers leave them out.)
type views struct {
	all     map[string]any
	private map[string]string // key → the plugin that alone sees it
	made    map[string]map[string]any
}

func newViews(manifests []*manifest.Manifest, settings map[string]any) *views {
	v := &views{all: settings, private: map[string]string{}, made: map[string]map[string]any{}}
	public := map[string]bool{}
	for _, m := range manifests {
		for i := range m.Settings {
			if m.Settings[i].Public {
				public[m.Settings[i].Key] = true
			}
		}
	}
	for key := range settings {
		if owner, ok := settingOwner(key); ok && !public[key] {
			v.private[key] = owner
		}
	}
	return v
}

// settingOwner is the plugin whose id a key bears.
func settingOwner(key string) (id string, ok bool) {
	if len(key) <= len("PLG0000") || !strings.HasPrefix(key, "PLG") || !pluginID(key[:7]) {
		return "", false
	}
	return key[:7], true
}

// pluginID tells whether s is named as plugins are.
func pluginID(s string) bool {
	digits, ok := strings.CutPrefix(s, "PLG")
	return ok && len(digits) == 4 && strings.Trim(digits, "0123456789") == ""
}

// of returns the settings as the owner of a rule sees them.
func (v *views) of(owner string) map[string]any {
	if owner == house || len(v.private) == 0 {
		return v.all
	}
	if view, ok := v.made[owner]; ok {
		return view
	}
	view := v.all
	for _, other := range v.private {
		if other != owner {
			view = maps.Clone(v.all)
			maps.DeleteFunc(view, func(key string, _ any) bool {
				private, is := v.private[key]
				return is && private != owner
			})
			break
		}
	}
	v.made[owner] = view
	return view
}
