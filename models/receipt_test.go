package models

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"
)

// A status answer is a source of its own, whatever the caller says. Each thing that it says
// against the receipts is one case, and the same answer again is none.
func TestStatusAnswers(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	ask := func(a Arrival, want Effect) {
		t.Helper()
		if effect, err := s.ApplyStatus(ctx, nil, a); err != nil || effect != want {
			t.Errorf("%s, want %s, %v", effect, want, err)
		}
	}
	o := withCode(t, s, c, "MNM-GAYO")
	told := numbered(paid(o.Payment(), c.now()), 1)
	told.Source = SourceNotification
	ask(told, EffectPaid)
	r := reload(t, s, o).Payment().Receipts[0]
	if r.Source != SourceStatusQuery || r.Notified {
		t.Errorf("the receipt is of a %s, notified %v", r.Source, r.Notified)
	}
	ask(numbered(told, 2), EffectFlagged)
	ask(numbered(told, 2), EffectFlagged)
	if kinds := caseKindsOf(t, s); len(kinds) != 1 || kinds[0] != CaseUnclear {
		t.Errorf("cases %v", kinds)
	}
	ask(numbered(told, 3), EffectFlagged)
	if kinds := caseKindsOf(t, s); len(kinds) != 2 {
		t.Errorf("cases %v", kinds)
	}
	if got := reload(t, s, o).Payment(); len(got.Receipts) != 1 || got.State != PaymentPaid {
		t.Errorf("%d receipts, payment %s", len(got.Receipts), got.State)
	}
}

func TestMisfit(t *testing.T) {
	p := Payment{Amount: 90_000, Code: "8888"}
	for row, c := range []struct {
		payment Payment
		arrival Arrival
		want    CaseKind
	}{
		{p, Arrival{Amount: 90_000}, ""},
		{p, Arrival{Amount: 90_000, PaymentCode: "8888", Channel: "online_to_offline_indomaret"}, ""},
		{p, Arrival{Amount: 89_999, PaymentCode: "8888"}, CaseWrongAmount},
		{p, Arrival{Amount: 90_001}, CaseWrongAmount},
		{p, Arrival{Amount: 90_000, PaymentCode: "8889"}, CaseWrongCode},
		{Payment{Amount: 90_000}, Arrival{Amount: 90_000, PaymentCode: "8889"}, ""}, // its code is not known yet
		{p, Arrival{Amount: 90_000, Channel: "ONLINE_TO_OFFLINE_ALFA"}, CaseWrongChannel},
		{p, Arrival{Amount: 1, PaymentCode: "8889", Channel: "CARD"}, CaseWrongAmount},
		{p, Arrival{Amount: 90_000, PaymentCode: "8889", Channel: "CARD"}, CaseWrongCode},
	} {
		if got := misfit(c.payment, c.arrival); got != c.want {
			t.Errorf("row %d: %q, want %q", row, got, c.want)
		}
	}
}

func TestCorrects(t *testing.T) {
	amount, code, channel := []CaseKind{CaseWrongAmount}, []CaseKind{CaseWrongCode}, []CaseKind{CaseWrongChannel}
	for row, c := range []struct {
		wrong   []CaseKind
		arrival Arrival // one that fits
		want    bool
	}{
		{amount, Arrival{Amount: 90_000}, true},
		{code, Arrival{Amount: 90_000, PaymentCode: "8888"}, true},
		{code, Arrival{Amount: 90_000}, false},
		{channel, Arrival{Amount: 90_000, Channel: "online_to_offline_INDOMARET"}, true},
		{channel, Arrival{Amount: 90_000}, false},
		{append(amount, CaseWrongCode), Arrival{Amount: 90_000}, false},
		{append(amount, CaseWrongCode), Arrival{Amount: 90_000, PaymentCode: "8888"}, true},
		{append(code, CaseWrongChannel), Arrival{Amount: 90_000, PaymentCode: "8888"}, false},
		{nil, Arrival{Amount: 90_000}, false},
	} {
		if got := corrects(c.wrong, c.arrival); got != c.want {
			t.Errorf("row %d: %v, want %v", row, got, c.want)
		}
	}
}

