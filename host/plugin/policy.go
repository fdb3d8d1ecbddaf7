package plugin

import (
	"slices"
	"time"
)

// Policy is how patient the Manager is. The zero value of each member means its default, below.
type Policy struct {
	// StartTimeout bounds one start, from the process to its first answer.
	StartTimeout time.Duration
	// BatchTimeout, ActionTimeout and PanelTimeout bound one piece of work. A plugin that takes longer
	// hangs: it is killed and started again.
	BatchTimeout, ActionTimeout, PanelTimeout time.Duration
	// MigrateTimeout bounds a migration of all of a plugin's records, CheckTimeout a look at its health, and
	// ValidateTimeout the judgement of one value, for which a person waits.
	MigrateTimeout, CheckTimeout, ValidateTimeout time.Duration
	// StopTimeout is how long a plugin may take to end when asked, before it is killed.
	StopTimeout time.Duration
	// Wait is how long work waits for a plugin that is just coming up, before it fails with
	// event.ErrUnavailable.
	Wait time.Duration
	// HealthEvery is how long a plugin that can tell its health works, or rests, before it is asked again.
	HealthEvery time.Duration

	// Memory bounds a plugin whose manifest asks for no other bound (memory:512), in bytes; below zero nothing does.
	Memory int64
	// Nice lowers a plugin's priority, so that the store's own work goes first.
	Nice int

	// Strikes within Window set a plugin aside. A strike is an end that nobody asked for; see record.
	Strikes int
	Window  time.Duration
	// Backoff is the pause before the restart after the second strike. It doubles with each further one up
	// to BackoffMax; after the first strike the restart is immediate.
	Backoff, BackoffMax time.Duration

	// LogRate is how many log lines a second a plugin may write, LogBurst how many at once; what is above
	// is counted and dropped.
	LogRate, LogBurst int
	// LogKeep is how many of a plugin's last lines are kept to explain its end, LogHistory how many for who wants
	// to read more of them.
	LogKeep, LogHistory int
}

const (
	defaultStartTimeout    = 15 * time.Second
	defaultBatchTimeout    = 20 * time.Second
	defaultActionTimeout   = 10 * time.Second
	defaultPanelTimeout    = 5 * time.Second
	defaultMigrateTimeout  = 5 * time.Minute
	defaultCheckTimeout    = 10 * time.Second
	defaultValidateTimeout = 10 * time.Second
	defaultStopTimeout     = 2 * time.Second
	defaultWait            = 5 * time.Second
	defaultHealthEvery     = 30 * time.Second

	defaultMemory = 256 << 20
	defaultNice   = 10

	defaultStrikes    = 5
	defaultWindow     = time.Minute
	defaultBackoff    = 100 * time.Millisecond
	defaultBackoffMax = 10 * time.Second

	defaultLogRate    = 100
	defaultLogBurst   = 200
	defaultLogKeep    = 40
	defaultLogHistory = 500
)

// withDefaults fills what is zero.
func (p Policy) withDefaults() Policy {
	fill(&p.StartTimeout, defaultStartTimeout)
	fill(&p.BatchTimeout, defaultBatchTimeout)
	fill(&p.ActionTimeout, defaultActionTimeout)
	fill(&p.PanelTimeout, defaultPanelTimeout)
	fill(&p.MigrateTimeout, defaultMigrateTimeout)
	fill(&p.CheckTimeout, defaultCheckTimeout)
	fill(&p.ValidateTimeout, defaultValidateTimeout)
	fill(&p.StopTimeout, defaultStopTimeout)
	fill(&p.Wait, defaultWait)
	fill(&p.HealthEvery, defaultHealthEvery)
	fill(&p.Memory, defaultMemory)
	fill(&p.Nice, defaultNice)
	fill(&p.Strikes, defaultStrikes)
	fill(&p.Window, defaultWindow)
	fill(&p.Backoff, defaultBackoff)
	fill(&p.BackoffMax, defaultBackoffMax)
	fill(&p.LogRate, defaultLogRate)
	fill(&p.LogBurst, defaultLogBurst)
	fill(&p.LogKeep, defaultLogKeep)
	fill(&p.LogHistory, defaultLogHistory)
	return p
}

func fill[T comparable](value *T, byDefault T) {
	var zero T
	if *value == zero {
		*value = byDefault
	}
}

// maxNarrowing bounds how many ends in a row may be taken for one search for a poisonous event. A thousand
// events take some thirty, with the event engine's retries.
const maxNarrowing = 64

// span is a run of events by their sequence numbers, both inclusive; zero means none.
type span struct{ from, to uint64 }

func (s span) within(t span) bool { return s != span{} && t.from <= s.from && s.to <= t.to }

// record is a plugin's record of unwanted ends, from which follows what comes next. Two kinds of end are no
// strike against it, so that neither a poisonous event nor bad luck costs the store a plugin:
//
//   - what came before a piece of work that it finished: it works, so it is restarted for as long as it does;
//   - an end while it works on a part of the batch in which it ended before: the event engine is on its way
//     to the one poisonous event, which takes more ends than Strikes.
type record struct {
	strikes []time.Time
	// batch is what it worked on when it ended last, and narrowing how many ends its parts have cost since.
	batch     span
	narrowing int
}

// end notes an unwanted end: when, whether that life had finished any work, and the batch under way. It
// returns the pause before the next start, or that the plugin is to be set aside.
func (r *record) end(p Policy, now time.Time, worked bool, batch span) (pause time.Duration, aside bool) {
	if worked {
		r.strikes = r.strikes[:0]
	}
	r.strikes = slices.DeleteFunc(r.strikes, func(t time.Time) bool { return now.Sub(t) >= p.Window })
	if batch.within(r.batch) && r.narrowing < maxNarrowing {
		r.batch = batch
		r.narrowing++
		return 0, false
	}
	r.batch, r.narrowing = batch, 0
	r.strikes = append(r.strikes, now)
	switch n := len(r.strikes); {
	case n >= p.Strikes:
		return 0, true
	case n == 1:
		return 0, false
	default:
		pause = p.Backoff
		for range n - 2 {
			pause = min(2*pause, p.BackoffMax)
		}
		return min(pause, p.BackoffMax), false
	}
}
