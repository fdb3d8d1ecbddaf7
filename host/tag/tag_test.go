package tag_test

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/customer/set"
	"mostrador/host/store"
	"mostrador/host/tag"
	"mostrador/sdk/plgv1"
)

func TestATagHasOneName(t *testing.T) {
	w := newWorld(t)
	vip := w.put("VIP")[0]
	for _, c := range []struct {
		tag  *mostradorv1.Tag
		want string
	}{
		{&mostradorv1.Tag{Name: " víp "}, "tag_name_taken"},
		{&mostradorv1.Tag{Name: ""}, "tag_name_letters"},
		{&mostradorv1.Tag{Name: strings.Repeat("x", 500)}, "tag_name_invalid"},
		{&mostradorv1.Tag{Name: "a\u202eb"}, "tag_name_invalid"},
		{&mostradorv1.Tag{Name: "uno, dos"}, "tag_name_letters"},
		{&mostradorv1.Tag{Name: "Bebé", Color: "azul"}, "tag_color_invalid"},
		{&mostradorv1.Tag{Name: "Bebé", Description: strings.Repeat("x", 501)}, "tag_description_long"},
		{&mostradorv1.Tag{Name: "Bebé", Color: "#0A0"}, ""},
		{&mostradorv1.Tag{Id: vip.Id, Name: "bebe"}, "tag_name_taken"},
		{&mostradorv1.Tag{Id: vip.Id, Name: "Oro", Description: " Compran mucho ", Color: "#112233"}, ""},
		{&mostradorv1.Tag{Name: "vip"}, ""}, // the name is free again
	} {
		_, err := w.tags.Put(t.Context(), ana, c.tag)
		if got := w.refusal(err); got != c.want {
			t.Errorf("%v: refused with %q, want %q", c.tag, got, c.want)
		}
	}
	if _, err := w.tags.Put(t.Context(), ana, &mostradorv1.Tag{Id: 99, Name: "x"}); !errors.Is(err, tag.ErrNotFound) {
		t.Errorf("changing a tag that is not there: %v", err)
	}
	list, err := w.tags.List()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, l := range list {
		got = append(got, fmt.Sprint(l.Name, " ", l.Description, " ", l.Color, " ", l.TextColor))
	}
	want := []string{"Bebé  #00aa00 #000000", "Oro Compran mucho #112233 #ffffff", "vip  " + tag.DefaultColor + " #000000"}
	if !slices.Equal(got, want) {
		t.Errorf("the list is %q, want %q", got, want)
	}
	if n := len(w.events("tag.created", "tag.changed")); n != 4 {
		t.Errorf("%d events, want 4", n)
	}
}

func FuzzNames(f *testing.F) {
	for _, name := range []string{"VIP", "víp", "uno,dos", "", "\xff", "ß", "ﬁn", "́", "日本", "\u202e", strings.Repeat("ñ", 99)} {
		f.Add(name, name+"s")
	}
	w := newWorld(f)
	f.Fuzz(func(t *testing.T, a, b string) {
		w := &world{TB: t, store: w.store, customers: w.customers, tasks: w.tasks, tags: w.tags}
		first, err := w.tags.Put(t.Context(), ana, &mostradorv1.Tag{Name: a})
		if w.refusal(err) != "" {
			return
		}
		second, err := w.tags.Put(t.Context(), ana, &mostradorv1.Tag{Name: b})
		switch same := customer.Fold(strings.TrimSpace(a)) == customer.Fold(strings.TrimSpace(b)); {
		case same && w.refusal(err) == "":
			t.Errorf("%q and %q are one name and two tags", a, b)
		case err == nil && !utf8.ValidString(second.Name):
			t.Errorf("%q was kept as %q", b, second.Name)
		}
		for _, kept := range []*mostradorv1.Tag{first, second} {
			if kept == nil {
				continue
			}
			w.view(func(tx *store.Tx) error {
				for _, spelling := range []string{kept.Name, strings.ToUpper(kept.Name)} {
					// Upper case that does not fold back (ŉ, some Greek) is another name.
					if customer.Fold(spelling) != customer.Fold(kept.Name) {
						continue
					}
					if id, known := w.customers.TagID(tx, spelling); !known || id.Number() != kept.Id {
						t.Errorf("%q is not found as %q", kept.Name, spelling)
					}
				}
				return nil
			})
			del, err := w.tags.Delete(t.Context(), ana, kept.Id)
			if err != nil {
				t.Fatal(err)
			}
			w.ended(del.Id)
		}
	})
}

