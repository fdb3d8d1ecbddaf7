// Package rule keeps the rules that send messages when something happens (seed 001), and tries them out.
//
// Rules are the values of settings of type message_rules, so the Configuration Guide keeps them, with who changed what and
// when, and the plug-in that the setting belongs to judges and follows them. What this package adds is one rule at a time:
// it finds the sets of the active plug-ins with their recipes (a file of the package) and the events that rules can be
// about, puts one rule among the others, and rehearses one on what happened at the store. A rehearsal is the plug-in's
// own: the same program that will follow the rule says what it would have sent, and this package lists it.
package rule

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode"

	"golang.org/x/text/runes"
	"golang.org/x/text/transform"
	"golang.org/x/text/unicode/norm"

	"mostrador/configguide"
	"mostrador/host/api/mostradorv1"
	"mostrador/host/customer"
	"mostrador/host/locale"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// ErrNotFound says that there is no such setting of an active plug-in, or no such rule in it.
var ErrNotFound = errors.New("rule: not found")

// Guide is what this package needs of the Configuration Guide (configguide.Guide).
type Guide interface {
	// Rules returns the value of a message_rules.
	Rules(key string) []*plgv1.MessageRule
	// Change puts a value in force; Try says only whether it would be taken. What is wrong is *configguide.Refused.
	Change(ctx context.Context, actor *plgv1.Actor, w configguide.Wish, lang string) (configguide.Entry, error)
	Try(ctx context.Context, w configguide.Wish, lang string) error
}

// Config is what the rules work with.
type Config struct {
	Guide Guide
	// Active returns the manifests of the active plug-ins in the order of their ids, ReadFile a file of a package.
	Active   func() []*manifest.Manifest
	ReadFile func(plugin, name string) ([]byte, error)
	// Rehearse plays what happened since a time to a plug-in, with settings in place of those in force, and hands over
	// what it led to. It returns how many events of each type there were, and whether there were more than it looked at.
	Rehearse func(ctx context.Context, plugin string, settings map[string]any, since time.Time, each func(*plgv1.Rehearsed)) (events map[string]uint64, partial bool, err error)
	// Customer returns a customer, nil when there is none of that id.
	Customer func(id string) (*plgv1.Customer, error)
	// External returns what other systems may tell, described in the language of the context; nil for nothing.
	External func(ctx context.Context) ([]*mostradorv1.EventType, error)
	// Held says why a mail would be held back if it were to leave now, in the language of the context; empty when it would
	// not. Nil holds nothing back.
	Held func(ctx context.Context, m *mostradorv1.Message) (string, error)
	Text *locale.Catalog
	// Now is the clock; time.Now when nil.
	Now func() time.Time
}

// Service keeps and rehearses rules. It is safe for concurrent use.
type Service struct {
	Config
	// changing is held while a set of rules is read, changed and put back.
	changing sync.Mutex
}

// New makes the service.
func New(c Config) *Service {
	if c.Now == nil {
		c.Now = time.Now
	}
	return &Service{Config: c}
}

// List returns the sets of rules of the active plug-ins, in the language of the context.
func (s *Service) List(ctx context.Context) ([]*mostradorv1.RuleSet, error) {
	events, err := s.events(ctx)
	if err != nil {
		return nil, err
	}
	lang := locale.FromContext(ctx)
	var sets []*mostradorv1.RuleSet
	for _, m := range s.Active() {
		for i := range m.Settings {
			setting := &m.Settings[i]
			if setting.Type != manifest.TypeMessageRules {
				continue
			}
			set := &mostradorv1.RuleSet{Plugin: m.ID, Setting: setting.Key, Name: setting.Name.In(lang), Rules: s.Guide.Rules(setting.Key)}
			if set.Recipes, err = s.recipes(m, setting, lang); err != nil {
				return nil, err
			}
			for _, e := range events {
				if m.Handles(e.GetType()) {
					set.Events = append(set.Events, e)
				}
			}
			sets = append(sets, set)
		}
	}
	return sets, nil
}

