package uitest

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"image"
	"image/draw"
	"image/png"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fyne.io/fyne/v2"
	"fyne.io/fyne/v2/test"

	"mostrador/gui/locales"
	"mostrador/gui/model"
	"mostrador/gui/shell"
	"mostrador/gui/ui"
)

var update = flag.Bool("update", false, "write the pictures instead of comparing with them")

// patience bounds every wait of a test.
const patience = 8 * time.Second

// Window is the application in a window without a display. Everything that touches widgets runs on the test's
// goroutine: what the model's goroutines want done waits in a queue that Settle and Until empty.
type Window struct {
	T      testing.TB
	Store  *Store
	Desk   *ui.Desk
	Model  *model.Model
	Canvas fyne.Canvas
	Text   *locales.Catalog
	// Opened are the addresses that were shown in the browser.
	Opened []string
	// Now is the clock of the screens: each reading moves it by Step, so that typing is a person's.
	Now  time.Time
	Step time.Duration

	queue chan func()
	shell *shell.Shell
}

// Open starts the application against a store.
func Open(t testing.TB, s *Store) *Window {
	app := test.NewTempApp(t)
	app.Settings().SetTheme(ui.NewTheme())
	text, err := locales.New("es", time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	win := app.NewWindow("Mostrador")
	w := &Window{T: t, Store: s, Canvas: win.Canvas(), Text: text, queue: make(chan func(), 4096), Now: day, Step: 100 * time.Millisecond}
	win.SetPadded(false)
	w.Model = model.New(model.Config{HTTP: &http.Client{}, BaseURL: s.URL, Till: "1", Language: "es"})
	w.Desk = ui.NewDesk(ui.Config{Model: w.Model, Text: text, Window: win,
		Do:      func(f func()) { w.queue <- f },
		Clock:   func() time.Time { w.Now = w.Now.Add(w.Step); return w.Now },
		OpenURL: func(u *url.URL) error { w.Opened = append(w.Opened, u.String()); return nil }})
	sh := shell.New(w.Desk)
	w.shell = sh
	win.Resize(fyne.NewSize(1280, 800))
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = w.Model.Run(ctx) }()
	t.Cleanup(func() {
		sh.Close()
		cancel()
		w.drainUntil(done)
		closed := make(chan struct{})
		go func() { w.Desk.Close(); close(closed) }()
		w.drainUntil(closed)
		win.Close()
	})
	w.Settle()
	return w
}

func (w *Window) drainUntil(done <-chan struct{}) {
	for {
		select {
		case <-done:
			return
		case <-w.queue:
		}
	}
}

// SignIn opens a window and signs Marta in.
func SignIn(t testing.TB, s *Store) *Window {
	w := Open(t, s)
	w.Type("Marta Ruiz")
	w.Key(fyne.KeyReturn)
	w.Type("2580")
	w.Key(fyne.KeyReturn)
	w.Until("the shop is open and online", func() bool { return w.Model.Operator() != nil && w.Model.Online() && w.Desk.Busy() == 0 })
	w.Settle()
	return w
}

// Settle runs what waits until no call is under way.
func (w *Window) Settle() {
	w.Until("all calls are answered", func() bool { return w.Desk.Busy() == 0 })
}

// Until runs what waits until a condition holds and the queue is empty.
func (w *Window) Until(what string, holds func() bool) {
	w.T.Helper()
	limit := time.After(patience)
	for {
		if len(w.queue) == 0 && holds() {
			return
		}
		// Woken by the queue; the ticker only serves conditions that change without it.
		tick := time.NewTimer(2 * time.Millisecond)
		select {
		case f := <-w.queue:
			f()
		case <-tick.C:
		case <-limit:
			tick.Stop()
			w.T.Fatalf("waited in vain until %s", what)
		}
		tick.Stop()
	}
}

// Type types text at whatever has the focus, as a person does.
func (w *Window) Type(text string) {
	w.T.Helper()
	for _, r := range text {
		if f := w.Canvas.Focused(); f != nil {
			f.TypedRune(r)
			if r == ' ' {
				f.TypedKey(&fyne.KeyEvent{Name: fyne.KeySpace})
			}
		} else if w.Canvas.OnTypedRune() != nil {
			w.Canvas.OnTypedRune()(r)
		}
	}
	w.Settle()
}

// Scan types text and Enter as a scanner does.
func (w *Window) Scan(code string) {
	step := w.Step
	w.Now, w.Step = w.Now.Add(step), time.Millisecond
	for _, r := range code {
		if f := w.Canvas.Focused(); f != nil {
			f.TypedRune(r)
		} else {
			w.Canvas.OnTypedRune()(r)
		}
	}
	w.key(fyne.KeyReturn)
	w.Step = step
	w.Settle()
}

