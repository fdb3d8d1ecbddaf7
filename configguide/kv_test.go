package configguide_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"mostrador/configguide"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// memory is a KV in memory: what a transaction wrote is kept all or not at all.
type memory struct {
	mu      sync.Mutex
	records map[string]string // bucket, 0, key → value
	fail    error             // what the next Update fails with
	after   func()            // is called once, when something has been committed
}

func (m *memory) View(fn func(configguide.Tx) error) error {
	m.mu.Lock()
	snapshot := maps.Clone(m.records)
	m.mu.Unlock()
	return fn(memoryTx(snapshot))
}

func (m *memory) Update(ctx context.Context, fn func(configguide.Tx) error) error {
	if err := m.update(ctx, fn); err != nil {
		return err
	}
	if then := m.after; then != nil {
		m.after = nil
		then()
	}
	return nil
}

func (m *memory) update(ctx context.Context, fn func(configguide.Tx) error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := errors.Join(ctx.Err(), m.fail); err != nil {
		m.fail = nil
		return err
	}
	after := maps.Clone(m.records)
	if err := fn(memoryTx(after)); err != nil {
		return err
	}
	m.records = after
	return nil
}

type memoryTx map[string]string

func (t memoryTx) Get(bucket string, key []byte) []byte {
	if v, ok := t[bucket+"\x00"+string(key)]; ok {
		return []byte(v)
	}
	return nil
}
func (t memoryTx) Put(bucket string, key, value []byte) { t[bucket+"\x00"+string(key)] = string(value) }
func (t memoryTx) Delete(bucket string, key []byte)     { delete(t, bucket+"\x00"+string(key)) }

func (t memoryTx) Scan(bucket string, prefix, after []byte) iter.Seq2[[]byte, []byte] {
	return t.walk(bucket, prefix, func(k []byte) bool { return after == nil || bytes.Compare(k, after) > 0 }, false)
}

func (t memoryTx) ScanReverse(bucket string, prefix, before []byte) iter.Seq2[[]byte, []byte] {
	return t.walk(bucket, prefix, func(k []byte) bool { return before == nil || bytes.Compare(k, before) < 0 }, true)
}

func (t memoryTx) walk(bucket string, prefix []byte, in func([]byte) bool, reverse bool) iter.Seq2[[]byte, []byte] {
	return func(yield func([]byte, []byte) bool) {
		keys := slices.Sorted(maps.Keys(t))
		if reverse {
			slices.Reverse(keys)
		}
		for _, full := range keys {
			key, ok := strings.CutPrefix(full, bucket+"\x00")
			if ok && strings.HasPrefix(key, string(prefix)) && in([]byte(key)) && !yield([]byte(key), []byte(t[full])) {
				return
			}
		}
	}
}

// welcomeYAML has a setting of each kind that the core has not.
const welcomeYAML = `
id: PLG0074
name: {es: Mensajes de bienvenida, en: Welcome messages}
version: 1.0.0
api: 1
settings:
  - key: PLG0074TextoFile
    path: [Plug-Ins, Promociones, Clientes]
    name: {es: Texto del mensaje de bienvenida para correo, en: Welcome mail text}
    type: template_file
    default: templates/bienvenida.html
  - {key: PLG0074Importe, path: [Plug-Ins, Promociones, Clientes], name: {es: Importe}, type: money, default: "10.00", min: "0.50", max: "100"}
  - {key: PLG0074Plazo, path: [Plug-Ins, Promociones, Clientes], name: {es: Plazo}, type: duration, default: 24h, min: 1h, max: 720h}
  - {key: PLG0074Activo, path: [Plug-Ins, Promociones, Clientes], name: {es: Activo}, type: yes_no, default: true}
  - {key: PLG0074Lista, path: [Plug-Ins, Promociones, Clientes], name: {es: Lista}, type: list, max: 3}
  - {key: PLG0074Color, path: [Plug-Ins, Promociones, Clientes], name: {es: Color}, type: color}
  - {key: PLG0074Token, path: [Plug-Ins, Promociones, Clientes], name: {es: Token}, type: secret}
`

