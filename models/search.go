package models

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// orderWord is one word an order is found by: each word of the customer's name,
// the email, an invoice number (which begins with the order's), a payment code.
// Words are folded, and kept as bytes: every database compares those alike,
// whatever language it was told to sort by, and finds a beginning by its index.
type orderWord struct {
	Word    []byte
	OrderID int64
}

// maxWord is how much of a word is kept, in bytes.
const maxWord = 128

// fold makes words that people would call the same the same: no capitals, no
// accents, and no WJ- before an order number.
func fold(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(s))
	s = strings.TrimPrefix(s, strings.ToLower(numberPrefix))
	for len(s) > maxWord {
		r := []rune(s)
		s = string(r[:len(r)-1])
	}
	return s
}

// nameWords are a name's words: Anne-Marie is found by marie, too.
func nameWords(name string) []string {
	var words []string
	for _, part := range strings.Fields(name) {
		begins := true
		for i, r := range part {
			letter := unicode.IsLetter(r) || unicode.IsDigit(r)
			if letter && begins {
				words = append(words, fold(part[i:]))
			}
			begins = !letter
		}
	}
	return words
}

// keepWords has an order found by words.
func keepWords(tx *gorm.DB, orderID int64, words ...string) error {
	rows := wordRows(orderID, words)
	if len(rows) == 0 {
		return nil
	}
	return tx.Clauses(clause.OnConflict{DoNothing: true}).Create(&rows).Error
}

func wordRows(orderID int64, words []string) (rows []orderWord) {
	slices.Sort(words)
	for _, w := range slices.Compact(words) {
		if w != "" {
			rows = append(rows, orderWord{Word: []byte(w), OrderID: orderID})
		}
	}
	return rows
}

// searchTerms reads what somebody searches for. A code may be written in groups.
func searchTerms(query string) []string {
	joined := strings.Join(strings.Fields(query), "")
	if joined != "" && !strings.ContainsFunc(joined, func(r rune) bool { return r < '0' || r > '9' }) {
		query = joined
	}
	var terms []string
	for _, field := range strings.Fields(query) {
		if term := fold(field); term != "" {
			terms = append(terms, term)
		}
	}
	return terms
}

// behind is the end of what begins with a word: no text holds this byte.
func behind(word string) []byte { return append([]byte(word), 0xff) }

// What one page of a search may look through. Where hardly any of the words
// looked at fit, a page may hold less than it could, and another goes on.
const (
	firstLook = 64
	maxLooked = 4096
)

// spot is where a search stands: behind this word of this order. Orders come by
// word, so that whole words come before longer ones, and of each word the latest
// order first.
type spot struct {
	word []byte
	id   int64
}

// seen is a word looked at, and whether its order is one to show.
type seen struct {
	Word    []byte
	OrderID int64
	Fits    bool
}

// search finds up to limit orders that have words beginning with all the terms,
// and the place to go on from, nil at the end.
func (s *Store) search(ctx context.Context, f OrderFilter, terms []string, from *spot, limit int) (ids []int64, next *spot, err error) {
	// The longest term is likely to be the rarest: the others are held against it.
	lead := slices.MaxFunc(terms, func(a, b string) int { return len(a) - len(b) })
	fits := f.conditions()
	fits.and("NOT EXISTS (SELECT 1 FROM order_words AS earlier WHERE earlier.order_id = words.order_id "+
		"AND earlier.word >= ? AND earlier.word < words.word)", []byte(lead)) // each order once, by its first such word
	for _, term := range terms {
		if term != lead {
			fits.and("EXISTS (SELECT 1 FROM order_words AS other WHERE other.order_id = words.order_id "+
				"AND other.word >= ? AND other.word < ?)", []byte(term), behind(term))
		}
	}
	for looked, n := 0, firstLook; looked < maxLooked; n *= 4 {
		n = min(n, maxLooked-looked)
		list, err := s.look(ctx, fits, lead, from, n)
		if err != nil {
			return nil, nil, err
		}
		for _, w := range list {
			if w.Fits && len(ids) == limit {
				return ids, from, nil
			}
			from = &spot{w.Word, w.OrderID}
			if w.Fits {
				ids = append(ids, w.OrderID)
			}
		}
		if len(list) < n {
			return ids, nil, nil
		}
		looked += n
	}
	return ids, from, nil
}

// look takes the next n words in order: first what is left of the same word,
// then the words after it. Each of the two is one walk along the index.
func (s *Store) look(ctx context.Context, fits conditions, lead string, from *spot, n int) ([]seen, error) {
	if from == nil {
		return s.walk(ctx, fits, n, "word >= ? AND word < ?", []byte(lead), behind(lead))
	}
	list, err := s.walk(ctx, fits, n, "word = ? AND order_id < ?", from.word, from.id)
	if err != nil || len(list) == n {
		return list, err
	}
	more, err := s.walk(ctx, fits, n-len(list), "word > ? AND word < ?", from.word, behind(lead))
	return append(list, more...), err
}

func (s *Store) walk(ctx context.Context, fits conditions, n int, part string, bounds ...any) ([]seen, error) {
	var list []seen
	err := s.read.WithContext(ctx).Raw("SELECT words.word, words.order_id, ("+fits.text()+") AS fits "+
		"FROM (SELECT word, order_id FROM order_words WHERE "+part+" ORDER BY word, order_id DESC LIMIT ?) AS words "+
		"JOIN orders ON orders.id = words.order_id", slices.Concat(fits.values, bounds, []any{n})...).Scan(&list).Error
	slices.SortFunc(list, func(a, b seen) int { // a join promises no order
		return cmp.Or(bytes.Compare(a.Word, b.Word), cmp.Compare(b.OrderID, a.OrderID))
	})
	return list, err
}
