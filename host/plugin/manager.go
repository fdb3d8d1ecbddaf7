// Package plugin keeps the plugins of a store: their packages on disk, and their processes.
//
// Discover reads what is installed without running any of it. A Manager then owns one Plugin for each
// package and runs the wanted ones as processes of their own, which speak plgv1 over hashicorp/go-plugin:
// gRPC on a local socket, mutual TLS 1.3 with certificates that the host issues anew for each start
// (package wire). All work of one plugin goes over one stream, one piece at a time; while it works the
// plugin may read its own records, which the Manager fetches through Config.Reader.
//
// A process may end at any moment and takes nothing with it, since it owns nothing: what was under way
// fails with ErrCrashed (or with event.ErrUnavailable when the plugin is not to blame) and the supervisor
// starts it again, at first at once and then with growing pauses, until its Policy sets it aside. A process
// that does not answer in time is killed and counts as ended. The host learns of an end from the process
// itself and from the stream, so that neither a child of the plugin that holds its pipes nor a closed
// connection of a live process goes unnoticed.
//
// Nobody trusts a process. The operating system keeps it within the bounds that follow from its manifest's permissions
// (package sandbox), its program is what was installed or it is not started, and it goes last where it takes too much
// of the processor. Manager.Owns tells its processes from those that may use the store's own sockets.
//
// Swap changes a plugin's package while the store works: the new one starts on probation, and what its owner does not
// admit is ended, and the former one runs again. No work is lost meanwhile: what comes waits.
//
// No process outlives the host: on Linux the kernel kills it with the host (Pdeathsig), on Windows it belongs
// to a Job Object of the host, and everywhere the SDK watches its parent.
//
// How it is put together: package.go is what is on disk; policy.go decides what follows an end; process.go
// is one operating system process, as a runner of go-plugin, and bounds.go what it may reach; hash.go checks programs;
// run.go is one life of a plugin from start to end, attach.go one in a process that its developer started;
// supervise.go follows life with life; plugin.go gives the plugin its work, ability.go the work of newer protocols
// and a new package; log.go reads what it writes.
package plugin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/locale"
	"mostrador/sdk/plgv1"
)

var (
	// ErrCrashed means that the plugin's process ended in the middle of the work, by its own doing: it
	// crashed, broke the protocol, or was killed because it hung (then ErrHung too). What it worked on may
	// be the cause.
	ErrCrashed = errors.New("plugin: the process ended in the middle of the work")
	// ErrHung means that the plugin did not answer in time.
	ErrHung = errors.New("plugin: no answer in time")
	// ErrUnknown means that no such plugin is installed.
	ErrUnknown = errors.New("plugin: not installed")
)

// Reader reads a plugin's own keyspace while it works.
type Reader interface {
	// Get returns the value of key, and whether there is one.
	Get(ctx context.Context, plugin, key string) (value []byte, found bool, err error)
	// Scan returns at most limit records with keys that begin with prefix and come after `after`, ascending.
	Scan(ctx context.Context, plugin, prefix, after string, limit int) ([]*plgv1.KeyValue, error)
}

// StateReader is a Reader that knows a plugin's records of customers too, which it reads while it migrates them.
type StateReader interface {
	Reader
	// States returns at most limit records whose keys are customers' ids, as Scan does.
	States(ctx context.Context, plugin, prefix, after string, limit int) ([]*plgv1.KeyValue, error)
}

// Config is what a Manager needs.
type Config struct {
	// Packages are the installed plugins, from Discover; each has an id of its own.
	Packages []*Package
	// RuntimeDir is a folder of the Manager's own for sockets. It is made when missing; remains of a host
	// that was killed are swept out of it.
	RuntimeDir string
	// Settings gives the values in force that a plugin may see. It is asked before the first work of a
	// process and again after SettingsChanged; nil means none.
	Settings func(plugin string) *structpb.Struct
	// Reader serves plugins' reads; nil means an empty keyspace.
	Reader Reader
	// OnState, when not nil, is told after each change of a plugin's state. It must be quick.
	OnState func(plugin string)
	// Logger takes the Manager's and the plugins' log lines; nil means none.
	Logger hclog.Logger
	// Private are files and folders that no plugin reaches, whatever its manifest asks for: the store's home. One
	// whose manifest opens such a file, or a folder with one in it, is not started.
	Private []string
	// Text is where sentences come from; a catalogue of the Manager's own when nil.
	Text   *locale.Catalog
	Policy Policy
}

// Manager runs plugins. Its methods may be called from any goroutine.
type Manager struct {
	cfg    Config
	shared shared

	mu      sync.RWMutex
	plugins map[string]*Plugin
}

// shared is what all plugins of a Manager use.
type shared struct {
	sockets string
	hashes  *hashes
	words   *locale.Catalog
}