// tillsYAML has settings that tills have of their own, and what the core asks others about.
const tillsYAML = `
id: PLG0005
name: {es: Impresoras, en: Printers}
version: 1.0.0
api: 2
settings:
  - {key: PLG0005Impresora, path: [Plug-Ins, Cajas], name: {es: Impresora de tiques, en: Receipt printer}, type: text, scope: till, default: tm20}
  - {key: PLG0005Logo, path: [Plug-Ins, Cajas], name: {es: Logotipo, en: Logo}, type: file, scope: till}
  - {key: PLG0005Desde, path: [Plug-Ins, Cajas], name: {es: Desde cuándo, en: Since}, type: date, min: "2020-01-01"}
  - {key: PLG0005Avisos, path: [Plug-Ins, Cajas], name: {es: Teléfono de avisos, en: Phone}, type: phone}
  - {key: PLG0005Copias, path: [Plug-Ins, Cajas], name: {es: Copias, en: Copies}, type: number, whole: true, min: 1, max: 5, scope: till, required: true}
  - {key: PLG0005Tope, path: [Plug-Ins, Cajas], name: {es: Tope, en: Limit}, type: number, default: 10}
  - {key: PLG0005Vigilada, path: [Plug-Ins, Cajas], name: {es: Cola vigilada, en: Watched queue}, type: text, validate: true}
  - {key: PLG0005Clave, path: [Plug-Ins, Cajas], name: {es: Clave de la impresora, en: Printer password}, type: secret, scope: till}
`

const packaged = "<title>Hola</title>\nBienvenida del plug-in"

// world is a Guide with what it stands on.
type world struct {
	testing.TB
	kv    *memory
	dir   string
	guide *configguide.Guide
	now   time.Time
	told  sync.Mutex
	seen  [][]string // what watchers were told
	// off are plugins that are not active.
	off map[string]bool
	// policies is what rules of interplay leave, check the rules of settings, and answer what a plugin answers.
	policies map[string]configguide.Policy
	check    func(s *manifest.Setting, value any, values map[string]any) string
	answer   func(ctx context.Context, plugin, key string, value any) ([]*plgv1.Diagnostic, error)
}

func newWorld(t testing.TB) *world {
	w := &world{TB: t, kv: &memory{records: map[string]string{}}, dir: t.TempDir(), now: time.Unix(1e9, 0)}
	w.open()
	return w
}

// open opens the Guide anew over what is kept.
func (w *world) open() {
	w.Helper()
	g, err := configguide.New(configguide.Config{
		KV: w.kv, Key: bytes.Repeat([]byte{7}, 32), TemplatesDir: w.dir,
		Now: func() time.Time { w.now = w.now.Add(time.Second); return w.now },
		ReadFile: func(plugin, name string) ([]byte, error) {
			if plugin == "PLG0074" && name == "templates/bienvenida.html" {
				return []byte(packaged), nil
			}
			return nil, errNotThere
		},
		CheckTemplate: func(text, lang string) []*plgv1.Diagnostic {
			if i := strings.Index(text, "{{malo}}"); i >= 0 {
				line := 1 + strings.Count(text[:i], "\n")
				return []*plgv1.Diagnostic{{
					Severity: plgv1.Severity_SEVERITY_ERROR, Code: "template_unknown",
					Summary: fmt.Sprintf("Línea %d: no se conoce «malo» (%s).", line, lang),
				}}
			}
			return []*plgv1.Diagnostic{{Severity: plgv1.Severity_SEVERITY_WARNING, Summary: "un aviso no impide nada"}}
		},
		CheckValue: func(s *manifest.Setting, value any, values map[string]any, _ string) []*plgv1.Diagnostic {
			if w.check != nil {
				if bad := w.check(s, value, values); bad != "" {
					return []*plgv1.Diagnostic{{Severity: plgv1.Severity_SEVERITY_ERROR, Summary: bad}}
				}
			}
			return nil
		},
		Validate: func(ctx context.Context, plugin, key string, value any, _ string) ([]*plgv1.Diagnostic, error) {
			if w.answer == nil {
				return nil, errors.New("not running")
			}
			return w.answer(ctx, plugin, key, value)
		},
		Policy: func(key, _ string) configguide.Policy { return w.policies[key] },
	})
	if err != nil {
		w.Fatal(err)
	}
	if err := g.SetPlugins(w.plugins()); err != nil {
		w.Fatal(err)
	}
	g.Watch(func(keys []string) {
		w.told.Lock()
		defer w.told.Unlock()
		w.seen = append(w.seen, keys)
	})
	w.guide = g
}

