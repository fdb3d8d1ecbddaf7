package mailbox

import (
	"bytes"
	"strings"
)

// recipientOf returns the envelope's recipient as the server that delivered the mail noted it on top, or "".
func recipientOf(raw []byte) string {
	found := map[string]string{}
	for len(raw) > 0 {
		line, rest, _ := bytes.Cut(raw, []byte("\n"))
		raw = rest
		line = bytes.TrimRight(line, "\r")
		if len(line) == 0 {
			break
		}
		name, value, ok := bytes.Cut(line, []byte(":"))
		if !ok || len(name) > 20 || len(value) > 1000 {
			continue
		}
		key := strings.ToLower(string(name))
		if _, seen := found[key]; !seen {
			found[key] = strings.Trim(string(bytes.TrimSpace(value)), "<>")
		}
	}
	// X-Original-To is before aliases and forwarding; with VERP it is the one that names the message.
	for _, key := range []string{"x-original-to", "delivered-to", "envelope-to"} {
		if address := found[key]; strings.Contains(address, "@") && !strings.ContainsAny(address, " \t<>,") {
			return address
		}
	}
	return ""
}
