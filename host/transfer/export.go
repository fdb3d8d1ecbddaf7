package transfer

import (
	"context"
	"errors"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"google.golang.org/protobuf/types/known/structpb"
	"google.golang.org/protobuf/types/known/timestamppb"

	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/locale"
	"mostrador/host/store"
	"mostrador/host/tabular"
	"mostrador/sdk/plgv1"
)

// Paths that only an export knows.
const (
	pathAplica       = "aplica_promociones"
	pathPromotions   = "consent.promotions"
	pathPurchases    = "purchases.count"
	pathSpent        = "purchases.total"
	pathLastPurchase = "purchases.last"
	pathPoints       = "points"
	pathCreated      = "created"
	pathUpdated      = "updated"
)

// pointsMeasure is the measure of the store's loyalty plug-in.
const pointsMeasure = "puntos"

// exportAtOnce is how many customers are read in one transaction.
const exportAtOnce = 500

// Export writes the customers of a selection. That it does, and for whom, is an event before the first byte leaves. name
// is called with the file's name before anything is written.
func (s *Service) Export(ctx context.Context, actor *plgv1.Actor, req *mostradorv1.ExportCustomersRequest, name func(string) error, w io.Writer) error {
	lang := locale.FromContext(ctx)
	columns, err := s.exported(ctx, req.GetColumns())
	if err != nil {
		return err
	}
	numbers, err := s.Customers.Selected(ctx, req.GetSelection())
	if err != nil {
		return err
	}
	out := output(req.GetFormat(), req.GetSeparator())
	if out.Separator == "" && out.Format == tabular.CSV {
		out.Separator = s.text(ctx, "separator")
	}
	var paths []any
	for _, c := range columns {
		out.Columns = append(out.Columns, tabular.Heading{Name: c.name, Kind: c.kind})
		paths = append(paths, c.path)
	}
	file := s.text(ctx, "export_file", "date", s.Now().Format(time.DateOnly)) + "." + string(out.Format)
	if err := s.told(ctx, actor, req, file, paths, numbers.GetCardinality()); err != nil {
		return err
	}
	if err := name(file); err != nil {
		return err
	}
	writer, err := tabular.NewWriter(w, out)
	if err != nil {
		return err
	}
	part := make([]uint32, exportAtOnce)
	cells := make([]string, len(columns))
	for it := numbers.ManyIterator(); ; {
		n := it.NextMany(part)
		if n == 0 {
			return writer.Close()
		}
		people, facts, err := s.people(ctx, part[:n])
		if err != nil {
			return err
		}
		for i, c := range people {
			for k, column := range columns {
				cells[k] = s.cell(c, facts[i], column.path, lang)
			}
			if err := writer.Write(cells); err != nil {
				return err
			}
		}
	}
}

// people reads customers with what is counted of them.
func (s *Service) people(ctx context.Context, numbers []uint32) (people []*plgv1.Customer, facts []customer.Facts, err error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	err = s.Store.View(func(tx *store.Tx) error {
		for _, number := range numbers {
			c, err := s.Customers.ByNumber(tx, number)
			if errors.Is(err, customer.ErrNotFound) {
				continue // gone since
			}
			if err != nil {
				return err
			}
			f, err := s.Customers.Facts(tx, number)
			if err != nil {
				return err
			}
			people, facts = append(people, c), append(facts, f)
		}
		return nil
	})
	return people, facts, err
}

// column is a column that is exported.
type column struct {
	path, name string
	kind       tabular.Kind
}

// exported are the columns of paths; all that there are when none is named.
func (s *Service) exported(ctx context.Context, paths []string) ([]column, error) {
	lang := locale.FromContext(ctx)
	known := []column{
		{path: targetNumber, kind: tabular.Number}, {path: targetName}, {path: targetPhone}, {path: targetEmail}, {path: targetLanguage},
		{path: targetCards}, {path: targetTags}, {path: pathAplica},
	}
	for i := range known {
		known[i].name = s.label(known[i].path, lang)
	}
	for _, f := range s.modelFields(lang) {
		if f.GetRetired() {
			continue
		}
		c := column{path: fieldPrefix + f.GetId(), name: f.GetName()}
		switch f.GetType() {
		case "integer", "decimal", "number", "money":
			c.kind = tabular.Number
		case "date":
			c.kind = tabular.Date
		}
		if f.GetMany() {
			c.kind = tabular.Text
		}
		known = append(known, c)
	}
	for _, c := range []column{
		{path: pathPromotions}, {path: pathPurchases, kind: tabular.Number}, {path: pathSpent, kind: tabular.Number},
		{path: pathLastPurchase, kind: tabular.DateTime}, {path: pathPoints, kind: tabular.Number},
		{path: pathCreated, kind: tabular.DateTime}, {path: pathUpdated, kind: tabular.DateTime}, {path: targetID},
	} {
		c.name = s.label(c.path, lang)
		known = append(known, c)
	}
	if len(paths) == 0 {
		return known, nil
	}
	var columns []column
	for _, path := range paths {
		at := slices.IndexFunc(known, func(c column) bool { return c.path == path })
		if at < 0 {
			return nil, s.refuse(ctx, "columns", "export_unknown", "path", path)
		}
		columns = append(columns, known[at])
	}
	return columns, nil
}