func TestTextIsReadableOnAnyBackground(t *testing.T) {
	for background, want := range map[string]string{
		"#ffffff": "#000000", "#000000": "#ffffff", "#ff0000": "#000000", "#0000ff": "#ffffff",
		"#767676": "#000000", "#747474": "#ffffff", "azul": "#000000", "": "#000000",
	} {
		if got := tag.TextColor(background); got != want {
			t.Errorf("on %q stands %s, want %s", background, got, want)
		}
	}
	// Whatever the background: a contrast of 4.5 to 1, which WCAG asks for, is always reached.
	linear := func(v int) float64 {
		x := float64(v) / 255
		if x <= 0.04045 {
			return x / 12.92
		}
		return math.Pow((x+0.055)/1.055, 2.4)
	}
	for r := 0; r < 256; r += 5 {
		for g := 0; g < 256; g += 5 {
			for b := 0; b < 256; b += 5 {
				l := 0.2126*linear(r) + 0.7152*linear(g) + 0.0722*linear(b)
				contrast := (l + 0.05) / 0.05
				if tag.TextColor(fmt.Sprintf("#%02x%02x%02x", r, g, b)) == "#ffffff" {
					contrast = 1.05 / (l + 0.05)
				}
				if contrast < 4.5 {
					t.Fatalf("on #%02x%02x%02x the contrast is %.2f", r, g, b, contrast)
				}
			}
		}
	}
}

func TestAHandfulIsChangedAtOnceWithOrdinaryEvents(t *testing.T) {
	w := newWorld(t)
	w.admit(300)
	w.put("VIP", "Bebé")
	w.apply(&mostradorv1.Selection{Ids: w.ids(3)}, []string{"VIP"}, nil)
	id, changed := w.apply(&mostradorv1.Selection{Ids: w.ids(3, 5, 7)}, []string{"vip"}, []string{"BEBE"})
	if id != 0 || changed != 2 {
		t.Errorf("task %d, %d changed; want none and 2", id, changed)
	}
	if got := w.members("VIP"); !slices.Equal(got, []uint32{3, 5, 7}) {
		t.Errorf("%v have it", got)
	}
	if n := len(w.events("customer.changed")); n != 3 {
		t.Errorf("%d events, want 3", n)
	}
}

func TestWhatCannotBeApplied(t *testing.T) {
	w := newWorld(t)
	w.admit(1)
	w.put("VIP")
	for _, c := range []struct {
		add, remove []string
		want        string
	}{
		{[]string{"Oro"}, nil, "tag_unknown"},
		{nil, []string{"Oro"}, "tag_unknown"},
		{nil, nil, "tag_nothing_chosen"},
		{[]string{"VIP"}, []string{"vip"}, "tag_both_ways"},
	} {
		_, _, err := w.tags.Apply(t.Context(), ana, everybody, c.add, c.remove)
		if got := w.refusal(err); got != c.want {
			t.Errorf("%v %v: refused with %q, want %q", c.add, c.remove, got, c.want)
		}
	}
}

func TestManyAreOneFact(t *testing.T) {
	var synced, told int
	var rechecked []uint32
	w := &world{TB: t, path: t.TempDir() + "/store.db", opt: store.Options{NoSync: true}}
	w.config = func(c *tag.Config) {
		c.Resync, c.Changed = func() { synced++ }, func() { told++ }
		c.Segments = recheck(func(numbers []uint32) { rechecked = append(rechecked, numbers...) })
	}
	w.open()
	w.admit(1000)
	w.put("VIP", "Oro", "Bebé")
	w.apply(&mostradorv1.Selection{Ids: w.ids(10, 700)}, []string{"VIP"}, nil)
	w.apply(&mostradorv1.Selection{Ids: w.ids(20)}, []string{"Bebé"}, nil)
	before := len(w.events("customer.changed"))
	synced = 0
	id, _ := w.apply(&mostradorv1.Selection{All: true, Except: w.ids(4)}, []string{"VIP", "Oro"}, []string{"Bebé"})
	r := w.ended(id)
	if r.State != mostradorv1.TaskState_TASK_STATE_DONE || r.Done != 999 || r.Changed != 999 || r.Total != 999 || !r.Undoable {
		t.Errorf("the task ended as %v", r)
	}
	for name, want := range map[string]int{"VIP": 999, "Oro": 999, "Bebé": 0} {
		if got := w.members(name); len(got) != want || slices.Contains(got, 4) {
			t.Errorf("%d have %s, want %d", len(got), name, want)
		}
	}
	if n := len(w.events("customer.changed")) - before; n != 0 {
		t.Errorf("%d events of single customers", n)
	}
	var got []string
	for _, e := range w.events("customers.tagged", "customers.untagged") {
		f := e.GetCustom().GetFields()
		got = append(got, fmt.Sprint(e.Type, f["tags"].GetListValue().AsSlice(), f["customers"].GetNumberValue(), f["task"].GetNumberValue(), e.Actor.GetOperator()))
	}
	want := []string{fmt.Sprint("customers.tagged[VIP Oro] 999 ", id, " Ana"), fmt.Sprint("customers.untagged[Bebé] 1 ", id, " Ana")}
	if strings.ReplaceAll(strings.Join(got, "|"), " ", "") != strings.ReplaceAll(strings.Join(want, "|"), " ", "") {
		t.Errorf("events %q, want %q", got, want)
	}
	if synced != 1 || told == 0 {
		t.Errorf("synced %d times, told %d", synced, told)
	}
	if len(rechecked) != 999 || !slices.IsSorted(rechecked) {
		t.Errorf("the segments looked at %d customers", len(rechecked))
	}
	for lang, want := range map[string]string{"es": "Poner y quitar «VIP», «Oro» / «Bebé» a 999 clientes", "en": "Put on and take off «VIP», «Oro» / «Bebé» for 999 customers"} {
		if got := w.tasks.Show(lang, r).Title; got != want {
			t.Errorf("the title is %q, want %q", got, want)
		}
	}
}

