package models

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"
)

// telling is one message about a payment at the till.
type telling struct {
	of     int // which payment, from 1
	by     Source
	id     string // the till's transaction id as it is spelt, empty for none
	name   string // what the identifier is called, AGENT_TRX_ID where empty
	second int    // of the date
	as     string // the Request-Id, a fresh one where empty
	amount int64  // other than what was asked for
}

// arrival is what a telling says of a payment.
func (d telling) arrival(p Payment) Arrival {
	identifiers := `{"name":"AGENT_ID","value":"INDOMARET"}`
	if d.id != "" {
		name := d.name
		if name == "" {
			name = tillTransaction
		}
		own := fmt.Sprintf(`{"name":%q,"value":%q}`, name, d.id)
		if d.second%2 == 0 {
			identifiers += "," + own
		} else {
			identifiers = own + "," + identifiers
		}
	}
	amount := p.Amount
	if d.amount != 0 {
		amount = d.amount
	}
	return Arrival{InvoiceNumber: p.InvoiceNumber, Amount: amount, PaymentCode: p.Code, Channel: ChannelIndomaret, Source: d.by,
		PaidAt: newClock().t.Add(time.Duration(d.second) * time.Second), Identifiers: "[" + identifiers + "]"}
}

// tell applies a telling as the nth message of its test.
func tell(t testing.TB, s *Store, c *clock, o Order, n int, d telling) {
	t.Helper()
	a := d.arrival(o.Payment())
	if d.by == SourceStatusQuery {
		if _, err := s.ApplyStatus(context.Background(), nil, a); err != nil {
			t.Fatal(err)
		}
		return
	}
	id := d.as
	if id == "" {
		id = fmt.Sprint("request-", n)
	}
	deliver(t, s, c, id, a.Identifiers+a.PaidAt.String(), PaidEvent(a))
}

// statuses counts the receipts of an order by what became of them.
func statuses(o Order) map[ReceiptStatus]int {
	count := map[ReceiptStatus]int{}
	for _, p := range o.Payments {
		for _, r := range p.Receipts {
			count[r.Status]++
		}
	}
	return count
}

