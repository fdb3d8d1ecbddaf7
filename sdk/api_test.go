package sdk_test

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"go/constant"
	"go/importer"
	"go/token"
	"go/types"
	"io"
	"os"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

// promisedFile holds what plugins may rely on, one line for each exported thing of the promised packages.
const promisedFile = "testdata/api.txt"

var promised = []string{"mostrador/sdk", "mostrador/sdk/plgtest", "mostrador/sdk/telemetry"}

var record = flag.Bool("record", false, "record what is new in the SDK's exported API as promised")

func TestWhatTheSDKPromisedIsThere(t *testing.T) {
	now := exported(t)
	data, err := os.ReadFile(promisedFile)
	if err != nil && !*record {
		t.Fatal(err)
	}
	before := strings.Split(strings.TrimSuffix(string(data), "\n"), "\n")
	if len(data) == 0 {
		before = nil
	}
	var gone, added []string
	for _, line := range before {
		if _, ok := slices.BinarySearch(now, line); !ok {
			gone = append(gone, line)
		}
	}
	for _, line := range now {
		if _, ok := slices.BinarySearch(before, line); !ok {
			added = append(added, line)
		}
	}
	if len(gone) > 0 {
		t.Fatalf("plugins that were written for this would no longer compile; keep it, and add the new beside it:\n%s", strings.Join(gone, "\n"))
	}
	if len(added) > 0 && !*record {
		t.Fatalf("this is new; when it is meant to stay for good, record it (go test ./sdk -run Promised -record):\n%s", strings.Join(added, "\n"))
	}
	if *record {
		if err := os.WriteFile(promisedFile, []byte(strings.Join(now, "\n")+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// exported lists what the promised packages export, sorted.
func exported(t *testing.T) []string {
	t.Helper()
	lookup := compiled(t)
	imports := importer.ForCompiler(token.NewFileSet(), "gc", lookup)
	var lines []string
	for _, p := range promised {
		pkg, err := imports.Import(p)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range pkg.Scope().Names() {
			if o := pkg.Scope().Lookup(name); o.Exported() {
				for _, line := range describe(o) {
					lines = append(lines, strings.TrimPrefix(p, "mostrador/")+": "+line)
				}
			}
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// compiled finds the export data of the promised packages and of all that they import.
func compiled(t *testing.T) importer.Lookup {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list", "-export", "-deps", "-f", "{{.ImportPath}}\t{{.Export}}"}, promised...)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	files := map[string]string{}
	for lines := bufio.NewScanner(bytes.NewReader(out)); lines.Scan(); {
		if name, file, _ := strings.Cut(lines.Text(), "\t"); file != "" {
			files[name] = file
		}
	}
	return func(name string) (io.ReadCloser, error) {
		if files[name] == "" {
			return nil, fmt.Errorf("no export data of %s", name)
		}
		return os.Open(files[name])
	}
}

// describe writes an exported thing as lines, such that a line goes or changes when a plugin that uses the thing
// might no longer compile or do the same. What may grow (fields, methods) has a line for each.
func describe(o types.Object) []string {
	write := func(t types.Type) string {
		return types.TypeString(t, func(p *types.Package) string { return path.Base(p.Path()) })
	}
	switch o := o.(type) {
	case *types.Const:
		value := o.Val().ExactString()
		if o.Val().Kind() == constant.String {
			value = o.Val().String()
		}
		return []string{fmt.Sprintf("const %s %s = %s", o.Name(), write(o.Type()), value)}
	case *types.Var:
		return []string{fmt.Sprintf("var %s %s", o.Name(), write(o.Type()))}
	case *types.Func:
		return []string{"func " + o.Name() + signature(o, write)}
	}
	if o.(*types.TypeName).IsAlias() {
		return []string{fmt.Sprintf("type %s = %s", write(o.Type()), write(types.Unalias(o.Type())))}
	}
	named := o.Type().(*types.Named)
	head := "type " + o.Name() + parameters(named.TypeParams(), write)
	var lines []string
	switch under := named.Underlying().(type) {
	case *types.Struct:
		lines = append(lines, head+" struct")
		for i := range under.NumFields() {
			if f := under.Field(i); f.Exported() {
				lines = append(lines, fmt.Sprintf("%s struct, %s %s", head, f.Name(), write(f.Type())))
			}
		}
	default:
		lines = append(lines, head+" "+write(under))
	}
	for i := range named.NumMethods() {
		m := named.Method(i)
		if !m.Exported() {
			continue
		}
		receiver := o.Name()
		if _, ok := m.Signature().Recv().Type().(*types.Pointer); ok {
			receiver = "*" + receiver
		}
		lines = append(lines, fmt.Sprintf("method (%s) %s%s", receiver, m.Name(), signature(m, write)))
	}
	return lines
}

// signature is a function's, without the names of its parameters, which nobody relies on.
func signature(f *types.Func, write func(types.Type) string) string {
	nameless := func(tuple *types.Tuple) *types.Tuple {
		var all []*types.Var
		for v := range tuple.Variables() {
			all = append(all, types.NewParam(token.NoPos, nil, "", v.Type()))
		}
		return types.NewTuple(all...)
	}
	s := f.Signature()
	plain := types.NewSignatureType(nil, nil, nil, nameless(s.Params()), nameless(s.Results()), s.Variadic())
	return parameters(s.TypeParams(), write) + strings.TrimPrefix(write(plain), "func")
}

func parameters(list *types.TypeParamList, write func(types.Type) string) string {
	if list.Len() == 0 {
		return ""
	}
	var all []string
	for p := range list.TypeParams() {
		all = append(all, p.Obj().Name()+" "+write(p.Constraint()))
	}
	return "[" + strings.Join(all, ", ") + "]"
}