// NewManager makes a Manager whose plugins all are stopped.
func NewManager(cfg Config) (*Manager, error) {
	cfg.Policy = cfg.Policy.withDefaults()
	if cfg.Logger == nil {
		cfg.Logger = hclog.NewNullLogger()
	}
	if cfg.Text == nil {
		cfg.Text = locale.New()
	}
	sockets, err := socketDir(cfg.RuntimeDir)
	if err != nil {
		return nil, fmt.Errorf("plugin: folder for sockets: %w", err)
	}
	m := &Manager{
		cfg: cfg, plugins: make(map[string]*Plugin, len(cfg.Packages)),
		shared: shared{sockets: sockets, hashes: newHashes(cfg.RuntimeDir), words: cfg.Text},
	}
	for _, pkg := range cfg.Packages {
		if err := m.Add(pkg); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Add makes the plugin of a package known, stopped. It fails when a plugin of that id is known already; Swap changes
// the package of one.
func (m *Manager) Add(pkg *Package) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.plugins[pkg.ID()] != nil {
		return fmt.Errorf("plugin: two packages of %s", pkg.ID())
	}
	m.plugins[pkg.ID()] = newPlugin(pkg, &m.cfg, &m.shared)
	return nil
}

// Remove stops a plugin, as Stop does, and forgets it.
func (m *Manager) Remove(ctx context.Context, id string) error {
	if err := m.Stop(ctx, id); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.plugins, id)
	return nil
}

// Plugin returns the plugin of that id. It is the same one from Add to Remove, however often its process is started
// and its package swapped.
func (m *Manager) Plugin(id string) (*Plugin, bool) {
	m.mu.RLock()
	defer m.mu.RUnlock()
	p, ok := m.plugins[id]
	return p, ok
}

// Plugins returns all plugins in the order of their ids.
func (m *Manager) Plugins() []*Plugin {
	m.mu.RLock()
	defer m.mu.RUnlock()
	list := make([]*Plugin, 0, len(m.plugins))
	for _, id := range slices.Sorted(maps.Keys(m.plugins)) {
		list = append(list, m.plugins[id])
	}
	return list
}

// Start starts the plugins of those ids at the same time and returns when each runs or has failed to. A
// plugin that failed is tried again in the background like one that crashed, unless it was set aside; the
// error says which and why. ctx bounds the waiting only. Starting a running plugin does nothing; one that
// is set aside gets a fresh record.
func (m *Manager) Start(ctx context.Context, ids ...string) error {
	return m.each(ids, func(p *Plugin) error { return p.start(ctx) })
}

// Stop ends the plugins of those ids at the same time. Work under way gets Policy.StopTimeout to finish;
// who does not end by himself then, or when ctx is done, is killed. When Stop returns no process is left.
func (m *Manager) Stop(ctx context.Context, ids ...string) error {
	return m.each(ids, func(p *Plugin) error { p.stop(ctx); return nil })
}

// Close stops all plugins. The Manager can be used again afterwards.
func (m *Manager) Close(ctx context.Context) error {
	var ids []string
	for _, p := range m.Plugins() {
		ids = append(ids, p.Name())
	}
	return m.Stop(ctx, ids...)
}

// SettingsChanged has the values of these plugins (of all when none is named) sent again before their next
// work.
func (m *Manager) SettingsChanged(ids ...string) {
	for _, p := range m.Plugins() {
		if len(ids) == 0 || slices.Contains(ids, p.Name()) {
			p.settings.Add(1)
		}
	}
}

// State returns what is known about a plugin, with its texts in that language; the events that wait for it
// are known elsewhere.
func (m *Manager) State(id, language string) (*mostradorv1.PluginInfo, bool) {
	p, ok := m.Plugin(id)
	if !ok {
		return nil, false
	}
	return p.Info(language), true
}

// States returns State of all plugins in the order of their ids.
func (m *Manager) States(language string) []*mostradorv1.PluginInfo {
	plugins := m.Plugins()
	list := make([]*mostradorv1.PluginInfo, len(plugins))
	for i, p := range plugins {
		list[i] = p.Info(language)
	}
	return list
}

func (m *Manager) each(ids []string, do func(*Plugin) error) error {
	errs := make([]error, len(ids))
	var wg sync.WaitGroup
	for i, id := range ids {
		p, ok := m.Plugin(id)
		if !ok {
			errs[i] = fmt.Errorf("%w: %s", ErrUnknown, id)
			continue
		}
		wg.Go(func() { errs[i] = do(p) })
	}
	wg.Wait()
	return errors.Join(errs...)
}

// logName is the name of a plugin in the log: "plg0074".
func logName(id string) string { return strings.ToLower(id) }

// Owns tells whether a process is one of the plugins', or was started by one: whoever serves a local socket refuses
// it with that, by the socket's SO_PEERCRED. Of a process that has ended nobody can tell whose it was; it counts as a
// plugin's.
func (m *Manager) Owns(pid int) bool {
	own := map[int]bool{}
	for _, p := range m.Plugins() {
		for _, pid := range p.pids() {
			own[pid] = true
		}
	}
	return len(own) > 0 && descends(pid, own)
}