// The table of docs/protocol.md section 13.
func TestToldTwice(t *testing.T) {
	const single, reusable = "MNM-GAYO", "VCR-CELENGAN"
	notified := func(id string, second int) telling { return telling{by: SourceNotification, id: id, second: second} }
	queried := func(id string, second int) telling { return telling{by: SourceStatusQuery, id: id, second: second} }
	spelt := func(name string, d telling) telling { d.name = name; return d }
	under := func(requestID string, d telling) telling { d.as = requestID; return d }
	of := func(amount int64, d telling) telling { d.amount = amount; return d }
	for name, tt := range map[string]struct {
		sku           string
		told          []telling
		applied, held int
		flag          CaseKind
	}{
		"the same id a second later":                       {single, []telling{notified("1", 0), notified("1", 1)}, 1, 0, ""},
		"the same id in another case and place":            {single, []telling{notified("1", 0), spelt("agent_trx_id", notified("1", 1))}, 1, 0, ""},
		"the same id, by query first":                      {single, []telling{queried("1", 0), notified("1", 5)}, 1, 0, ""},
		"the same id, by query afterwards":                 {single, []telling{notified("1", 0), queried("1", 5)}, 1, 0, ""},
		"no id in the query":                               {single, []telling{queried("", 0), notified("1", 9)}, 1, 0, ""},
		"no id in the later query":                         {single, []telling{notified("1", 0), queried("", 9)}, 1, 0, ""},
		"no id at all, a second later":                     {single, []telling{notified("", 0), notified("", 1)}, 1, 0, ""},
		"an id in the second telling only":                 {single, []telling{notified("", 0), notified("1", 1)}, 1, 0, ""},
		"two ids of a single-use code":                     {single, []telling{notified("1", 0), notified("2", 0)}, 1, 1, CaseSecondPayment},
		"two ids, one message name":                        {single, []telling{under("r", notified("1", 0)), under("r", notified("2", 0))}, 1, 1, CaseSecondPayment},
		"a query alone names another id":                   {single, []telling{notified("1", 0), queried("2", 0)}, 1, 0, CaseUnclear},
		"a query names the second, notified later":         {single, []telling{queried("2", 0), notified("1", 0), notified("2", 0)}, 1, 1, CaseSecondPayment},
		"reusable, the same id":                            {reusable, []telling{notified("1", 0), notified("1", 3)}, 1, 0, ""},
		"reusable, two ids":                                {reusable, []telling{notified("1", 0), notified("2", 1)}, 2, 0, ""},
		"reusable, two ids in one second":                  {reusable, []telling{notified("1", 0), notified("2", 0)}, 2, 0, ""},
		"reusable, a query without an id first":            {reusable, []telling{queried("", 0), notified("1", 0)}, 1, 0, ""},
		"reusable, a query without an id, then two":        {reusable, []telling{queried("", 0), notified("1", 0), notified("2", 1)}, 2, 0, ""},
		"reusable, a query without an id in between":       {reusable, []telling{notified("1", 0), queried("", 7), notified("2", 7)}, 2, 0, ""},
		"reusable, a query with the second's id first":     {reusable, []telling{notified("1", 0), queried("2", 1), notified("2", 1)}, 2, 0, ""},
		"reusable, a query names an id, no notification":   {reusable, []telling{queried("1", 0), queried("2", 1)}, 2, 0, ""},
		"reusable, no ids in notifications, ids in query":  {reusable, []telling{queried("1", 0), notified("", 0)}, 1, 0, ""},
		"reusable, no ids, one Request-Id, another date":   {reusable, []telling{under("r", notified("", 0)), under("r", notified("", 9))}, 1, 0, ""},
		"reusable, no ids, another Request-Id, one second": {reusable, []telling{notified("", 0), notified("", 0)}, 1, 1, CaseUnclear},
		"reusable, no ids, another Request-Id and second":  {reusable, []telling{notified("", 0), notified("", 1)}, 2, 0, ""},
		"reusable, an id in one of two notifications":      {reusable, []telling{notified("1", 0), notified("", 1)}, 1, 1, CaseUnclear},
		"a query does not name a notified payment":         {reusable, []telling{notified("", 0), queried("2", 1), notified("2", 1)}, 1, 1, CaseUnclear},
		"another amount, then put right by a query":        {single, []telling{of(89_000, notified("1", 0)), queried("1", 0)}, 1, 0, ""},
		"another amount, then put right without an id":     {single, []telling{of(89_000, notified("1", 0)), queried("", 0)}, 1, 0, ""},
		"another amount after the right one":               {single, []telling{notified("1", 0), of(89_000, notified("1", 0))}, 1, 0, CaseContradiction},
		"another amount, again and again":                  {single, []telling{of(89_000, notified("1", 0)), of(89_000, notified("1", 4)), of(89_000, queried("1", 0))}, 0, 1, CaseWrongAmount},
		"another amount, contradicted again and again":     {single, []telling{notified("1", 0), of(89_000, notified("1", 1)), of(89_000, notified("1", 2))}, 1, 0, CaseContradiction},
		"reusable, a query corrects no notified money":     {reusable, []telling{of(24_000, notified("1", 0)), queried("", 9), notified("2", 9)}, 1, 1, CaseWrongAmount},
		"reusable, a query and another amount notified":    {reusable, []telling{queried("", 0), of(24_000, notified("2", 5)), notified("1", 0)}, 1, 1, CaseWrongAmount},
		"reusable, a query a second off, resent":           {reusable, []telling{queried("", 1), notified("", 0), notified("", 0)}, 1, 1, CaseUnclear},
		"reusable, unclear money is not settled by amount": {reusable, []telling{notified("1", 0), under("r", of(25_500, notified("", 5))), under("r", notified("", 5))}, 1, 1, CaseUnclear},
		"the same id with its letters in another case":     {single, []telling{notified("T4KB-a1", 0), notified("t4kb-A1", 1)}, 1, 0, ""},
		"reusable, a query names one, a notification none": {reusable, []telling{queried("1", 0), notified("", 300), notified("1", 0)}, 1, 1, CaseUnclear},
		"reusable, a query of another amount, then two":    {reusable, []telling{of(24_000, queried("1", 0)), notified("", 0), notified("1", 0)}, 1, 1, CaseUnclear},
		"reusable, two queried, the second told again":     {reusable, []telling{queried("1", 0), queried("2", 9), notified("", 9)}, 2, 0, ""},
		"another amount, then the right one paid":          {single, []telling{of(89_000, notified("1", 0)), notified("2", 60)}, 1, 1, CaseWrongAmount},
	} {
		t.Run(name, func(t *testing.T) {
			s, c := openStore(t)
			o := withCode(t, s, c, tt.sku)
			for n, d := range tt.told {
				tell(t, s, c, o, n, d)
			}
			got := reload(t, s, o)
			count := statuses(got)
			if count[ReceiptApplied] != tt.applied || count[ReceiptHeld] != tt.held || count[ReceiptApplied]+count[ReceiptHeld] != len(got.Payment().Receipts) ||
				flag(got) != tt.flag || (tt.applied > 0) != (got.Status == OrderPaid) {
				t.Errorf("order %s, receipts %v, case %q; want %d applied, %d held, case %q", got.Status, count, flag(got), tt.applied, tt.held, tt.flag)
			}
			for _, r := range got.Payment().Receipts {
				if r.Status == ReceiptApplied && r.Amount != got.Total {
					t.Errorf("Rp %d was applied, the order is Rp %d", r.Amount, got.Total)
				}
			}
		})
	}
}

