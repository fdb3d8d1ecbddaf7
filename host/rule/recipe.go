package rule

import (
	"encoding/json"
	"fmt"

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	"mostrador/host/api/mostradorv1"
	"mostrador/sdk/manifest"
	"mostrador/sdk/plgv1"
)

// recipes are the ready rules of a setting, switched off and named in a language.
func (s *Service) recipes(m *manifest.Manifest, setting *manifest.Setting, lang string) ([]*mostradorv1.Recipe, error) {
	if setting.Recipes == "" {
		return nil, nil
	}
	data, err := s.ReadFile(m.ID, setting.Recipes)
	if err != nil {
		return nil, fmt.Errorf("the recipes of %s: %w", m.ID, err)
	}
	read, err := manifest.ParseRecipes(data, setting.Recipes)
	if err != nil {
		return nil, fmt.Errorf("the recipes of %s: %w", m.ID, err)
	}
	list := make([]*mostradorv1.Recipe, len(read))
	for i, r := range read {
		rule := &plgv1.MessageRule{}
		encoded, err := json.Marshal(r.Rule)
		if err == nil {
			err = protojson.Unmarshal(encoded, rule)
		}
		if err != nil {
			return nil, fmt.Errorf("recipe %s of %s: %w", r.ID, m.ID, err)
		}
		rule.Id, rule.Name, rule.Recipe, rule.Enabled = "", r.Name.In(lang), r.ID, false
		list[i] = &mostradorv1.Recipe{Id: r.ID, Name: r.Name.In(lang), Description: r.Description.In(lang), Rule: rule}
	}
	return list, nil
}

func clone(r *plgv1.MessageRule) *plgv1.MessageRule {
	if r == nil {
		return &plgv1.MessageRule{}
	}
	return proto.CloneOf(r)
}
