package tabular

import (
	"fmt"
	"maps"
	"slices"
)

// Codes of refusals.
const (
	RefusedEmpty     = "empty"     // there is nothing in the file
	RefusedFormat    = "format"    // it is neither CSV nor XLSX, or not the one that was asked for
	RefusedPassword  = "password"  // an Excel file that is protected by a password
	RefusedXLS       = "xls"       // an Excel file of before 2007
	RefusedXLSB      = "xlsb"      // a binary Excel file
	RefusedODS       = "ods"       // a LibreOffice file
	RefusedNumbers   = "numbers"   // an Apple Numbers file
	RefusedWeb       = "web"       // a web page that calls itself a spreadsheet
	RefusedXML       = "xml"       // an XML spreadsheet of 2003, or other XML
	RefusedZip       = "zip"       // a compressed file that is no spreadsheet
	RefusedBinary    = "binary"    // no text, and nothing that is known
	RefusedDamaged   = "damaged"   // an XLSX that cannot be read to the end: part
	RefusedBomb      = "bomb"      // an XLSX that decompresses to far too much
	RefusedEncoding  = "encoding"  // an encoding that is not known: encoding
	RefusedSeparator = "separator" // a separator that is not one character: separator
	RefusedSheet     = "sheet"     // no such sheet: sheet, sheets
	RefusedNoSheet   = "no_sheet"  // an XLSX without a sheet that has cells
	RefusedQuote     = "quote"     // a quote that is not closed: line, of the text file
	RefusedColumns   = "columns"   // more columns than the limit: line, limit
	RefusedRow       = "row"       // a row that is larger than the limit: line, limit
	RefusedCell      = "cell"      // a cell that is larger than the limit: line, limit
)

// Refused says why a file cannot be read, to somebody who can do something about it. "tabular." before Code makes the
// key of its sentence.
type Refused struct {
	Code string
	Args map[string]any
}

func (r *Refused) Error() string {
	s := "tabular: refused: " + r.Code
	for _, name := range slices.Sorted(maps.Keys(r.Args)) {
		s += fmt.Sprintf(" %s=%v", name, r.Args[name])
	}
	return s
}

// Sentence returns the key of the refusal's sentence and its arguments, for locale.Catalog.Text.
func (r *Refused) Sentence() (key string, args []any) { return sentence(r.Code, r.Args) }

// Sentence returns the key of the note's sentence and its arguments, for locale.Catalog.Text.
func (n *Note) Sentence() (key string, args []any) { return sentence(n.Code, n.Args) }

func sentence(code string, named map[string]any) (string, []any) {
	var args []any
	for _, name := range slices.Sorted(maps.Keys(named)) {
		args = append(args, name, named[name])
	}
	return "tabular." + code, args
}

func refuse(code string, args ...any) *Refused {
	r := &Refused{Code: code, Args: map[string]any{}}
	for i := 0; i+1 < len(args); i += 2 {
		r.Args[fmt.Sprint(args[i])] = args[i+1]
	}
	return r
}