// recheck plays the segments.
type recheck func(numbers []uint32)

func (r recheck) Recheck(_ *store.Tx, numbers iter.Seq[uint32], _ *plgv1.Actor) error {
	r(slices.Collect(numbers))
	return nil
}

func TestDeletingATagTakesItFromEverybodyAndUndoBringsItBack(t *testing.T) {
	w := newWorld(t)
	w.admit(1000)
	vip := w.put("VIP")[0]
	id, _ := w.apply(&mostradorv1.Selection{All: true, Except: w.ids(1, 2, 3)}, []string{"VIP"}, nil)
	w.ended(id)
	del, err := w.tags.Delete(t.Context(), ana, vip.Id)
	if err != nil {
		t.Fatal(err)
	}
	// At once, whatever the task has done yet.
	if list, _ := w.tags.List(); len(list) != 0 {
		t.Errorf("the list still has %v", list)
	}
	if got := w.members("VIP"); len(got) != 0 {
		t.Errorf("%d customers are still seen with it", len(got))
	}
	if _, err := w.tags.Delete(t.Context(), ana, vip.Id); !errors.Is(err, tag.ErrNotFound) {
		t.Errorf("deleting it twice: %v", err)
	}
	if r := w.ended(del.Id); r.Changed != 997 {
		t.Errorf("the task ended as %v", r)
	}
	other := w.put("Vip")[0] // another tag of that name
	if other.Id == vip.Id || other.Customers != 0 {
		t.Errorf("the new tag is %v", other)
	}
	if r := w.undo(del.Id); r.Changed != 997 {
		t.Errorf("the undo ended as %v", r)
	}
	if got := w.members("VIP*"); len(got) != 997 || got[0] != 4 {
		t.Errorf("%d have it back", len(got))
	}
	if got := w.members("Vip"); len(got) != 0 {
		t.Errorf("%d have the other one", len(got))
	}
}

// slowly has each step of a task take a while, so that a test can come between.
func slowly(c *tag.Config) {
	c.Segments = recheck(func([]uint32) { time.Sleep(10 * time.Millisecond) })
}

func TestACancelledDeletionLeavesTheTagToThoseWhoStillHaveIt(t *testing.T) {
	w := newWorld(t)
	w.admit(20_000)
	vip := w.put("VIP")[0]
	id, _ := w.apply(everybody, []string{"VIP"}, nil)
	w.ended(id)
	w.config = slowly
	w.reopen()
	del, err := w.tags.Delete(t.Context(), ana, vip.Id)
	if err != nil {
		t.Fatal(err)
	}
	w.cancel(del.Id)
	r := w.get(del.Id)
	if got := len(w.members("VIP")); got != 20_000-int(r.Changed) {
		t.Errorf("%d have it after %d lost it", got, r.Changed)
	}
	w.undo(del.Id)
	if got := len(w.members("VIP")); got != 20_000 {
		t.Errorf("%d have it after the undo", got)
	}
}