// tellings is what a gateway may say of n payments: each is told by a notification that
// has its id, and besides, in any order, by resends and status answers that differ in what
// does not matter.
func tellings(r *rand.Rand, n int, reusable bool) []telling {
	var all []telling
	for i := 1; i <= n; i++ {
		id := fmt.Sprint("IDM", i)
		all = append(all, telling{of: i, by: SourceNotification, id: id, second: r.IntN(60), as: fmt.Sprint("first-", i)})
		for range r.IntN(4) {
			d := telling{of: i, by: SourceNotification, id: id, second: r.IntN(600), name: []string{"", "agent_trx_id", "Agent_Trx_Id "}[r.IntN(3)]}
			switch r.IntN(5) {
			case 0: // a resend under the same Request-Id that is dated anew
				d.as = fmt.Sprint("first-", i)
			case 1:
				d.by = SourceStatusQuery
			case 2:
				d.by, d.id = SourceStatusQuery, ""
			case 3:
				if !reusable {
					d.id = ""
				}
			}
			all = append(all, d)
		}
	}
	r.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	for range r.IntN(3) { // and some of them again
		all = append(all, all[r.IntN(len(all))])
	}
	return all
}

// Any shuffling, repetition and interleaving of tellings of n payments gives n receipts:
// 10,000 times by the rule alone, and some of them through the database.
func TestAnyInterleavingOfTellings(t *testing.T) {
	for seed := range uint64(10_000) {
		r := rand.New(rand.NewPCG(17, seed))
		reusable := r.IntN(2) == 0
		n := 1 + r.IntN(4)
		told := tellings(r, n, reusable)
		if got := receiptsByRule(told, reusable); got != n {
			t.Fatalf("seed %d: %d receipts of %d payments (reusable %v) told as\n%+v", seed, got, n, reusable, told)
		}
	}
	s, c := openStore(t)
	setStock(t, s, "MNM-GAYO", 1000)
	for seed := range uint64(150) {
		r := rand.New(rand.NewPCG(18, seed))
		sku := []string{"MNM-GAYO", "VCR-CELENGAN"}[r.IntN(2)]
		n := 1 + r.IntN(4)
		o := withCode(t, s, c, sku)
		for i, d := range tellings(r, n, sku == "VCR-CELENGAN") {
			d.as = fmt.Sprint(seed, "-", d.as)
			if d.as == fmt.Sprint(seed, "-") {
				d.as = fmt.Sprint(seed, "-", i)
			}
			tell(t, s, c, o, i, d)
		}
		got := reload(t, s, o)
		if count := statuses(got); got.Status != OrderPaid || count[ReceiptApplied]+count[ReceiptHeld] != n || len(got.Payment().Receipts) != n {
			t.Fatalf("seed %d: order %s, receipts %v of %d payments of %s", seed, got.Status, count, n, sku)
		}
	}
}

// receiptsByRule counts the receipts that tellings come to by recognise and what is learnt.
func receiptsByRule(told []telling, reusable bool) int {
	var kept []Receipt
	byMessage := map[string]int64{}
	for n, d := range told {
		a := d.arrival(Payment{InvoiceNumber: "WJ-1", Amount: 90_000}).tidied()
		message := d.as
		if message == "" {
			message = fmt.Sprint(n)
		}
		if d.by == SourceNotification {
			a.ToldBefore = byMessage[message]
		}
		like, i := recognise(kept, a, reusable)
		switch like {
		case sameMoney:
			kept[i].learn(a, reusable)
		case newMoney:
			i = len(kept)
			kept = append(kept, Receipt{ID: int64(i + 1), Amount: a.Amount, PaidAt: a.PaidAt, TillTransaction: a.TillTransaction, Notified: d.by == SourceNotification})
		default:
			continue
		}
		if d.by == SourceNotification {
			byMessage[message] = kept[i].ID
		}
	}
	return len(kept)
}