// cell is one value as it is exported.
func (s *Service) cell(c *plgv1.Customer, facts customer.Facts, path, lang string) string {
	switch path {
	case targetNumber:
		return strconv.FormatUint(c.Number, 10)
	case targetID:
		return c.Id
	case pathAplica:
		if c.AplicaPromociones {
			return s.Text.Text(lang, "transfer.yes")
		}
		return s.Text.Text(lang, "transfer.no")
	case pathPromotions:
		switch c.GetConsent().GetPromotions() {
		case plgv1.ConsentState_CONSENT_STATE_GIVEN:
			return s.Text.Text(lang, "transfer.state_given")
		case plgv1.ConsentState_CONSENT_STATE_WITHDRAWN:
			return s.Text.Text(lang, "transfer.state_withdrawn")
		}
		return s.Text.Text(lang, "transfer.state_pending")
	case pathPurchases:
		return strconv.FormatUint(facts.Purchases, 10)
	case pathSpent:
		return money(facts.Spent)
	case pathLastPurchase:
		return s.clock(facts.LastPurchase)
	case pathPoints:
		if points, ok := facts.Measures[pointsMeasure]; ok {
			return strconv.FormatFloat(points, 'f', -1, 64)
		}
		return ""
	case pathCreated:
		return s.stamp(c.Created)
	case pathUpdated:
		return s.stamp(c.Updated)
	}
	return customer.TextOf(c, path)
}

// money is an amount in cents as a plain number.
func money(minor int64) string {
	sign := ""
	if minor < 0 {
		sign, minor = "-", -minor
	}
	cents := strconv.FormatInt(minor%100+100, 10)[1:]
	return sign + strconv.FormatInt(minor/100, 10) + "." + cents
}

func (s *Service) stamp(t *timestamppb.Timestamp) string {
	if t == nil {
		return ""
	}
	return s.clock(t.GetSeconds())
}

// clock is a moment on the store's clock; nothing for 0.
func (s *Service) clock(unix int64) string {
	if unix == 0 {
		return ""
	}
	return time.Unix(unix, 0).In(s.Now().Location()).Format(time.DateTime)
}

// told says in the log who exports whom.
func (s *Service) told(ctx context.Context, actor *plgv1.Actor, req *mostradorv1.ExportCustomersRequest, file string, columns []any, count uint64) error {
	detail, err := structpb.NewStruct(map[string]any{
		"file": file, "customers": float64(count), "selection": s.inShort(req.GetSelection()), "columns": columns,
	})
	if err != nil {
		return err
	}
	return s.Store.Update(ctx, func(tx *store.Tx) error {
		return s.Log.Append(tx, &plgv1.Event{Type: "customers.exported", Actor: actor, Detail: &plgv1.Event_Custom{Custom: detail}})
	})
}

// inShort says in words whom a selection means, in the store's language: the log is read by whoever comes.
func (s *Service) inShort(sel *mostradorv1.Selection) string {
	say := func(key string, args ...any) string { return s.Text.Text(locale.Default, "transfer."+key, args...) }
	if n := len(sel.GetIds()); n > 0 {
		return say("selection_ids", "n", n)
	}
	var parts []string
	if q := strings.TrimSpace(sel.GetQuery()); q != "" {
		parts = append(parts, say("selection_query", "query", q))
	}
	f := sel.GetFilter()
	list := func(key string, values []string) {
		if len(values) > 0 {
			parts = append(parts, say(key, "list", join(values)))
		}
	}
	list("selection_tags", f.GetTags())
	list("selection_without", f.GetWithoutTags())
	var segments, states, channels []string
	for _, id := range f.GetSegments() {
		segments = append(segments, strconv.FormatUint(uint64(id), 10))
	}
	for _, state := range f.GetConsent() {
		switch state {
		case plgv1.ConsentState_CONSENT_STATE_GIVEN:
			states = append(states, say("state_given"))
		case plgv1.ConsentState_CONSENT_STATE_WITHDRAWN:
			states = append(states, say("state_withdrawn"))
		default:
			states = append(states, say("state_pending"))
		}
	}
	for _, c := range f.GetChannels() {
		if c == mostradorv1.Filter_CHANNEL_SMS {
			channels = append(channels, say("path_phone"))
		} else {
			channels = append(channels, say("path_email"))
		}
	}
	list("selection_segments", segments)
	list("selection_consent", states)
	list("selection_channels", channels)
	list("selection_campaigns", f.GetCampaigns())
	if f.GetCondition() != nil {
		parts = append(parts, say("selection_condition"))
	}
	if f.GetImport() != 0 {
		parts = append(parts, say("selection_import", "id", f.GetImport()))
	}
	if len(parts) == 0 {
		parts = append(parts, say("selection_all"))
	}
	if n := len(sel.GetExcept()); n > 0 {
		parts = append(parts, say("selection_except", "n", n))
	}
	return strings.Join(parts, "; ")
}
