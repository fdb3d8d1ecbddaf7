package manifest

import (
	"fmt"
	"path"
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// Recipe is a ready rule to begin with, of a setting of type message_rules.
type Recipe struct {
	ID          string `yaml:"id"`
	Name        Text   `yaml:"name"`
	Description Text   `yaml:"description"`
	// Rule is a plgv1.MessageRule in protobuf's JSON, without id, name and recipe, which follow from the recipe.
	Rule Object `yaml:"rule"`
}

// Object is a value of JSON: texts, numbers, booleans, and lists and objects of these.
type Object map[string]any

// maxRecipes is how many recipes a file may have.
const maxRecipes = 200

// ParseRecipes reads a file that holds nothing but `recipes:`. What is wrong comes back as one *Error. That a rule is one
// is for who makes a plgv1.MessageRule of it.
func ParseRecipes(data []byte, file string) ([]Recipe, error) {
	var v struct {
		Recipes []Recipe `yaml:"recipes"`
	}
	var d decoder
	d.read(data, &v)
	if len(d.problems) == 0 {
		if len(v.Recipes) > maxRecipes {
			d.problem("recipes", "there are %d: keep to %d", len(v.Recipes), maxRecipes)
		}
		for i, r := range v.Recipes {
			at := fmt.Sprintf("recipes[%d]", i)
			d.identifier(r.ID, at)
			d.once(slices.ContainsFunc(v.Recipes[:i], func(o Recipe) bool { return o.ID == r.ID }), at+".id", r.ID)
			d.named(r.Name, at)
			if len(r.Rule) == 0 {
				d.problem(at+".rule", "is missing: add the rule")
			}
		}
	}
	if err := d.err(file); err != nil {
		return nil, err
	}
	return v.Recipes, nil
}

// decodeNode implements custom.
func (o *Object) decodeNode(d *decoder, n ast.Node, at string) {
	if object, ok := d.json(n, at, 0).(map[string]any); ok {
		*o = object
	} else {
		d.problem(at, "must be a map of keys, not %s", kind(n))
	}
}

// json returns a node as JSON knows it.
func (d *decoder) json(n ast.Node, at string, deep int) any {
	if deep > maxDepth {
		d.problem(at, "nested more than %d deep", maxDepth)
		return nil
	}
	switch n := n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		entries, _ := entriesOf(n)
		object := make(map[string]any, len(entries))
		for _, e := range entries {
			key, ok := keyOf(e)
			if _, twice := object[key]; !ok || twice {
				d.problem(join(at, key), "a key must be a plain word, and there once")
			}
			d.mark(e.Value, join(at, key))
			object[key] = d.json(e.Value, join(at, key), deep+1)
		}
		return object
	case *ast.SequenceNode:
		list := make([]any, len(n.Values))
		for i, item := range n.Values {
			list[i] = d.json(item, fmt.Sprintf("%s[%d]", at, i), deep+1)
		}
		return list
	}
	v, _ := d.plain(n, at, deep)
	return v
}

// packageFile tells whether name is a plain file name within a package.
func packageFile(name string) bool {
	return name != "" && !path.IsAbs(name) && path.Clean(name) == name && name[0] != '.' && len(name) <= maxName
}
