package message

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzTextsAreWrittenAsGoMessageDoes compares the two ways to write a mail of a text and a page.
func FuzzTextsAreWrittenAsGoMessageDoes(f *testing.F) {
	for _, text := range append(attacks, "", "Hola", "Hola \r\n\tx=\n\n", strings.Repeat("largo ", 40), strings.Repeat("x", 2000), "--x\r\n") {
		f.Add(text, text, "<p>"+text+"</p>")
	}
	for n := range 9 { // about the length at which an encoded line goes on
		long := strings.Repeat("a", 70+n)
		f.Add("x", long+"ñ"+long+" \n"+long+"\t", long+" \r\n"+long+"="+long)
	}
	for n := range 12 { // about the length at which a line is folded
		f.Add(strings.Repeat("a", 60+n), "x", "y")
	}
	f.Fuzz(func(t *testing.T, value, text, page string) {
		// mime/quotedprintable loses the line's end of "\r=\n".
		if strings.Contains(strings.ReplaceAll(text+page, "\r\n", ""), "\r") {
			text, page = strings.ReplaceAll(text, "\r", ""), strings.ReplaceAll(page, "\r", "")
		}
		fields := []field{{"From", "hola@tienda.example"}, {"Subject", value}, {"Message-Id", "<" + value + "@tienda.example>"}, {"Mime-Version", "1.0"}}
		got, err := (&partWriter{id: "m"}).texts(nil, fields, text, page)
		want, fault := (&partWriter{id: "m"}).parts(nil, fields, text, page, nil, nil)
		if (err != nil) != (fault != nil) {
			t.Fatalf("%q: %v, %v", value, err, fault)
		}
		if err == nil && !bytes.Equal(got, want) {
			t.Errorf("%q\n%q", got, want)
		}
	})
}