func TestTakesMoney(t *testing.T) {
	for row, c := range []struct {
		order    OrderStatus
		state    PaymentState
		reusable bool
		goods    bool // are held
		want     bool
	}{
		{OrderAwaitingPayment, PaymentPending, false, true, true},
		{OrderExpired, PaymentExpired, false, false, true},
		{OrderCancelled, PaymentPending, true, false, false},
		{OrderCancelled, PaymentPaid, true, false, false},
		{OrderCancelled, PaymentPaid, true, true, false},
		{OrderPaid, PaymentPaid, true, true, true},
		{OrderPaid, PaymentPaid, true, false, false}, // its money was given back
		{OrderPaid, PaymentPaid, false, true, false},
		{OrderPaid, PaymentPending, true, true, false}, // paid by another code
	} {
		p := Payment{State: c.state, Reusable: c.reusable, Order: &Order{Status: c.order, StockHeld: c.goods}}
		if got := p.takesMoney(); got != c.want {
			t.Errorf("row %d: %v, want %v", row, got, c.want)
		}
	}
}

// What an arrival says is kept as it is up to a length, and as its digest beyond.
func TestTidied(t *testing.T) {
	named := func(id string, more int) string {
		return `[{"name":"AGENT_TRX_ID","value":"` + id + `"},{"name":"X","value":"` + strings.Repeat("x", more) + `"}]`
	}
	id := strings.Repeat("7", maxTillTransaction)
	if a := (Arrival{Identifiers: named(id, 0)}).tidied(); a.TillTransaction != id {
		t.Errorf("an id of %d bytes is kept as %q", len(id), a.TillTransaction)
	}
	a, b := Arrival{Identifiers: named(id+"1", 0)}.tidied(), Arrival{Identifiers: named(id+"2", 0)}.tidied()
	if !strings.HasPrefix(a.TillTransaction, "sha256:") || a.TillTransaction == b.TillTransaction {
		t.Errorf("longer ids are kept as %q and %q", a.TillTransaction, b.TillTransaction)
	}
	fits := named("1", maxIdentifiers-len(named("1", 0)))
	if a := (Arrival{Identifiers: fits}).tidied(); a.Identifiers != fits || a.TillTransaction != "1" {
		t.Errorf("%d bytes of identifiers are not kept as they are", len(fits))
	}
	longer := named("1", maxIdentifiers-len(named("1", 0))+1)
	if a := (Arrival{Identifiers: longer}).tidied(); !strings.Contains(a.Identifiers, "SHA-256") || a.TillTransaction != "1" {
		t.Errorf("%d bytes of identifiers are kept as %.80s, till transaction %q", len(longer), a.Identifiers, a.TillTransaction)
	}
	long := strings.Repeat("x", maxIndexed+1)
	if a := (Arrival{InvoiceNumber: long, PaymentCode: long, Channel: long}).tidied(); a.InvoiceNumber != long[1:] || a.PaymentCode != long[1:] || a.Channel != long[1:] {
		t.Errorf("kept of it are %d, %d and %d bytes", len(a.InvoiceNumber), len(a.PaymentCode), len(a.Channel))
	}
	at := time.Date(2026, 11, 27, 10, 0, 0, 123456789, time.FixedZone("WIB", 7*3600))
	if a := (Arrival{PaidAt: at}).tidied(); a.PaidAt.Location() != time.UTC || a.PaidAt.Nanosecond() != 123456000 {
		t.Errorf("paid at %s", a.PaidAt)
	}
}

// Money for an invoice number that is not ours is kept and asked about once, however often
// it is told; a telling that contradicts it is asked about, too.
func TestMoneyForNobody(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	mine := Arrival{InvoiceNumber: "ELSE-1", Amount: 10_000, PaidAt: c.now()}
	tell := func(id string, a Arrival, v Verdict, e Effect) {
		t.Helper()
		want(t, deliver(t, s, c, id, "{}", PaidEvent(a)), v, e)
	}
	money := func() (list []Receipt) {
		t.Helper()
		if err := s.read.Order("id").Find(&list).Error; err != nil {
			t.Fatal(err)
		}
		return list
	}
	tell("a", numbered(mine, 1), VerdictUnknownInvoice, EffectFlagged)
	tell("b", numbered(mine, 1), VerdictRepeated, EffectNone)
	more := numbered(mine, 1)
	more.Amount = 20_000
	tell("c", more, VerdictMismatched, EffectFlagged)
	if effect, err := s.ApplyStatus(ctx, nil, Arrival{InvoiceNumber: "ELSE-1", Amount: 30_000}); err != nil || effect != EffectNone {
		t.Errorf("a status answer that may be of it: %s, %v", effect, err)
	}
	if kinds := caseKindsOf(t, s); !slices.Equal(kinds, []CaseKind{CaseUnknownInvoice, CaseContradiction}) {
		t.Errorf("cases %v", kinds)
	}
	tell("d", numbered(mine, 2), VerdictUnknownInvoice, EffectFlagged)
	other := mine
	other.InvoiceNumber = "ELSE-2"
	if effect, err := s.ApplyStatus(ctx, nil, other); err != nil || effect != EffectFlagged {
		t.Errorf("learnt by a status query: %s, %v", effect, err)
	}
	tell("e", numbered(other, 5), VerdictRepeated, EffectNone)
	list := money()
	if len(list) != 3 || list[0].Amount != 10_000 || list[0].Status != ReceiptHeld || !list[2].Notified || list[2].TillTransaction != "5" {
		t.Errorf("receipts %+v", list)
	}
}

