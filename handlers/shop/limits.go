package shop

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"
	"golang.org/x/net/idna"
	"golang.org/x/net/publicsuffix"
	"golang.org/x/text/unicode/norm"

	"warungjokul/handlers/web"
	"warungjokul/jokul"
	"warungjokul/models"
	"warungjokul/payments"
	"warungjokul/views"
)

// placer returns the address by which an order is counted for the limits on unpaid orders, empty where there are none.
func (h *Handler) placer(c echo.Context) string {
	if !h.RateLimit {
		return ""
	}
	if address := web.Client(c.RealIP()); address != "" {
		return address
	}
	return "unknown"
}

// overLimit is what a shopper is told whose order is over a limit. It does not say which limit that is, nor whose
// orders count for it: an email or a phone number may be somebody else's.
type overLimit struct {
	status int
	text   string
	find   bool // finding an order of one's own helps
}

// limitOf says over which limit an order is, and counts it. ok is false for errors of other kinds.
func (h *Handler) limitOf(ctx context.Context, l views.Lang, o models.Order, err error) (over overLimit, ok bool) {
	var open *models.OpenOrdersError
	var scarce *models.ScarceError
	switch {
	case errors.As(err, &open):
		over = overLimit{http.StatusTooManyRequests, l.T("limit.open", l.Span(h.PaymentExpiry)), true}
		h.refusedOrder(ctx, string(open.By))
	case errors.As(err, &scarce) && scarce.Most > 0:
		over = overLimit{http.StatusUnprocessableEntity, l.T("limit.scarce", scarce.Most, nameOf(l, o, scarce.SKU)), false}
		h.refusedOrder(ctx, web.LimitScarce)
	case errors.As(err, &scarce):
		over = overLimit{http.StatusTooManyRequests, l.T("limit.all", nameOf(l, o, scarce.SKU)), true}
		h.refusedOrder(ctx, web.LimitScarce)
	case errors.Is(err, models.ErrTooManyCorrections):
		over = overLimit{http.StatusTooManyRequests, l.T("limit.corrections"), true}
		h.refusedOrder(ctx, web.LimitCorrections)
	default:
		return over, false
	}
	return over, true
}

func (h *Handler) refusedOrder(ctx context.Context, limit string) {
	h.Metrics.OverLimit.WithLabelValues(limit).Inc()
	h.Limits.Do(func() { h.Log.WarnContext(ctx, "order over a limit", "limit", limit) })
}

// limitPage shows the checkout form again, with all that was filled in, to a shopper whose order is over a limit.
func (h *Handler) limitPage(c echo.Context, f checkoutForm, b basket, over overLimit) error {
	if over.find {
		f.limit = over.text
	} else {
		f.problem = over.text
	}
	if over.status == http.StatusTooManyRequests {
		c.Response().Header().Set("Retry-After", "600")
	}
	return h.checkoutPage(c, over.status, f, b)
}

// addressInText finds what mail programs make a link of: addresses of web pages and mailboxes. A dot without a space
// behind it is common in Indonesian titles (Drs.Ahmad, S.Kom), so that only longer words before one and small letters
// behind it count.
var addressInText = regexp.MustCompile(`(?i:://|www\.|\S@\S|\b(?:https?|ftp|mailto|tel)\s*:|[\p{L}\p{N}]\.[\p{L}\p{N}-]+/)|[\p{L}\p{N}-]{3,}\.\p{Ll}{2,}`)

// dots are what programs take for one in an address.
var dots = strings.NewReplacer("。", ".", "｡", ".", "·", ".", "•", ".", "‧", ".")

// mostDigits is how many digits a name may have: fewer than a phone number.
const mostDigits = 6

// holdsAddress reports whether a name holds the address of a web page or a mailbox, or a phone number.
func holdsAddress(name string) bool {
	name = dots.Replace(norm.NFKC.String(name))
	digits := 0
	for _, r := range name {
		if unicode.IsDigit(r) {
			digits++
		}
	}
	till := jokul.TillText(name, len(name))
	return digits > mostDigits || addressInText.MatchString(name) || addressInText.MatchString(till) || holdsDomain(name) || holdsDomain(till)
}

// titles are what Indonesians write behind a name, or between its parts, with a dot and no space, and could be registered
// as a domain: Slovenia's .si is in S.Si, Moldova's .md in A.Md. Each is what stands before the dot and what may behind.
var titles = map[string][]string{
	"a": {"md", "ma"}, "b": {"sc", "ac", "ba"}, "d": {"th"}, "m": {"si", "sc", "ag", "th", "sn", "kn", "mt", "ba", "pd", "sy", "ma", "ak", "ph"},
	"s": {"si", "sc", "ag", "th", "sn", "sy", "ma", "st", "km", "tr", "gz", "ak", "pd", "ps"}, "ph": {"d"}, "st": {"tr"},
	"sp": {"jp", "pa", "bs", "pk", "mk", "an", "kj", "kk", "pd", "og", "em", "gk"},
}

// surnames are names of people that are also endings of domains, behind an initial or a title: M.Kim.
var surnames = []string{"kim", "rio", "moe", "yoga", "wang", "ren", "joy", "sky"}

// longTitles stand before names and other titles with a dot and no space: Prof.Ir.
var longTitles = []string{"prof", "drs", "dra", "drg", "dr", "ir", "hj", "kh", "rr", "ra"}

// holdsDomain reports whether a text holds the name of a domain that can be registered, in capitals or not.
func holdsDomain(text string) bool {
	for _, word := range strings.FieldsFunc(strings.ToLower(text), endsDomain) {
		parts := strings.Split(word, ".")
		for i, ending := range parts[1:] {
			before := parts[i]
			if before != "" && isDomain(before, ending) {
				return true
			}
		}
	}
	return false
}

func isDomain(before, ending string) bool {
	ascii, err := idna.ToASCII(ending)
	if err != nil || strings.HasPrefix(ascii, "xn--") {
		return true
	}
	if slices.Contains(titles[before], ending) {
		return false
	}
	_, known := publicsuffix.PublicSuffix(ascii)
	isTitled := slices.Contains(longTitles, before) || utf8.RuneCountInString(before) == 1
	return known && !(isTitled && slices.Contains(surnames, ending)) && !(isTitled && ending == "ir")
}

func endsDomain(r rune) bool {
	return r != '.' && r != '-' && !unicode.IsLetter(r) && !unicode.IsMark(r) && !unicode.IsDigit(r)
}

// joined is a dot with no space behind it.
var joined = regexp.MustCompile(`\.(\S)`)

// mailName is a customer's name as mails greet with it: nothing in it becomes a link in a mail program. Names of
// orders that were placed before names were checked are left out where they hold an address.
func mailName(name string) string {
	if holdsAddress(name) {
		name = ""
	}
	name = payments.TillName(name)
	for joined.MatchString(name) {
		name = joined.ReplaceAllString(name, ". $1")
	}
	return strings.TrimSpace(name)
}
