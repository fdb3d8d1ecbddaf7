package customer

import (
	"context"
	"strings"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/event"
	"mostrador/host/store"
	"mostrador/sdk/plgv1"
)

// recent is how many of a customer's last events are looked through for who changed a field.
const recent = 100

// unseen refuses to change what somebody else changed since the person saw it, unless both want the same.
func (s *Service) unseen(ctx context.Context, tx *store.Tx, current, wanted, seen *plgv1.Customer, mask []string) error {
	j := s.judge(ctx)
	for _, path := range mask {
		was, mine, theirs := shownText(seen, path), shownText(wanted, path), shownText(current, path)
		if theirs == was || theirs == mine {
			continue
		}
		conflict := &mostradorv1.EditConflict{Path: path, Label: s.label(path, j.lang), Seen: was, Yours: mine, Theirs: theirs}
		j.Conflicts = append(j.Conflicts, conflict)
	}
	if len(j.Conflicts) == 0 {
		return nil
	}
	events, err := s.Log.List(tx, event.Query{Customer: current.Id, Type: "customer.changed", Newest: true, Limit: recent})
	if err != nil {
		return err
	}
	for _, conflict := range j.Conflicts {
		for _, e := range events {
			if !changes(e, conflict.Path) {
				continue
			}
			conflict.Actor, conflict.Time = e.Actor, e.Time
			break
		}
		j.refuse(conflict.Path, "edit_conflict", "field", conflict.Label, "who", conflict.Actor.GetOperator())
	}
	return j.err()
}

func changes(e *plgv1.Event, path string) bool {
	for _, c := range e.GetCustomerChanged().GetChanges() {
		if c.Field == path {
			return true
		}
	}
	return false
}

// shownText is textOf with a no in words.
func shownText(c *plgv1.Customer, path string) string {
	if text := textOf(c, path); path != fieldAplica || text != "" {
		return text
	}
	return "false"
}

// label is what people call a field.
func (s *Service) label(path, lang string) string {
	id := strings.TrimPrefix(path, fieldPrefix)
	if fields := s.declared(); fields != nil {
		if name := fields.FieldName(id, lang); name != "" {
			return name
		}
	}
	return id
}
