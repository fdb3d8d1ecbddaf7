package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"

	"github.com/alecthomas/kong"

	"mostrador/host/locale"
)

// Exit codes.
const (
	done    = 0
	refused = 1
	misuse  = 2
)

// streams are what a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// run does one command line and returns its exit code.
func run(ctx context.Context, args []string, io streams) int {
	text := &words{catalog: locale.New()}
	text.lang = text.catalog.Language(askedLanguage(args))

	var g grammar
	var help bytes.Buffer
	parser, err := kong.New(&g,
		kong.Name("mostrador"),
		kong.Writers(&help, &help),
		kong.NoDefaultHelp(),
		kong.PostBuild(text.explain),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true, WrapUpperBound: 100}),
	)
	if err != nil {
		fmt.Fprintln(io.err, err)
		return misuse
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	call, err := parser.Parse(args)
	switch {
	case errors.Is(err, errHelp):
		fmt.Fprint(io.out, text.translateHelp(help.String()))
		return done
	case err != nil:
		fmt.Fprintln(io.err, text.say("misuse", "problem", text.translateMisuse(err.Error())))
		return misuse
	}
	s := &session{grammar: &g, words: text, streams: io}
	call.BindTo(ctx, (*context.Context)(nil))
	err = call.Run(s)
	if closing := s.close(ctx); err == nil {
		err = closing
	}
	return s.report(err)
}

// errHelp ends the parsing of a command line that asks for help.
var errHelp = errors.New("help was asked for")

// helpFlag prints the help of the command that it follows.
type helpFlag bool

// BeforeReset is called by kong as soon as the flag is seen, whatever else is missing.
func (helpFlag) BeforeReset(ctx *kong.Context) error {
	if err := ctx.PrintUsage(false); err != nil {
		return err
	}
	return errHelp
}

// IgnoreDefault keeps kong from resetting the flag.
func (helpFlag) IgnoreDefault() {}

// words speaks to the person at the terminal.
type words struct {
	catalog *locale.Catalog
	lang    string
}

// say returns the sentence of a key below "cli.".
func (w *words) say(key string, args ...any) string {
	return strings.TrimRight(w.catalog.Text(w.lang, "cli."+key, args...), "\n")
}

// explain gives every command, flag and argument its words.
func (w *words) explain(k *kong.Kong) error {
	k.Model.Help = w.say("help")
	k.Model.Detail = w.say("more")
	// What every command takes stands below what is the command's own.
	general := &kong.Group{Key: "general", Title: w.say("flags_general")}
	for _, flag := range k.Model.Flags {
		flag.Group = general
	}
	return kong.Visit(k.Model, func(v kong.Visitable, next kong.Next) error {
		switch n := v.(type) {
		case *kong.Application:
		case *kong.Node:
			if n.Type != kong.CommandNode {
				break
			}
			n.Help = w.say("help_" + helpKey(n))
			if n.Leaf() {
				if more := w.say("more_" + helpKey(n)); !strings.HasPrefix(more, "cli.") {
					n.Detail = more
				}
			}
			for _, p := range n.Positional {
				p.Help = w.say("arg_" + p.Name)
			}
		case *kong.Flag:
			n.Help = w.say("flag_" + strings.ReplaceAll(n.Name, "-", "_"))
		}
		return next(nil)
	})
}

// helpKey names a command in the translation files: customer_set.
func helpKey(n *kong.Node) string {
	name := strings.ReplaceAll(n.Name, "-", "_")
	if n.Parent == nil || n.Parent.Type != kong.CommandNode {
		return name
	}
	return helpKey(n.Parent) + "_" + name
}

// translateHelp puts kong's own English words into the person's language.
func (w *words) translateHelp(help string) string {
	lines := strings.Split(help, "\n")
	for i, line := range lines {
		switch {
		case strings.HasPrefix(line, "Usage: "):
			line = w.say("usage") + " " + strings.TrimPrefix(line, "Usage: ")
			line = strings.ReplaceAll(line, "<command>", "<"+w.say("word_command")+">")
			lines[i] = strings.ReplaceAll(line, "[flags]", "["+w.say("word_flags")+"]")
		case line == "Arguments:":
			lines[i] = w.say("arguments")
		case line == "Flags:":
			lines[i] = w.say("flags")
		case line == "Commands:":
			lines[i] = w.say("commands")
		case strings.HasPrefix(line, `Run "`):
			lines[i] = w.say("run_help")
		}
	}
	return strings.Join(lines, "\n")
}

// parserErrors are kong's sentences about a wrong command line, with the keys of their translations.
var parserErrors = []struct {
	pattern *regexp.Regexp
	key     string
}{
	{regexp.MustCompile(`^(.*), did you mean (?:one of )?(.*)\?$`), "misuse_did_you_mean"},
	{regexp.MustCompile(`^missing flags: (.*)()$`), "misuse_missing_flags"},
	{regexp.MustCompile(`^missing positional arguments (.*)()$`), "misuse_missing_arguments"},
	{regexp.MustCompile(`^expected one of (.*)()$`), "misuse_expected_one"},
	{regexp.MustCompile(`^expected (.*)()$`), "misuse_expected"},
	{regexp.MustCompile(`^unexpected argument (.*)()$`), "misuse_unexpected"},
	{regexp.MustCompile(`^unknown flag (.*)()$`), "misuse_unknown_flag"},
	{regexp.MustCompile(`^(.*) and (.*) can't be used together$`), "misuse_together"},
	{regexp.MustCompile(`^(.*) must be one of (.*),? but got .*$`), "misuse_one_of"},
}

var commas = regexp.MustCompile(`, *`)

// translateMisuse puts an error of kong into the person's language.
func (w *words) translateMisuse(problem string) string {
	for _, e := range parserErrors {
		if m := e.pattern.FindStringSubmatch(problem); m != nil {
			first := m[1]
			if e.key == "misuse_did_you_mean" {
				first = w.translateMisuse(first)
			}
			return w.say(e.key, "what", first, "other", strings.Join(commas.Split(strings.TrimSuffix(m[2], `,""`), -1), ", "))
		}
	}
	return problem
}

// askedLanguage finds the language before the command line is parsed, for the parser speaks too: --language,
// or what the environment says (POSIX: LC_ALL over LC_MESSAGES over LANG). Empty means nobody asked.
func askedLanguage(args []string) string {
	for i, arg := range args {
		if arg == "--" {
			break
		}
		if value, ok := strings.CutPrefix(arg, "--language="); ok {
			return value
		}
		if arg == "--language" && i+1 < len(args) {
			return args[i+1]
		}
	}
	for _, name := range []string{"LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := os.Getenv(name); value != "" {
			if value == "C" || strings.HasPrefix(value, "C.") || value == "POSIX" {
				return ""
			}
			return value
		}
	}
	return ""
}
