package tabular

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/text/encoding"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

func encodings() map[string]encoding.Encoding {
	return map[string]encoding.Encoding{
		UTF8:        encoding.Nop,
		UTF16LE:     unicode.UTF16(unicode.LittleEndian, unicode.IgnoreBOM),
		UTF16BE:     unicode.UTF16(unicode.BigEndian, unicode.IgnoreBOM),
		Windows1252: charmap.Windows1252,
		Windows1251: charmap.Windows1251,
	}
}

// Tables as shops have them, in languages of either code page.
func texts() map[string]string {
	return map[string]string{
		"Spanish":             "Nombre;Teléfono;Población\nÍñigo Muñoz Ibáñez;600111222;A Coruña\nMª Ángeles Núñez;600111223;Cádiz\n",
		"one Spanish letter":  "nombre;ciudad\nAna;León\n",
		"Spanish in capitals": "NOMBRE;POBLACIÓN\nÍÑIGO MUÑOZ IBÁÑEZ;LOGROÑO\nÁNGEL NÚÑEZ;ÉCIJA\n",
		"Spanish, late":       "nombre;ciudad\n" + strings.Repeat("Ana;Madrid\n", 25_000) + "Begoña;Cuéllar\n",
		"Catalan":             "nom;població\nMontserrat Puigcorbé i Güell;L'Hospitalet de l'Infant\nÀngels Torà;Vilafranca del Penedès\n",
		"French":              "nom;ville\nZoé Lefèvre;Orléans\nFrançois Côté;Besançon\n«Noël»;Là-bas à Épinal\n",
		"Portuguese":          "nome;cidade\nJoão Gonçalves;São João da Conceição\n",
		"German":              "Name;Straße\nJürgen Größmann;Königsstraße 3\nÄnne Öztürk;Übersee\n",
		"signs":               "producto;precio\nPiña 3º «ª»;10 €\n¿Qué? ¡Sí!;½\n",
		"Russian":             "Имя;Телефон;Город\nИван Петров;+79161234567;Москва\nАнна Ёлкина;+79161234568;Нижний Новгород\n",
		"Russian in capitals": "ИМЯ;ГОРОД\nИВАН ПЕТРОВ;МОСКВА\nАННА ЩУКИНА;ЧИТА\n",
		"one Russian name":    "name;city\nИван;Moscow\n",
		"Russian and Latin":   "Имя;email;Компания\nИван;ivan@example.com;ООО Ромашка\nОльга;olga.long.address@subdomain.example.com;Microsoft Rus\n",
		"Russian, late":       "name;city\n" + strings.Repeat("Ivan;Moscow\n", 25_000) + "Ольга;Тверь\n",
		"Ukrainian":           "Ім'я;Місто\nЇжак Євген;Київ\nОлена Ґудзь;Львів\n",
		"Bulgarian":           "Име;Град\nГеорги Димитров;Велико Търново\n",
	}
}

func TestEncodingIsGuessed(t *testing.T) {
	for language, text := range texts() {
		for name, e := range encodings() {
			data, err := e.NewEncoder().Bytes([]byte(text))
			if err != nil {
				continue // a letter that this code page has not
			}
			t.Run(language+" in "+name, func(t *testing.T) {
				got, err := guessEncoding(bytes.NewReader(data), int64(len(data)))
				if err != nil || got != name {
					t.Errorf("guessed %q, %v", got, err)
				}
			})
		}
	}
}

func TestEncodingOfGeneratedNamesIsGuessed(t *testing.T) {
	western := strings.Fields("José María Peña Muñoz Ibáñez Ángel Íñigo Begoña Concepción Nuñez Güell Añón Óscar Úbeda Martín Gómez Ana Luis Madrid Zoë Müller Ørsted Åsa François Conceição")
	cyrillic := strings.Fields("Иван Пётр Мария Ольга Щукин Чехов Юля Яна Ёлкин Москва Тверь Уфа из на Объездов Жуков Цой")
	for seed := range uint64(150) {
		random := rand.New(rand.NewPCG(seed, 4))
		for name, words := range map[string][]string{Windows1252: western, Windows1251: cyrillic} {
			var b strings.Builder
			b.WriteString("name;email;phone\n")
			special := false
			for range 1 + random.IntN(20) {
				word := words[random.IntN(len(words))]
				special = special || !ascii(word) && utf8.RuneCountInString(word) > 1
				fmt.Fprintf(&b, "%s %s;x%d@example.com;6001112%02d\n", word, []string{"Ltd", "S.L.", "", "123"}[random.IntN(4)], random.IntN(99), random.IntN(99))
			}
			data, err := encodings()[name].NewEncoder().Bytes([]byte(b.String()))
			if err != nil {
				t.Fatal(err)
			}
			got, err := guessEncoding(bytes.NewReader(data), int64(len(data)))
			if special && (err != nil || got != name) {
				t.Errorf("guessed %q, %v for %q in %s", got, err, b.String(), name)
			}
		}
	}
}

func TestTextIsReadInItsEncoding(t *testing.T) {
	for language, text := range texts() {
		want := cells(rowsOf(t, []byte(text)))
		for name, e := range encodings() {
			data, err := e.NewEncoder().Bytes([]byte(text))
			if err != nil {
				continue
			}
			for _, mark := range []bool{false, true} {
				if marks := map[string][]byte{UTF8: bomUTF8, UTF16LE: bomUTF16LE, UTF16BE: bomUTF16BE}; mark {
					data = append(marks[name], data...)
				}
				table, rows := read(t, data, Options{})
				if got := table.Reading().Encoding; got != name || fmt.Sprint(cells(rows)) != fmt.Sprint(want) {
					t.Errorf("%s in %s with mark %v: read as %s: %.200q", language, name, mark, got, cells(rows))
				}
			}
		}
	}
}

func rowsOf(t *testing.T, data []byte) []Row {
	_, rows := read(t, data, Options{Encoding: UTF8})
	return rows
}

func TestEncodingCanBeGiven(t *testing.T) {
	data, _ := charmap.Windows1251.NewEncoder().Bytes([]byte("имя;город\nИван;Москва\n"))
	table, rows := read(t, data, Options{Encoding: Windows1252})
	if table.Reading().Encoding != Windows1252 || rows[0].Cells[0] != "Èâàí" {
		t.Errorf("read %+v as %+v", rows, table.Reading())
	}
}

func TestCharactersCutByABufferAreWhole(t *testing.T) {
	for n := 256<<10 - 4; n < 256<<10+4; n++ {
		data := []byte(strings.Repeat("a", n) + "ñ€😀\n")
		got, err := guessEncoding(bytes.NewReader(data), int64(len(data)))
		if err != nil || got != UTF8 {
			t.Errorf("at %d: %q, %v", n, got, err)
		}
	}
	data := []byte(strings.Repeat("a", 1000) + "\xc3")
	if got, _ := guessEncoding(bytes.NewReader(data), int64(len(data))); got != Windows1252 {
		t.Errorf("half a character at the end: %q", got)
	}
}

func FuzzEncoding(f *testing.F) {
	for _, text := range texts() {
		for _, e := range encodings() {
			data, _ := e.NewEncoder().Bytes([]byte(text[:min(len(text), 300)]))
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		name, err := guessEncoding(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		if encodings()[name] == nil {
			t.Fatalf("guessed %q", name)
		}
		if utf8.Valid(data) && !bytes.Contains(data, []byte{0}) && name != UTF8 {
			t.Fatalf("valid UTF-8 taken for %s", name)
		}
	})
}
