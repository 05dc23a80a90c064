package payments

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"warungjokul/jokul"
	"warungjokul/models"
)

// message is a notification about a payment.
func message(p models.Payment, status string) string {
	return fmt.Sprintf(`{"order":{"invoice_number":%q,"amount":%d},"transaction":{"status":%q},"online_to_offline_info":{"payment_code":%q}}`,
		p.InvoiceNumber, p.Amount, status, p.Code)
}

// What a notification says is what the shop does, and nothing else.
func TestEvent(t *testing.T) {
	paid := jokul.Transaction{InvoiceNumber: "WJ-1", Amount: 10_000, Status: jokul.TransactionSuccess}
	of := func(status jokul.TransactionStatus) jokul.Notification {
		n := jokul.Notification{Transaction: paid}
		n.Status = status
		return n
	}
	for name, tt := range map[string]struct {
		got, want models.NotificationEvent
	}{
		"unreadable": {event(of(""), errors.New("no status")), models.UnreadableEvent("WJ-1", "no status")},
		"money, of an unreadable amount": {event(of(jokul.TransactionSuccess), errors.New("no amount")),
			models.UnreadablePaidEvent("WJ-1", "no amount")},
		"success": {event(of(jokul.TransactionSuccess), nil), models.PaidEvent(arrival(paid))},
		"expired": {event(of(jokul.TransactionExpired), nil), models.ExpiredEvent("WJ-1")},
		"pending": {event(of(jokul.TransactionPending), nil), models.NotedEvent("WJ-1")},
		"failed":  {event(of(jokul.TransactionFailed), nil), models.NotedEvent("WJ-1")},
		"unknown": {event(of("NEW"), nil), models.NotedEvent("WJ-1")},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: got %+v, want %+v", name, tt.got, tt.want)
		}
	}
}

// Identifiers are told as JSON, and as nothing where there are none.
func TestArrival(t *testing.T) {
	if got := arrival(jokul.Transaction{}).Identifiers; got != "" {
		t.Errorf("no identifiers are %q", got)
	}
	one := jokul.Transaction{Identifiers: []jokul.Identifier{{Name: "AGENT_TRX_ID", Value: "7"}}}
	if got := models.TillIdentifier(arrival(one).Identifiers, "AGENT_TRX_ID"); got != "7" {
		t.Errorf("the identifier is %q", got)
	}
}

// The pages are told of every notification about an order, a repeat too; the mailer of
// what changed something; nobody of what is about no order.
func TestWhoIsTold(t *testing.T) {
	e := newEnv(t)
	p := e.payment(e.order("MNM-TEH"))
	success := message(p, "SUCCESS")
	for _, step := range []struct {
		name, body     string
		changed, mails int64
	}{
		{"what changes nothing", message(p, "PENDING"), 1, 0},
		{"money", success, 1, 1},
		{"the money told again", success, 1, 0},
		{"nobody's order, which is a case", `{"order":{"invoice_number":"NOT-OURS","amount":10000},"transaction":{"status":"PENDING"}}`, 0, 1},
	} {
		changed, mails := e.changed.Load(), e.mailDue.Load()
		if _, err := e.notify(step.body); err != nil {
			t.Fatal(err)
		}
		changed, mails = e.changed.Load()-changed, e.mailDue.Load()-mails
		if changed != step.changed || mails != step.mails {
			t.Errorf("%s: the pages were told %d times, the mailer %d times; want %d, %d", step.name, changed, mails, step.changed, step.mails)
		}
	}
	e.SaveRejections(t.Context())
	if counts, err := e.Store.RejectionCounts(t.Context()); err != nil || len(counts) != 0 {
		t.Errorf("genuine ones are counted as rejected: %v, %v", counts, err)
	}
}

// A genuine notification that cannot be read is saved, and is a case.
func TestUnreadableNotification(t *testing.T) {
	e := newEnv(t)
	n, err := e.notify(`{"order":{"invoice_number":"WJ-1"`)
	if err != nil || n.Verdict != models.VerdictUnreadable {
		t.Errorf("%s, %v", n.Verdict, err)
	}
	if got := e.openCases(); !slices.Equal(got, []models.CaseKind{models.CaseUnreadable}) {
		t.Errorf("cases: %v", got)
	}
}

// A notification that could not be saved is an error that is no rejection: the gateway
// sends it again.
func TestNotificationWithoutADatabase(t *testing.T) {
	e := newEnv(t)
	p := e.payment(e.order("MNM-TEH"))
	saved := e.Store
	e.withoutDatabase()
	before := e.series()
	_, err := e.notify(message(p, "SUCCESS"))
	var rejected *NotGenuineError
	if err == nil || errors.As(err, &rejected) {
		t.Errorf("got %v", err)
	}
	if n := e.series()["notifications_total not_kept"] - before["notifications_total not_kept"]; n != 1 {
		t.Errorf("counted %v times", n)
	}
	e.Store = saved
	if n, err := e.notify(message(p, "SUCCESS")); err != nil || n.Verdict != models.VerdictApplied {
		t.Errorf("sent again: %s, %v", n.Verdict, err)
	}
}

// A forgery changes nothing, and says why it is one.
func TestForgery(t *testing.T) {
	e := newEnv(t)
	token := e.order("MNM-TEH")
	_, err := e.ReceiveNotification(t.Context(), Delivery{Body: []byte(message(e.payment(token), "SUCCESS")), ReceivedAt: time.Now()})
	var rejected *NotGenuineError
	if !errors.As(err, &rejected) || !errors.Is(err, jokul.ErrMissingHeader) || err.Error() != rejected.Err.Error() {
		t.Errorf("got %v", err)
	}
	if o := e.get(token); o.Status != models.OrderAwaitingPayment {
		t.Errorf("order %s", o.Status)
	}
}