// The same money for nobody, told many times at once, is one receipt and one case.
func TestMoneyForNobodyAtOnce(t *testing.T) {
	s, c := openStore(t)
	var tellers errgroup.Group
	for i := range 20 {
		tellers.Go(func() error {
			a := numbered(Arrival{InvoiceNumber: "ELSE-1", Amount: 10_000, PaidAt: c.now()}, 1)
			n := Notification{RequestID: fmt.Sprint("r", i), Header: "{}", Body: []byte("{}")}
			_, err := s.ApplyNotification(context.Background(), n, PaidEvent(a), c.now())
			return err
		})
	}
	if err := tellers.Wait(); err != nil {
		t.Fatal(err)
	}
	var receipts int64
	if err := s.read.Model(&Receipt{}).Count(&receipts).Error; err != nil || receipts != 1 || len(caseKindsOf(t, s)) != 1 {
		t.Errorf("%d receipts, cases %v, %v", receipts, caseKindsOf(t, s), err)
	}
}

// A payment keeps its own code, and takes that of the money where it has none yet: the
// order is found by it.
func TestTheCodeOfMoney(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-GAYO")
	code := o.Payment().Code
	silent := paid(o.Payment(), c.now())
	silent.PaymentCode = ""
	want(t, deliver(t, s, c, "silent", "{}", PaidEvent(silent)), VerdictApplied, EffectPaid)
	if got := reload(t, s, o).Payment().Code; got != code {
		t.Errorf("the code %s became %q", code, got)
	}
	early := place(t, s, "MNM-TEH", 1)
	told := paid(early.Payment(), time.Time{})
	told.PaymentCode = "8888777766665555"
	want(t, deliver(t, s, c, "early", "{}", PaidEvent(told)), VerdictApplied, EffectPaid)
	got := reload(t, s, early).Payment()
	if got.Code != told.PaymentCode || !got.Receipts[0].PaidAt.Equal(c.now()) {
		t.Errorf("code %q, paid at %s, want %s", got.Code, got.Receipts[0].PaidAt, c.now())
	}
	if page, err := s.Orders(context.Background(), OrderFilter{Search: told.PaymentCode}, "", 10); err != nil || len(page.Orders) != 1 || page.Orders[0].ID != early.ID {
		t.Errorf("by the code %d orders are found, %v", len(page.Orders), err)
	}
}

// Money for an attempt that was refused is late, and money that is held is told of by mail.
func TestMoneyIsToldOf(t *testing.T) {
	s, c := openStore(t)
	refused := place(t, s, "MNM-GAYO", 1)
	if err := s.RefuseCode(context.Background(), nil, refused.Payment(), "no", c.now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	want(t, deliver(t, s, c, "refused", "{}", PaidEvent(paid(refused.Payment(), c.now()))), VerdictApplied, EffectPaidLate)
	o := withCode(t, s, c, "MNM-TEH")
	wrong := paid(o.Payment(), c.now())
	wrong.Amount++
	want(t, deliver(t, s, c, "wrong", "{}", PaidEvent(wrong)), VerdictMismatched, EffectFlagged)
	var kinds []MailKind
	if err := s.read.Model(&Mail{}).Where("order_id = ? AND case_id > 0", o.ID).Pluck("kind", &kinds).Error; err != nil || !slices.Equal(kinds, []MailKind{MailMoney}) {
		t.Errorf("mails %v, %v", kinds, err)
	}
}

// What may be one payment or two is held.
func TestUnclearMoneyIsHeld(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "VCR-CELENGAN")
	unnamed := paid(o.Payment(), c.now())
	unnamed.Identifiers = ""
	want(t, deliver(t, s, c, "a", "{}", PaidEvent(unnamed)), VerdictApplied, EffectPaid)
	want(t, deliver(t, s, c, "b", "{}", PaidEvent(unnamed)), VerdictHeld, EffectFlagged)
	if open := only(t, s); open.Kind != CaseUnclear || open.Receipt.Status != ReceiptHeld {
		t.Errorf("case %s about %+v", open.Kind, open.Receipt)
	}
}

