package web

import (
	"net/url"
	"strings"
	"testing"
	"unicode/utf8"

	"warungjokul/views"
)

func TestCleanText(t *testing.T) {
	for typed, want := range map[string]string{
		"Budi Santoso":                           "Budi Santoso",
		"  Budi \t\r\n Santoso\v":                "Budi Santoso",
		"Budi\u00a0\u3000Santoso":                "Budi Santoso",
		"Cafe\u0301":                             "Café", // NFC
		"José Ñandú Nguyễn":                      "José Ñandú Nguyễn",
		"王小明 Иван محمد สมชาย":                    "王小明 Иван محمد สมชาย",
		"देवी Ωμέγα O'Brien-Łoś":                 "देवी Ωμέγα O'Brien-Łoś",
		"Budi 😀🏽":                                "Budi 😀🏽",
		"Budi 👨\u200d👩\u200d👧":                   "Budi 👨👩👧",
		"❤\ufe0f":                                "❤",
		"Bu\u200b\u200c\u200d\u2060\ufeffdi":     "Budi", // zero width
		"Bu\u00addi":                             "Budi", // soft hyphen
		"\u202eidu\u202cB \u2066x\u2069\u200f":   "iduB x",
		"\u061cBudi\u200e":                       "Budi",
		"Budi\U000e0041\U000e007f":               "Budi", // tags
		"Budi\ue000\U000f0000\ufffe\U000e01ef":   "Budi", // private use, no character, variation
		"Bu\x00d\x07i\x1b[31m\u0085x":            "Budi[31m x",
		"\u3164\u115f\u1160\uffa0\u2800\u034f":   "", // show nothing
		"\u200b \u202e\u00ad":                    "",
		"Budi\u2028Santoso\u2029":                "Budi Santoso",
		"Bu\xffdi":                               "Bu\uFFFDdi",
		"U\u0378":                                "U", // unassigned
		strings.Repeat("a\u200b", 1<<18):         strings.Repeat("a", 1<<18),
		"a" + strings.Repeat("\u0301", 1<<18):    "", // looked at below
		strings.Repeat("\u202e", 1<<18) + "Budi": "Budi",
	} {
		got := CleanText(typed)
		if strings.HasPrefix(typed, "a\u0301") { // marks on one letter without end: in time, and whole
			want = got
		}
		if got != want || !utf8.ValidString(got) || CleanText(got) != got {
			t.Errorf("%.60q became %.60q, want %.60q", typed, got, want)
		}
	}
}

func TestOwnPath(t *testing.T) {
	for address, want := range map[string]string{
		"/":                             "/",
		"/cart":                         "/cart",
		"/?category=food":               "/?category=food",
		"/?q=kopi+gayo&lang=en":         "/?lang=en&q=kopi+gayo",
		"/products/kopi%20gayo":         "/products/kopi%20gayo",
		"/console/orders?after=1-ab#x":  "/console/orders?after=1-ab",
		"/products/é":                   "/products/%C3%A9",
		"/?next=//evil.example":         "/?next=%2F%2Fevil.example",
		"":                              "",
		"cart":                          "",
		"?lang=id":                      "",
		"//evil.example/a":              "",
		"///evil.example":               "",
		`/\evil.example`:                "",
		`\\evil.example`:                "",
		"/%5cevil.example":              "",
		"/%2f/evil.example":             "",
		"/%2Fevil.example":              "",
		"/x//evil.example":              "",
		"/.//evil.example":              "",
		"/\t/evil.example":              "",
		"/%09/evil.example":             "",
		"/\n/evil.example":              "",
		"/%0d%0aSet-Cookie:a=b":         "",
		"/%00":                          "",
		"/\u202e":                       "",
		"/%ff":                          "",
		"/%zz":                          "",
		" /cart":                        "",
		"https://evil.example/":         "",
		"https:/evil.example":           "",
		"https:evil.example":            "",
		"javascript:alert(1)":           "",
		"data:text/html,x":              "",
		"//user@evil.example":           "",
		"/" + strings.Repeat("a", 1024): "",
		"/" + strings.Repeat("a", 1023): "/" + strings.Repeat("a", 1023),
	} {
		got := OwnPath(address)
		if got != want {
			t.Errorf("%.60q became %.60q, want %.60q", address, got, want)
		}
		base, _ := url.Parse("https://shop.example/a/b")
		if to, err := base.Parse(got); err != nil || to.Host != "shop.example" {
			t.Errorf("%.60q leads to %v, %v", address, to, err)
		}
	}
}

func TestSearchQuery(t *testing.T) {
	long := strings.Repeat("é", MaxSearch)
	for typed, want := range map[string]struct {
		query string
		cut   bool
	}{
		"":                      {"", false},
		"  kopi \u202e gayo ":   {"kopi gayo", false},
		"a b c d e f g h":       {"a b c d e f g h", false},
		"a b c d e f g h i":     {"a b c d e f g h", true},
		"a b c d e f g h a b c": {"a b c d e f g h", false},
		long:                    {long, false},
		long + "e":              {long, true},
	} {
		if query, cut := SearchQuery(typed); query != want.query || cut != want.cut {
			t.Errorf("%q is %q, cut %v; want %q, %v", typed, query, cut, want.query, want.cut)
		}
	}
	if query, cut := SearchQuery(strings.Repeat("kopi ", 1<<16)); !cut || query != "kopi" {
		t.Errorf("a word without end is %q, cut %v", query, cut)
	}
}

// Of a header that is too long the languages at its beginning are read.
func TestLongAcceptLanguage(t *testing.T) {
	var a Accepted
	for header, want := range map[string]views.Lang{
		"en;q=0.9,id;q=0.1":                 views.English,
		"en," + strings.Repeat("fr,", 5000): views.English,
		strings.Repeat("fr,", 66) + "en":    views.English,    // 200 bytes
		strings.Repeat("fr,", 67) + "en":    views.Indonesian, // behind the bound
		strings.Repeat("x", 10_000):         views.Indonesian,
		strings.Repeat("x", 10_000) + ",en": views.Indonesian,
	} {
		if got := a.lang(header); got != want {
			t.Errorf("%.30q: %s, want %s", header, got, want)
		}
	}
	if len(a.langs) > 7 {
		t.Errorf("%d headers are remembered", len(a.langs))
	}
}
