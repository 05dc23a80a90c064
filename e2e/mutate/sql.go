package main

import (
	"regexp"
	"strings"
)

// A sqlChange is a statement, or a part of one, with a condition changed.
type sqlChange struct{ kind, text string }

var (
	// conditionsBegin is where conditions follow in a statement, or in a part that
	// is put together with others.
	conditionsBegin = regexp.MustCompile(`\bWHERE |^ ?AND |^ ?OR `)
	// conditionsEnd is what follows them.
	conditionsEnd = regexp.MustCompile(` ORDER BY | LIMIT | GROUP BY | RETURNING | FOR UPDATE`)
	inList        = regexp.MustCompile(`IN \(('\w+'(?:, '\w+')+)\)`)
	sqlBound      = regexp.MustCompile(` (<=|>=|<|>) `)
)

var sqlBounds = map[string]string{"<": "<=", "<=": "<", ">": ">=", ">=": ">"}

// sqlChanges makes each condition of a statement always true, takes each word out
// of lists, and moves bounds. Parameters stay: a database would refuse a statement
// that does not use what it is given, and such a mutant proves nothing.
func sqlChanges(text string) (list []sqlChange) {
	for _, part := range conditions(text) {
		c := text[part[0]:part[1]]
		list = append(list, sqlChange{"SQL condition left out", text[:part[0]] + "(" + c + " OR 1 = 1)" + text[part[1]:]})
	}
	if !strings.Contains(text, "WHERE ") && !strings.Contains(text, " IN (") && conditionsBegin.FindString(text) == "" {
		return list
	}
	for _, at := range inList.FindAllStringSubmatchIndex(text, -1) {
		words := strings.Split(text[at[2]:at[3]], ", ")
		for i := range words {
			rest := append(append([]string{}, words[:i]...), words[i+1:]...)
			list = append(list, sqlChange{"SQL list without " + words[i], text[:at[2]] + strings.Join(rest, ", ") + text[at[3]:]})
		}
	}
	for _, at := range sqlBound.FindAllStringSubmatchIndex(text, -1) {
		list = append(list, sqlChange{"SQL bound moved", text[:at[2]] + sqlBounds[text[at[2]:at[3]]] + text[at[3]:]})
	}
	return list
}

// conditions finds those that are joined by AND, outermost ones and those within
// brackets, where each is whole.
func conditions(text string) (parts [][2]int) {
	begin := conditionsBegin.FindStringIndex(text)
	if begin == nil {
		return nil
	}
	end := len(text)
	if at := conditionsEnd.FindStringIndex(text[begin[1]:]); at != nil {
		end = begin[1] + at[0]
	}
	from, depth := begin[1], 0
	add := func(to int) {
		if c := text[from:to]; depth == 0 && whole(c) {
			parts = append(parts, [2]int{from, to})
		}
	}
	for i := begin[1]; i < end; i++ {
		switch {
		case text[i] == '(':
			depth++
		case text[i] == ')':
			if depth--; depth < 0 { // of a query within another: the rest is not its
				depth = 0
				add(i)
				return parts
			}
		case depth == 0 && strings.HasPrefix(text[i:end], " AND "):
			add(i)
			from = i + len(" AND ")
		}
	}
	add(end)
	return parts
}

// whole reports whether a condition is all in this text: not continued by
// another that is put behind it.
func whole(c string) bool {
	c = strings.TrimSpace(c)
	for _, more := range []string{".", "=", "(", "AND", "OR"} {
		if strings.HasSuffix(c, more) {
			return false
		}
	}
	return strings.ContainsAny(c, "=<>") || strings.Contains(c, " NULL") || strings.Contains(c, " IN (") || strings.Contains(c, "EXISTS (")
}
