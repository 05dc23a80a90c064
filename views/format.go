package views

import (
	"fmt"
	"strings"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"
)

// Rupiah prints an amount the way shops here write it, in either language:
// Rp 90.000.
func Rupiah(amount int64) string {
	return message.NewPrinter(language.Indonesian).Sprintf("Rp\u00a0%d", amount) // the space does not break
}

// wib is Western Indonesian Time, the clock of the tills in Java and Sumatra
// and of the gateway. It has no summer time, so the zone needs no database.
var wib = time.FixedZone("WIB", 7*60*60)

var (
	days = map[Lang][7]string{
		Indonesian: {"Minggu", "Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu"},
		English:    {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"},
	}
	months = map[Lang][12]string{
		Indonesian: {"Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"},
		English:    {"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"},
	}
)

// Moment prints a time in full: Senin, 23 Nov 2026, 13.05 WIB.
func (l Lang) Moment(t time.Time) string {
	t = t.In(wib)
	return fmt.Sprintf("%s, %d %s %d, %s", days[l][t.Weekday()], t.Day(), months[l][t.Month()-1], t.Year(), l.Clock(t))
}

// Clock prints the time of day alone. Its zone never stands on a line of its own.
func (l Lang) Clock(t time.Time) string {
	if l == English {
		return t.In(wib).Format("15:04\u00a0WIB")
	}
	return t.In(wib).Format("15.04\u00a0WIB")
}

// Span prints how long something lasts, in hours when it is whole hours.
func (l Lang) Span(d time.Duration) string {
	if d > time.Hour && d%time.Hour == 0 {
		return l.T("unit.hours", int(d/time.Hour))
	}
	return l.T("unit.minutes", int(d/time.Minute))
}

// Machine prints a time for programs: attributes and scripts.
func Machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// Fours cuts a payment code into groups of four for the eye. What is copied,
// scanned and printed stays whole.
func Fours(code string) []string {
	var groups []string
	for len(code) > 4 {
		groups = append(groups, code[:4])
		code = code[4:]
	}
	return append(groups, code)
}

// Spoken spaces a payment code so that a screen reader says digit by digit.
func Spoken(code string) string { return strings.Join(strings.Split(code, ""), " ") }
