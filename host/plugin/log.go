package plugin

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-hclog"
)

// maxLine bounds one log line in bytes; the rest of a longer one is cut off.
const maxLine = 8 << 10

// logSink takes what a plugin writes: it hands the lines on to the host's log with their level, no more of
// them a second than the policy allows, and keeps the last ones to explain an end. go-plugin could read the
// lines itself, but a JSON line that it does not expect makes it panic and would end the host.
type logSink struct {
	logger hclog.Logger
	rate   float64 // lines a second
	burst  float64
	keep   int
	most   int
	now    func() time.Time

	mu      sync.Mutex
	tokens  float64
	filled  time.Time
	held    int      // by the throttle, since it was last reported
	lost    uint64   // by the throttle, since the process started
	lines   []string // the last ones, at most keep
	history []string // with their time, at most most
	dying   bool     // a Go panic or fatal error began: its first lines are the ones worth keeping
	dirge   int      // lines kept since then
}

func newLogSink(logger hclog.Logger, p Policy, now func() time.Time) *logSink {
	return &logSink{
		logger: logger, rate: float64(p.LogRate), burst: float64(p.LogBurst), keep: p.LogKeep, most: p.LogHistory,
		now: now, tokens: float64(p.LogBurst), filled: now(),
	}
}

// read takes lines until r ends.
func (s *logSink) read(r io.Reader) {
	in := bufio.NewReaderSize(r, maxLine)
	for {
		line, err := in.ReadSlice('\n')
		text := clean(line)
		for errors.Is(err, bufio.ErrBufferFull) { // cut off what is too long
			_, err = in.ReadSlice('\n')
		}
		if text != "" {
			s.line(text)
		}
		if err != nil {
			return
		}
	}
}

// line takes one line.
func (s *logSink) line(text string) {
	e := parseEntry(text)
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.now()
	s.remember(e, now)
	s.tokens = min(s.burst, s.tokens+s.rate*now.Sub(s.filled).Seconds())
	s.filled = now
	if s.tokens < 1 {
		s.held++
		s.lost++
		return
	}
	s.tokens--
	s.reportDropped()
	s.logger.Log(e.level, e.message, e.pairs...)
}

// reportDropped says how much the throttle held back; mu is held.
func (s *logSink) reportDropped() {
	if s.held > 0 {
		s.logger.Warn("plugin writes too many log lines", "dropped", s.held)
		s.held = 0
	}
}

// remember keeps e among the last lines; mu is held. Of a Go panic the beginning says what happened, the
// end is a list of goroutines: once one began, half of the room is for its beginning and nothing follows.
func (s *logSink) remember(e entry, now time.Time) {
	line := e.String()
	s.history = ring(s.history, s.most, now.Format(time.TimeOnly)+" "+line)
	if s.dying {
		if s.dirge >= (s.keep+1)/2 {
			return
		}
		s.dirge++
	} else if e.panics {
		s.dying, s.dirge = true, 1
	}
	s.lines = ring(s.lines, s.keep, line)
}

// ring appends a line to lines, of which the last n stay.
func ring(lines []string, n int, line string) []string {
	if len(lines) >= n {
		lines = slices.Delete(lines, 0, len(lines)-n+1)
	}
	return append(lines, line)
}

// note adds a line of the host's own to what is kept: how the process ended, why it was refused.
func (s *logSink) note(line string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reportDropped()
	line = "[host] " + line
	s.lines = ring(s.lines, s.keep, line)
	s.history = ring(s.history, s.most, s.now().Format(time.TimeOnly)+" "+line)
	s.dying, s.dirge = false, 0
}

// last returns the kept lines, oldest first.
func (s *logSink) last() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.lines)
}

// recent returns at most n of the last lines with their time, oldest first; all that are kept when n is not positive.
func (s *logSink) recent(n int) []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n <= 0 || n > len(s.history) {
		n = len(s.history)
	}
	return slices.Clone(s.history[len(s.history)-n:])
}

// dropped is how many lines the throttle held back since the process started.
func (s *logSink) dropped() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.lost
}

// renew begins the count for a new process.
func (s *logSink) renew() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lost = 0
}

// entry is one parsed line.
type entry struct {
	level   hclog.Level
	message string
	pairs   []any
	panics  bool
}

// String is the entry as a person reads it.
func (e entry) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "[%s] %s", e.level, e.message)
	for i := 0; i+1 < len(e.pairs); i += 2 {
		fmt.Fprintf(&b, " %v=%v", e.pairs[i], e.pairs[i+1])
	}
	return b.String()
}

// parseEntry reads a line as hclog's JSON; anything else is taken as it is, at level info, and at level
// error when it begins the last words of a Go program.
func parseEntry(line string) entry {
	var object map[string]any
	if !strings.HasPrefix(line, "{") || json.Unmarshal([]byte(line), &object) != nil {
		panics := strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ")
		level := hclog.Info
		if panics {
			level = hclog.Error
		}
		return entry{level: level, message: line, panics: panics}
	}
	message, _ := object["@message"].(string)
	name, _ := object["@level"].(string)
	level := hclog.LevelFromString(name)
	if message == "" || level == hclog.NoLevel || level == hclog.Off {
		return entry{level: hclog.Info, message: line}
	}
	e := entry{level: level, message: message}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		switch key {
		case "@message", "@level", "@timestamp", "@module", "@caller":
		default:
			e.pairs = append(e.pairs, key, object[key])
		}
	}
	return e
}

// lineWriter makes a sink an io.Writer: go-plugin writes to it what a plugin prints once it is served.
type lineWriter struct {
	sink *logSink
	mu   sync.Mutex
	rest []byte
}

func (w *lineWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for rest := p; len(rest) > 0; {
		line, after, found := bytes.Cut(rest, []byte("\n"))
		w.rest = append(w.rest, line[:min(len(line), max(0, maxLine-len(w.rest)))]...)
		if found {
			w.emit()
		}
		rest = after
	}
	return len(p), nil
}

// emit hands on the line that is complete; mu is held.
func (w *lineWriter) emit() {
	if text := clean(w.rest); text != "" {
		w.sink.line(text)
	}
	w.rest = w.rest[:0]
}

// clean is a line without its end and in valid UTF-8.
func clean(line []byte) string {
	return strings.ToValidUTF8(strings.TrimRight(string(line), "\r\n"), "\uFFFD")
}