// Put creates a rule, when it has no id, or changes one, and returns it as it is kept. What is wrong is refused at the
// rule's field.
func (s *Service) Put(ctx context.Context, actor *plgv1.Actor, setting string, rule *plgv1.MessageRule) (*plgv1.MessageRule, error) {
	if _, err := s.owner(setting); err != nil {
		return nil, err
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	rules := s.Guide.Rules(setting)
	put := with(rules, rule)
	if err := s.change(ctx, actor, setting, put.rules, put.rule.GetId()); err != nil {
		return nil, err
	}
	for _, kept := range s.Guide.Rules(setting) {
		if kept.GetId() == put.rule.GetId() {
			return kept, nil
		}
	}
	return nil, fmt.Errorf("rule %s of %s was kept and is not there", put.rule.GetId(), setting)
}

// Delete takes a rule away; what waits for it is dropped when its time comes.
func (s *Service) Delete(ctx context.Context, actor *plgv1.Actor, setting, id string) error {
	if _, err := s.owner(setting); err != nil {
		return err
	}
	s.changing.Lock()
	defer s.changing.Unlock()
	rules := s.Guide.Rules(setting)
	left := slices.DeleteFunc(slices.Clone(rules), func(r *plgv1.MessageRule) bool { return r.GetId() == id })
	if len(left) == len(rules) {
		return ErrNotFound
	}
	return s.change(ctx, actor, setting, left, id)
}

// owner returns the active plug-in that a setting of type message_rules belongs to.
func (s *Service) owner(setting string) (string, error) {
	for _, m := range s.Active() {
		if declared, ok := m.Setting(setting); ok && declared.Type == manifest.TypeMessageRules {
			return m.ID, nil
		}
	}
	return "", ErrNotFound
}

// change puts rules in force; a refusal about the rule of that id is one about its fields.
func (s *Service) change(ctx context.Context, actor *plgv1.Actor, setting string, rules []*plgv1.MessageRule, id string) error {
	value, err := configguide.RulesValue(rules)
	if err != nil {
		return err
	}
	_, err = s.Guide.Change(ctx, actor, configguide.Wish{Key: setting, At: configguide.Store, Value: value}, locale.FromContext(ctx))
	return atFields(err, setting, id)
}

// atFields makes what a refusal says of one rule point to that rule's fields: "condition".
func atFields(err error, setting, id string) error {
	var refused *configguide.Refused
	if !errors.As(err, &refused) {
		return err
	}
	refusal := &mostradorv1.Refusal{}
	for _, d := range refused.Diagnostics {
		path, _ := strings.CutPrefix(d.GetPath(), setting+"."+id+".")
		refusal.Diagnostics = append(refusal.Diagnostics, &plgv1.Diagnostic{
			Severity: d.GetSeverity(), Summary: d.GetSummary(), Detail: d.GetDetail(), Path: path, Code: d.GetCode(), Blame: d.GetBlame(),
		})
	}
	return &customer.Refused{Refusal: refusal}
}

// changed is a set of rules with one that was put among them.
type changed struct {
	rules []*plgv1.MessageRule
	rule  *plgv1.MessageRule
}

// with puts a rule among others: in place of the one of its id, or at the end.
func with(rules []*plgv1.MessageRule, rule *plgv1.MessageRule) changed {
	rule = clone(rule)
	if rule.GetId() == "" {
		rule.Id = freeID(rules, rule)
	}
	all := slices.Clone(rules)
	if i := slices.IndexFunc(all, func(r *plgv1.MessageRule) bool { return r.GetId() == rule.GetId() }); i >= 0 {
		all[i] = rule
	} else {
		all = append(all, rule)
	}
	return changed{all, rule}
}

// maxID leaves room in an id for what tells it from another.
const maxID = 48

// freeID names a rule after its name, in plain letters.
func freeID(rules []*plgv1.MessageRule, rule *plgv1.MessageRule) string {
	plain, _, err := transform.String(transform.Chain(norm.NFD, runes.Remove(runes.In(unicode.Mn))), strings.ToLower(rule.GetName()))
	if err != nil {
		plain = ""
	}
	words := strings.FieldsFunc(plain, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') })
	base := strings.Join(words, "-")
	base = strings.Trim(base[:min(len(base), maxID)], "-")
	if base == "" {
		base = "regla"
	}
	id := base
	for n := 2; slices.ContainsFunc(rules, func(r *plgv1.MessageRule) bool { return r.GetId() == id }); n++ {
		id = base + "-" + strconv.Itoa(n)
	}
	return id
}
