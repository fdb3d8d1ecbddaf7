package sdk

import (
	"errors"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/hashicorp/go-hclog"
	"google.golang.org/protobuf/types/known/structpb"

	"mostrador/sdk/plgv1"
)

// Tx is what a handler reads from and tells its effects to. Nothing is done before the handler has returned
// without error; then all of it is done, or none. It is for the handler's own goroutine and ends with it.
//
// A method without an error result cannot fail by itself; should its arguments be impossible, the handler's
// outcome is a fault even when the handler returns nil.
type Tx struct {
	work     *work
	customer string
	language string
	now      time.Time
	// identity of the event or press: it seeds Rand.
	sequence uint64
	press    string
	// readOnly is set where nothing may be changed: for panels, health checks and validations.
	readOnly bool
	// migration is set for migrations.
	migration bool

	facts   *plgv1.Facts
	state   []byte // this plugin's record of customer; nil when there is none
	other   []byte // this plugin's record of the other customer of a merge
	merge   bool   // the event is a merge, or the taking back of one
	saved   *plgv1.SaveState
	effects []*plgv1.Effect
	rand    *rand.Rand
	err     error
}

var errReadOnly = errors.New("sdk: a panel, a health check or a validation changes nothing")

// Now is the time of the event, or of the press. It is the same when the event is handled again.
func (tx *Tx) Now() time.Time { return tx.now }

// Rand is a source of randomness that gives the same when the event is handled again. It is not for secrets.
func (tx *Tx) Rand() *rand.Rand {
	if tx.rand == nil {
		h := fnv.New64a()
		h.Write([]byte(tx.work.plugin.manifest.ID))
		h.Write([]byte{0})
		h.Write([]byte(tx.press))
		tx.rand = rand.New(rand.NewPCG(h.Sum64(), tx.sequence))
	}
	return tx.rand
}

// Log is the plugin's log, which the host writes into its own. Nothing personal above debug.
func (tx *Tx) Log() hclog.Logger { return tx.work.plugin.log }

// SetField sets a field of the customer of this event or press. The plugin needs the permission to write it,
// and a field that a rule of interplay governs is refused.
func (tx *Tx) SetField(field, value string) {
	tx.concern(&plgv1.Effect{Effect: &plgv1.Effect_SetField{SetField: &plgv1.SetField{Field: field, Value: value}}})
}

// AddTag tags the customer.
func (tx *Tx) AddTag(tag string) {
	tx.concern(&plgv1.Effect{Effect: &plgv1.Effect_AddTag{AddTag: tag}})
}

// RemoveTag takes a tag off the customer.
func (tx *Tx) RemoveTag(tag string) {
	tx.concern(&plgv1.Effect{Effect: &plgv1.Effect_RemoveTag{RemoveTag: tag}})
}

// Note writes a line into the customer's history.
func (tx *Tx) Note(text string) {
	tx.concern(&plgv1.Effect{Effect: &plgv1.Effect_Note{Note: text}})
}

// SetMeasure keeps a number about the customer of this event or press, by which the store orders, finds and segments
// customers; id stands in the manifest under measures. It is not a field: setting it tells no event.
func (tx *Tx) SetMeasure(id string, value float64) {
	_, declared := tx.work.plugin.manifest.Measure(id)
	switch {
	case !declared:
		tx.fail(fmt.Errorf("sdk: %q does not stand under measures", id))
	case math.IsNaN(value) || math.IsInf(value, 0):
		tx.fail(fmt.Errorf("sdk: measure %q of %v is no number", id, value))
	default:
		tx.concern(&plgv1.Effect{Effect: &plgv1.Effect_SetMeasure{SetMeasure: &plgv1.SetMeasure{Measure: id, Value: value}}})
	}
}

// Convert notes that the customer of this event or press did what a campaign asked for. The first time is told as
// CampaignConverted; customers can be found by it.
func (tx *Tx) Convert(campaign string) {
	if campaign == "" {
		tx.fail(errors.New("sdk: a conversion without a campaign"))
		return
	}
	tx.concern(&plgv1.Effect{Effect: &plgv1.Effect_Convert{Convert: campaign}})
}

// Later is something that the plugin wants to be reminded of.
type Later struct {
	// Time is when; in the past means at once.
	Time time.Time
	// Name tells the plugin's reminders apart.
	Name string
	// CustomerID is whom it concerns; may be empty.
	CustomerID string
	Data       map[string]any
}

// Schedule hands the plugin a Scheduled event at a later time.
func (tx *Tx) Schedule(l Later) error {
	if l.Time.IsZero() || l.Name == "" {
		return errors.New("sdk: a schedule needs a time and a name")
	}
	data, err := writeData(l.Data)
	if err != nil {
		return fmt.Errorf("sdk: data of schedule %q: %w", l.Name, err)
	}
	return tx.add(&plgv1.Effect{Effect: &plgv1.Effect_Schedule{Schedule: &plgv1.Schedule{
		Time: writeTime(l.Time), Name: l.Name, CustomerId: l.CustomerID, Data: data,
	}}})
}

// Emit appends an event of the plugin's own to the store's log, about the customer of this event or press. Its
// type must stand in the manifest under events.emits.
func (tx *Tx) Emit(kind string, data map[string]any) error {
	if !tx.work.plugin.manifest.Emits(kind) {
		return fmt.Errorf("sdk: %q does not stand under events.emits", kind)
	}
	d, err := writeData(data)
	if err != nil {
		return fmt.Errorf("sdk: data of event %q: %w", kind, err)
	}
	return tx.add(&plgv1.Effect{Effect: &plgv1.Effect_Emit{Emit: &plgv1.Emit{
		Type: kind, CustomerId: tx.customer, Data: d,
	}}})
}

// ActivateByCode records the customer's acceptance by the short code that was read out at the counter (seed
// 000, step 3). The host compares: a wrong code becomes a diagnostic at the form's field and counts as a try.
func (tx *Tx) ActivateByCode(customerID, code string) {
	tx.add(&plgv1.Effect{Effect: &plgv1.Effect_ActivateByCode{ActivateByCode: &plgv1.ActivateByCode{
		CustomerId: customerID, Code: strings.TrimSpace(code),
	}}})
}

// add notes an effect, or that there may be none.
func (tx *Tx) add(e *plgv1.Effect) error {
	if tx.readOnly {
		return tx.fail(errReadOnly)
	}
	tx.effects = append(tx.effects, e)
	return nil
}

// concern is add for an effect on the customer.
func (tx *Tx) concern(e *plgv1.Effect) {
	if tx.customer == "" {
		tx.fail(errNobody)
		return
	}
	tx.add(e)
}

// fail keeps the first impossible thing that was asked; it makes the outcome a fault.
func (tx *Tx) fail(err error) error {
	if tx.err == nil {
		tx.err = err
	}
	return err
}

func writeData(data map[string]any) (*structpb.Struct, error) {
	if len(data) == 0 {
		return nil, nil
	}
	return structpb.NewStruct(data)
}
