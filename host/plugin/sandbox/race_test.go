//go:build race

package sandbox

// memory bounds the program under test: not here, since the race detector takes what memory there is.
const memory = 0
