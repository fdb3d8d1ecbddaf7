package task

import (
	"context"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/event"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// Config is what the tasks work with.
type Config struct {
	Store  *store.Store
	Log    *event.Log
	Text   *locale.Catalog
	Logger hclog.Logger
	// Changed is told that a task is another than it was, at most a few times a second for each; nil tells nobody. It
	// must be quick.
	Changed func(id uint64)
	// Now is the clock; nil means time.Now.
	Now func() time.Time
}

// Service keeps the tasks and runs them.
type Service struct {
	Config
	mu    sync.Mutex
	kinds map[string]Kind
	// waiting are the tasks that are to run, in the order of their ids; running those at work.
	waiting []uint64
	running map[uint64]*run
	// told is when a task's progress was last told.
	told map[uint64]time.Time
	wake chan struct{}
}

// run is a task at work.
type run struct {
	// lane is the kind that waits for this task's end.
	lane string
	stop context.CancelFunc
}

// New returns the tasks of a store. Nothing runs before Run.
func New(c Config) *Service {
	if c.Logger == nil {
		c.Logger = hclog.NewNullLogger()
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Changed == nil {
		c.Changed = func(uint64) {}
	}
	return &Service{Config: c, kinds: map[string]Kind{}, running: map[uint64]*run{}, told: map[uint64]time.Time{}, wake: make(chan struct{}, 1)}
}

// Register says who does the work of a kind. It is called before Run.
func (s *Service) Register(kind string, k Kind) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kinds[kind] = k
}

// Start asks for a task as a part of tx: it runs when tx is durable. titleKey is a key of the catalogue
// ("tag.title_add") and args its arguments; a number is written as people read it, and n decides between one and
// other. data is the kind's own (may be nil), total how many there are to do (0: not known yet).
func (s *Service) Start(tx *store.Tx, actor *plgv1.Actor, kind, titleKey string, args map[string]string, data proto.Message, total uint64) (*mostradorv1.Task, error) {
	if s.kind(kind) == nil {
		return nil, fmt.Errorf("%w: %q", ErrKind, kind)
	}
	t := &mostradorv1.Task{Kind: kind, TitleKey: titleKey, TitleArgs: args, Total: total, Actor: actor}
	if data != nil {
		var err error
		if t.Data, err = proto.Marshal(data); err != nil {
			return nil, fmt.Errorf("task: data of %s: %w", kind, err)
		}
	}
	return t, s.begin(tx, t)
}

// begin gives t its id and has it run once tx is durable.
func (s *Service) begin(tx *store.Tx, t *mostradorv1.Task) error {
	t.Id, t.State, t.Created = s.Last(tx)+1, mostradorv1.TaskState_TASK_STATE_WAITING, timestamppb.New(s.Now())
	if err := s.put(tx, t); err != nil {
		return err
	}
	tx.OnCommit(func() { s.enqueue(t.Id) })
	return s.say(tx, "task.started", t, t.Actor)
}

// Last returns the id of the newest task, 0 when there was none.
func (s *Service) Last(tx *store.Tx) uint64 {
	for k := range tx.ScanReverse(bucketTask, nil, nil) {
		return binary.BigEndian.Uint64(k)
	}
	return 0
}

// Get returns a task's record, or ErrNotFound. Its title and error are empty: see Show.
func (s *Service) Get(tx *store.Tx, id uint64) (*mostradorv1.Task, error) {
	t := new(mostradorv1.Task)
	found, err := store.GetProto(tx, bucketTask, taskKey(id), t)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, fmt.Errorf("%w: %d", ErrNotFound, id)
	}
	return t, nil
}

// say puts what happened to a task into the log.
func (s *Service) say(tx *store.Tx, what string, t *mostradorv1.Task, actor *plgv1.Actor) error {
	detail, err := structpb.NewStruct(map[string]any{
		"task": float64(t.Id), "kind": t.Kind, "title": s.title(locale.Default, t), "state": stateName(t.State),
		"done": float64(t.Done), "changed": float64(t.Changed), "failed": float64(t.Failed),
	})
	if err != nil {
		return fmt.Errorf("task: event of %d: %w", t.Id, err)
	}
	return s.Log.Append(tx, &plgv1.Event{
		Type: what, Time: timestamppb.New(s.Now()), Actor: actor, Detail: &plgv1.Event_Custom{Custom: detail},
	})
}

// put keeps t, and tells whoever looks on once that is durable.
func (s *Service) put(tx *store.Tx, t *mostradorv1.Task) error {
	if err := store.PutProto(tx, bucketTask, taskKey(t.Id), t); err != nil {
		return err
	}
	id := t.Id
	tx.OnCommit(func() { s.Changed(id) })
	return nil
}

func (s *Service) kind(name string) Kind {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.kinds[name]
}

// stateName is how a state is called in events: "done", "cancelled".
func stateName(state mostradorv1.TaskState) string {
	return strings.ToLower(strings.TrimPrefix(state.String(), "TASK_STATE_"))
}
