package console

import (
	"slices"
	"testing"
)

// What a spreadsheet could take for a formula is text in an export, however it is spelt.
func TestDefuse(t *testing.T) {
	texts := []string{"=1+1", "+62812", "-1", "@SUM(A1)", "＝1+1", "＋1", "－1", "＠SUM(A1)", "﹦1", "﹢1", "﹣1", "﹫x", "⁺1", "−1",
		"\t=1", "\r=1", "\n=1", "\tx", "\rx", " =1", "\u00a0=1", "\u3000=1", "\u200b=1", "\ufeff=1", "\u202e=1", "\u00ad=1", "\u2060 \u200b＝1",
		"\x00=1", "\x0b=1", "\U000e0020=1"}
	for _, text := range texts {
		if got := defuse(text); got != "'"+text {
			t.Errorf("%q is exported as %q", text, got)
		}
	}
	for text, want := range map[string]string{"Ani;=cmd|'/C calc'!A0;b": "Ani;'=cmd|'/C calc'!A0;b", "a; ＝1;-2": "a;' ＝1;'-2", "=1;+2": "'=1;'+2"} {
		if got := defuse(text); got != want {
			t.Errorf("%q is exported as %q, want %q", text, got, want)
		}
	}
	for _, text := range []string{"", "Budi", "1 x A; 2 x MNM-TEH", "2 x MNM-TEH", "WJ-1", "89000", "a=1", "2026-11-24T03:00:00Z", "–", "王", " Budi"} {
		if got := defuse(text); got != text {
			t.Errorf("%q is exported as %q", text, got)
		}
	}
	if !slices.Contains(exportHead, "customer_name") {
		t.Error("the export has no names")
	}
}
