package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"

	"mostrador/host/plugin"
	"mostrador/host/plugin/conformance"
	"mostrador/host/plugin/pack"
)

type pluginCheckCmd struct {
	Package string `arg:""`
}

// Run makes the checks of package conformance. It needs no store.
func (c *pluginCheckCmd) Run(ctx context.Context, s *session) error {
	pkg, remove, err := s.openForCheck(c.Package)
	if err != nil {
		return err
	}
	defer remove()
	report, err := conformance.Run(ctx, pkg)
	if err != nil {
		return s.fault("check_impossible", "package", c.Package, "problem", err)
	}
	if s.JSON {
		err = s.checkJSON(report)
	} else {
		s.checkReport(report)
	}
	if err == nil && !report.Fit() {
		err = errSaid
	}
	return err
}

// openForCheck opens the package in a folder or in a file, whose signature is another matter. remove takes away what
// was unpacked.
func (s *session) openForCheck(name string) (pkg *plugin.Package, remove func(), err error) {
	info, err := os.Stat(name)
	if err != nil {
		return nil, nil, s.fault("file_unreadable", "file", name, "problem", err)
	}
	remove = func() {}
	dir := name
	if !info.IsDir() {
		temp, err := os.MkdirTemp("", "mostrador-check-")
		if err != nil {
			return nil, nil, s.fault("check_impossible", "package", name, "problem", err)
		}
		remove = func() { _ = os.RemoveAll(temp) } // a folder for temporary files: the system sweeps it
		if dir, err = unpack(name, temp); err != nil {
			remove()
			return nil, nil, s.unpacked(name, err)
		}
	}
	if pkg, err = plugin.Open(dir); err != nil {
		remove()
		return nil, nil, s.fault("check_broken", "package", name, "problem", err)
	}
	return pkg, remove, nil
}

// unpack unpacks a package below temp, into a folder in which the program stands as it does during development.
func unpack(name, temp string) (dir string, err error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return "", err
	}
	opened, err := pack.Open(f, info.Size())
	if err != nil {
		return "", err
	}
	program, _, err := opened.Program(runtime.GOOS, runtime.GOARCH)
	if err != nil {
		return "", err
	}
	file := path.Base(program)
	dir = filepath.Join(temp, strings.TrimSuffix(file, path.Ext(file)))
	if err := opened.Extract(dir, runtime.GOOS, runtime.GOARCH); err != nil {
		return "", err
	}
	if opened.Manifest().Runtime != "" {
		return dir, nil
	}
	return dir, os.Rename(filepath.Join(dir, filepath.FromSlash(program)), filepath.Join(dir, file))
}

// unpacked is the sentence about a package that could not be unpacked.
func (s *session) unpacked(name string, err error) error {
	var wrong *pack.Refused
	if errors.As(err, &wrong) {
		return s.fault("check_broken", "package", name, "problem", s.catalog.Text(s.lang, "pack."+wrong.Code, wrong.Args...))
	}
	var missing *fs.PathError
	if errors.As(err, &missing) {
		err = missing.Err
	}
	return s.fault("file_unreadable", "file", name, "problem", err)
}

// sayCheck is a sentence of package conformance.
func (s *session) sayCheck(key string, args ...any) string {
	return s.catalog.Text(s.lang, "conformance."+key, args...)
}

// outcomes are how checks end, as JSON has them and as keys of their words.
var outcomes = map[conformance.Outcome]string{
	conformance.Skipped: "skipped", conformance.Passed: "passed", conformance.Warned: "warned", conformance.Failed: "failed",
}

func (s *session) checkReport(report *conformance.Report) {
	rows := s.pairs()
	for _, f := range report.Findings {
		rows.add(s.sayCheck(outcomes[f.Outcome]), s.sayCheck("check_"+f.Check))
		for _, p := range f.Problems {
			rows.add("", "→ "+s.sayCheck(p.Code, p.Args...))
		}
	}
	rows.print()
	verdict := "fit"
	if !report.Fit() {
		verdict = "unfit"
		for _, line := range report.Log {
			fmt.Fprintf(s.err, "%s: %s\n", report.ID, line)
		}
	}
	fmt.Fprintln(s.out, s.sayCheck(verdict, "id", report.ID, "version", report.Version))
}

// checkJSON prints the report for programs.
func (s *session) checkJSON(report *conformance.Report) error {
	type problem struct {
		Code    string `json:"code"`
		Text    string `json:"text"`
		Warning bool   `json:"warning,omitempty"`
	}
	type finding struct {
		Check    string    `json:"check"`
		Outcome  string    `json:"outcome"`
		Problems []problem `json:"problems,omitempty"`
	}
	out := struct {
		ID       string    `json:"id"`
		Version  string    `json:"version"`
		Fit      bool      `json:"fit"`
		Findings []finding `json:"findings"`
		Log      []string  `json:"log,omitempty"`
	}{ID: report.ID, Version: report.Version, Fit: report.Fit(), Log: report.Log}
	for _, f := range report.Findings {
		made := finding{Check: f.Check, Outcome: outcomes[f.Outcome]}
		for _, p := range f.Problems {
			made.Problems = append(made.Problems, problem{p.Code, s.sayCheck(p.Code, p.Args...), p.Warning})
		}
		out.Findings = append(out.Findings, made)
	}
	encoder := json.NewEncoder(s.out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	return encoder.Encode(out)
}