// Money that was told wrongly is put right by a later telling only while its order can take
// it, and only where it is known to be money of its own.
func TestPutRightWhereItCanBe(t *testing.T) {
	t.Run("paid meanwhile", func(t *testing.T) {
		s, c := openStore(t)
		o := withCode(t, s, c, "MNM-GAYO")
		right := paid(o.Payment(), c.now())
		wrong := numbered(right, 1)
		wrong.Amount--
		want(t, deliver(t, s, c, "wrong", "{}", PaidEvent(wrong)), VerdictMismatched, EffectFlagged)
		want(t, deliver(t, s, c, "other", "{}", PaidEvent(numbered(right, 2))), VerdictApplied, EffectPaid)
		want(t, deliver(t, s, c, "right", "{}", PaidEvent(numbered(right, 1))), VerdictMismatched, EffectFlagged)
		if m := reload(t, s, o).Money(); m.Applied != right.Amount || m.Undecided != wrong.Amount {
			t.Errorf("money %+v", m)
		}
	})
	t.Run("unclear", func(t *testing.T) {
		s, c := openStore(t)
		o := withCode(t, s, c, "VCR-CELENGAN")
		right := paid(o.Payment(), c.now())
		right.Identifiers = ""
		wrong := right
		wrong.Amount--
		want(t, deliver(t, s, c, "a", "{}", PaidEvent(right)), VerdictApplied, EffectPaid)
		want(t, deliver(t, s, c, "b", "wrong", PaidEvent(wrong)), VerdictHeld, EffectFlagged)
		want(t, deliver(t, s, c, "b", "right", PaidEvent(right)), VerdictRepeated, EffectNone)
		if m := reload(t, s, o).Money(); m.Applied != right.Amount || m.Undecided != wrong.Amount {
			t.Errorf("money %+v", m)
		}
	})
}

// What contradicts the receipt of the same money is a case, and changes nothing.
func TestContradictions(t *testing.T) {
	s, c := openStore(t)
	o := withCode(t, s, c, "MNM-GAYO")
	right := paid(o.Payment(), c.now())
	wrongCode, less, evenLess := right, right, right
	wrongCode.PaymentCode = "1"
	less.Amount, evenLess.Amount = less.Amount-1, evenLess.Amount-2
	want(t, deliver(t, s, c, "less", "{}", PaidEvent(less)), VerdictMismatched, EffectFlagged)
	want(t, deliver(t, s, c, "the same", "{}", PaidEvent(less)), VerdictRepeated, EffectNone)
	want(t, deliver(t, s, c, "even less", "{}", PaidEvent(evenLess)), VerdictMismatched, EffectFlagged)
	want(t, deliver(t, s, c, "right", "{}", PaidEvent(right)), VerdictApplied, EffectPaid)
	want(t, deliver(t, s, c, "wrong code", "{}", PaidEvent(wrongCode)), VerdictMismatched, EffectFlagged)
	want(t, deliver(t, s, c, "and again", "{}", PaidEvent(wrongCode)), VerdictMismatched, EffectFlagged)
	want(t, deliver(t, s, c, "right again", "{}", PaidEvent(right)), VerdictRepeated, EffectNone)
	if kinds := caseKindsOf(t, s); !slices.Equal(kinds, []CaseKind{CaseWrongAmount, CaseContradiction, CaseContradiction}) {
		t.Errorf("cases %v", kinds)
	}
	got := reload(t, s, o)
	if m := got.Money(); len(got.Payment().Receipts) != 1 || m.Applied != right.Amount || got.Payment().Code != right.PaymentCode {
		t.Errorf("%d receipts, money %+v, code %s", len(got.Payment().Receipts), m, got.Payment().Code)
	}
}

