// Package pack reads and writes .plg files, in which plug-ins are shipped.
package pack
