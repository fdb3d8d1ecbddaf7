package plugin

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"mostrador/sdk"
	"mostrador/sdk/wire"
)

// debug serves the plugin of a package in this process, as its developer would in an IDE.
func debug(t *testing.T, pkg *Package) (at wire.Attachment, end func()) {
	t.Helper()
	p := sdk.New(os.DirFS(pkg.Dir))
	sdk.On(p, func(context.Context, *sdk.Tx, sdk.SaleCompleted) error { return nil })
	p.Action("obey", func(context.Context, *sdk.Tx, sdk.Press) (sdk.Result, error) { return sdk.Done("debugged"), nil })
	p.Panel("panel", func(context.Context, *sdk.Tx, sdk.Customer) (sdk.Panel, error) { return sdk.Panel{}, nil })
	ctx, cancel := context.WithCancel(context.Background())
	at, done, err := sdk.Listen(ctx, p)
	check(t, err)
	ended := false
	end = func() {
		if !ended {
			ended = true
			cancel()
			<-done // an error says that it ended before it had begun
		}
	}
	t.Cleanup(end)
	return at, end
}

func TestADevelopersProcessTakesThePlaceOfTheHostsAndGivesItBack(t *testing.T) {
	h := &house{dir: shortDir(t), log: &lines{}, reader: &keyspace{}}
	pkg := install(t, h.dir, one)
	pkg.Origin = OriginDevelopment
	h.manage(t, []*Package{pkg}, Policy{})
	h.start(t, one)
	said := func(want string) func() bool {
		return func() bool {
			got, err := h.press(t.Context(), one, "echo", "own")
			return err == nil && got == want
		}
	}
	until(t, "its own process answers", said("own"))
	at, end := debug(t, pkg)
	check(t, at.Write(pkg.Dir))
	until(t, "the developer's process answers", said("debugged"))
	if info := h.info(one); int(info.Pid) != os.Getpid() || info.Sandbox == "" || h.Owns(os.Getpid()) {
		t.Errorf("info %v", info)
	}
	end() // and the file is left behind
	until(t, "its own process answers again", said("own"))
	until(t, "it runs", func() bool { return h.info(one).State == running })
	if int(h.info(one).Pid) == os.Getpid() {
		t.Error("the ended process is still used")
	}
}

func TestOnlyADevelopmentPackageOrTheHostsEnvironmentNamesADevelopersProcess(t *testing.T) {
	h := open(t, Policy{}, one)
	p, _ := h.Plugin(one)
	at, _ := debug(t, p.Package())
	check(t, at.Write(p.Package().Dir))
	h.start(t, one)
	if said, err := h.press(t.Context(), one, "echo", "own"); said != "own" {
		t.Errorf("%q, %v", said, err)
	}
	check(t, h.Stop(t.Context(), one))
	named, err := json.Marshal([]wire.Attachment{at})
	check(t, err)
	t.Setenv(wire.AttachVariable, string(named))
	h.start(t, one)
	if said, err := h.press(t.Context(), one, "echo", "own"); said != "debugged" {
		t.Errorf("%q, %v", said, err)
	}
	check(t, h.Stop(t.Context(), one)) // leaves the developer's process alone
	h.start(t, one)
	if said, err := h.press(t.Context(), one, "echo", "own"); said != "debugged" {
		t.Errorf("%q, %v", said, err)
	}
}

func TestAnAttachmentOfAnotherPluginIsNoneOfIts(t *testing.T) {
	h := open(t, Policy{}, one, two)
	first, _ := h.Plugin(one)
	second, _ := h.Plugin(two)
	at, _ := debug(t, second.Package())
	pkg := *first.Package()
	pkg.Origin = OriginDevelopment
	check(t, at.Write(filepath.Clean(pkg.Dir)))
	if _, found := first.attachment(&pkg); found {
		t.Error("it was taken")
	}
}