func TestACancelledTaskKeepsWhatItDidAndUndoTakesThatBack(t *testing.T) {
	w := newWorld(t)
	w.config = slowly
	w.reopen()
	w.admit(20_000)
	w.put("VIP")
	w.apply(&mostradorv1.Selection{Ids: w.ids(1, 5, 19_999)}, []string{"VIP"}, nil)
	id, _ := w.apply(everybody, []string{"VIP"}, nil)
	// While it works, it is paused, goes on after the program began again, and others change tags.
	w.moving(id)
	if err := w.tasks.Pause(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	still := w.get(id)
	w.reopen()
	w.apply(&mostradorv1.Selection{Ids: w.ids(2, 19_998)}, []string{"VIP"}, nil) // 2 has it already
	w.apply(&mostradorv1.Selection{Ids: w.ids(3, 19_997)}, nil, []string{"VIP"}) // 19997 has it not yet
	if r := w.get(id); r.Done != still.Done || r.State != mostradorv1.TaskState_TASK_STATE_PAUSED {
		t.Errorf("paused at %v, the task went on to %v", still, r)
	}
	if err := w.tasks.Resume(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	w.cancel(id)
	r := w.get(id)
	got := w.members("VIP")
	// From 1 on to the last that it came to, without 3, and behind those the two of 19998 and 19999.
	if last := got[len(got)-3]; int(last) != int(r.Done) || len(got) != int(r.Done)-1+2 {
		t.Errorf("%d have it, up to %d, when %d were done", len(got), last, r.Done)
	}
	if r.Changed != r.Done-2 {
		t.Errorf("the task was cancelled as %v", r)
	}
	if n := len(w.events("customers.tagged")); n != 1 {
		t.Errorf("%d events, want 1", n)
	}
	w.undo(id)
	if got := w.members("VIP"); !slices.Equal(got, []uint32{1, 5, 19_998, 19_999}) {
		t.Errorf("after the undo %v have it", got)
	}
}

func TestAUndoLeavesAloneWhatOthersDidMeanwhile(t *testing.T) {
	w := newWorld(t)
	w.admit(600)
	w.put("VIP")
	first, _ := w.apply(&mostradorv1.Selection{All: true, Except: w.ids(1)}, []string{"VIP"}, nil)
	w.ended(first)
	single := func(number uint32, add bool) {
		if add {
			w.apply(&mostradorv1.Selection{Ids: w.ids(number)}, []string{"VIP"}, nil)
		} else {
			w.apply(&mostradorv1.Selection{Ids: w.ids(number)}, nil, []string{"VIP"})
		}
	}
	single(1, true)  // never the task's
	single(2, false) // taken off by hand
	single(3, false) // taken off and put on again by hand
	single(3, true)
	w.reopen() // what is whose is on disk
	second, _ := w.apply(&mostradorv1.Selection{Ids: w.ids(upTo(300)[3:]...)}, nil, []string{"VIP"})
	if r := w.ended(second); r.Changed != 297 {
		t.Errorf("the second task ended as %v", r)
	}
	single(10, true) // put on by hand after both
	if r := w.undo(first); r.Changed != 300 {
		t.Errorf("the undo of the first ended as %v", r)
	}
	if got := w.members("VIP"); !slices.Equal(got, []uint32{1, 3, 10}) {
		t.Errorf("%v have it, want 1, 3 and 10", got)
	}
	// The second one took it from 4 to 300, of whom 10 has been given it back by hand.
	if r := w.undo(second); r.Changed != 296 {
		t.Errorf("the undo of the second ended as %v", r)
	}
	want := append([]uint32{1}, upTo(300)[2:]...)
	if got := w.members("VIP"); !slices.Equal(got, want) {
		t.Errorf("%d have it, want %d", len(got), len(want))
	}
}

func TestNobodyWhoIsGoneIsTagged(t *testing.T) {
	w := newWorld(t)
	w.admit(600)
	vip := w.put("VIP")[0]
	off, _ := w.apply(everybody, []string{"VIP"}, nil)
	w.ended(off)
	off, _ = w.apply(everybody, nil, []string{"VIP"})
	w.ended(off)
	w.update(func(tx *store.Tx) error {
		c, err := w.customers.ByNumber(tx, 300)
		if err != nil {
			return err
		}
		return w.customers.Unregister(tx, ana, c)
	})
	w.undo(off) // would give it to 300 again
	if n := w.customers.Sets().Count(set.Tag(0)); n != 1 {
		t.Errorf("%d are known to be gone, want 1", n)
	}
	if list, _ := w.tags.List(); list[0].Id != vip.Id || list[0].Customers != 599 {
		t.Errorf("the tag is %v", list)
	}
}
