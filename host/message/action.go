package message

import (
	"strconv"
	"strings"
)

// hidden is a template's text whose actions ({{...}}) are behind names that HTML takes for words. So it can be read as
// HTML, and put together again.
type hidden struct {
	// text has prefix, number and "z" in the place of every action.
	text    string
	prefix  string
	actions []string
}

// hide puts the actions of a template's text behind names that occur nowhere else in it.
func hide(text string) *hidden {
	h := &hidden{prefix: "zaz"}
	for lower := strings.ToLower(text); strings.Contains(lower, h.prefix); {
		h.prefix += "az"
	}
	var out strings.Builder
	out.Grow(len(text))
	for {
		at := strings.Index(text, "{{")
		if at < 0 {
			break
		}
		out.WriteString(text[:at])
		length := actionLength(text[at:])
		out.WriteString(h.name(len(h.actions)))
		h.actions = append(h.actions, text[at:at+length])
		text = text[at+length:]
	}
	out.WriteString(text)
	h.text = out.String()
	return h
}

// actionLength is how long the action is that a text begins with. One without an end takes all.
func actionLength(text string) int {
	i := 2
	if rest := strings.TrimLeft(strings.TrimPrefix(text[i:], "- "), " "); strings.HasPrefix(rest, "/*") {
		end := strings.Index(text, "*/")
		if end < 0 {
			return len(text)
		}
		i = end + 2
	}
	for i < len(text) {
		switch c := text[i]; {
		case strings.HasPrefix(text[i:], "}}"):
			return i + 2
		case c == '"' || c == '\'':
			for i++; i < len(text) && text[i] != c; i++ {
				if text[i] == '\\' {
					i++
				}
			}
		case c == '`':
			end := strings.IndexByte(text[i+1:], '`')
			if end < 0 {
				return len(text)
			}
			i += end + 1
		}
		i++
	}
	return len(text)
}

func (h *hidden) name(i int) string { return h.prefix + strconv.Itoa(i) + "z" }

// each calls text and action for what a string consists of, in order.
func (h *hidden) each(s string, text func(string), action func(i int)) {
	for {
		at, i, length := h.next(s)
		if at < 0 {
			text(s)
			return
		}
		text(s[:at])
		action(i)
		s = s[at+length:]
	}
}

// next finds the first name in a string: where it is, whose, and how long; at is negative for none.
func (h *hidden) next(s string) (at, i, length int) {
	for from := 0; ; {
		at := strings.Index(s[from:], h.prefix)
		if at < 0 {
			return -1, 0, 0
		}
		at += from
		digits := at + len(h.prefix)
		end := digits
		for end < len(s) && s[end] >= '0' && s[end] <= '9' {
			end++
		}
		i, err := strconv.Atoi(s[digits:end])
		if err == nil && i < len(h.actions) && end < len(s) && s[end] == 'z' {
			return at, i, end + 1 - at
		}
		from = digits
	}
}

// show puts the actions back into a string that has their names.
func (h *hidden) show(s string) string {
	if !strings.Contains(s, h.prefix) {
		return s
	}
	var out strings.Builder
	h.each(s, func(text string) { out.WriteString(text) }, func(i int) { out.WriteString(h.actions[i]) })
	return out.String()
}

// bare is a string without its actions, and only their names as in is.
func (h *hidden) bare(s string) (without string, names []int) {
	if !strings.Contains(s, h.prefix) {
		return s, nil
	}
	var out strings.Builder
	h.each(s, func(text string) { out.WriteString(text) }, func(i int) { names = append(names, i) })
	return out.String(), names
}

// actionKind is what an action does to the flow of a template.
type actionKind int

const (
	actionOutput actionKind = iota
	// actionSilent prints nothing: a comment, a declaration.
	actionSilent
	actionOpen
	actionElse
	actionEnd
	// actionJump is {{break}} and {{continue}}.
	actionJump
)

// kind of an action, by its first word.
func (h *hidden) kind(i int) actionKind {
	inner := strings.TrimSuffix(strings.TrimPrefix(h.actions[i], "{{"), "}}")
	inner = strings.TrimSpace(strings.TrimPrefix(inner, "- "))
	word := inner
	if end := strings.IndexFunc(inner, func(r rune) bool { return !alphanumeric(r) }); end >= 0 {
		word = inner[:end]
	}
	switch word {
	case "if", "with", "range":
		return actionOpen
	case "else":
		return actionElse
	case "end":
		return actionEnd
	case "break", "continue":
		return actionJump
	}
	if name, rest, found := strings.Cut(inner, ":="); strings.HasPrefix(inner, "/*") || found && rest != "" &&
		strings.HasPrefix(name, "$") && !strings.ContainsAny(name, "\"`'(") {
		return actionSilent
	}
	return actionOutput
}
