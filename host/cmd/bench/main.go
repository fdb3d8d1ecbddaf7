// Command bench runs the benchmarks that stand in the project's table of speeds and prints that table.
//
// A row is a Go benchmark named Row/NAME which reports, by testing.B.ReportMetric, what it measured and the floor
// or peer that it measured in the same run:
//
//	value, floor   in the unit that "unit:NAME" names (its number means nothing)
//	ratio          value against floor; for a row without a floor, the value itself
//	atmost, atleast  the goal for the ratio
//
// so that every figure is a ratio within one run on one machine, and anyone can run a row alone with
// go test -bench. With BENCH_JSON=FILE the rows are also written there as a JSON array.
package main

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Row is one line of the table.
type Row struct {
	Name  string  `json:"name"`
	Value float64 `json:"value"`
	Unit  string  `json:"unit"`
	// Floor is the floor's or peer's figure; 0 where the goal is absolute.
	Floor float64 `json:"floor"`
	Ratio float64 `json:"ratio"`
	// Goal reads "<= 1.3" or ">= 0.7", about Ratio.
	Goal string `json:"goal"`
	Met  bool   `json:"met"`
}

func main() {
	only := flag.String("only", ".", "regular expression of the rows to run")
	flag.Parse()
	if err := run(*only, os.Getenv("BENCH_JSON"), flag.Args(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(only, jsonFile string, packages []string, out io.Writer) error {
	args := append([]string{"test", "-run", "^$", "-bench", "^BenchmarkRow$/" + only, "-benchtime", "1x", "-timeout", "60m"}, packages...)
	cmd := exec.Command("go", args...)
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("reading the benchmarks: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting the benchmarks: %w", err)
	}
	rows, err := parse(io.TeeReader(stdout, os.Stderr))
	if waitErr := cmd.Wait(); waitErr != nil {
		return fmt.Errorf("the benchmarks failed: %w", waitErr)
	}
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return fmt.Errorf("no row matches %q", only)
	}
	if jsonFile != "" {
		var text bytes.Buffer
		encoder := json.NewEncoder(&text)
		encoder.SetEscapeHTML(false) // goals read "<= 1.3"
		encoder.SetIndent("", "  ")
		if err := encoder.Encode(rows); err != nil {
			return fmt.Errorf("encoding the rows: %w", err)
		}
		if err := os.WriteFile(jsonFile, text.Bytes(), 0o644); err != nil {
			return fmt.Errorf("writing BENCH_JSON: %w", err)
		}
	}
	return print(out, rows)
}

// The benchmark's name, without the number of processors that go test appends where it is not 1.
var rowName = regexp.MustCompile(`^BenchmarkRow/(.+?)(-\d+)?$`)

func parse(r io.Reader) ([]Row, error) {
	var rows []Row
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		fields := strings.Fields(lines.Text())
		if len(fields) < 2 {
			continue
		}
		name := rowName.FindStringSubmatch(fields[0])
		if name == nil {
			continue
		}
		row := Row{Name: name[1]}
		for i := 2; i+1 < len(fields); i += 2 {
			number, err := strconv.ParseFloat(fields[i], 64)
			if err != nil {
				return nil, fmt.Errorf("row %s: %q is no number", row.Name, fields[i])
			}
			switch unit := fields[i+1]; unit {
			case "value":
				row.Value = number
			case "floor":
				row.Floor = number
			case "ratio":
				row.Ratio = number
			case "atmost":
				row.Goal = fmt.Sprintf("<= %g", number)
			case "atleast":
				row.Goal = fmt.Sprintf(">= %g", number)
			default:
				if u, ok := strings.CutPrefix(unit, "unit:"); ok {
					row.Unit = u
				}
			}
		}
		// go test prints metrics in alphabetical order, the goal before the ratio.
		if goal := strings.Fields(row.Goal); len(goal) == 2 {
			limit, _ := strconv.ParseFloat(goal[1], 64)
			row.Met = goal[0] == "<=" && row.Ratio <= limit || goal[0] == ">=" && row.Ratio >= limit
		}
		rows = append(rows, row)
	}
	slices.SortStableFunc(rows, func(a, b Row) int { return cmp.Compare(a.Name, b.Name) })
	return rows, lines.Err()
}

func print(out io.Writer, rows []Row) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "name\tvalue\tunit\tfloor or peer\tratio\tgoal\tmet")
	for _, r := range rows {
		floor, met := "-", "no"
		if r.Floor != 0 {
			floor = strconv.FormatFloat(r.Floor, 'g', 4, 64)
		}
		if r.Met {
			met = "yes"
		}
		fmt.Fprintf(w, "%s\t%.4g\t%s\t%s\t%.3g\t%s\t%s\n", r.Name, r.Value, r.Unit, floor, r.Ratio, r.Goal, met)
	}
	return w.Flush()
}
