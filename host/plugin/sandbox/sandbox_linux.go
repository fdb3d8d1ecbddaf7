//go:build linux

package sandbox

import "runtime"

func support() Support {
	var s Support
	for _, part := range Parts() {
		s.Missing = append(s.Missing, Gap{Part: part, Reason: "not on " + runtime.GOOS})
	}
	return s
}
