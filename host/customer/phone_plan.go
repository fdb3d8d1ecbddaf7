package customer

import (
	"fmt"
	"regexp/syntax"
	"slices"
	"strconv"
	"strings"

	"github.com/nyaruka/phonenumbers"
)

// phonePlans reads phones as parsePhone does, a hundred times faster, where a phone is spelled in the plain way and has
// nothing special about it: a plus or a country's own digits, apart by spaces, points or hyphens, without a prefix that
// has to be taken off. It says what parsePhone would say, or nothing. The numbering plans are the same: what they write as
// regular expressions becomes an automaton over digits. It is for one goroutine.
type phonePlans struct {
	regions map[string]*phonePlan // nil where there is none, or one beyond what is understood
	codes   map[string][]string   // the regions of a calling code, the main one first
	loaded  map[string]*phonenumbers.PhoneMetadata
}

// phonePlan is the numbering plan of a region.
type phonePlan struct {
	code string
	// lengths of a whole number, and localOnly of one without its area; bit n is length n.
	lengths, localOnly uint32
	// national and abroad are what may stand before a number, leading what the region's numbers begin with; nil for nothing.
	national, abroad, leading *digits
	general                   kindPlan
	// others are the kinds of lines that are looked for before fixed and mobile ones, in order.
	others        []kindPlan
	fixed, mobile kindPlan
	alike         bool // fixed and mobile numbers look alike
}

// kindPlan is what numbers of one kind of line look like.
type kindPlan struct {
	lengths uint32
	like    *digits
	// good means that a person has such a line.
	good bool
}

func (k *kindPlan) match(number []byte) bool {
	return (k.lengths == 0 || k.lengths>>len(number)&1 == 1) && k.like.match(number)
}

func newPhonePlans() *phonePlans {
	return &phonePlans{regions: map[string]*phonePlan{}, codes: map[string][]string{}}
}

// maxDigits is the longest number (E.164 has 15 digits) and something more.
const maxDigits = 17

// parse returns the E.164 form of a phone as somebody in country (ISO 3166) types it; ok is false when parsePhone has to say.
func (p *phonePlans) parse(typed, country string) (e164 string, ok bool) {
	var buf [maxDigits]byte
	number := buf[:0]
	plus := strings.HasPrefix(typed, "+")
	if plus {
		typed = typed[1:]
	}
	for i := range len(typed) {
		switch c := typed[i]; {
		case c >= '0' && c <= '9':
			if len(number) == maxDigits {
				return "", false
			}
			number = append(number, c)
		case (c == ' ' || c == '-' || c == '.') && i > 0 && i < len(typed)-1:
		default:
			return "", false
		}
	}
	if len(number) < 4 || number[0] == '0' && plus {
		return "", false
	}
	var plan *phonePlan
	if plus {
		for n := 1; n <= 3; n++ {
			if regions := p.regionsOf(string(number[:n])); len(regions) > 0 {
				plan = p.plan(regions[0])
				number = number[n:]
				break
			}
		}
	} else if plan = p.plan(country); plan != nil {
		if plan.abroad.begins(number) || strings.HasPrefix(string(number), plan.code) {
			return "", false
		}
	}
	if plan == nil || number[0] == '0' || plan.national.begins(number) {
		return "", false
	}
	regions := p.regionsOf(plan.code)
	main := p.plan(regions[0])
	if main == nil || main.lengths>>len(number)&1 == 0 || main.localOnly>>len(number)&1 == 1 {
		return "", false
	}
	for _, region := range regions {
		of := p.plan(region)
		if of == nil {
			return "", false
		}
		good, is := of.kind(number)
		if len(regions) > 1 {
			if of.leading != nil && !of.leading.begins(number) || of.leading == nil && !is {
				continue
			}
		}
		if !good {
			return "", false
		}
		return "+" + plan.code + string(number), true
	}
	return "", false
}

// kind tells whether a number is one of the region's, and whether a person has such a line.
func (p *phonePlan) kind(number []byte) (good, is bool) {
	if !p.general.match(number) {
		return false, false
	}
	for i := range p.others {
		if p.others[i].match(number) {
			return p.others[i].good, true
		}
	}
	if p.fixed.match(number) || !p.alike && p.mobile.match(number) {
		return true, true
	}
	return false, false
}

// regionsOf are the regions of a calling code; none when there is no such code, or none of a country.
func (p *phonePlans) regionsOf(code string) []string {
	regions, known := p.codes[code]
	if !known {
		if n, err := strconv.Atoi(code); err == nil && code[0] != '0' {
			regions = slices.Clone(phonenumbers.GetRegionCodesForCountryCode(n))
			if main := phonenumbers.GetRegionCodeForCountryCode(n); len(regions) > 0 && regions[0] != main {
				regions = []string{"001"} // not understood: there is no plan of it
			}
		}
		p.codes[code] = regions
	}
	return regions
}

// plan is the plan of a region, nil when there is none that is understood.
func (p *phonePlans) plan(region string) *phonePlan {
	plan, known := p.regions[region]
	if known {
		return plan
	}
	if p.loaded == nil {
		p.loaded = map[string]*phonenumbers.PhoneMetadata{}
		phonenumbers.GetSupportedRegions() // which loads them
		if all, err := phonenumbers.MetadataCollection(); err == nil {
			for _, m := range all.GetMetadata() {
				p.loaded[m.GetId()] = m
			}
		}
	}
	if m := p.loaded[region]; m != nil && region != "001" {
		if read, err := readPlan(m); err == nil {
			plan = read
		}
	}
	p.regions[region] = plan
	return plan
}

