package console

import (
	"strings"
	"testing"
	"time"

	"warungjokul/models"
	"warungjokul/views"
)

// The gateway's clock tells whole seconds: a code is still told of after the
// attempt it was asked for by.
func TestTimelineIsInOrder(t *testing.T) {
	placed := time.Date(2026, 11, 24, 3, 0, 0, 400_000_000, time.UTC)
	issued := placed.Truncate(time.Second)
	o := models.Order{PlacedAt: placed, Payments: []models.Payment{{InvoiceNumber: "WJ-X-1", Attempt: 1, CreatedAt: placed, CodeIssuedAt: &issued}}}
	events := timeline(views.English, o, models.History{}, placed, false)
	if len(events) != 3 || events[0].Text != views.English.T("event.placed") || events[2].Text != views.English.T("event.code", "WJ-X-1") {
		t.Errorf("got %+v", events)
	}
}

// A payment stands before what the shop learnt of it, one after the other, although the gateway dates both payments of a
// second alike. One that was made long before is where it was made.
func TestTimelineHasACauseBeforeItsEffect(t *testing.T) {
	l, placed := views.English, time.Date(2026, 11, 24, 3, 0, 0, 400_000_000, time.UTC)
	at := func(d time.Duration) time.Time { return placed.Add(d) }
	paid := at(10 * time.Second).Truncate(time.Second)
	o := models.Order{PlacedAt: placed, Payments: []models.Payment{{InvoiceNumber: "WJ-X-1", Attempt: 1, CreatedAt: placed, Receipts: []models.Receipt{
		{Amount: 1, PaidAt: at(2 * time.Second), CreatedAt: at(20 * time.Second)},
		{Amount: 2, PaidAt: paid, CreatedAt: at(10*time.Second + 10*time.Millisecond)},
		{Amount: 3, PaidAt: paid, CreatedAt: at(10*time.Second + 20*time.Millisecond)},
		{Amount: 4, PaidAt: at(time.Minute), CreatedAt: at(30 * time.Second)}, // by a clock that is ahead
	}}}}
	var got []string
	for _, e := range timeline(l, o, models.History{}, at(time.Hour), false)[2:] {
		got = append(got, strings.NewReplacer("\u00a0", " ", " for invoice WJ-X-1", "", " of invoice WJ-X-1 learnt from a notification", "").Replace(e.Text))
	}
	const want = "Rp 1 paid at the till, Rp 2 paid at the till, Payment, Rp 3 paid at the till, Payment, Payment, Rp 4 paid at the till, Payment"
	if strings.Join(got, ", ") != want {
		t.Errorf("got %s, want %s", strings.Join(got, ", "), want)
	}
}

// In a demo whose mail stays, a mail was written and leads to the mailbox; elsewhere it was sent.
func TestTimelineSaysWhetherMailWasSent(t *testing.T) {
	l, sent := views.English, time.Date(2026, 11, 24, 3, 0, 0, 0, time.UTC)
	history := models.History{Mails: []models.Mail{{ID: 7, Kind: models.MailCode, Subject: "code", SentAt: &sent}}}
	last := func(o models.Order, stays bool) views.Event {
		events := timeline(l, o, history, sent, stays)
		return events[len(events)-1]
	}
	if got := last(models.Order{}, false); got.Text != "Mail sent: Your payment code" || got.Mail != "" {
		t.Errorf("sent: %+v", got)
	}
	if got := last(models.Order{}, true); got.Text != "Mail written (demo: not sent): Your payment code" || got.Mail != "/mailbox/7" {
		t.Errorf("not sent: %+v", got)
	}
	if got := last(models.Order{ErasedAt: &sent}, true); got.Mail != "" {
		t.Errorf("erased: %+v", got)
	}
}

// An attempt whose money nobody has decided about must not be paid, and says so.
func TestAttemptWithHeldMoneyIsHeld(t *testing.T) {
	p := models.Payment{State: models.PaymentPending}
	if got := viewAttempt(views.English, p).StateText; got != "Can be paid" {
		t.Errorf("without money: %s", got)
	}
	p.Receipts = []models.Receipt{{Status: models.ReceiptHeld}}
	if got := viewAttempt(views.English, p).StateText; got != "Held" {
		t.Errorf("with money that is held: %s", got)
	}
}
