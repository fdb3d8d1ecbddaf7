package task

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
)

// failure is an error with words for people.
type failure struct {
	key  string
	args map[string]string
	err  error
}

func (f *failure) Error() string {
	if f.err != nil {
		return f.err.Error()
	}
	return fmt.Sprint(f.key, " ", f.args)
}
func (f *failure) Unwrap() error { return f.err }

// Fail is an error that says in words why a task failed: a key of the catalogue and its arguments as pairs of name
// and value. err is what happened, for the log; it may be nil.
func Fail(err error, key string, args ...any) error {
	f := &failure{key: key, err: err, args: map[string]string{}}
	for i := 0; i+1 < len(args); i += 2 {
		f.args[fmt.Sprint(args[i])] = fmt.Sprint(args[i+1])
	}
	return f
}

// words sets why t failed.
func words(t *mostradorv1.Task, err error) {
	var f *failure
	if errors.As(err, &f) {
		t.ErrorKey, t.ErrorArgs = f.key, f.args
		return
	}
	t.ErrorKey, t.ErrorArgs = "task.broken", map[string]string{"error": short(err.Error())}
}

// short keeps the first line of a technical error.
func short(text string) string {
	const most = 300
	text, _, _ = strings.Cut(text, "\n")
	if r := []rune(text); len(r) > most {
		text = string(r[:most]) + "…"
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// Show returns t as people see it: with title and error in their language, without what is the kind's own.
func (s *Service) Show(lang string, t *mostradorv1.Task) *mostradorv1.Task {
	t = proto.CloneOf(t)
	t.Title = s.title(lang, t)
	if t.ErrorKey != "" {
		t.Error = s.sentence(lang, t.ErrorKey, t.ErrorArgs)
	}
	t.Data, t.Cursor, t.Attempts = nil, nil, 0
	t.TitleKey, t.TitleArgs, t.ErrorKey, t.ErrorArgs = "", nil, "", nil
	return t
}

// title is one line about t.
func (s *Service) title(lang string, t *mostradorv1.Task) string {
	title := s.sentence(lang, t.TitleKey, t.TitleArgs)
	if t.Kind == KindUndo {
		return s.Text.Text(lang, "task.undo", "title", title)
	}
	return title
}

// sentence is a sentence of the catalogue with its numbers as people write them.
func (s *Service) sentence(lang, key string, args map[string]string) string {
	pairs := make([]any, 0, 2*len(args))
	for _, name := range slices.Sorted(maps.Keys(args)) {
		pairs = append(pairs, name, s.number(lang, args[name]))
	}
	return s.Text.Text(lang, key, pairs...)
}

// number writes whole numbers in groups of three digits ("12.400"), from five digits on as Spanish wants it; other
// text stays as it is.
func (s *Service) number(lang, text string) string {
	if len(text) < 5 || strings.Trim(text, "0123456789") != "" || text[0] == '0' {
		return text
	}
	group := s.Text.Text(lang, "task.group")
	var b strings.Builder
	for i, digit := range text {
		if i > 0 && (len(text)-i)%3 == 0 {
			b.WriteString(group)
		}
		b.WriteRune(digit)
	}
	return b.String()
}
