package message

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/html"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

// The check list of a template. Its checks, in order; each of them says something, if only that all is well.
var checks = []string{"syntax", "subject", "size", "links", "images", "alt", "text", "unsubscribe", "support"}

// What the check list finds worth saying.
const (
	// clipped is the size of the HTML beyond which Gmail shows the beginning only.
	clipped = 102 << 10
	// longSubject is how many characters of a subject a telephone shows.
	longSubject = 70
	// largePicture is the size from which a picture that the mail brings along is worth a word.
	largePicture = 100 << 10
	// poorText is the fewest characters of a plain text that says something.
	poorText = 40
)

// Checks goes through the check list for a draft, in the language lang, and returns the mail as well: both forms are nil
// when there is none because of an error in the list.
func (s *Service) Checks(d Draft, lang string) (*Mail, *mostradorv1.RenderedMail, []*mostradorv1.TemplateCheck, error) {
	l := &checkList{s: s, lang: lang}
	mail, seen, said, err := s.Draw(d, lang)
	if err != nil {
		return nil, nil, nil, err
	}
	tmpl, err := s.templates.get(d.Source)
	var faults Faults
	switch {
	case errors.As(err, &faults):
		for _, f := range faults {
			l.fault(f)
		}
		return nil, nil, l.found, nil
	case err != nil:
		return nil, nil, nil, err
	}
	for _, f := range tmpl.warnings {
		l.fault(f)
	}
	if mail == nil { // it cannot be rendered with this data
		for _, d := range said {
			if d.GetSeverity() == plgv1.Severity_SEVERITY_ERROR {
				l.found = append(l.found, &mostradorv1.TemplateCheck{Check: "syntax", Severity: d.GetSeverity(), Words: d.GetSummary()})
			}
		}
		return nil, nil, l.found, nil
	}
	l.source(d.Source.HTML)
	l.mail(seen, d.Source.Text != "")
	if d.Kind == plgv1.MessageKind_MESSAGE_KIND_PROMOTIONAL && !tmpl.links[LinkOptOut] {
		l.say("unsubscribe", plgv1.Severity_SEVERITY_ERROR, 0, "none")
	}
	return mail, seen, l.whole(), nil
}

// checkList collects what is found.
type checkList struct {
	s     *Service
	lang  string
	found []*mostradorv1.TemplateCheck
}

func (l *checkList) say(check string, severity plgv1.Severity, line int, key string, args ...any) {
	if len(l.found) >= 4*maxFaults {
		return
	}
	words := l.s.cfg.Text(l.lang, "message.check_"+check+"_"+key, args...)
	if line > 0 {
		words = l.s.cfg.Text(l.lang, "message.template_line", "line", line, "what", words)
	}
	l.found = append(l.found, &mostradorv1.TemplateCheck{Check: check, Severity: severity, Words: words, Line: int32(line)})
}

func (l *checkList) warn(check string, line int, key string, args ...any) {
	l.say(check, plgv1.Severity_SEVERITY_WARNING, line, key, args...)
}

func (l *checkList) fault(f Fault) {
	severity := plgv1.Severity_SEVERITY_ERROR
	if f.Warning {
		severity = plgv1.Severity_SEVERITY_WARNING
	}
	l.found = append(l.found, &mostradorv1.TemplateCheck{
		Check: "syntax", Severity: severity, Words: l.s.sentence(f, l.lang), Line: int32(f.Line),
	})
}

// whole is what was found in the order of the list, with a word for each check that found nothing.
func (l *checkList) whole() []*mostradorv1.TemplateCheck {
	found := l.found
	l.found = nil
	for _, check := range checks {
		before := len(l.found)
		for _, f := range found {
			if f.Check == check {
				l.found = append(l.found, f)
			}
		}
		if len(l.found) == before {
			l.say(check, plgv1.Severity_SEVERITY_INFO, 0, "well")
		}
	}
	return l.found
}

// mail looks at the mail as it would leave.
func (l *checkList) mail(seen *mostradorv1.RenderedMail, given bool) {
	size := len(seen.GetHtml())
	switch {
	case size > clipped:
		l.warn("size", 0, "clipped", "kb", size>>10, "most", clipped>>10)
	case size > clipped*8/10:
		l.warn("size", 0, "nearly", "kb", size>>10, "most", clipped>>10)
	}
	title, text := plain(seen.GetHtml())
	switch n := utf8.RuneCountInString(title); {
	case n == 0:
		l.warn("subject", 0, "none")
	case n > longSubject:
		l.warn("subject", 0, "long", "n", n, "most", longSubject)
	}
	switch n := utf8.RuneCountInString(strings.TrimSpace(seen.GetText())); {
	case n == 0:
		l.warn("text", 0, "none")
	case n < poorText || given && n*4 < utf8.RuneCountInString(text):
		l.warn("text", 0, "poor", "n", n)
	}
}

