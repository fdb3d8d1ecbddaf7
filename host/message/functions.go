package message

import (
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
	"golang.org/x/text/number"
)

// functions are ours in templates, in a language and currency.
func (vo voice) functions() map[string]any {
	return map[string]any{
		"mayusculas": func(v any) string { return strings.ToUpper(text(v)) },
		"minusculas": func(v any) string { return strings.ToLower(text(v)) },
		"fecha":      vo.date,
		"hora":       vo.hour,
		"dinero":     vo.money,
		"primero":    first,
		"resto":      rest,
	}
}

// first is the first element of a list, or the first word of a text.
func first(v any) any {
	if list := reflect.ValueOf(v); list.Kind() == reflect.Slice {
		if list.Len() == 0 {
			return nil
		}
		return list.Index(0).Interface()
	}
	return firstName(text(v))
}

// rest is a list without its first element, or a text without its first word.
func rest(v any) any {
	if list := reflect.ValueOf(v); list.Kind() == reflect.Slice {
		return list.Slice(min(1, list.Len()), list.Len()).Interface()
	}
	_, others, _ := strings.Cut(strings.TrimSpace(text(v)), " ")
	return strings.TrimSpace(others)
}

// hour writes the time of day of an RFC 3339 time: 15:04. Anything else stays as it is.
func (vo voice) hour(v any) string {
	spelled := text(v)
	at, err := time.Parse(time.RFC3339, spelled)
	if err != nil {
		return spelled
	}
	return at.Format("15:04")
}

// text is a value of a plugin's data as it is printed.
func text(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	return fmt.Sprint(v)
}

var months = []string{
	"enero", "febrero", "marzo", "abril", "mayo", "junio",
	"julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre",
}

// date writes a day in words: 2 de enero de 2006. It takes RFC 3339 or a date of that form; anything else
// stays as it is.
func (vo voice) date(v any) string {
	spelled := text(v)
	day, err := time.Parse(time.RFC3339, spelled)
	if err != nil {
		if day, err = time.Parse(time.DateOnly, spelled); err != nil {
			return spelled
		}
	}
	if strings.HasPrefix(vo.lang, "en") {
		return day.Format("2 January 2006")
	}
	return fmt.Sprintf("%d de %s de %d", day.Day(), months[day.Month()-1], day.Year())
}

// symbols of currencies that have one which is understood where the currency is used.
var symbols = map[string]string{
	"EUR": "€", "USD": "$", "MXN": "$", "COP": "$", "ARS": "$", "CLP": "$", "CRC": "₡", "GBP": "£", "PEN": "S/",
	"BRL": "R$", "GTQ": "Q", "HNL": "L", "NIO": "C$", "PYG": "₲", "UYU": "$", "BOB": "Bs", "DOP": "RD$", "VES": "Bs",
}

// decimals of currencies that do not have two (ISO 4217).
var decimals = map[string]int{"CLP": 0, "PYG": 0, "JPY": 0, "KRW": 0, "ISK": 0, "KWD": 3, "BHD": 3, "TND": 3}

// money writes an amount in the minor unit of the store's currency (cents): 12,50 €. Anything that is not a
// number stays as it is.
func (vo voice) money(v any) string {
	minor, err := strconv.ParseFloat(text(v), 64)
	if err != nil {
		return text(v)
	}
	digits, ok := decimals[vo.currency]
	if !ok {
		digits = 2
	}
	for range digits {
		minor /= 10
	}
	symbol := symbols[vo.currency]
	if symbol == "" {
		symbol = vo.currency
	}
	printer := message.NewPrinter(language.Make(vo.lang))
	amount := printer.Sprint(number.Decimal(minor, number.MinFractionDigits(digits), number.MaxFractionDigits(digits)))
	if strings.HasPrefix(vo.lang, "en") {
		return symbol + amount
	}
	return amount + "\u00a0" + symbol
}
