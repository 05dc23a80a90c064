package sandbox

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

var (
	days = [...]text{{"Minggu", "Sunday"}, {"Senin", "Monday"}, {"Selasa", "Tuesday"}, {"Rabu", "Wednesday"},
		{"Kamis", "Thursday"}, {"Jumat", "Friday"}, {"Sabtu", "Saturday"}}
	months = [...]text{{"Januari", "January"}, {"Februari", "February"}, {"Maret", "March"}, {"April", "April"},
		{"Mei", "May"}, {"Juni", "June"}, {"Juli", "July"}, {"Agustus", "August"}, {"September", "September"},
		{"Oktober", "October"}, {"November", "November"}, {"Desember", "December"}}
)

// rupiah writes 150000 as "Rp 150.000".
func rupiah(amount int64) string {
	digits := strconv.FormatInt(amount, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "." + digits[i:]
	}
	return "Rp\u00a0" + digits
}

// groups cuts a code into fours, for the eye only.
func groups(code string) []string {
	var parts []string
	for ; len(code) > 4; code = code[4:] {
		parts = append(parts, code[:4])
	}
	return append(parts, code)
}

func grouped(code string) string { return strings.Join(groups(code), " ") }

// date writes "Selasa, 24 November 2026, 11.30 WIB".
func (l language) date(t time.Time) string {
	t = t.In(wib)
	return fmt.Sprintf("%s, %d %s %d, %s\u00a0WIB", l.of(days[t.Weekday()]), t.Day(), l.of(months[t.Month()-1]), t.Year(), t.Format("15.04"))
}

// seconds writes "24 November, 11.30.15 WIB".
func (l language) seconds(t time.Time) string {
	t = t.In(wib)
	return fmt.Sprintf("%d %s, %s\u00a0WIB", t.Day(), l.of(months[t.Month()-1]), t.Format("15.04.05"))
}

// left writes the larger units of what remains, "" when nothing does.
func (l language) left(d time.Duration) string {
	minutes := int64((d + time.Minute - 1) / time.Minute)
	switch hours := minutes / 60; {
	case d <= 0:
		return ""
	case hours >= 48:
		return l.of(text{fmt.Sprintf("%d hari lagi", hours/24), fmt.Sprintf("%d days left", hours/24)})
	case hours > 0 && minutes%60 == 0:
		return l.of(text{fmt.Sprintf("%d jam lagi", hours), fmt.Sprintf("%d h left", hours)})
	case hours > 0:
		return l.of(text{fmt.Sprintf("%d jam %d menit lagi", hours, minutes%60), fmt.Sprintf("%d h %d min left", hours, minutes%60)})
	}
	return l.of(text{fmt.Sprintf("%d menit lagi", minutes), fmt.Sprintf("%d min left", minutes)})
}
