package models

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
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
// accents, and no WJ- before an order number. It takes time in proportion to s.
func fold(s string) string {
	return cutBytes(strings.TrimPrefix(foldAll(s), strings.ToLower(numberPrefix)), maxWord)
}

// cutBytes is the beginning of s in at most n bytes, with no letter cut in two.
func cutBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// foldAll is fold for a text of any length.
func foldAll(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Mn, r) {
			return -1
		}
		return unicode.ToLower(r)
	}, norm.NFKD.String(s))
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
func saveWords(tx *transaction, orderID int64, words ...string) error {
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

// MaxTerms is how many different words a search looks for: more than a name has.
// The rest is left out.
const MaxTerms = 8

// distinct is the first MaxTerms different words.
func distinct(words []string) []string {
	var list []string
	for _, w := range words {
		if w != "" && len(list) < MaxTerms && !slices.Contains(list, w) {
			list = append(list, w)
		}
	}
	return list
}

// searchTerms reads what somebody searches for. A code may be written in groups.
func searchTerms(query string) []string {
	fields := strings.Fields(query)
	joined := strings.Join(fields, "")
	if joined != "" && !strings.ContainsFunc(joined, func(r rune) bool { return r < '0' || r > '9' }) {
		fields = []string{joined}
	}
	for i, field := range fields {
		fields[i] = fold(field)
	}
	return distinct(fields)
}

// behind is the end of what begins with a word: no text holds this byte.
func behind(word string) []byte { return append([]byte(word), 0xff) }

// What one page of a search may look through, and for how long. Where hardly any
// of the words looked at fit, a page may hold less than it could, and another
// goes on.
const (
	firstLook  = 64
	nextLooks  = 256
	maxLooked  = 4096
	longEnough = 20 * time.Millisecond
)

// spot is where a search stands: behind this word of this order. Orders come by
// word, so that whole words come before longer ones, and of each word the latest
// order first.
type cursor struct {
	Word    []byte
	OrderID int64
}

func (s cursor) compare(other cursor) int {
	return cmp.Or(bytes.Compare(s.Word, other.Word), cmp.Compare(other.OrderID, s.OrderID))
}

// search finds up to limit orders that have words beginning with all the terms,
// and the spot to go on from, nil at the end.
func (s *Store) search(ctx context.Context, f OrderFilter, terms []string, from *cursor, limit int) (ids []int64, next *cursor, err error) {
	// The longest term is likely to be the rarest: the others are held against it.
	lead := slices.MaxFunc(terms, func(a, b string) int { return len(a) - len(b) })
	fits := f.conditions()
	fits.andWords("words.order_id", slices.DeleteFunc(slices.Clone(terms), func(term string) bool { return term == lead }))
	fits.and("NOT EXISTS (SELECT 1 FROM order_words AS earlier WHERE earlier.order_id = words.order_id "+
		"AND earlier.word >= ? AND earlier.word < words.word)", []byte(lead)) // each order once, by its first such word
	began := time.Now()
	for looked, n := 0, firstLook; looked < maxLooked && time.Since(began) < longEnough; looked, n = looked+n, nextLooks {
		hits, end, err := s.look(ctx, fits, lead, from, n)
		if err != nil {
			return nil, nil, err
		}
		for _, hit := range hits {
			if len(ids) == limit {
				return ids, from, nil
			}
			ids, from = append(ids, hit.OrderID), &hit
		}
		if end == nil {
			return ids, nil, nil
		}
		from = end
	}
	return ids, from, nil
}

// andWords asks for orders that have a word beginning with each of the terms. The
// text is the same for any number of terms, so that the statements which drivers
// keep prepared are few: a condition without a term holds by itself.
func (c *conditions) andWords(orderID string, terms []string) {
	for i := range MaxTerms {
		var term string
		if i < len(terms) {
			term = terms[i]
		}
		c.and("(? OR EXISTS (SELECT 1 FROM order_words AS other WHERE other.order_id = "+orderID+" AND other.word >= ? AND other.word < ?))",
			term == "", []byte(term), behind(term))
	}
}

// look takes the next words in order, about n: first what is left of the same
// word, then the words after it. Each of the two is one walk along the index. It
// returns what fits, and how far it came, nil when there are no more.
func (s *Store) look(ctx context.Context, fits conditions, lead string, from *cursor, n int) (hits []cursor, end *cursor, err error) {
	if from == nil {
		return s.walk(ctx, fits, n, "word >= ? AND word < ?", []byte(lead), behind(lead))
	}
	hits, end, err = s.walk(ctx, fits, n, "word = ? AND order_id < ?", from.Word, from.OrderID)
	if err != nil || end != nil {
		return hits, end, err
	}
	more, end, err := s.walk(ctx, fits, n, "word > ? AND word < ?", from.Word, behind(lead))
	return append(hits, more...), end, err
}

func (s *Store) walk(ctx context.Context, fits conditions, n int, part string, bounds ...any) (hits []cursor, end *cursor, err error) {
	db, ordered := s.read.WithContext(ctx), "SELECT word, order_id FROM order_words WHERE "+part+" ORDER BY word, order_id DESC LIMIT ?"
	var last []cursor
	if err := db.Raw(ordered+" OFFSET ?", append(bounds, 1, n-1)...).Scan(&last).Error; err != nil {
		return nil, nil, err
	}
	orders := "WHERE " // orders are looked at only where something is asked of them
	if strings.Contains(fits.text(), "orders.") {
		// Words first: SQLite keeps to the order of a CROSS JOIN, and might else walk along all that are paid.
		orders = "CROSS JOIN orders WHERE orders.id = words.order_id AND "
	}
	err = db.Raw("SELECT words.word, words.order_id FROM ("+ordered+") AS words "+orders+fits.text(),
		slices.Concat(bounds, []any{n}, fits.values)...).Scan(&hits).Error
	slices.SortFunc(hits, cursor.compare) // a join promises no order
	if len(last) == 0 {
		return hits, nil, err
	}
	// An order placed since the first of the two questions has shifted the second.
	beyond := func(hit cursor) bool { return hit.compare(last[0]) > 0 }
	return slices.DeleteFunc(hits, beyond), &last[0], err
}
