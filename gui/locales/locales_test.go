package locales_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/gui/locales"
	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/plgv1"
)

func catalogs(t *testing.T) map[string]*locales.Catalog {
	t.Helper()
	all := map[string]*locales.Catalog{}
	for _, language := range locales.Languages() {
		c, err := locales.New(language, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		all[language] = c
	}
	return all
}

func TestEveryLanguageHasTheSameKeysAndArguments(t *testing.T) {
	all := catalogs(t)
	argument := regexp.MustCompile(`\{[a-z]+\}`)
	for a, first := range all {
		for b, second := range all {
			for _, key := range first.Keys() {
				if !second.Has(key) {
					t.Errorf("%s has %q, %s has not", a, key, b)
					continue
				}
				for _, name := range argument.FindAllString(first.Text(key), -1) {
					if !strings.Contains(second.Text(key), name) {
						t.Errorf("%s says %s in %q, %s does not", a, name, key, b)
					}
				}
			}
		}
	}
}

// used collects the keys that the screens name, and the beginnings of those that they put together.
func used(t *testing.T) (whole map[string]string, begun map[string]string) {
	t.Helper()
	whole, begun = map[string]string{}, map[string]string{}
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		ast.Inspect(file, func(n ast.Node) bool {
			call, ok := n.(*ast.CallExpr)
			if !ok || len(call.Args) == 0 {
				return true
			}
			name, ok := call.Fun.(*ast.SelectorExpr)
			if !ok || name.Sel.Name != "T" && name.Sel.Name != "Text" {
				return true
			}
			switch arg := call.Args[0].(type) {
			case *ast.BasicLit:
				if key, err := strconv.Unquote(arg.Value); err == nil && name.Sel.Name == "T" || strings.HasPrefix(key, "main.") || strings.HasPrefix(key, "app.") {
					whole[key] = path
				}
			case *ast.BinaryExpr:
				if left, ok := arg.X.(*ast.BasicLit); ok {
					if key, err := strconv.Unquote(left.Value); err == nil {
						begun[key] = path
					}
				}
			}
			return true
		})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return whole, begun
}

func TestEveryKeyOfTheScreensHasASentence(t *testing.T) {
	whole, begun := used(t)
	if len(whole) < 100 {
		t.Fatalf("found only %d keys: the search is broken", len(whole))
	}
	for language, c := range catalogs(t) {
		for key, path := range whole {
			if !c.Has(key) {
				t.Errorf("%s: no sentence for %q (%s)", language, key, path)
			}
		}
		for _, key := range c.Keys() {
			if _, ok := whole[key]; ok {
				continue
			}
			known := false
			for prefix := range begun {
				known = known || strings.HasPrefix(key, prefix)
			}
			if !known && !strings.HasPrefix(key, "outbox.") && !strings.HasPrefix(key, "customer.") {
				t.Errorf("%s: nobody says %q", language, key)
			}
		}
	}
}

func TestEveryStateHasAWord(t *testing.T) {
	for language, c := range catalogs(t) {
		for prefix, names := range map[string]map[int32]string{
			"message.":       mostradorv1.MessageState_name,
			"outbox.filter.": mostradorv1.MessageState_name,
			"plugin.":        mostradorv1.PluginState_name,
			"role.":          mostradorv1.Role_name,
		} {
			for _, name := range names {
				if !c.Has(prefix + name) {
					t.Errorf("%s: no sentence for %q", language, prefix+name)
				}
			}
		}
	}
}

func TestMoneyDatesAndPhonesFollowTheLanguage(t *testing.T) {
	all := catalogs(t)
	when := timestamppb.New(time.Date(2026, 3, 9, 17, 5, 0, 0, time.UTC))
	for _, c := range []struct{ language, got, want string }{
		{"es", all["es"].Money(&plgv1.Money{Minor: 123456789, Currency: "EUR"}), "1.234.567,89 €"},
		{"en", all["en"].Money(&plgv1.Money{Minor: 123456, Currency: "EUR"}), "€1,234.56"},
		{"es", all["es"].Money(&plgv1.Money{Minor: -5, Currency: "MXN"}), "-0,05 MXN"},
		{"es", all["es"].DateTime(when), "09/03/2026 17:05"},
		{"en", all["en"].DateTime(when), "9 Mar 2026 17:05"},
		{"es", all["es"].DateTime(nil), ""},
		{"es", all["es"].Phone("+34600111222"), "+34 600 111 222"},
		{"es", all["es"].Phone("600"), "600"},
		{"es", all["es"].Plain(1205), "12,05"},
		{"en", all["en"].Plain(1205), "12.05"},
	} {
		if c.got != c.want {
			t.Errorf("%s: got %q, want %q", c.language, c.got, c.want)
		}
	}
}
