// Package permission says in plain words what a plugin asks for, so that whoever installs it knows what they
// agree to. The sentences are in host/locale, permission.yaml.
package permission

import (
	"slices"
	"strings"

	"mostrador/host/locale"
	"mostrador/sdk/manifest"
)

// Permission is one thing that a plugin asks for.
type Permission struct {
	// ID is as the manifest writes it: "net:smpp.example:2775".
	ID string
	// Text is a sentence in the language of whoever reads it.
	Text string
	// Sensitive tells whether a person should think twice: it reaches people's data or what lies outside the
	// store.
	Sensitive bool
}

// sentences are the permissions without arguments: the key of each sentence, and whether it is sensitive.
var sentences = map[string]struct {
	key       string
	sensitive bool
}{
	manifest.PermissionReadCustomer:  {"read_customer", false},
	manifest.PermissionReadContact:   {"read_contact", true},
	manifest.PermissionWriteFields:   {"write_fields", true},
	manifest.PermissionWriteTags:     {"write_tags", false},
	manifest.PermissionReadSales:     {"read_sales", false},
	manifest.PermissionReadConsent:   {"read_consent", false},
	manifest.PermissionRecordConsent: {"record_consent", false},
	manifest.PermissionSendEmail:     {"send_email", true},
	manifest.PermissionSendAddress:   {"send_address", true},
	manifest.PermissionReadPurchases: {"read_purchases", false},
	manifest.PermissionSendSMS:       {"send_sms", true},
	manifest.PermissionSpawn:         {"spawn", true},
}

// UsualMemoryMiB is how much memory a plugin has that asks for none in particular.
const UsualMemoryMiB = 256

// Words says in a language what a permission lets a plugin do, and whether a person should think twice. m is
// the plugin's manifest: its own fields are named as people know them. It may be nil. A permission that this
// store does not know is sensitive.
func Words(text *locale.Catalog, m *manifest.Manifest, permission, lang string) (sentence string, sensitive bool) {
	say := func(key string, args ...any) string { return text.Text(lang, "permission."+key, args...) }
	if s, ok := sentences[permission]; ok {
		return say(s.key), s.sensitive
	}
	if field, ok := manifest.FieldWritten(permission); ok {
		if own, name := fieldOf(m, field, lang); own {
			return say("write_own_field", "field", name), false
		}
		return say("write_field", "field", fieldName(text, field, lang)), true
	}
	if host, port, ok := manifest.Net(permission); ok {
		return say("net", "host", host, "port", port), true
	}
	if file, ok := manifest.File(permission); ok {
		if file.Write {
			return say("file_write", "path", file.Path), true
		}
		return say("file_read", "path", file.Path), true
	}
	if mib := manifest.MemoryMiB([]string{permission}); mib > 0 {
		return say("memory", "mib", mib), mib > 2*UsualMemoryMiB
	}
	return say("unknown", "permission", permission), true
}

// fieldOf finds the plugin's own field.
func fieldOf(m *manifest.Manifest, id, lang string) (own bool, name string) {
	if m == nil {
		return false, ""
	}
	i := slices.IndexFunc(m.Fields, func(f manifest.Field) bool { return f.ID == id })
	if i < 0 {
		return false, ""
	}
	return true, m.Fields[i].Name.In(lang)
}

// fieldName is what people call a field of the core; another plugin's is named by its id.
func fieldName(text *locale.Catalog, id, lang string) string {
	key := "permission.field_" + id
	if name := text.Text(lang, key); name != key {
		return name
	}
	return id
}

// List says in words all that a manifest asks for, what is sensitive first and otherwise in its own order.
func List(text *locale.Catalog, m *manifest.Manifest, lang string) []Permission {
	list := make([]Permission, len(m.Permissions))
	for i, id := range m.Permissions {
		list[i].ID = id
		list[i].Text, list[i].Sensitive = Words(text, m, id, lang)
	}
	slices.SortStableFunc(list, func(a, b Permission) int {
		switch {
		case a.Sensitive == b.Sensitive:
			return 0
		case a.Sensitive:
			return -1
		}
		return 1
	})
	return list
}

// Added lists what one version of a plugin asks for that another does not have, in its own order. What a
// broader permission includes is not added, nor is memory up to what was granted.
func Added(from, to *manifest.Manifest) []string {
	var added []string
	before := manifest.MemoryMiB(from.Permissions)
	if before == 0 {
		before = UsualMemoryMiB
	}
	for _, p := range to.Permissions {
		mib := manifest.MemoryMiB([]string{p})
		if mib > 0 && mib <= before || from.Allows(p) || included(from, p) {
			continue
		}
		added = append(added, p)
	}
	return added
}

// included tells whether a file is open already: to be written where it is to be read, or as a part of a folder.
func included(m *manifest.Manifest, permission string) bool {
	want, ok := manifest.File(permission)
	return ok && slices.ContainsFunc(manifest.Files(m.Permissions), func(have manifest.FileAccess) bool {
		within := want.Path == have.Path || strings.HasPrefix(want.Path, have.Path+"/") || strings.HasPrefix(want.Path, have.Path+`\`)
		return within && (have.Write || !want.Write)
	})
}
