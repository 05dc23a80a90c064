package shop

import (
	"testing"
)

func TestNamesOfPeople(t *testing.T) {
	for _, name := range []string{"Budi", "Drs.H.Ahmad", "Siti Rahma, S.Pd.", "M.Rizki", "dr. Andi Sp.OG", "Anne-Marie O'Neil", "Budi a/n Siti", "Budi 2", "J.R.R. Tolkien", "李小龙",
		"Drs.H.Ahmad, S.Si, M.Kom", "A.R. Rahman", "M.Ridho", "DRS.AHMAD, S.SI, M.KOM", "Prof.Ir.Budi", "budi s.kom, m.si", "S.Ag", "Sp.JP", "M.Kim", "A.Md"} {
		if holdsAddress(name) {
			t.Errorf("%q is taken for an address", name)
		}
	}
}