// The till's transaction id is found whatever the case of its name and its place, and is
// the same in whatever order several are told.
func TestTillIdentifier(t *testing.T) {
	for list, want := range map[string]string{
		`[{"name":"AGENT_ID","value":"INDOMARET"},{"name":"AGENT_TRX_ID","value":"1"}]`:     "1",
		`[{"name":" agent_trx_id ","value":" 1 "},{"name":"AGENT_ID","value":"INDOMARET"}]`: "1",
		`[{"name":"AGENT_TRX_ID","value":"2"},{"name":"AGENT_TRX_ID","value":"1"}]`:         "1",
		`[{"name":"AGENT_TRX_ID","value":"1"},{"name":"AGENT_TRX_ID","value":"2"}]`:         "1",
		`[{"name":"AGENT_TRX_ID","value":"1"},{"name":"AGENT_TRX_ID","value":" "}]`:         "1",
		`[{"name":"AGENT_TRX_ID","value":""},{"name":"AGENT_TRX_ID","value":"1"}]`:          "1",
		`[{"name":"AGENT_TRX_ID","value":""}]`:                                              "",
		`[{"name":"AGENT_STORE_ID","value":"1"}]`:                                           "",
		`[{"Name":"AGENT_TRX_ID","Value":"1"}]`:                                             "1", // as earlier versions kept it
		`no list`:                                                                           "",
		``:                                                                                  "",
	} {
		if got := TillIdentifier(list, tillTransaction); got != want {
			t.Errorf("%s: got %q, want %q", list, got, want)
		}
	}
}

// Where no transaction id tells, an arrival is another telling of the receipt that is
// closest: of the same amount, then of one that no notification has told of.
func TestTheClosestReceipt(t *testing.T) {
	told, untold := Receipt{Amount: 10_000, Notified: true}, Receipt{Amount: 10_000}
	other, otherUntold := Receipt{Amount: 20_000, Notified: true}, Receipt{Amount: 20_000}
	named := Receipt{Amount: 10_000, Notified: true, TillTransaction: "7"}
	answer := Arrival{Amount: 10_000, Source: SourceStatusQuery}
	for row, c := range []struct {
		receipts []Receipt
		want     int
	}{
		{[]Receipt{told, other}, 0},
		{[]Receipt{other, told}, 1},
		{[]Receipt{told, otherUntold}, 0},
		{[]Receipt{otherUntold, told}, 1},
		{[]Receipt{told, untold}, 1},
		{[]Receipt{untold, told}, 0},
		{[]Receipt{untold, untold}, 0},
		{[]Receipt{told, told}, 0},
		{[]Receipt{other, told, untold, otherUntold}, 2},
		{[]Receipt{other, named, otherUntold}, 1},
	} {
		for i := range c.receipts {
			c.receipts[i].ID = int64(i + 1)
		}
		if like, i := recognise(c.receipts, answer, true); like != sameMoney || i != c.want {
			t.Errorf("row %d: %s, receipt %d, want %d", row, like, i, c.want)
		}
	}
}

// A message under the Request-Id of another, of a reusable code, is of the same money, but
// for two payments that the till gave ids of their own.
func TestTheSameRequestID(t *testing.T) {
	named, unnamed := Receipt{ID: 1, Notified: true, TillTransaction: "1"}, Receipt{ID: 2, Notified: true}
	for row, c := range []struct {
		receipts []Receipt
		id       string // of the till
		before   int64
		want     likeness
		at       int
	}{
		{[]Receipt{unnamed}, "", 2, sameMoney, 0},
		{[]Receipt{unnamed}, "3", 2, sameMoney, 0},
		{[]Receipt{named}, "", 1, sameMoney, 0},
		{[]Receipt{named, unnamed}, "", 1, sameMoney, 0},
		{[]Receipt{named, unnamed}, "", 2, sameMoney, 1},
		{[]Receipt{named, unnamed}, "3", 2, sameMoney, 1},
		{[]Receipt{named, unnamed}, "3", 1, unclearMoney, -1},
		{[]Receipt{named}, "3", 1, newMoney, -1},
		{[]Receipt{unnamed}, "3", 0, unclearMoney, -1},
	} {
		a := Arrival{TillTransaction: c.id, ToldBefore: c.before, Source: SourceNotification}
		if like, i := recognise(c.receipts, a, true); like != c.want || i != c.at {
			t.Errorf("row %d: %s, receipt %d, want %s, %d", row, like, i, c.want, c.at)
		}
		if before := max(c.at, 0); c.want == sameMoney && !a.certain(c.receipts[before], true) {
			t.Errorf("row %d: that is not certain", row)
		}
	}
}