// readPlan understands a plan, or says what it does not understand.
func readPlan(m *phonenumbers.PhoneMetadata) (*phonePlan, error) {
	p := &phonePlan{code: strconv.Itoa(int(m.GetCountryCode())), alike: m.GetSameMobileAndFixedLinePattern()}
	var err error
	understood := func(pattern string) *digits {
		if pattern == "" || err != nil {
			return nil
		}
		d, failed := compileDigits(pattern)
		err = failed
		return d
	}
	kind := func(desc *phonenumbers.PhoneNumberDesc, good bool) kindPlan {
		if desc.GetNationalNumberPattern() == "" {
			return kindPlan{like: &digits{}} // which matches nothing
		}
		k := kindPlan{like: understood(desc.GetNationalNumberPattern()), good: good}
		for _, n := range desc.GetPossibleLength() {
			if n > 0 {
				k.lengths |= 1 << n
			} else {
				k.like = &digits{}
			}
		}
		return k
	}
	for _, n := range m.GetGeneralDesc().GetPossibleLength() {
		p.lengths |= 1 << max(n, 0)
	}
	for _, n := range m.GetGeneralDesc().GetPossibleLengthLocalOnly() {
		p.localOnly |= 1 << max(n, 0)
	}
	p.national, p.abroad, p.leading = understood(m.GetNationalPrefixForParsing()), understood(m.GetInternationalPrefix()), understood(m.GetLeadingDigits())
	p.general = kind(m.GetGeneralDesc(), true)
	p.others = []kindPlan{
		kind(m.GetPremiumRate(), false), kind(m.GetTollFree(), false), kind(m.GetSharedCost(), false), kind(m.GetVoip(), true),
		kind(m.GetPersonalNumber(), true), kind(m.GetPager(), false), kind(m.GetUan(), false), kind(m.GetVoicemail(), false),
	}
	p.others = slices.DeleteFunc(p.others, func(k kindPlan) bool { return k.like != nil && len(k.like.next) == 0 })
	p.fixed, p.mobile = kind(m.GetFixedLine(), true), kind(m.GetMobile(), true)
	return p, err
}

// digits is a regular expression over digits as an automaton: state 0 is the first, and -1 has no way on. The zero digits match
// nothing, nil ones begin nothing.
type digits struct {
	next   [][10]int16
	accept []bool
}

// maxStates bounds the automaton of one expression; the largest in use have some hundred.
const maxStates = 8192

// compileDigits makes an automaton of a regular expression.
func compileDigits(pattern string) (*digits, error) {
	re, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return nil, err
	}
	prog, err := syntax.Compile(re.Simplify())
	if err != nil {
		return nil, err
	}
	d := new(digits)
	states := map[string]int16{}
	var sets [][]uint32
	add := func(set []uint32) (int16, error) {
		if len(set) == 0 {
			return -1, nil
		}
		slices.Sort(set)
		key := fmt.Sprint(set)
		if at, known := states[key]; known {
			return at, nil
		}
		if len(sets) == maxStates {
			return 0, fmt.Errorf("customer: %q has too many states", pattern)
		}
		at := int16(len(sets))
		states[key] = at
		sets = append(sets, set)
		d.accept = append(d.accept, slices.ContainsFunc(set, func(pc uint32) bool { return prog.Inst[pc].Op == syntax.InstMatch }))
		return at, nil
	}
	start, err := reach(prog, []uint32{uint32(prog.Start)})
	if err != nil {
		return nil, err
	}
	if _, err := add(start); err != nil {
		return nil, err
	}
	for at := 0; at < len(sets); at++ {
		var row [10]int16
		for digit := range row {
			var to []uint32
			for _, pc := range sets[at] {
				switch inst := &prog.Inst[pc]; inst.Op {
				case syntax.InstRune, syntax.InstRune1, syntax.InstRuneAny, syntax.InstRuneAnyNotNL:
					if inst.MatchRune('0' + rune(digit)) {
						to = append(to, inst.Out)
					}
				}
			}
			if to, err = reach(prog, to); err != nil {
				return nil, err
			}
			if row[digit], err = add(to); err != nil {
				return nil, err
			}
		}
		d.next = append(d.next, row)
	}
	return d, nil
}

// reach are the instructions that are reached from some without reading anything.
func reach(prog *syntax.Prog, from []uint32) ([]uint32, error) {
	seen := map[uint32]bool{}
	var set []uint32
	for todo := slices.Clone(from); len(todo) > 0; {
		pc := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if seen[pc] {
			continue
		}
		seen[pc] = true
		switch inst := &prog.Inst[pc]; inst.Op {
		case syntax.InstAlt, syntax.InstAltMatch:
			todo = append(todo, inst.Out, inst.Arg)
		case syntax.InstCapture, syntax.InstNop:
			todo = append(todo, inst.Out)
		case syntax.InstEmptyWidth:
			return nil, fmt.Errorf("customer: an expression with an edge")
		case syntax.InstFail:
		default:
			set = append(set, pc)
		}
	}
	return set, nil
}

// match tells whether the expression matches all of a number.
func (d *digits) match(number []byte) bool {
	if len(d.next) == 0 {
		return false
	}
	at := int16(0)
	for _, c := range number {
		if at = d.next[at][c-'0']; at < 0 {
			return false
		}
	}
	return d.accept[at]
}

// begins tells whether the expression matches the beginning of a number.
func (d *digits) begins(number []byte) bool {
	if d == nil || len(d.next) == 0 {
		return false
	}
	at := int16(0)
	for _, c := range number {
		if d.accept[at] {
			return true
		}
		if at = d.next[at][c-'0']; at < 0 {
			return false
		}
	}
	return d.accept[at]
}
