package shop

import (
	"testing"
)

func TestNamesOfPeople(t *testing.T) {
	for _, name := range []string{"Budi", "Drs.H.Ahmad", "Siti Rahma, S.Pd.", "M.Rizki", "dr. Andi Sp.OG", "Anne-Marie O'Neil", "Budi a/n Siti", "Budi 2", "J.R.R. Tolkien", "李小龙",
		"Drs.H.Ahmad, S.Si, M.Kom", "A.R. Rahman", "M.Ridho", "DRS.AHMAD, S.SI, M.KOM", "Prof.Ir.Budi", "budi s.kom, m.si", "S.Ag", "Sp.JP", "M.Kim", "A.Md",
		"S.E.", "S.H., M.H.", "S.Kom., M.T.", "Dr.Ir.H.Budi", "S.Th", "B.Sc", "M.Sc", "Ph.D", "Sp.A", "Sp.PD-KGEH", "M.Pd.I", "H.M.Ali", "K.H.Ahmad", "R.A.Kartini", "St.Maria"} {
		if holdsAddress(name) {
			t.Errorf("%q is taken for an address", name)
		}
	}
}

// What a mail program could make a link of is no name, in whatever letters.
func TestNamesThatHoldADomain(t *testing.T) {
	for _, name := range []string{"is.gd", "IS.GD abc", "v.gd", "u.to", "rb.gy", "x.sh", "t.co", "T.ME", "wa.me", "goo.gl", "x.pw", "g.page", "a.click", "ПРИМЕР.РФ", "пример.рф", "а.рф", "购买.中国",
		"中.中国", "ＩＳ．ＧＤ", "is。gd", "Budi is.gd", "S.Si is.gd/x", "budi.is.gd", "xn--80ak6aa92e.com", "evil.xn--p1ai", "KLIK BIT.LY", "S.COM", "dr.link", "h.ac.id"} {
		if !holdsAddress(name) {
			t.Errorf("%q is taken for a name", name)
		}
	}
}

func TestEmails(t *testing.T) {
	for _, email := range []string{"budi@example.com", "b.u-d_i+toko@mail.example.co.id", "o'neil@example.com", "a@xn--e1afmkfd.com", "A@EXAMPLE.COM", "a@1.fm",
		"a@example.xn--p1ai"} {
		if !validEmail(email) {
			t.Errorf("%q is refused", email)
		}
	}
	for _, email := range []string{"a@[127.0.0.1]", "a@[IPv6:::1]", "postmaster@[192.0.2.2]", "a@127.0.0.1", "a@1.1.1.1", "a@127.1", "a@0x7f.1", "a@1.2.3.0x4", "a%b.com@c.de", "a!b@c.de",
		"a@b_c.de", "a@-b.de", "a@b-.de", "a@localhost", "a@b..de", "a@c.de.", "a@c.d", "\"a b\"@c.de", "a@c.de, x@y.de", "A <a@c.de>", "a@c.de\nb", "", "@c.de", "a@"} {
		if validEmail(email) {
			t.Errorf("%q is taken", email)
		}
	}
}
