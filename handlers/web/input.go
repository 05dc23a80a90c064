package web

import (
	"net/url"
	"slices"
	"strings"
	"unicode"

	"github.com/labstack/echo/v4"
	"golang.org/x/text/unicode/norm"

	"warungjokul/models"
)

// Bounds on what a request may bring, beside those of single fields. TestInputs lists every input with its own.
const (
	MaxPathParam   = 128  // bytes; the longest name in an address of ours has 22
	MaxOwnPath     = 1024 // bytes, of an address that becomes a link
	MaxSearch      = 100  // letters
	maxSearchWords = models.MaxTerms
	MaxEmail       = 128 // letters
	MaxNumber      = 64  // letters of an order number that somebody types
	MaxPhone       = 32  // letters, decoration included
	MaxName        = 64  // letters
)

// shortParams answers a name in an address that is longer than any of ours as one that is not known.
func shortParams(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		for _, value := range c.ParamValues() {
			if len(value) > MaxPathParam {
				return models.ErrNotFound
			}
		}
		return next(c)
	}
}

// CleanText is a text of one line as a person sees it, in normal form (NFC). Characters that show nothing, change the
// direction of what follows or mean nothing (control and format characters, fillers, private use, unassigned) are left
// out, zero-width joiners too; blanks become one space, and what is not UTF-8 the replacement character. It takes time
// in proportion to the text.
func CleanText(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == blankBraille, unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector):
			return -1
		case unicode.In(r, unicode.L, unicode.M, unicode.N, unicode.P, unicode.S):
			return r
		}
		return -1
	}, s)
	return norm.NFC.String(strings.Join(strings.Fields(s), " "))
}

// blankBraille is a symbol that shows nothing.
const blankBraille = '\u2800'

// CutText is the first n letters of a text.
func CutText(s string, n int) string {
	for i := range s {
		if n == 0 {
			return s[:i]
		}
		n--
	}
	return s
}

// FormText reads a field of one line, cleaned. It is at most one letter longer than most, which is how the caller
// finds out that it is too long.
func FormText(c echo.Context, name string, most int) string {
	return CutText(CleanText(c.FormValue(name)), most+1)
}

// SearchQuery is what a search looks for: the first few different words of what was typed. cut reports whether there
// was more.
func SearchQuery(typed string) (query string, cut bool) {
	typed = CleanText(typed)
	query = CutText(typed, MaxSearch)
	cut = query != typed
	var words []string
	for _, word := range strings.Fields(query) {
		if slices.Contains(words, word) {
			continue
		}
		if len(words) == maxSearchWords {
			cut = true
			break
		}
		words = append(words, word)
	}
	return strings.Join(words, " "), cut
}

// OwnPath is an address as a link within this shop: its path and query. It is empty for every address that a browser
// could read as another site's, and for one that is too long to be ours. All links and redirects that are made of what
// a request says are made by it.
func OwnPath(address string) string {
	u, err := url.Parse(address)
	if err != nil || len(address) > MaxOwnPath || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "" {
		return ""
	}
	// Browsers read a backslash as a slash and leave control characters out. The path is looked at decoded, as a
	// proxy may send it on.
	if !strings.HasPrefix(u.Path, "/") || strings.Contains(u.Path, "//") || strings.Contains(u.Path, `\`) ||
		CleanText(u.Path) != u.Path {
		return ""
	}
	return (&url.URL{Path: u.Path, RawQuery: u.Query().Encode()}).String()
}
