package payments

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"warungjokul/jokul"
	"warungjokul/models"
)

// Metrics is what the payment flow counts. Every series exists from the start, at
// zero: what never happened can be told from what is not counted.
type Metrics struct {
	placed        prometheus.Counter
	codes         *prometheus.HistogramVec // seconds, by outcome
	notifications *prometheus.CounterVec   // by verdict
	signedWith    *prometheus.CounterVec   // by key
	notification  prometheus.Histogram     // seconds
	answers       *prometheus.CounterVec   // to status queries
	receipts      *prometheus.CounterVec   // by source
	paidAfter     *prometheus.HistogramVec // seconds, by source
}

// Outcomes of a request for a payment code.
const (
	codeOK      = "ok"
	codeRefused = "refused" // the gateway will not give one
	codeTaken   = "taken"   // somebody else uses the invoice number: the next one is tried
	codeUnknown = "unknown" // no answer, or none to trust: it is sent again
)

// Verdicts on notifications that are not saved.
const (
	verdictUnread   = "unread"   // too large, or cut off
	verdictRejected = "rejected" // not from the gateway
	verdictTrial    = "trial"    // a forgery that the set-up check sent itself
	verdictNotSaved = "not_kept" // answered 503: the gateway sends it again
)

// NewMetrics makes the metrics of the payment flow and registers them.
func NewMetrics(registry prometheus.Registerer) *Metrics {
	counter := func(name, help string) prometheus.CounterOpts { return prometheus.CounterOpts{Name: name, Help: help} }
	seconds := func(name, help string, buckets ...float64) prometheus.HistogramOpts {
		return prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}
	}
	m := &Metrics{
		placed: prometheus.NewCounter(counter("shop_orders_placed_total", "Orders placed.")),
		codes: prometheus.NewHistogramVec(seconds("shop_code_seconds",
			"Seconds that requests for a payment code took, repeats included, by outcome.",
			.05, .1, .25, .5, 1, 2, 4, 10, 20, 40), []string{"outcome"}),
		notifications: prometheus.NewCounterVec(counter("notifications_total",
			"Notifications received, by verdict. The rejected ones are saved as samples only."), []string{"verdict"}),
		signedWith: prometheus.NewCounterVec(counter("shop_notifications_signed_total",
			"Genuine notifications, by the Secret Key that their signature fits: current or previous."), []string{"key"}),
		notification: prometheus.NewHistogram(seconds("shop_notification_seconds",
			"Seconds until a genuine notification was saved. The gateway gives up after ten.",
			.002, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10)),
		answers: prometheus.NewCounterVec(counter("shop_status_queries_total",
			"Status queries, by the gateway's answer; away means that there was none."), []string{"answer"}),
		receipts: prometheus.NewCounterVec(counter("shop_receipts_total",
			"Receipts saved, by how the shop learnt of the money."), []string{"source"}),
		paidAfter: prometheus.NewHistogramVec(seconds("shop_payment_to_paid_seconds",
			"Seconds from the payment's date, as the gateway gives it, to the commit, by how the shop learnt of the money.",
			1, 2, 5, 10, 30, 60, 180, 600, 1800, 3600, 6*3600, 24*3600), []string{"source"}),
	}
	registry.MustRegister(m.placed, m.codes, m.notifications, m.signedWith, m.notification, m.answers, m.receipts, m.paidAfter)
	m.makeSeries()
	return m
}

func (m *Metrics) makeSeries() {
	for _, outcome := range []string{codeOK, codeRefused, codeTaken, codeUnknown} {
		m.codes.WithLabelValues(outcome)
	}
	for _, verdict := range []models.Verdict{models.VerdictApplied, models.VerdictRepeated, models.VerdictHeld, models.VerdictMismatched,
		models.VerdictUnknownInvoice, models.VerdictUnreadable, models.VerdictNoted, verdictUnread, verdictRejected, verdictTrial, verdictNotSaved} {
		m.notifications.WithLabelValues(string(verdict))
	}
	for _, key := range []jokul.Key{jokul.KeyCurrent, jokul.KeyPrevious} {
		m.signedWith.WithLabelValues(string(key))
	}
	for _, answer := range []string{"pending", "success", "expired", "failed", "other", NoAnswer} {
		m.answers.WithLabelValues(answer)
	}
	for _, source := range []models.Source{models.SourceNotification, models.SourceStatusQuery} {
		m.receipts.WithLabelValues(string(source))
		m.paidAfter.WithLabelValues(string(source))
	}
}

// NotificationUnread counts a message whose body could not be read whole.
func (m *Metrics) NotificationUnread() { m.notifications.WithLabelValues(verdictUnread).Inc() }

// codeRequested counts a request for a payment code.
func (m *Metrics) codeRequested(began time.Time, err error) {
	outcome := codeRefused
	switch {
	case err == nil:
		outcome = codeOK
	case errors.Is(err, jokul.ErrInvoiceTaken):
		outcome = codeTaken
	case isUnknown(err):
		outcome = codeUnknown
	}
	m.codes.WithLabelValues(outcome).Observe(time.Since(began).Seconds())
}

// statusAnswered counts the gateway's answer to a status query.
func (m *Metrics) statusAnswered(t jokul.Transaction, err error) {
	answer := "other"
	switch {
	case err != nil:
		answer = NoAnswer
	case t.Status == jokul.TransactionPending:
		answer = "pending"
	case t.Status == jokul.TransactionSuccess:
		answer = "success"
	case t.Status == jokul.TransactionExpired:
		answer = "expired"
	case t.Status == jokul.TransactionFailed:
		answer = "failed"
	}
	m.answers.WithLabelValues(answer).Inc()
}

// moneyArrived counts a receipt, where a message brought one. Without a date of
// the payment it is not known how long it took.
func (m *Metrics) moneyArrived(source models.Source, effect models.Effect, paidAt, now time.Time) {
	switch effect {
	case models.EffectPaid, models.EffectPaidLate, models.EffectReceiptAdded, models.EffectSecondPayment:
	default:
		return
	}
	m.receipts.WithLabelValues(string(source)).Inc()
	if !paidAt.IsZero() {
		m.paidAfter.WithLabelValues(string(source)).Observe(max(0, now.Sub(paidAt).Seconds()))
	}
}
