package plugin

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/go-hclog"
)

func TestALineKeepsItsLevelAndPairs(t *testing.T) {
	for line, want := range map[string]string{
		`{"@level":"warn","@message":"odd","@module":"x","@timestamp":"t","b":2,"a":"one"}`: "[warn] odd a=one b=2",
		`{"@level":"error","@message":"bad"}`:                                               "[error] bad",
		`{"@level":"debug","@message":5}`:                                                   `[info] {"@level":"debug","@message":5}`,
		`{"@level":7,"@message":"x"}`:                                                       `[info] {"@level":7,"@message":"x"}`,
		`{"@timestamp":5,"@level":"info","@message":"x"}`:                                   "[info] x",
		`{"other":"json"}`:                                                                  `[info] {"other":"json"}`,
		`{broken`:                                                                           "[info] {broken",
		`plain words`:                                                                       "[info] plain words",
		`panic: index out of range`:                                                         "[error] panic: index out of range",
		`fatal error: all goroutines are asleep`:                                            "[error] fatal error: all goroutines are asleep",
	} {
		if got := parseEntry(line).String(); got != want {
			t.Errorf("%s: %s, want %s", line, got, want)
		}
	}
}

func FuzzALineNeverHarmsTheHost(f *testing.F) {
	f.Add(`{"@level":"warn","@message":"odd","a":[1,{"b":null}]}`)
	f.Add(`{"@level":"off","@message":{}}`)
	f.Add("panic: x")
	f.Fuzz(func(t *testing.T, text string) {
		out := &lines{}
		s := newLogSink(hclog.New(&hclog.LoggerOptions{Output: out, Level: hclog.Trace}), Policy{}.withDefaults(), time.Now)
		s.read(strings.NewReader(text))
		w := &lineWriter{sink: s}
		fmt.Fprint(w, text)
		for _, line := range s.last() {
			if len(line) > 16*maxLine { // %v of a pair may be longer than its JSON
				t.Errorf("a line of %d bytes", len(line))
			}
		}
		if e := parseEntry(text); e.level < hclog.Trace || e.level > hclog.Error {
			t.Errorf("level %v", e.level)
		}
	})
}

func TestTooManyLinesAreCountedAndDropped(t *testing.T) {
	clock := time.Unix(0, 0)
	out := &lines{}
	p := Policy{LogRate: 10, LogBurst: 20, LogKeep: 3}.withDefaults()
	s := newLogSink(hclog.New(&hclog.LoggerOptions{Output: out, DisableTime: true}), p, func() time.Time { return clock })
	for i := range 100 {
		s.line(fmt.Sprint("line ", i))
	}
	if n := strings.Count(out.String(), "line "); n != 20 {
		t.Errorf("%d lines passed", n)
	}
	clock = clock.Add(500 * time.Millisecond)
	s.line("later")
	if log := out.String(); !strings.Contains(log, "dropped=80") || !strings.Contains(log, "later") {
		t.Errorf("log:\n%s", log)
	}
	if got := strings.Join(s.last(), "|"); got != "[info] line 98|[info] line 99|[info] later" {
		t.Errorf("kept %s", got)
	}
}

func TestTheBeginningOfAPanicIsKept(t *testing.T) {
	s := newLogSink(hclog.NewNullLogger(), Policy{LogKeep: 10}.withDefaults(), time.Now)
	for i := range 50 {
		s.line(fmt.Sprint("before ", i))
	}
	s.line("panic: the reason")
	for i := range 500 {
		s.line(fmt.Sprint("goroutine ", i))
	}
	s.note("exit status 2")
	last := s.last()
	log := strings.Join(last, "\n")
	for _, want := range []string{"before 49", "the reason", "goroutine 3", "[host] exit status 2"} {
		if !strings.Contains(log, want) {
			t.Errorf("%q is lost:\n%s", want, log)
		}
	}
	if len(last) != 10 || strings.Contains(log, "goroutine 400") {
		t.Errorf("kept:\n%s", log)
	}
}

func TestLongLinesAreCutAndBrokenOnesMended(t *testing.T) {
	s := newLogSink(hclog.NewNullLogger(), Policy{}.withDefaults(), time.Now)
	s.read(strings.NewReader(strings.Repeat("x", 3*maxLine) + "\nshort\r\n\n\xff!"))
	w := &lineWriter{sink: s}
	for _, part := range []string{"one ", "line\ntwo\n", strings.Repeat("y", 2*maxLine), "\nrest"} {
		fmt.Fprint(w, part)
	}
	var got []string
	for _, line := range s.last() {
		got = append(got, fmt.Sprintf("%d%.12s", len(line), line))
	}
	want := fmt.Sprintf("%d[info] xxxxx 12[info] short 11[info] \uFFFD! 15[info] one l 10[info] two %d[info] yyyyy", maxLine+7, maxLine+7)
	if strings.Join(got, " ") != want {
		t.Errorf("got  %s\nwant %s", strings.Join(got, " "), want)
	}
}
