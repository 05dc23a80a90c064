package main

import (
	"slices"
	"strings"
	"testing"
)

const sample = `package sample

func pay(p Payment, amount int64) error {
	if amount != p.Amount {
		return flag(p)
	}
	if err := lock(p); err != nil || p.State == Paid && p.Tries >= 3 {
		return err
	}
	total += amount
	switch {
	case amount < 1:
		refuse()
	}
	state = Paid
	left := tx.Transaction(func(tx *DB) error { return nil })
	return execute("UPDATE payments SET state = $1 WHERE id = $2 AND state IN ('pending', 'expired') AND due <= $3")
}
`

// Each kind of change is made once where it can be, and leaves code behind.
func TestMutantsOf(t *testing.T) {
	list, err := mutantsOf("sample.go", []byte(sample), states{"Paid": "Expired"})
	if err != nil {
		t.Fatal(err)
	}
	const update = `"UPDATE payments SET state = $1 WHERE `
	want := []string{
		"4 guard forced true: (amount != p.Amount) || true",
		"4 guard forced false: (amount != p.Amount) && false",
		"5 call left out: if false { return flag(p) } return nil",
		"7 call left out: if false { if err := lock(p); err != nil || p.State == Paid && p.Tries >= 3 { return err } }",
		"7 guard forced true: (err != nil || p.State == Paid && p.Tries >= 3) || true",
		"7 guard forced false: (err != nil || p.State == Paid && p.Tries >= 3) && false",
		"7 side of || left out: ((p.State == Paid && p.Tries >= 3) && false)",
		"7 side of && left out: ((p.State == Paid) || true)",
		"7 another state: Expired",
		"7 side of && left out: ((p.Tries >= 3) || true)",
		"7 bound moved: >",
		"10 sum turned round: -=",
		"12 guard forced true: (amount < 1) || true",
		"12 guard forced false: (amount < 1) && false",
		"12 bound moved: <=",
		"13 call left out: if false { refuse() }",
		"15 assignment left out: if false { state = Paid }",
		"15 another state: Expired",
		"16 savepoint left out: (func(tx *DB) error { return nil })(tx)",
		`17 call left out: if false { return execute(` + update + `id = $2 AND state IN ('pending', 'expired') AND due <= $3") } return nil`,
		"17 SQL condition left out: " + update + `(id = $2 OR 1 = 1) AND state IN ('pending', 'expired') AND due <= $3"`,
		"17 SQL condition left out: " + update + `id = $2 AND (state IN ('pending', 'expired') OR 1 = 1) AND due <= $3"`,
		"17 SQL condition left out: " + update + `id = $2 AND state IN ('pending', 'expired') AND (due <= $3 OR 1 = 1)"`,
		"17 SQL list without 'pending': " + update + `id = $2 AND state IN ('expired') AND due <= $3"`,
		"17 SQL list without 'expired': " + update + `id = $2 AND state IN ('pending') AND due <= $3"`,
		"17 SQL bound moved: " + update + `id = $2 AND state IN ('pending', 'expired') AND due < $3"`,
	}
	var got []string
	for _, m := range list {
		line := m.String()
		got = append(got, strings.Replace(line[len("sample.go:"):], " pay: ", " ", 1))
		if _, err := mutantsOf("sample.go", m.mutated(), nil); err != nil {
			t.Errorf("%s\nis not Go any more: %v", m, err)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// What cannot be told from outside is left alone: conditions that go on in another
// text, and texts that are no SQL.
func TestSQLChanges(t *testing.T) {
	for text, want := range map[string][]string{
		"FROM payments p WHERE p.":                           nil,
		"the code WHERE it is paid":                          nil,
		"id <= 3":                                            nil,
		"WHERE order_id = $1 AND (attempt >= $2 OR ":         {"WHERE (order_id = $1 OR 1 = 1) AND (attempt >= $2 OR ", "WHERE order_id = $1 AND (attempt > $2 OR "},
		" AND ($4 OR due > $5)":                              {" AND (($4 OR due > $5) OR 1 = 1)", " AND ($4 OR due >= $5)"},
		"(SELECT id FROM n WHERE id = $1), 0) AND b":         {"(SELECT id FROM n WHERE (id = $1 OR 1 = 1)), 0) AND b"},
		"WHERE sent_at IS NULL ORDER BY id LIMIT 5":          {"WHERE (sent_at IS NULL OR 1 = 1) ORDER BY id LIMIT 5"},
		"state IN ('creating', 'paid')":                      {"state IN ('paid')", "state IN ('creating')"},
		"WHERE leased IS NULL OR leased <= $1 ORDER BY paid": {"WHERE (leased IS NULL OR leased <= $1 OR 1 = 1) ORDER BY paid", "WHERE leased IS NULL OR leased < $1 ORDER BY paid"},
	} {
		var got []string
		for _, c := range sqlChanges(text) {
			got = append(got, c.text)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

// The list of mutants that nobody could notice names mutants that exist.
func TestEquivalentsExist(t *testing.T) {
	t.Chdir("../..")
	known, err := equivalents("e2e/mutate/equivalent.txt")
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := all(paymentCode)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range chosen {
		delete(known, m.name())
	}
	for name := range known {
		t.Errorf("no mutant is called %q", name)
	}
}

// A file with its mutants has each function under its own name, as it was, and once more
// for each mutant.
func TestWithMutants(t *testing.T) {
	const source = "package sample\n\nfunc (p *Payment) pay(a, b int64, rest ...string) (n int, err error) {\n\tif a < b {\n\t\treturn 1, nil\n\t}\n\treturn 0, nil\n}\n"
	list, err := mutantsOf("sample.go", []byte(source), nil)
	if err != nil {
		t.Fatal(err)
	}
	numbered := map[int]mutant{}
	for i, m := range list {
		numbered[i+7] = m
	}
	got, err := withMutants("sample.go", numbered)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := mutantsOf("sample.go", got, nil); err != nil {
		t.Errorf("it is not Go: %v", err)
	}
	for _, want := range []string{
		"func (receiver *Payment) pay(a0 int64, a1 int64, a2 ...string) (int, error) {",
		"return receiver.pay_original(a0, a1, a2...)",
		"return receiver.pay_mutant8(a0, a1, a2...)",
		"func (p *Payment) pay_original(a, b int64, rest ...string) (n int, err error) {",
		"//line mutant_8.go:1\nfunc (p *Payment) pay_mutant8(a, b int64, rest ...string) (n int, err error) {\n\tif (a < b) && false {",
	} {
		if !strings.Contains(string(got), want) {
			t.Errorf("it lacks\n%s\n\n%s", want, got)
		}
	}
}
