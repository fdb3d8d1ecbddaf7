package model

import (
	"bytes"
	"context"
	"fmt"
	"runtime"
	"strings"
	"sync"

	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// shown is how many of the broken and of the converted values a preview shows.
const shown = 50

// Preview says what a change does to the values that are there, and changes nothing.
func (s *Service) Preview(ctx context.Context, f *mostradorv1.Field) (*mostradorv1.PreviewFieldResponse, error) {
	was, next, err := s.declared(ctx, f)
	if err != nil {
		return nil, err
	}
	return s.preview(ctx, was, next)
}

// preview reads all customers, on all processors.
func (s *Service) preview(ctx context.Context, was, next *definition) (*mostradorv1.PreviewFieldResponse, error) {
	var last uint32
	if err := s.Store.View(func(tx *store.Tx) error { last = s.Customers.LastNumber(tx); return nil }); err != nil {
		return nil, err
	}
	parts := uint64(runtime.GOMAXPROCS(0))
	found := make([]mostradorv1.PreviewFieldResponse, parts)
	errs := make([]error, parts)
	var working sync.WaitGroup
	for i := range parts {
		from, to := uint32(uint64(last)*i/parts), uint32(uint64(last)*(i+1)/parts)
		working.Go(func() { errs[i] = s.previewPart(ctx, &found[i], was, next, from, to) })
	}
	working.Wait()
	all := new(mostradorv1.PreviewFieldResponse)
	for i := range found {
		if errs[i] != nil {
			return nil, errs[i]
		}
		part := &found[i]
		all.WithValue += part.WithValue
		all.Converted += part.Converted
		all.Broken += part.Broken
		all.Breaks = append(all.Breaks, part.Breaks[:min(len(part.Breaks), shown-len(all.Breaks))]...)
		all.Conversions = append(all.Conversions, part.Conversions[:min(len(part.Conversions), shown-len(all.Conversions))]...)
	}
	return all, nil
}

// step is how many records are read in one view, so that none stays open for long.
const step = 4096

// previewPart is preview for the numbers behind from, up to and with to.
func (s *Service) previewPart(ctx context.Context, sum *mostradorv1.PreviewFieldResponse, was, next *definition, from, to uint32) error {
	lang := locale.FromContext(ctx)
	for from < to {
		if err := ctx.Err(); err != nil {
			return err
		}
		err := s.Store.View(func(tx *store.Tx) error {
			n, err := s.walk(tx, next, from, step, func(c *plgv1.Customer) bool {
				if uint32(c.GetNumber()) > to {
					return false
				}
				value := c.GetFields()[next.GetId()]
				becomes, wrong := s.convert(tx, was, next, c, value, lang)
				sum.WithValue++
				switch {
				case wrong != nil:
					if sum.Broken++; len(sum.Breaks) < shown {
						sum.Breaks = append(sum.Breaks, &mostradorv1.FieldBreak{Customer: c, Value: value, Reason: wrong.GetSummary()})
					}
				case becomes != value:
					if sum.Converted++; len(sum.Conversions) < shown {
						sum.Conversions = append(sum.Conversions, &mostradorv1.FieldBreak{Customer: c, Value: value, Becomes: becomes})
					}
				}
				return true
			})
			if from = max(n, from); n == 0 {
				from = to
			}
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// walk calls fn with each customer who has a value of a field, of the next n records behind after. It returns the
// number of the last record that it read; 0 when there was none left. fn ends the walk by false.
func (s *Service) walk(tx *store.Tx, d *definition, after uint32, n int, fn func(c *plgv1.Customer) bool) (last uint32, err error) {
	id := []byte(d.GetId())
	for number, record := range s.Customers.Records(tx, after) {
		if last = number; bytes.Contains(record, id) { // the dear part is only for those who may have a value
			c := new(plgv1.Customer)
			if err := proto.Unmarshal(record, c); err != nil {
				return last, fmt.Errorf("model: customer %d: %w", number, err)
			}
			if c.GetFields()[d.GetId()] != "" {
				if d.script != nil && d.script.asks { // it may ask for tags, which are no part of the record
					if c, err = s.Customers.ByNumber(tx, number); err != nil {
						return last, err
					}
				}
				if !fn(c) {
					return last, nil
				}
			}
		}
		if n--; n == 0 {
			return last, nil
		}
	}
	return last, nil
}

// convert brings a stored value to a new declaration: what it becomes, or why it cannot. Preview and migration are
// the same because both ask it. was has no Field where nobody declared the value.
func (s *Service) convert(tx *store.Tx, was, next *definition, c *plgv1.Customer, value, lang string) (becomes string, wrong *plgv1.Diagnostic) {
	if was.GetMany() && !next.GetMany() {
		// A value of more than one line may be one of the new declaration: what was converted is asked again.
		kept, _ := s.Customers.Hold(tx, next.judged, c, value, lang)
		if n := strings.Count(value, "\n") + 1; n > 1 && kept != value {
			p := &problems{s: s, lang: lang}
			p.add("fields."+next.GetId(), "value_many", "n", n)
			return "", p.list[0]
		}
	}
	for _, form := range s.forms(was, next, value) {
		var problem *plgv1.Diagnostic
		if becomes, problem = s.Customers.Hold(tx, next.judged, c, form, lang); problem == nil {
			return becomes, nil
		}
		if wrong == nil {
			wrong = problem
		}
	}
	return "", wrong
}

// forms are the texts by which a value may be read under a new declaration, the likeliest first.
func (s *Service) forms(was, next *definition, value string) []string {
	from, to := was.GetType(), next.judged.Type
	each := func(change func(line string) string) string {
		lines := strings.Split(value, "\n")
		for i := range lines {
			lines[i] = change(lines[i])
		}
		return strings.Join(lines, "\n")
	}
	switch {
	case from == string(to):
	case from == string(customer.TypeDateTime) && to == manifest.TypeDate:
		return []string{each(func(line string) string { day, _, _ := strings.Cut(line, "T"); return day })}
	case from == string(manifest.TypeYesNo) && to != manifest.TypeYesNo:
		word := map[string]string{"true": s.text(locale.Default, "yes"), "false": s.text(locale.Default, "no")}[value]
		if word != "" {
			return []string{word, value}
		}
	case from == string(customer.TypePostalAddress) && to == manifest.TypeText:
		return []string{strings.ReplaceAll(value, "\n", ", ")}
	}
	return []string{value}
}
