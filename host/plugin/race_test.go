//go:build race

package plugin

// memory bounds the plugins under test (Policy.Memory): the race detector takes what memory there is.
const memory = -1
