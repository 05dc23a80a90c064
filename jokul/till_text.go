package jokul

import "strings"

// TillText makes s fit for a till and its receipt: Latin letters lose their
// accents, typographic marks become plain ones, whatever else is not printable
// ASCII becomes a space, spaces are folded, and at most limit characters stay.
// ASCII keeps "maximum length" the same in characters and in bytes, which the
// gateway's pages leave open (docs/protocol.md section 4).
//
// A text in another script can come out empty: have a stand-in ready.
func TillText(s string, limit int) string {
	plain := strings.Map(func(r rune) rune {
		if notPrintableASCII(r) {
			return ' '
		}
		return r
	}, latin.Replace(s))
	return strings.TrimSpace(cut(strings.Join(strings.Fields(plain), " "), limit))
}

// latin spells the letters and marks of European languages, and of Indonesian
// names and loan words, in ASCII.
var latin = strings.NewReplacer(spellings()...)

func spellings() []string {
	table := map[string]string{
		"A": "ÀÁÂÃÄÅĀĂĄ", "a": "àáâãäåāăą", "C": "ÇĆČ", "c": "çćč", "D": "ĎĐÐ", "d": "ďđð",
		"E": "ÈÉÊËĒĖĘĚ", "e": "èéêëēėęě", "G": "ĞĢ", "g": "ğģ", "I": "ÌÍÎÏĪİĮ", "i": "ìíîïīıį",
		"L": "ĹĽŁ", "l": "ĺľł", "N": "ÑŃŇ", "n": "ñńň", "O": "ÒÓÔÕÖØŌŐ", "o": "òóôõöøōő",
		"R": "ŔŘ", "r": "ŕř", "S": "ŚŞŠȘ", "s": "śşšș", "T": "ŢŤȚ", "t": "ţťț",
		"U": "ÙÚÛÜŪŮŰŲ", "u": "ùúûüūůűų", "Y": "ÝŸ", "y": "ýÿ", "Z": "ŹŻŽ", "z": "źżž",
		"AE": "Æ", "ae": "æ", "OE": "Œ", "oe": "œ", "ss": "ß", "Th": "Þ", "th": "þ",
		"'": "‘’‚ʼ´", `"`: "“”„«»", "-": "‐‑‒–—−", "...": "…", "x": "×", ".": "·•",
	}
	var pairs []string
	for plain, letters := range table {
		for _, r := range letters {
			pairs = append(pairs, string(r), plain)
		}
	}
	return pairs
}
