package message

import (
	"strings"

	"golang.org/x/net/html"
)

// trackLinks puts what track makes of them into the place of the addresses that the links of a page lead to. It looks at
// nothing else of the HTML: within values there is no "<".
func trackLinks(page string, track func(url string) string) string {
	var out strings.Builder
	out.Grow(len(page) + len(page)/4)
	for {
		at := strings.Index(page, "<a")
		if at < 0 {
			out.WriteString(page)
			return out.String()
		}
		length := 0
		if at+2 < len(page) && strings.IndexByte(" \t\r\n/", page[at+2]) >= 0 {
			length = tagLength(page[at:])
		}
		if length == 0 {
			out.WriteString(page[:at+2])
			page = page[at+2:]
			continue
		}
		out.WriteString(page[:at])
		tag := page[at : at+length]
		page = page[at+length:]
		if from, to := hrefIn(tag); to > from {
			if was := html.UnescapeString(tag[from:to]); was != "" {
				if is := track(was); is != was {
					tag = tag[:from] + html.EscapeString(is) + tag[to:]
				}
			}
		}
		out.WriteString(tag)
	}
}

// tagLength is how long the tag is that a text begins with; 0 when it has no end.
func tagLength(text string) int {
	for i := 1; i < len(text); i++ {
		switch c := text[i]; c {
		case '>':
			return i + 1
		case '"', '\'':
			if text[i-1] != '=' && strings.TrimRight(text[:i], " \t\r\n") == text[:i] {
				continue // not the beginning of a value
			}
			end := strings.IndexByte(text[i+1:], c)
			if end < 0 {
				return 0
			}
			i += end + 1
		}
	}
	return 0
}

// hrefIn returns where the quoted value of href is in a tag; equal places for none.
func hrefIn(tag string) (from, to int) {
	for i := 2; i < len(tag); {
		for i < len(tag) && strings.IndexByte(" \t\r\n/>", tag[i]) >= 0 {
			i++
		}
		start := i
		for i < len(tag) && strings.IndexByte(" \t\r\n/>=", tag[i]) < 0 {
			i++
		}
		key := strings.ToLower(tag[start:i])
		for i < len(tag) && strings.IndexByte(" \t\r\n", tag[i]) >= 0 {
			i++
		}
		if i >= len(tag) || tag[i] != '=' {
			if i == start {
				i++
			}
			continue
		}
		for i++; i < len(tag) && strings.IndexByte(" \t\r\n", tag[i]) >= 0; {
			i++
		}
		if i >= len(tag) {
			return 0, 0
		}
		if q := tag[i]; q == '"' || q == '\'' {
			end := strings.IndexByte(tag[i+1:], q)
			if end < 0 {
				return 0, 0
			}
			if key == "href" {
				return i + 1, i + 1 + end
			}
			i += end + 2
			continue
		}
		for i < len(tag) && strings.IndexByte(" \t\r\n>", tag[i]) < 0 {
			i++
		}
	}
	return 0, 0
}
