package payments

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"warungjokul/jokul/sandbox"
	"warungjokul/models"
)

// series returns what is counted, by name and labels: counters by their value,
// histograms by how often something was observed.
func (e *env) series() map[string]float64 {
	e.t.Helper()
	families, err := e.registry.Gather()
	if err != nil {
		e.t.Fatal(err)
	}
	all := map[string]float64{}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			name := f.GetName()
			for _, l := range m.GetLabel() {
				name += " " + l.GetValue()
			}
			all[name] = m.GetCounter().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return all
}

// Every series is there at zero before anything happens.
func TestSeriesFromTheStart(t *testing.T) {
	e := newEnv(t)
	want := []string{"shop_orders_placed_total", "shop_notification_seconds",
		"shop_notifications_signed_total current", "shop_notifications_signed_total previous"}
	for name, labels := range map[string][]string{
		"shop_code_seconds": {"ok", "refused", "taken", "unknown"},
		"notifications_total": {"applied", "repeated", "held", "mismatched", "unknown_invoice", "unreadable", "noted", "unread", "rejected", "trial",
			"not_kept"},
		"shop_status_queries_total":    {"pending", "success", "expired", "failed", "other", "away"},
		"shop_receipts_total":          {"notification", "status_query"},
		"shop_payment_to_paid_seconds": {"notification", "status_query"},
	} {
		for _, l := range labels {
			want = append(want, name+" "+l)
		}
	}
	got := e.series()
	slices.Sort(want)
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, want) {
		t.Errorf("got  %q\nwant %q", names, want)
	}
	for name, n := range got {
		if n != 0 {
			t.Errorf("%s is %v before anything happened", name, n)
		}
	}
}

// What happens is counted once, as what it is.
func TestWhatIsCounted(t *testing.T) {
	e := newEnv(t)
	token := ""
	pay := func() { e.gateway.Do(e.payment(token).Code, sandbox.ActionPay) }
	for _, step := range []struct {
		name string
		do   func()
		want map[string]float64
	}{
		{"a code", func() { token = e.order("MNM-TEH") }, map[string]float64{"shop_orders_placed_total": 1, "shop_code_seconds ok": 1}},
		{"a status query", func() { e.check(token) }, map[string]float64{"shop_status_queries_total pending": 1}},
		{"money by notification", pay, map[string]float64{"notifications_total applied": 1, "shop_notification_seconds": 1,
			"shop_notifications_signed_total current": 1, "shop_receipts_total notification": 1, "shop_payment_to_paid_seconds notification": 1}},
		{"a forgery", e.reject, map[string]float64{"notifications_total rejected": 1}},
		{"a body that is not whole", e.Metrics.NotificationUnread, map[string]float64{"notifications_total unread": 1}},
		{"money by status query", func() {
			e.gateway.SetFault(func(f *sandbox.Faults) { f.Notify = sandbox.NotifyNone })
			token = e.order("MNM-TEH")
			pay()
			e.clock.Advance(2 * models.Settling)
			e.check(token)
		}, map[string]float64{"shop_orders_placed_total": 1, "shop_code_seconds ok": 1, "shop_status_queries_total success": 1,
			"shop_receipts_total status_query": 1, "shop_payment_to_paid_seconds status_query": 1}},
		{"no answer", func() {
			token = e.order("MNM-TEH")
			e.gateway.SetFault(answer(sandbox.Answer500))
			e.check(token)
		}, map[string]float64{"shop_orders_placed_total": 1, "shop_code_seconds ok": 1, "shop_status_queries_total away": 1}},
		{"no code", func() { token = e.order("MNM-TEH") }, map[string]float64{"shop_orders_placed_total": 1, "shop_code_seconds unknown": 1}},
		{"an invoice number that is taken", func() {
			e.gateway.SetFault(noFault)
			e.take(e.payment(token).InvoiceNumber)
			e.clock.Advance(2 * time.Second)
			e.work(e.Service)
		}, map[string]float64{"shop_code_seconds taken": 1, "shop_code_seconds ok": 1}},
		{"a refusal", func() {
			e.gateway.SetFault(func(f *sandbox.Faults) { f.MinAmount = 4_000_000 })
			token = e.order("MNM-TEH")
		}, map[string]float64{"shop_orders_placed_total": 1, "shop_code_seconds refused": 1}},
	} {
		before := e.series()
		step.do()
		moved := map[string]float64{}
		for name, n := range e.series() {
			if n != before[name] {
				moved[name] = n - before[name]
			}
		}
		if fmt.Sprint(moved) != fmt.Sprint(step.want) {
			t.Errorf("%s: got %v, want %v", step.name, moved, step.want)
		}
	}
}

// Answers to status queries are counted by their status.
func TestAnswersAreCounted(t *testing.T) {
	for status, label := range map[string]string{"PENDING": "pending", "SUCCESS": "success", "EXPIRED": "expired", "FAILED": "failed", "NEW": "other"} {
		e := newEnv(t)
		e.Metrics.statusAnswered(transaction(status), nil)
		for name, n := range e.series() {
			if (name == "shop_status_queries_total "+label) != (n == 1) {
				t.Errorf("%s: %s is %v", status, name, n)
			}
		}
	}
}

// Only money is counted as a receipt, whatever it did, and a payment without a date
// takes no time that is known.
func TestReceiptsAreCounted(t *testing.T) {
	e := newEnv(t)
	now := e.clock.Now()
	for effect, counts := range map[models.Effect]float64{models.EffectPaid: 1, models.EffectPaidLate: 1, models.EffectReceiptAdded: 1,
		models.EffectSecondPayment: 1, models.EffectNone: 0, models.EffectExpired: 0, models.EffectFlagged: 0} {
		for _, paidAt := range []time.Time{now, {}} {
			before := e.series()
			e.Metrics.moneyArrived(models.SourceNotification, effect, paidAt, now)
			after := e.series()
			timed := counts
			if paidAt.IsZero() {
				timed = 0
			}
			if got := after["shop_receipts_total notification"] - before["shop_receipts_total notification"]; got != counts {
				t.Errorf("%s: %v receipts, want %v", effect, got, counts)
			}
			const took = "shop_payment_to_paid_seconds notification"
			if got := after[took] - before[took]; got != timed {
				t.Errorf("%s at %v: %v times, want %v", effect, paidAt, got, timed)
			}
		}
	}
}
