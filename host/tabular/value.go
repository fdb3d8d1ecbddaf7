package tabular

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"time"
)

// style is what a cell's number means.
type style struct {
	date, clock bool // it is days; its fraction is a time of the day
	elapsed     bool // it is days, shown as hours that may be more than 24
	zeros       int  // at least so many digits: postal codes
}

// readStyles reads which of the styles that cells have are dates.
func (s *xlsxSource) readStyles(part string) error {
	custom := map[int]style{}
	inXfs := 0
	return s.each(part, func(x *xmlScanner) error {
		switch string(x.name) {
		case "numFmt":
			if len(custom) < maxStyles {
				custom[x.number("numFmtId", -1)] = parseFormat(string(x.attr("formatCode")))
			}
		case "cellXfs":
			inXfs = x.depth
		case "xf":
			if inXfs == 0 || x.depth != inXfs+1 || len(s.styles) >= maxStyles {
				return nil
			}
			id := x.number("numFmtId", 0)
			format, ok := custom[id]
			if !ok {
				format = builtinFormat(id)
			}
			s.styles = append(s.styles, format)
		case "cellStyles", "dxfs":
			inXfs = 0
		}
		return nil
	})
}

// builtinFormat is a format that files name by number alone (ECMA-376 part 1, 18.8.30, East Asian ones too).
func builtinFormat(id int) style {
	switch {
	case id >= 14 && id <= 17, id >= 27 && id <= 31, id == 36, id >= 50 && id <= 54, id == 57, id == 58:
		return style{date: true}
	case id >= 18 && id <= 21, id >= 32 && id <= 35, id == 45, id == 47, id == 55, id == 56:
		return style{clock: true}
	case id == 22:
		return style{date: true, clock: true}
	case id == 46:
		return style{clock: true, elapsed: true}
	}
	return style{}
}

// parseFormat finds in a format such as [$-C0A]dd/mm/yyyy;@ whether it is of a date.
func parseFormat(code string) style {
	code, _, _ = strings.Cut(code, ";")
	var f style
	minutes := false // m: months or minutes
	plain := code != ""
	for i := 0; i < len(code); i++ {
		c := code[i]
		plain = plain && c == '0'
		switch c {
		case '"':
			end := strings.IndexByte(code[i+1:], '"')
			if end < 0 {
				return f
			}
			i += end + 1
		case '\\', '_', '*':
			i++
		case '[':
			end := strings.IndexByte(code[i:], ']')
			if end < 0 {
				return f
			}
			switch inside := strings.ToLower(code[i+1 : i+end]); {
			case inside != "" && strings.Trim(inside, "h") == "", inside != "" && strings.Trim(inside, "s") == "", inside != "" && strings.Trim(inside, "m") == "":
				f.clock, f.elapsed = true, true
			}
			i += end
		case 'd', 'D', 'y', 'Y':
			f.date = true
		case 'h', 'H', 's', 'S':
			f.clock = true
		case 'm', 'M':
			minutes = true
		case 'G', 'g':
			if strings.HasPrefix(strings.ToLower(code[i:]), "general") {
				i += len("general") - 1
			}
		case 'E', 'e': // 0.00E+00
			if i+1 < len(code) && (code[i+1] == '+' || code[i+1] == '-') {
				i++
			}
		}
	}
	if minutes && !f.date && !f.clock {
		f.date = true // mmm alone
	}
	if plain && len(code) > 1 {
		f.zeros = len(code)
	}
	return f
}

// cellKind is what a cell says of its value.
type cellKind int

const (
	kindNumber cellKind = iota
	kindShared
	kindInline
	kindFormula
	kindBool
	kindError
	kindDate
)

func parseKind(t []byte) cellKind {
	switch string(t) {
	case "s":
		return kindShared
	case "inlineStr":
		return kindInline
	case "str":
		return kindFormula
	case "b":
		return kindBool
	case "e":
		return kindError
	case "d":
		return kindDate
	}
	return kindNumber
}

