package manifest

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Permissions that a manifest may ask for. Besides these there are
//
//	customer.<field>:write            one field of the customer
//	net:<host>:<port>                 one address on the network (see Net)
//	memory:<MiB>                      more, or less, memory than the 256 MiB of others (see MemoryMiB)
//	file:<absolute path>:read         a file, or a folder with all that is in it (see Files)
//	file:<absolute path>:write        the same, to change it too
const (
	// PermissionReadCustomer shows the customer with events: name, fields, tags, consent, segments, campaigns.
	PermissionReadCustomer = "customer:read"
	// PermissionReadContact adds phone, e-mail and cards.
	PermissionReadContact = "customer.contact:read"
	// PermissionWriteFields sets any field that no rule governs.
	PermissionWriteFields = "customer.fields:write"
	// PermissionWriteTags adds and removes tags.
	PermissionWriteTags = "customer.tags:write"
	// PermissionReadSales shows sales and refunds.
	PermissionReadSales = "sale:read"
	// PermissionReadConsent shows the state of consent.
	PermissionReadConsent = "consent:read"
	// PermissionRecordConsent hands in a short code that the customer read out.
	PermissionRecordConsent = "consent:record"
	// PermissionSendEmail queues mail to customers.
	PermissionSendEmail = "message.email:send"
	// PermissionSendAddress queues mail to addresses of who is no customer: staff, suppliers, who asked on a web page.
	PermissionSendAddress = "message.address:send"
	// PermissionReadPurchases shows what the store has counted of a customer: purchases, and plugins' measures.
	PermissionReadPurchases = "customer.purchases:read"
	// PermissionSendSMS queues SMS to customers.
	PermissionSendSMS = "message.sms:send"
	// PermissionSpawn runs programs of the system.
	PermissionSpawn = "process:spawn"
)

// Bounds of what memory:<MiB> may ask for.
const (
	LeastMemoryMiB = 16
	MostMemoryMiB  = 4096
)

var (
	permissions = []string{
		PermissionReadCustomer, PermissionReadContact, PermissionWriteFields, PermissionWriteTags,
		PermissionReadSales, PermissionReadConsent, PermissionRecordConsent, PermissionSendEmail,
		PermissionSendAddress, PermissionReadPurchases, PermissionSendSMS, PermissionSpawn,
	}
	permissionField = regexp.MustCompile(`^customer\.[a-z][a-z0-9_]*:write$`)
	permissionNet   = regexp.MustCompile(`^net:([a-z0-9](?:[a-z0-9.-]*[a-z0-9])?):([1-9][0-9]{0,4})$`)
	permissionMemo  = regexp.MustCompile(`^memory:([1-9][0-9]{0,5})$`)
	drive           = regexp.MustCompile(`^[A-Za-z]:[/\\]`)
)

// Net returns the address that a net:<host>:<port> permission opens. It reports false for any other.
func Net(permission string) (host string, port int, ok bool) {
	parts := permissionNet.FindStringSubmatch(permission)
	if parts == nil {
		return "", 0, false
	}
	port, err := strconv.Atoi(parts[2])
	return parts[1], port, err == nil && port <= 65535
}

// FieldWritten returns the field that a customer.<field>:write permission opens. It reports false for any other;
// customer.fields:write and customer.tags:write are about no one field.
func FieldWritten(permission string) (field string, ok bool) {
	if slices.Contains(permissions, permission) || !permissionField.MatchString(permission) {
		return "", false
	}
	return strings.TrimSuffix(strings.TrimPrefix(permission, "customer."), ":write"), true
}

// MemoryMiB returns how much memory the permissions grant, in MiB; 0 when none speaks of it.
func MemoryMiB(permissions []string) int {
	for _, p := range permissions {
		if n, ok := memory(p); ok {
			return n
		}
	}
	return 0
}

