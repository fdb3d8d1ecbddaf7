//go:build !race

package sandbox

// memory bounds the program under test, in bytes.
const memory = 256 << 20
