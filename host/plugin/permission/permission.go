// Package permission says in plain words what a plugin asks for.
package permission

// Words returns the sentence for a permission, and whether a person should think twice.
func Words(permission, lang string) (text string, sensitive bool) { return permission, false }
