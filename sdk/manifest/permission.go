package manifest

import (
	"regexp"
	"slices"
	"strings"
)

// Permissions that a manifest may ask for. Besides these there are "customer.<field>:write" for one field and
// "net:<host>:<port>" for one address on the network.
const (
	// PermissionReadCustomer shows the customer with events: name, fields, tags, consent.
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
	// PermissionSendSMS queues SMS to customers.
	PermissionSendSMS = "message.sms:send"
)

var (
	permissions = []string{
		PermissionReadCustomer, PermissionReadContact, PermissionWriteFields, PermissionWriteTags,
		PermissionReadSales, PermissionReadConsent, PermissionRecordConsent, PermissionSendEmail,
		PermissionSendSMS,
	}
	permissionField = regexp.MustCompile(`^customer\.[a-z][a-z0-9_]*:write$`)
	permissionNet   = regexp.MustCompile(`^net:[a-z0-9]([a-z0-9.-]*[a-z0-9])?:[1-9][0-9]{0,4}$`)
)

// knownPermission tells whether p is one that the store understands.
func knownPermission(p string) bool {
	return slices.Contains(permissions, p) || permissionField.MatchString(p) || permissionNet.MatchString(p)
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