// Key presses a key at whatever has the focus, or at the window, as the driver does.
func (w *Window) Key(name fyne.KeyName) {
	w.key(name)
	w.Settle()
}

func (w *Window) key(name fyne.KeyName) {
	switch f := w.Canvas.Focused(); {
	case name == fyne.KeyTab:
		w.Canvas.FocusNext()
	case f != nil:
		f.TypedKey(&fyne.KeyEvent{Name: name})
	default:
		w.Canvas.OnTypedKey()(&fyne.KeyEvent{Name: name})
	}
}

// Press presses the first visible button with this text.
func (w *Window) Press(text string) {
	w.T.Helper()
	b := w.Button(text)
	if b == nil {
		w.T.Fatalf("no button says %q", text)
	}
	if b.Disabled() {
		w.T.Fatalf("button %q is disabled", text)
	}
	test.Tap(b)
	w.Settle()
}

// Button is the first visible button with this text, or nil. A window in front hides what is behind.
func (w *Window) Button(text string) *ui.Button {
	var found *ui.Button
	w.walk(func(o fyne.CanvasObject) {
		if b, ok := o.(*ui.Button); ok && found == nil && b.Text() == text {
			found = b
		}
	})
	return found
}

func (w *Window) walk(f func(fyne.CanvasObject)) {
	root := w.Canvas.Content()
	if top := w.Canvas.Overlays().Top(); top != nil {
		root = top
	}
	walk(root, f)
}

func walk(o fyne.CanvasObject, f func(fyne.CanvasObject)) {
	if o == nil || !o.Visible() {
		return
	}
	f(o)
	switch c := o.(type) {
	case *fyne.Container:
		for _, child := range c.Objects {
			walk(child, f)
		}
	case fyne.Widget:
		for _, child := range test.WidgetRenderer(c).Objects() {
			walk(child, f)
		}
	}
}

// Sees tells whether a text stands on the screen.
func (w *Window) Sees(text string) bool {
	seen := false
	w.walk(func(o fyne.CanvasObject) {
		if t, ok := o.(interface{ MinSize() fyne.Size }); ok && t != nil {
			seen = seen || strings.Contains(textOf(o), text)
		}
	})
	return seen
}

// MustSee fails the test when a text does not stand on the screen.
func (w *Window) MustSee(texts ...string) {
	w.T.Helper()
	for _, text := range texts {
		if !w.Sees(text) {
			w.T.Errorf("the screen does not say %q", text)
		}
	}
}

// Picture compares the window with the golden picture of this name, pixel by pixel, or writes it with -update.
func (w *Window) Picture(name string) {
	w.T.Helper()
	Compare(w.T, name, w.Canvas.Capture())
}

// Compare compares a picture with the golden one of this name.
func Compare(t testing.TB, name string, shot image.Image) {
	t.Helper()
	path := filepath.Join("testdata", name+".png")
	got := reduced(shot)
	if *update {
		write(t, path, got)
		return
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	want, err := png.Decode(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	if n := differing(want, got); n > 0 {
		failed := filepath.Join(t.ArtifactDir(), name+".png")
		write(t, failed, got)
		t.Errorf("%s: %d pixels differ from the golden picture; the new one is in %s", name, n, failed)
	}
}

func write(t testing.TB, path string, shot image.Image) {
	t.Helper()
	var out bytes.Buffer
	encoder := png.Encoder{CompressionLevel: png.BestCompression}
	err := errors.Join(encoder.Encode(&out, shot), os.MkdirAll(filepath.Dir(path), 0o755))
	if err == nil {
		err = os.WriteFile(path, out.Bytes(), 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// reduced keeps pictures small: five bits a channel are enough to see by.
func reduced(shot image.Image) *image.NRGBA {
	b := shot.Bounds()
	out := image.NewNRGBA(image.Rect(0, 0, b.Dx(), b.Dy()))
	draw.Draw(out, out.Bounds(), shot, b.Min, draw.Src)
	for i := range out.Pix {
		out.Pix[i] = out.Pix[i]&^7 | out.Pix[i]>>5
	}
	return out
}

// near is how far one channel may be off, for processors that round differently.
const near = 9

func differing(a, b image.Image) int {
	if a.Bounds() != b.Bounds() {
		return a.Bounds().Dx()*a.Bounds().Dy() + 1
	}
	n := 0
	off := func(x, y uint32) bool { return max(x, y)-min(x, y) > near*0x101 }
	for y := a.Bounds().Min.Y; y < a.Bounds().Max.Y; y++ {
		for x := a.Bounds().Min.X; x < a.Bounds().Max.X; x++ {
			r, g, bl, _ := a.At(x, y).RGBA()
			r2, g2, bl2, _ := b.At(x, y).RGBA()
			if off(r, r2) || off(g, g2) || off(bl, bl2) {
				n++
			}
		}
	}
	return n
}
