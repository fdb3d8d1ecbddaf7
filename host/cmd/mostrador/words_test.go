package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/sdk/plgv1"
)

// inLanguage returns a session that speaks a language and writes to the buffer.
func inLanguage(lang string) (*session, *bytes.Buffer) {
	var out bytes.Buffer
	return &session{
		grammar: new(grammar),
		words:   &words{catalog: locale.New(), lang: lang},
		streams: streams{in: strings.NewReader(""), out: &out, err: &out},
	}, &out
}

func TestEveryCommandFlagAndArgumentIsExplained(t *testing.T) {
	for _, lang := range []string{"es", "en"} {
		s, _ := inLanguage(lang)
		parser, err := kong.New(new(grammar), kong.NoDefaultHelp(), kong.PostBuild(s.explain))
		if err != nil {
			t.Fatal(err)
		}
		check := func(what, help string) {
			if help == "" || strings.HasPrefix(help, "cli.") {
				t.Errorf("%s: %s has no words: %q", lang, what, help)
			}
		}
		if err := kong.Visit(parser.Model, func(v kong.Visitable, next kong.Next) error {
			switch n := v.(type) {
			case *kong.Application:
				check("the program", n.Help)
				check("the program's examples", n.Detail)
			case *kong.Node:
				check(n.Path(), n.Help)
				if n.Leaf() && !strings.Contains(n.Detail, "mostrador "+strings.TrimPrefix(n.Path(), "mostrador ")) {
					t.Errorf("%s: %s has no example: %q", lang, n.Path(), n.Detail)
				}
				for _, p := range n.Positional {
					check(n.Path()+" "+p.Name, p.Help)
				}
			case *kong.Flag:
				check("--"+n.Name, n.Help)
			}
			return next(nil)
		}); err != nil {
			t.Fatal(err)
		}
	}
}

func TestEveryStateHasWords(t *testing.T) {
	for _, lang := range []string{"es", "en"} {
		s, _ := inLanguage(lang)
		check := func(key string) {
			if said := s.say(key); said == "" || strings.HasPrefix(said, "cli.") {
				t.Errorf("%s: %s is %q", lang, key, said)
			}
		}
		for _, name := range plgv1.ConsentState_name {
			check("consent_" + enum(name, "CONSENT_STATE_"))
		}
		for _, name := range plgv1.Purpose_name {
			check("purpose_" + enum(name, "PURPOSE_"))
		}
		for n, name := range plgv1.Means_name {
			if n != 0 {
				check("means_" + enum(name, "MEANS_"))
			}
		}
		for _, name := range mostradorv1.ConsentAct_name {
			check("act_" + enum(name, "CONSENT_ACT_"))
		}
		for _, name := range mostradorv1.MessageState_name {
			check("message_" + enum(name, "MESSAGE_STATE_"))
		}
		for _, name := range mostradorv1.PluginState_name {
			check("plugin_" + enum(name, "PLUGIN_STATE_"))
		}
		for _, name := range mostradorv1.Role_name {
			check("role_" + enum(name, "ROLE_"))
		}
	}
}

func TestMoneyAndTimeAreWrittenInTheStoresManner(t *testing.T) {
	moment := timestamppb.New(time.Date(2026, 11, 22, 18, 30, 5, 0, time.Local))
	for lang, want := range map[string][]string{
		"es": {"1.234.567,50 EUR", "-0,05 EUR", "1.500 JPY", "22/11/2026 18:30:05"},
		"en": {"1,234,567.50 EUR", "-0.05 EUR", "1,500 JPY", "2026-11-22 18:30:05"},
	} {
		s, _ := inLanguage(lang)
		for i, got := range []string{
			s.money(&plgv1.Money{Minor: 123456750, Currency: "EUR"}),
			s.money(&plgv1.Money{Minor: -5, Currency: "EUR"}),
			s.money(&plgv1.Money{Minor: 1500, Currency: "JPY"}),
			s.time(moment),
		} {
			if got != want[i] {
				t.Errorf("%s: %q, want %q", lang, got, want[i])
			}
		}
	}
}

func TestTablesAreAlignedAndKeepControlCharactersOut(t *testing.T) {
	s, out := inLanguage("es")
	rows := s.table("name", "phone")
	rows.add("Íñigo", "1")
	rows.add("A\x1b[31m\nB", "2")
	rows.add(strings.Repeat("x", 100), "3")
	rows.print()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	if len(lines) != 4 || strings.ContainsAny(out.String(), "\x1b") {
		t.Fatalf("printed\n%q", out.String())
	}
	for _, line := range lines {
		if runes := []rune(line); len(runes) < cellLimit+3 || runes[cellLimit+1] != ' ' || runes[cellLimit+2] == ' ' {
			t.Errorf("not aligned: %q", line)
		}
	}
}

func TestTheLanguageIsWhatIsAskedFor(t *testing.T) {
	for _, test := range []struct {
		args []string
		lang string
		want string
	}{
		{nil, "", ""},
		{nil, "C.UTF-8", ""},
		{nil, "en_GB.UTF-8", "en_GB.UTF-8"},
		{[]string{"--language", "en"}, "es_ES", "en"},
		{[]string{"customer", "--language=es"}, "en_US", "es"},
		{[]string{"--language"}, "en_US", "en_US"},
		{[]string{"--", "--language=en"}, "es_ES", "es_ES"},
	} {
		t.Setenv("LC_ALL", "")
		t.Setenv("LC_MESSAGES", "")
		t.Setenv("LANG", test.lang)
		if got := askedLanguage(test.args); got != test.want {
			t.Errorf("askedLanguage(%q) with LANG=%q is %q, want %q", test.args, test.lang, got, test.want)
		}
	}
}

func FuzzAssignmentsNameTheirFields(f *testing.F) {
	for _, seed := range []string{"name=Ana", "tags=a,,b ", "aplica_promociones=sí", "fields.x=1", "=", "x", "cards=", "plg0002_x=a=b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, pair string) {
		s, _ := inLanguage("es")
		c := new(plgv1.Customer)
		paths, err := s.assign(c, []string{pair})
		if err != nil {
			return
		}
		name, value, _ := strings.Cut(pair, "=")
		if len(paths) != 1 || name == "" {
			t.Fatalf("%q sets %q", pair, paths)
		}
		if field, ok := strings.CutPrefix(paths[0], "fields."); ok && c.GetFields()[field] != value {
			t.Errorf("%q gives %q", pair, c.GetFields())
		}
	})
}
