package models

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// A search of the catalogue is answered however long it is. It looks for the first MaxTerms different words.
func TestASearchOfTheCatalogueOfAnyLength(t *testing.T) {
	s, _ := openStore(t)
	ctx := context.Background()
	for name, tt := range map[string]struct {
		query string
		found bool
	}{
		"a thousand times one word":          {strings.Repeat("kopi ", 1000), true},
		"as many words as are looked for":    {"kopi k o p i ko op pi", true},
		"another word behind those":          {"kopi k o p i ko op pi zzz", true},
		"a word that nothing has":            {"kopi zzz", false},
		"a thousand words":                   {words(1000), false},
		"one word of a megabyte":             {strings.Repeat("k", 1<<20), false},
		"zero bytes and what is not UTF-8":   {"kopi\x00 \xff", false},
		"what LIKE would take for a pattern": {`%_\`, false},
	} {
		if products, err := s.Products(ctx, tt.query, ""); err != nil || (len(products) > 0) != tt.found {
			t.Errorf("%s: %d products, %v", name, len(products), err)
		}
	}
}

// words are n different words.
func words(n int) string {
	var list strings.Builder
	for i := range n {
		fmt.Fprintf(&list, "word%d ", i)
	}
	return list.String()
}

// A search of the orders has the same text for every number of words, and so one prepared statement.
func TestOneStatementForAnyNumberOfWords(t *testing.T) {
	texts := map[string]bool{}
	for n := range MaxTerms + 1 {
		var c conditions
		c.andWords("orders.id", searchTerms(words(n)))
		texts[c.text()] = true
	}
	if len(texts) != 1 {
		t.Errorf("%d different statements, want 1", len(texts))
	}
	if n := len(searchTerms(words(1000))); n != MaxTerms {
		t.Errorf("%d terms, want %d", n, MaxTerms)
	}
	if n := len(searchTerms(strings.Repeat("budi BUDI ", 1000))); n != 1 {
		t.Errorf("%d terms of one word, want 1", n)
	}
}

// Folding takes time in proportion to the text: letter by letter from the end, a megabyte would take hours.
func TestFoldALongWord(t *testing.T) {
	for _, letter := range []string{"a", "é", "漢", "😀"} {
		got := fold(strings.Repeat(letter, 1<<20))
		if len(got) > maxWord || len(got) <= maxWord-utf8.UTFMax || !utf8.ValidString(got) {
			t.Errorf("%s: %d bytes, valid %v", letter, len(got), utf8.ValidString(got))
		}
	}
}

// A page key that the shop did not give finds nothing, on either database.
func TestMadeUpPageKeys(t *testing.T) {
	s, _ := openStore(t)
	placeFor(t, s, "Budi", "budi@example.com")
	for _, key := range []string{"9223372036854775807-1", "-9223372036854775808-1", "-1-1", "99999999999999999999-1", "1-" + strings.Repeat("ab", maxWord+1),
		"1-zz", "\x00", strings.Repeat("1", 10_000)} {
		for _, search := range []string{"", "budi"} {
			if _, err := s.Orders(context.Background(), OrderFilter{Search: search}, key, 10); err != nil && !errors.Is(err, ErrNotFound) {
				t.Errorf("key %.40q, search %q: %v", key, search, err)
			}
		}
	}
}
