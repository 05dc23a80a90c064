package models

import (
	"context"
	"strings"
	"testing"
	"time"
)

// A status answer is a source of its own, whatever the caller says. Each thing that it says
// against the receipts is one case, and the same answer again is none.
func TestStatusAnswers(t *testing.T) {
	s, c := openStore(t)
	ctx := context.Background()
	ask := func(a Arrival, want Effect) {
		t.Helper()
		if effect, err := s.ApplyStatus(ctx, a); err != nil || effect != want {
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
	p := Payment{Amount: 90_000, Code: "8888"}
	for row, c := range []struct {
		wrong   CaseKind
		arrival Arrival
		want    bool
	}{
		{CaseWrongAmount, Arrival{Amount: 90_000}, true},
		{CaseWrongAmount, Arrival{Amount: 1}, false},
		{CaseWrongCode, Arrival{Amount: 90_000, PaymentCode: "8888"}, true},
		{CaseWrongCode, Arrival{Amount: 90_000}, false},
		{CaseWrongCode, Arrival{Amount: 90_000, PaymentCode: "1"}, false},
		{CaseWrongChannel, Arrival{Amount: 90_000, Channel: "online_to_offline_INDOMARET"}, true},
		{CaseWrongChannel, Arrival{Amount: 90_000}, false},
		{CaseSecondPayment, Arrival{Amount: 90_000, PaymentCode: "8888", Channel: ChannelIndomaret}, false},
		{"", Arrival{Amount: 90_000}, false},
	} {
		if got := corrects(c.wrong, p, c.arrival); got != c.want {
			t.Errorf("row %d: %v, want %v", row, got, c.want)
		}
	}
	if corrects(CaseWrongCode, Payment{}, Arrival{}) {
		t.Error("no code corrects a payment without one")
	}
}

func TestTakesMoney(t *testing.T) {
	for row, c := range []struct {
		order    OrderStatus
		state    PaymentState
		reusable bool
		want     bool
	}{
		{OrderAwaitingPayment, PaymentPending, false, true},
		{OrderExpired, PaymentExpired, false, true},
		{OrderCancelled, PaymentPending, true, false},
		{OrderPaid, PaymentPaid, true, true},
		{OrderPaid, PaymentPaid, false, false},
		{OrderPaid, PaymentPending, true, false}, // paid by another code
	} {
		p := Payment{State: c.state, Reusable: c.reusable, Order: &Order{Status: c.order}}
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
