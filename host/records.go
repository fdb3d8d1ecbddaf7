package host

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/event"
	"mostrador/host/plugin"
	"mostrador/host/store"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// bucketUndo holds what plug-ins' records were before their last migration; see migrate.
const bucketUndo store.Bucket = "plugin_undo"

// migrator is a plug-in's process that may bring records to its own form.
type migrator interface {
	Migrate(ctx context.Context, call *plgv1.MigrateCall) (*plgv1.MigrateDone, error)
}

var (
	// errBack means that the records need no migration: they go back to what this version left.
	errBack = errors.New("back to the version before")
	// errSameForm means that the records need no migration: this version's are like those that there are.
	errSameForm = errors.New("the records are as they should be")
	// errMovedOn means that a newer version has worked with records that this one cannot read.
	errMovedOn = errors.New("the records are a newer version's")
)

// migrationFault is a plug-in's own word why it cannot take the records over.
type migrationFault string

func (m migrationFault) Error() string { return string(m) }

// change is what is to become of a plug-in's records when its version changes: effects, or the taking back of the
// last ones.
type change struct {
	effects []*plgv1.Effect
	back    bool
	// form tells that the records have a new form from this version on.
	form bool
}

// changeOf sorts out what migration says.
func changeOf(effects []*plgv1.Effect, err error) (change, error) {
	switch {
	case errors.Is(err, errBack):
		return change{back: true}, nil
	case errors.Is(err, errSameForm):
		return change{}, nil
	}
	return change{effects: effects, form: true}, err
}

// migration has a version say how the records become its own. Besides failures it returns the errors above, of which
// changeOf makes what they mean.
func (e *ensemble) migration(ctx context.Context, m migrator, id, version string) ([]*plgv1.Effect, error) {
	record, err := e.version(id)
	older := manifest.CompareVersions(version, record.Data) < 0
	switch {
	case err != nil || record.Data == "":
		return nil, err
	case record.Data == version, older && manifest.CompareVersions(version, record.Form) >= 0:
		return nil, errSameForm // it wrote them like that itself
	case older && record.UndoTo == version:
		return nil, errBack
	}
	done, err := m.Migrate(ctx, &plgv1.MigrateCall{From: record.Data, To: version, Time: timestamppb.Now()})
	switch {
	case errors.Is(err, plugin.ErrUnable) && older:
		return nil, errMovedOn
	case errors.Is(err, plugin.ErrUnable):
		return nil, errSameForm
	case err != nil:
		return nil, err
	case done.GetFault() != nil:
		return nil, migrationFault(done.GetFault().GetMessage())
	}
	for i, effect := range done.GetEffects() {
		switch effect.GetEffect().(type) {
		case *plgv1.Effect_Put, *plgv1.Effect_Delete, *plgv1.Effect_PutState:
		default:
			return nil, fmt.Errorf("effect %d of a migration is a %T: only the plug-in's own records change", i, effect.GetEffect())
		}
	}
	return done.GetEffects(), nil
}

// own is one of a plug-in's own records: of a customer, or of its keyspace.
type own struct {
	kind, key string // kind is "state" or "kv"
}

func ownOf(effect *plgv1.Effect) own {
	switch e := effect.GetEffect().(type) {
	case *plgv1.Effect_Put:
		return own{"kv", e.Put.GetKey()}
	case *plgv1.Effect_Delete:
		return own{"kv", e.Delete}
	default:
		return own{"state", effect.GetPutState().GetCustomerId()}
	}
}

func (o own) read(tx *store.Tx, id string) (value []byte, found bool) {
	if o.kind == "kv" {
		return event.GetKV(tx, id, o.key)
	}
	return event.GetState(tx, id, o.key)
}

// migrate changes a plug-in's records and keeps what they were: bucketUndo holds, by plug-in, kind and key, whether a
// record was there, and its value.
func migrate(tx *store.Tx, id string, effects []*plgv1.Effect) {
	forget(tx, id)
	for _, effect := range effects {
		o := ownOf(effect)
		if undo := []byte(id + "/" + o.kind + "/" + o.key); tx.Get(bucketUndo, undo) == nil {
			value, found := o.read(tx, id)
			tx.Put(bucketUndo, undo, append([]byte{map[bool]byte{true: 1}[found]}, value...))
		}
		switch e := effect.GetEffect().(type) {
		case *plgv1.Effect_Put:
			event.PutKV(tx, id, e.Put.GetKey(), e.Put.GetValue())
		case *plgv1.Effect_Delete:
			event.DeleteKV(tx, id, e.Delete)
		case *plgv1.Effect_PutState:
			event.PutState(tx, id, e.PutState.GetCustomerId(), e.PutState.GetState())
		}
	}
}

// bringRecords brings a plug-in's records to a version.
func (e *ensemble) bringRecords(tx *store.Tx, id string, record *versionRecord, version string, c change) error {
	if c.back {
		if record.UndoTo != version {
			return errMovedOn
		}
		undo(tx, id)
		record.Data, record.Form, record.UndoTo = version, record.UndoForm, ""
		return nil
	}
	if c.form {
		record.UndoTo, record.UndoForm = record.Data, record.Form
		record.Form = version
		migrate(tx, id, c.effects)
		tx.OnCommit(func() { e.undoable.Store(id, true) })
	}
	record.Data = version
	return nil
}

// wrote is told that a plug-in writes its records: from the first time on, its last migration cannot be taken back.
func (e *ensemble) wrote(tx *store.Tx, id string) error {
	if _, there := e.undoable.Load(id); !there {
		return nil
	}
	record, err := readVersion(tx, id)
	if err != nil || record.UndoTo == "" {
		return err
	}
	record.UndoTo, record.UndoForm = "", ""
	forget(tx, id)
	tx.OnCommit(func() { e.undoable.Delete(id) })
	return writeVersion(tx, id, record)
}

// undo puts a plug-in's records back to what they were before its last migration.
func undo(tx *store.Tx, id string) {
	prefix := id + "/"
	for key, kept := range tx.Scan(bucketUndo, []byte(prefix), nil) {
		kind, name, _ := strings.Cut(string(key[len(prefix):]), "/")
		switch was, had := bytes.Clone(kept[1:]), kept[0] == 1; {
		case kind == "kv" && had:
			event.PutKV(tx, id, name, was)
		case kind == "kv":
			event.DeleteKV(tx, id, name)
		case had:
			event.PutState(tx, id, name, was)
		default:
			event.DeleteState(tx, id, name)
		}
	}
	forget(tx, id)
}

// forget drops what a plug-in's records were.
func forget(tx *store.Tx, id string) {
	for key := range tx.Scan(bucketUndo, []byte(id+"/"), nil) {
		tx.Delete(bucketUndo, bytes.Clone(key))
	}
}