func memory(permission string) (mib int, ok bool) {
	parts := permissionMemo.FindStringSubmatch(permission)
	if parts == nil {
		return 0, false
	}
	mib, err := strconv.Atoi(parts[1])
	return mib, err == nil && mib >= LeastMemoryMiB && mib <= MostMemoryMiB
}

// FileAccess is a file, or a folder with all that is in it, which a plugin may use.
type FileAccess struct {
	// Path is absolute, in the form of the system that it is for.
	Path string
	// Write lets the plugin change and make files too.
	Write bool
}

// File returns what a file:<path>:read or file:<path>:write permission opens. It reports false for any other.
func File(permission string) (FileAccess, bool) {
	rest, isFile := strings.CutPrefix(permission, "file:")
	colon := strings.LastIndexByte(rest, ':')
	if !isFile || colon < 0 || !plainPath(rest[:colon]) {
		return FileAccess{}, false
	}
	mode := rest[colon+1:]
	return FileAccess{Path: rest[:colon], Write: mode == "write"}, mode == "read" || mode == "write"
}

// Files lists what the permissions open of the file system.
func Files(permissions []string) []FileAccess {
	var list []FileAccess
	for _, p := range permissions {
		if f, ok := File(p); ok {
			list = append(list, f)
		}
	}
	return list
}

// plainPath tells whether p is an absolute path of Unix or Windows that says outright where it leads: without
// detours, and never a whole disk.
func plainPath(p string) bool {
	if len(p) > 1000 || strings.ContainsFunc(p, func(r rune) bool { return unicode.IsControl(r) || r == unicode.ReplacementChar }) {
		return false
	}
	if drive.MatchString(p) {
		rest := strings.ReplaceAll(p[2:], `\`, "/")
		return rest != "/" && path.Clean(rest) == rest && !strings.ContainsAny(rest, `:*?"<>|`)
	}
	return p != "/" && path.IsAbs(p) && path.Clean(p) == p
}

// knownPermission tells whether p is one that the store understands.
func knownPermission(p string) bool {
	_, _, net := Net(p)
	_, mib := memory(p)
	_, file := File(p)
	return net || mib || file || slices.Contains(permissions, p) || permissionField.MatchString(p)
}

// permissions checks what the plugin asks for.
func (d *decoder) permissions(m *Manifest) {
	known := strings.Join(permissions, ", ")
	for i, p := range m.Permissions {
		at := fmt.Sprintf("permissions[%d]", i)
		family, _, _ := strings.Cut(p, ":")
		switch {
		case knownPermission(p):
		case family == "net":
			d.problem(at, "%q must be net:<host>:<port> in lower case with a port up to 65535, like net:smpp.example:2775", p)
		case family == "memory":
			d.problem(at, "%q must be memory:<MiB> between %d and %d, like memory:512", p, LeastMemoryMiB, MostMemoryMiB)
		case family == "file":
			d.problem(at, "%q must be file:<absolute path>:read or :write without .. in it, like file:/srv/rates:read", p)
		default:
			d.problem(at, "unknown permission %q: use one of %s, customer.<field>:write, net:<host>:<port>, "+
				"memory:<MiB> or file:<path>:read|write", p, known)
		}
		d.once(slices.Contains(m.Permissions[:i], p), at, p)
		if family == "memory" && slices.ContainsFunc(m.Permissions[:i], func(o string) bool { return strings.HasPrefix(o, "memory:") }) {
			d.problem(at, "memory is asked for twice: keep one")
		}
	}
}

// Allows tells whether the plugin was granted the permission. customer.contact:read includes customer:read,
// and customer.fields:write includes the writing of each field (tags are no field).
func (m *Manifest) Allows(permission string) bool {
	if slices.Contains(m.Permissions, permission) {
		return true
	}
	if permission == PermissionReadCustomer {
		return slices.Contains(m.Permissions, PermissionReadContact)
	}
	return permission != PermissionWriteTags && strings.HasPrefix(permission, "customer.") &&
		strings.HasSuffix(permission, ":write") && slices.Contains(m.Permissions, PermissionWriteFields)
}
