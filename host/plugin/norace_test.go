//go:build !race

package plugin

// memory bounds the plugins under test (Policy.Memory): the default.
const memory = 0