func (w *world) plugins() []*manifest.Manifest {
	w.Helper()
	var all []*manifest.Manifest
	for _, text := range []string{welcomeYAML, tillsYAML} {
		m, err := manifest.Parse([]byte(text), "plugin.yaml")
		if err != nil {
			w.Fatal(err)
		}
		if !w.off[m.ID] {
			all = append(all, m)
		}
	}
	return all
}

// switched switches a plugin on or off.
func (w *world) switched(id string, on bool) {
	w.Helper()
	w.off = map[string]bool{id: !on}
	if err := w.guide.SetPlugins(w.plugins()); err != nil {
		w.Fatal(err)
	}
}

// change sets a value at a scope and returns the refusal's sentences.
func (w *world) change(key string, at configguide.At, value any) string {
	w.Helper()
	_, err := w.guide.Change(w.Context(), ana, configguide.Wish{Key: key, At: at, Value: value}, "es")
	return w.refusal(err)
}

// file sets a file with its content.
func (w *world) upload(key string, at configguide.At, name, content string) string {
	w.Helper()
	_, err := w.guide.Change(w.Context(), ana, configguide.Wish{Key: key, At: at, Value: name, Content: &content}, "es")
	return w.refusal(err)
}

// entryAt is an entry as a till sees it.
func (w *world) entryAt(key, till string) configguide.Entry {
	w.Helper()
	e, err := w.guide.EntryFor(key, till, "es")
	if err != nil {
		w.Fatal(err)
	}
	return e
}

var ana = &plgv1.Actor{Operator: "ana", Till: "caja 1", Channel: "gui"}

// set sets a value and returns the refusal's sentences, empty when it was taken.
func (w *world) set(key string, value any) string {
	w.Helper()
	_, err := w.guide.Set(w.Context(), ana, key, value, nil, "es")
	return w.refusal(err)
}

// write sets the text of a template.
func (w *world) write(name, text string) string {
	w.Helper()
	_, err := w.guide.Set(w.Context(), ana, "PLG0074TextoFile", name, &text, "es")
	return w.refusal(err)
}

func (w *world) refusal(err error) string {
	w.Helper()
	var refused *configguide.Refused
	switch {
	case err == nil:
		return ""
	case errors.As(err, &refused):
		for _, d := range refused.Diagnostics {
			if d.GetSummary() == "" || d.GetCode() == "" || strings.Contains(d.GetSummary(), "%!") {
				w.Errorf("a poor diagnostic: %v", d)
			}
		}
		return refused.Error()
	}
	w.Fatal(err)
	return ""
}

func (w *world) entry(key string) configguide.Entry {
	w.Helper()
	e, err := w.guide.Entry(key, "es")
	if err != nil {
		w.Fatal(err)
	}
	return e
}

func (w *world) refresh() {
	w.Helper()
	if err := w.guide.Refresh(w.Context()); err != nil {
		w.Fatal(err)
	}
}

func (w *world) history(key string) []configguide.Change {
	w.Helper()
	h, err := w.guide.History(key, 1000)
	if err != nil {
		w.Fatal(err)
	}
	return h
}
