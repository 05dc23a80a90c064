package views

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Rupiah prints an amount the way shops here write it, in either language:
// Rp 90.000.
func Rupiah(amount int64) string {
	return "Rp\u00a0" + grouped(amount, '.') // this space does not break
}

// grouped prints a number in groups of three digits.
func grouped(n int64, between byte) string {
	digits := strconv.FormatInt(n, 10)
	var b strings.Builder
	for i, digit := range digits {
		if left := len(digits) - i; i > 0 && left%3 == 0 && digits[i-1] != '-' {
			b.WriteByte(between)
		}
		b.WriteRune(digit)
	}
	return b.String()
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

// Stamp prints a time in short: 23 Nov 2026, 13.05 WIB.
func (l Lang) Stamp(t time.Time) string {
	t = t.In(wib)
	return fmt.Sprintf("%s %d, %s", l.Date(t), t.Year(), l.Clock(t))
}

// Second prints a time in short, to the second: 23 Nov 2026, 13.05.09 WIB.
func (l Lang) Second(t time.Time) string {
	return fmt.Sprintf("%s, %s\u00a0WIB", l.Day(t), l.Instant(t))
}

// Date prints a day of the year: 23 Nov.
func (l Lang) Date(t time.Time) string {
	t = t.In(wib)
	return fmt.Sprintf("%d %s", t.Day(), months[l][t.Month()-1])
}

// StartOfDay is when the day of a time began in Jakarta.
func StartOfDay(t time.Time) time.Time {
	t = t.In(wib)
	return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, wib)
}

// Day prints a day with its year: 23 Nov 2026.
func (l Lang) Day(t time.Time) string { return l.Date(t) + t.In(wib).Format(" 2006") }

// FormatDay writes the day in WIB as ParseDay reads it: 2026-11-23.
func FormatDay(t time.Time) string { return t.In(wib).Format(time.DateOnly) }

// ParseDay reads a day as date fields send it: 2026-11-23. It is zero when it is
// none.
func ParseDay(s string) time.Time {
	day, err := time.ParseInLocation(time.DateOnly, s, wib)
	if err != nil {
		return time.Time{}
	}
	return day
}

// Count prints a number of things: 1.234, or 1,234 in English.
func (l Lang) Count(n int64) string {
	if l == English {
		return grouped(n, ',')
	}
	return grouped(n, '.')
}

// Percent prints a share of a whole to a tenth; of nothing there is none.
func (l Lang) Percent(part, whole int64) string {
	if whole == 0 {
		return "–"
	}
	tenths := (part*2000 + whole) / (whole * 2)
	return fmt.Sprintf("%d%s%d%%", tenths/10, l.Pick(",", "."), tenths%10)
}

// Wait prints roughly how long somebody took; of nobody there is nothing to say.
func (l Lang) Wait(d time.Duration) string {
	switch minutes := int(d.Round(time.Minute) / time.Minute); {
	case d <= 0:
		return "–"
	case minutes == 0:
		return l.T("unit.moment")
	case minutes < 60:
		return l.minutes(minutes)
	default:
		return l.T("unit.both", minutes/60, minutes%60)
	}
}

// Instant prints the time of day to the second, as short as it gets.
func (l Lang) Instant(t time.Time) string {
	if l == English {
		return t.In(wib).Format("15:04:05")
	}
	return t.In(wib).Format("15.04.05")
}

// Span prints how long something lasts, in days or hours when it is whole ones.
func (l Lang) Span(d time.Duration) string {
	if day := 24 * time.Hour; d > day && d%day == 0 {
		return l.T("unit.days", int(d/day))
	}
	if d > time.Hour && d%time.Hour == 0 {
		return l.T("unit.hours", int(d/time.Hour))
	}
	return l.minutes(int(d / time.Minute))
}

func (l Lang) minutes(n int) string {
	if n == 1 {
		return l.T("unit.minute", n)
	}
	return l.T("unit.minutes", n)
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