// What puts one payment right touches no other, is written down, and asks about no other
// order's money.
func TestPutRightAlone(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	unclear := withCode(t, s, c, "VCR-CELENGAN")
	unnamed := paid(unclear.Payment(), c.now())
	unnamed.Identifiers = ""
	for _, id := range []string{"a", "b"} {
		deliver(t, s, c, id, "unclear", PaidEvent(unnamed))
	}
	mine, other := withCode(t, s, c, "MNM-GAYO"), withCode(t, s, c, "MNM-GAYO")
	for i, o := range []Order{mine, other} {
		wrong := numbered(paid(o.Payment(), c.now()), 10+i)
		wrong.Amount--
		deliver(t, s, c, o.Number, "wrong", PaidEvent(wrong))
	}
	right := numbered(paid(mine.Payment(), c.now()), 10)
	want(t, deliver(t, s, c, "right", "{}", PaidEvent(right)), VerdictApplied, EffectPaid)
	if got := reload(t, s, mine); got.Status != OrderPaid || got.Payment().State != PaymentPaid || got.Payment().NextCheckAt != nil || got.Money().Applied != right.Amount {
		t.Errorf("order %s, payment %s checked at %v, money %+v", got.Status, got.Payment().State, got.Payment().NextCheckAt, got.Money())
	}
	if m := reload(t, s, other).Money(); m.Undecided != right.Amount-1 || m.Applied != 0 {
		t.Errorf("of the other order: %+v", m)
	}
	if m := reload(t, s, unclear).Money(); m.Undecided != unnamed.Amount {
		t.Errorf("of what is unclear: %+v", m)
	}
	changes, err := s.AuditEventsOf(ctx, mine.ID)
	if err != nil {
		t.Fatal(err)
	}
	written := func(c AuditEvent) bool {
		return c.Kind == AuditReceipt && c.Subject == right.InvoiceNumber && c.Was == fmt.Sprint(right.Amount-1) && c.Became == fmt.Sprint(right.Amount)
	}
	if !slices.ContainsFunc(changes, written) {
		t.Errorf("the changes of the order do not tell of it: %+v", changes)
	}
}

func TestCaseKinds(t *testing.T) {
	kinds := CaseKinds()
	slices.Sort(kinds)
	if different := len(slices.Compact(slices.Clone(kinds))); different != len(kinds) || different != 16 {
		t.Errorf("%d kinds, %d of them different", len(kinds), different)
	}
}

// A telling puts nothing right that is wrong in another way, or that was decided already.
func TestWhatPutsNothingRight(t *testing.T) {
	t.Run("wrong in another way", func(t *testing.T) {
		s, c := openStore(t)
		o := withCode(t, s, c, "MNM-GAYO")
		wrong, other := paid(o.Payment(), c.now()), paid(o.Payment(), c.now())
		wrong.Amount--
		other.PaymentCode = "1"
		want(t, deliver(t, s, c, "wrong amount", "{}", PaidEvent(wrong)), VerdictMismatched, EffectFlagged)
		want(t, deliver(t, s, c, "wrong code", "{}", PaidEvent(other)), VerdictMismatched, EffectFlagged)
		if got := reload(t, s, o); got.Status != OrderAwaitingPayment || got.Money().Applied != 0 {
			t.Errorf("order %s, money %+v", got.Status, got.Money())
		}
	})
	t.Run("decided", func(t *testing.T) {
		s, c := openStore(t)
		o := withCode(t, s, c, "MNM-GAYO")
		wrong, right := paid(o.Payment(), c.now()), paid(o.Payment(), c.now())
		wrong.Amount--
		want(t, deliver(t, s, c, "wrong", "{}", PaidEvent(wrong)), VerdictMismatched, EffectFlagged)
		d := Decision{Kind: DecisionPayAgain, By: "Sari", Reason: "x", Refund: wrong.Amount, RefundedOn: c.now(), RefundMethod: "cash"}
		d.Next = attempt(o, o.NextAttempt())
		if _, err := s.Decide(context.Background(), only(t, s).ID, d); err != nil {
			t.Fatal(err)
		}
		want(t, deliver(t, s, c, "right", "{}", PaidEvent(right)), VerdictMismatched, EffectFlagged)
		if got := reload(t, s, o); got.Status != OrderAwaitingPayment || got.Money().Applied != 0 || got.Money().Refunded != wrong.Amount {
			t.Errorf("order %s, money %+v", got.Status, got.Money())
		}
	})
}