// source looks at the HTML as it was written.
func (l *checkList) source(text string) {
	h := hide(text)
	z := html.NewTokenizer(strings.NewReader(h.text))
	line, style := 1, false
	for {
		kind := z.Next()
		raw := string(z.Raw())
		switch kind {
		case html.ErrorToken:
			return
		case html.TextToken:
			if style {
				l.css(h, raw, line)
			}
		case html.StartTagToken, html.SelfClosingTagToken:
			t := z.Token()
			style = t.Data == "style"
			l.tag(h, t, line)
		case html.EndTagToken:
			style = false
		}
		line += strings.Count(raw, "\n")
		h.each(raw, func(string) {}, func(i int) { line += strings.Count(h.actions[i], "\n") })
	}
}

func (l *checkList) tag(h *hidden, t html.Token, line int) {
	has := map[string]bool{}
	for _, a := range t.Attr {
		has[a.Key] = true
		value, names := h.bare(a.Val)
		value = strings.TrimSpace(value)
		switch {
		case a.Key == "style":
			l.css(h, a.Val, line)
		case a.Key == "href" && t.Data == "a" && names == nil:
			l.link(value, line)
		case a.Key == "href" && t.Data == "link":
			l.warn("support", line, "feature", "what", "<link>")
		case a.Key == "src" && t.Data == "img" && names == nil, a.Key == "background" && names == nil:
			l.picture(value, line)
		case a.Key == "alt" && value == "" && names == nil && t.Data == "img":
			// A picture that only decorates has an empty text, which is right.
		}
	}
	switch t.Data {
	case "img":
		if !has["alt"] {
			l.warn("alt", line, "none")
		}
		if !has["src"] {
			l.warn("images", line, "empty")
		}
	case "video", "audio", "form", "svg", "input", "canvas":
		l.warn("support", line, "feature", "what", "<"+t.Data+">")
	}
}

func (l *checkList) link(href string, line int) {
	lower := strings.ToLower(href)
	switch {
	case href == "" || href == "#":
		l.warn("links", line, "empty")
	case strings.HasPrefix(href, "#"), strings.HasPrefix(lower, "https://"), strings.HasPrefix(lower, "mailto:"), strings.HasPrefix(lower, "tel:"), strings.HasPrefix(lower, "sms:"):
	case strings.HasPrefix(lower, "http://"):
		l.warn("links", line, "open", "what", href)
	case strings.Contains(strings.SplitN(href, "/", 2)[0], ":"):
		// An address of another kind is taken out, and said so.
	default:
		l.warn("links", line, "relative", "what", href)
	}
}

func (l *checkList) picture(src string, line int) {
	lower := strings.ToLower(src)
	switch {
	case src == "":
		l.warn("images", line, "empty")
	case strings.HasPrefix(lower, "https://"), strings.HasPrefix(lower, "cid:"):
	case strings.HasPrefix(lower, "http://"):
		l.warn("images", line, "open", "what", src)
	case strings.HasPrefix(lower, "data:"):
		if img, ok := pictureOf(src); ok && len(img.content) > largePicture {
			l.warn("images", line, "large", "kb", len(img.content)>>10)
		}
	default:
		l.warn("images", line, "relative", "what", src)
	}
}

// unsupported is CSS that big mail programs do not follow.
var unsupported = regexp.MustCompile(`(?i)display\s*:\s*(?:inline-)?(?:flex|grid)\b|position\s*:\s*(?:absolute|fixed|sticky)\b|background-image\s*:|background\s*:[^;}]*url\(|@font-face|@import|float\s*:\s*(?:left|right)\b|var\(\s*--`)

func (l *checkList) css(h *hidden, text string, line int) {
	seen := map[string]bool{}
	for _, at := range unsupported.FindAllStringIndex(text, -1) {
		what := h.show(text[at[0]:at[1]])
		name, _, _ := strings.Cut(strings.ToLower(strings.Join(strings.Fields(what), "")), "url(")
		if key := name + ":" + strconv.Itoa(line+strings.Count(text[:at[0]], "\n")); !seen[key] {
			seen[key] = true
			l.warn("support", line+strings.Count(text[:at[0]], "\n"), "feature", "what", strings.TrimRight(name, ":"))
		}
	}
}