// Two notifications of a reusable code without till ids are two payments where they are of
// different seconds; what cannot be told apart is unclear.
func TestApart(t *testing.T) {
	at := time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)
	told := Receipt{ID: 1, Amount: 10_000, Notified: true, PaidAt: at}
	change := func(what func(*Receipt)) Receipt { r := told; what(&r); return r }
	named := change(func(r *Receipt) { r.TillTransaction = "1" })
	answered := change(func(r *Receipt) { r.Notified, r.Amount = false, 20_000 })
	duplicate := change(func(r *Receipt) { r.Status = ReceiptDuplicate })
	for row, c := range []struct {
		receipts []Receipt
		id       string
		paidAt   time.Time
		want     likeness
	}{
		{[]Receipt{told}, "", at, unclearMoney},
		{[]Receipt{told}, "", at.Add(999 * time.Millisecond), unclearMoney},
		{[]Receipt{told}, "", at.Add(time.Second), newMoney},
		{[]Receipt{told}, "", time.Time{}, unclearMoney},
		{[]Receipt{told}, "2", at.Add(time.Second), unclearMoney},
		{[]Receipt{named}, "", at.Add(time.Second), unclearMoney},
		{[]Receipt{named}, "2", at, newMoney},
		{[]Receipt{answered}, "", at, newMoney},
		{[]Receipt{duplicate}, "", at, newMoney},
		{[]Receipt{answered, duplicate, named, told}, "", at.Add(time.Second), unclearMoney},
	} {
		a := Arrival{Amount: 10_000, TillTransaction: c.id, PaidAt: c.paidAt, Source: SourceNotification}
		if got := apart(c.receipts, a); got != c.want {
			t.Errorf("row %d: %s, want %s", row, got, c.want)
		}
	}
}

// A receipt learns the till's id and the time of the first notification of its money, and
// no id from a status answer that may be of a later payment.
func TestLearn(t *testing.T) {
	at, later := time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC), time.Date(2026, 11, 27, 3, 0, 5, 0, time.UTC)
	for row, c := range []struct {
		id       string // of the receipt
		notified bool
		source   Source
		toldID   string
		toldAt   time.Time
		reusable bool

		learnt   bool
		wantID   string
		wantAt   time.Time
		wantTold bool
	}{
		{"", false, SourceNotification, "1", later, true, true, "1", later, true},
		{"", false, SourceNotification, "", later, true, true, "", later, true},
		{"", false, SourceNotification, "", time.Time{}, true, true, "", at, true},
		{"", true, SourceNotification, "1", later, true, true, "1", at, true},
		{"", true, SourceNotification, "", later, true, false, "", at, true},
		{"1", true, SourceNotification, "2", later, true, false, "1", at, true},
		{"", false, SourceStatusQuery, "1", later, true, true, "1", at, false},
		{"", true, SourceStatusQuery, "1", later, true, false, "", at, true},
		{"", true, SourceStatusQuery, "1", later, false, true, "1", at, true},
		{"", false, SourceStatusQuery, "", later, false, false, "", at, false},
		{"1", false, SourceStatusQuery, "2", later, false, false, "1", at, false},
	} {
		r := Receipt{TillTransaction: c.id, Identifiers: c.id, Notified: c.notified, PaidAt: at}
		learnt := r.learn(Arrival{TillTransaction: c.toldID, Identifiers: c.toldID, PaidAt: c.toldAt, Source: c.source}, c.reusable)
		if learnt != c.learnt || r.TillTransaction != c.wantID || r.Identifiers != c.wantID || !r.PaidAt.Equal(c.wantAt) || r.Notified != c.wantTold {
			t.Errorf("row %d: learnt %v: %+v", row, learnt, r)
		}
	}
}

// What is known to be the same money is so by the till's id, by the kind of code, or by the
// Request-Id.
func TestCertain(t *testing.T) {
	for row, c := range []struct {
		id, told string
		before   int64
		reusable bool
		want     bool
	}{
		{"1", "1", 0, true, true},
		{"1", "2", 0, true, false},
		{"", "", 0, true, false},
		{"1", "", 0, true, false},
		{"", "", 5, true, true},
		{"", "", 6, true, false},
		{"", "", 0, false, true},
	} {
		r := Receipt{ID: 5, TillTransaction: c.id}
		if got := (Arrival{TillTransaction: c.told, ToldBefore: c.before}).certain(r, c.reusable); got != c.want {
			t.Errorf("row %d: %v, want %v", row, got, c.want)
		}
	}
}