// appendValue appends the text of a value to out. code is a note of what is lost, if any.
func (s *xlsxSource) appendValue(out *[]byte, c cellStart, value []byte) (code string, args map[string]any, err error) {
	switch c.kind {
	case kindShared:
		i := whole(bytes.TrimSpace(value), -1)
		if i < 0 {
			return "", nil, nil
		}
		text, ok, err := s.strings.at(i)
		if err != nil {
			return "", nil, s.damaged("sharedStrings.xml", err)
		}
		if ok {
			*out = append(*out, text...)
		}
	case kindInline:
		*out = append(*out, value...)
	case kindFormula:
		*out = append(*out, unescapeControl(value, 0)...)
	case kindBool:
		*out = strconv.AppendBool(*out, string(bytes.TrimSpace(value)) == "1" || string(bytes.TrimSpace(value)) == "true")
	case kindError:
		return NoteError, map[string]any{"error": string(value[:min(len(value), 40)])}, nil
	case kindDate:
		*out = append(*out, isoDate(string(value))...)
	default:
		var f style
		if c.style < len(s.styles) {
			f = s.styles[c.style]
		}
		var exact bool
		*out, exact = appendNumber(*out, bytes.TrimSpace(value), f, s.date04)
		if !exact {
			return NotePrecision, nil, nil
		}
	}
	return "", nil, nil
}

// isoDate writes a date of ISO 8601 as this package does.
func isoDate(s string) string {
	s = strings.TrimSuffix(strings.Replace(strings.TrimSpace(s), "T", " ", 1), "Z")
	day, clock, _ := strings.Cut(s, " ")
	if strings.Trim(clock, "0:.") == "" {
		return day
	}
	return s
}

// appendNumber appends a number as a person would type it: no exponent, no more than the 15 digits that a spreadsheet
// has, except where the file has all digits. exact is false when the file may not have all digits of it.
func appendNumber(out, value []byte, f style, date04 bool) (_ []byte, exact bool) {
	if len(value) == 0 {
		return out, true
	}
	if f == (style{}) && isNumber(string(value)) {
		return append(out, value...), true // as nearly always
	}
	plainInteger := true
	for i, b := range value {
		plainInteger = plainInteger && (b >= '0' && b <= '9' || b == '-' && i == 0)
	}
	if plainInteger && len(value) <= 32 && f == (style{}) {
		return append(out, value...), true
	}
	n, err := strconv.ParseFloat(string(value), 64)
	if err != nil || math.IsInf(n, 0) || math.IsNaN(n) {
		return append(out, value...), true // no number: as it is
	}
	if f.date || f.clock {
		if text, ok := serial(n, f, date04); ok {
			return append(out, text...), true
		}
	}
	if math.Abs(n) >= 1e21 || n != 0 && math.Abs(n) < 1e-15 {
		return append(out, value...), true // a measurement; its digits would be mostly zeros
	}
	if n == math.Trunc(n) {
		begin := len(out)
		if n < 0 {
			out = append(out, '-')
			begin++
			n = -n
		}
		out = strconv.AppendFloat(out, n, 'f', 0, 64)
		for digits := len(out) - begin; digits < f.zeros; digits++ {
			out = append(out, 0)
			copy(out[begin+1:], out[begin:])
			out[begin] = '0'
		}
		return out, n < 1e15
	}
	short, _ := strconv.ParseFloat(strconv.FormatFloat(n, 'g', 15, 64), 64)
	return strconv.AppendFloat(out, short, 'f', -1, 64), true
}

// serial writes days since the end of 1899 (or since the beginning of 1904) as a date, a time or both. ok is false when
// it is no date of the calendar.
func serial(n float64, f style, date04 bool) (text string, ok bool) {
	const last = 2958466 // the day after 9999-12-31
	if n < 0 || n >= last {
		return "", false
	}
	seconds := int64(math.Round(n * 86400))
	days, clock := seconds/86400, seconds%86400
	hms := func(hours int64) string {
		return two(hours) + ":" + two(clock/60%60) + ":" + two(clock%60)
	}
	switch {
	case f.elapsed:
		return hms(seconds / 3600), true
	case !f.date && days == 0:
		return hms(clock / 3600), true
	}
	epoch := time.Date(1899, 12, 30, 0, 0, 0, 0, time.UTC)
	switch {
	case date04:
		epoch = time.Date(1904, 1, 1, 0, 0, 0, 0, time.UTC)
	case days == 60:
		return "1900-02-29", true // a day that spreadsheets have and the calendar has not
	case days < 60:
		epoch = epoch.AddDate(0, 0, 1)
	}
	day := epoch.AddDate(0, 0, int(days)).Format(time.DateOnly)
	if f.clock {
		return day + " " + hms(clock/3600), true
	}
	return day, true
}

func two(n int64) string {
	if n < 10 {
		return "0" + strconv.FormatInt(n, 10)
	}
	return strconv.FormatInt(n, 10)
}

func decimal(n int) string { return strconv.Itoa(n) }
