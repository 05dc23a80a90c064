package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo-contrib/echoprometheus"
	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"warungjokul/models"
	"warungjokul/payments"
)

// Metrics holds the shop's metrics. Every series exists from the start, at zero: what has never happened differs from
// what is not counted.
type Metrics struct {
	registry *prometheus.Registry
	requests echo.MiddlewareFunc
	Payments *payments.Metrics

	OverLimit  *prometheus.CounterVec // orders, by limit
	MailsHeld  prometheus.Counter
	mismatches *prometheus.GaugeVec // of the last report, by kind

	MailsGivenUp prometheus.Counter

	streamsRefused *prometheus.CounterVec // by reason

	// What is looked up when the metrics are read.
	mu             sync.Mutex
	statsAt        time.Time // when the books were read
	ready, streams prometheus.Gauge
	orders         *prometheus.GaugeVec // by status
	cases          *prometheus.GaugeVec // by kind
	creating       *prometheus.GaugeVec
	caseAge        *prometheus.GaugeVec // seconds
	paidAsked      *prometheus.GaugeVec
	stockHeld      *prometheus.GaugeVec // by SKU
	overdue        *prometheus.GaugeVec // seconds
}

// NewMetrics makes the metrics of a shop, and registers the connection pools of its store.
func NewMetrics(store *models.Store, baseURL string) *Metrics {
	counter := func(name, help string) prometheus.CounterOpts { return prometheus.CounterOpts{Name: name, Help: help} }
	gauge := func(name, help string) prometheus.GaugeOpts { return prometheus.GaugeOpts{Name: name, Help: help} }
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		OverLimit: prometheus.NewCounterVec(counter("shop_orders_over_limit_total",
			"Orders, new codes and corrections refused by a limit on unpaid orders, by limit."), []string{"limit"}),
		MailsHeld: prometheus.NewCounter(counter("shop_mails_over_limit_total",
			"Mails not sent, or sent later, because too many went to their recipient or because of one client.")),
		MailsGivenUp: prometheus.NewCounter(counter("shop_mails_given_up_total",
			"Mails about money that could not be sent for seven days, and are not tried any more.")),
		mismatches: prometheus.NewGaugeVec(gauge("mismatches",
			"Mismatches between the books and the gateway, by kind, as of the last hourly report."), []string{"kind"}),
		ready: prometheus.NewGauge(gauge("shop_ready",
			"1 when the database answers. Figures from the database are missing while it does not.")),
		streams: prometheus.NewGauge(gauge("shop_streams", "Open event streams of order pages.")),
		streamsRefused: prometheus.NewCounterVec(counter("shop_streams_refused_total",
			"Requests for a stream that were refused, by the bound that was reached."), []string{"reason"}),
		orders: prometheus.NewGaugeVec(gauge("shop_orders",
			"Orders, by status. The whole shop's, a minute old at most."), []string{"status"}),
		cases: prometheus.NewGaugeVec(gauge("shop_cases",
			"Open cases, by kind. The whole shop's, a minute old at most."), []string{"kind"}),
		paidAsked: prometheus.NewGaugeVec(gauge("shop_payments_paid_but_due",
			"Paid payments of single-use codes that are still due to be asked about; more than 0 is a defect. The whole shop's."), nil),
		creating: prometheus.NewGaugeVec(gauge("shop_payments_creating",
			"Payments that wait for their code. The whole shop's, a minute old at most."), nil),
		caseAge: prometheus.NewGaugeVec(gauge("shop_case_age_seconds",
			"Age of the oldest open case, 0 when there is none. The whole shop's."), nil),
		stockHeld: prometheus.NewGaugeVec(gauge("shop_stock_held_ratio",
			"Share of a product's pieces that unpaid orders hold, by SKU; 1 is all of them. The whole shop's, a minute old at most."), []string{"sku"}),
		overdue: prometheus.NewGaugeVec(gauge("shop_reconciliation_age_seconds",
			"Seconds for which the payment that was due first has been waiting for its status query, 0 when none is due. The whole shop's."), nil),
	}
	m.requests = requestMetrics(m.registry, baseURL)
	m.Payments = payments.NewMetrics(m.registry)
	m.registry.MustRegister(m.OverLimit, m.MailsHeld, m.MailsGivenUp, m.mismatches, m.ready, m.streams, m.streamsRefused, m.orders, m.cases, m.creating, m.caseAge, m.paidAsked,
		m.stockHeld, m.overdue,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	m.registerPools(store)
	m.zero()
	return m
}

// requestMetrics returns the middleware that counts requests by route, method and status. A client can make up a host
// and a method, so neither becomes a label as it came. Of an event stream the first event is measured.
func requestMetrics(registry *prometheus.Registry, baseURL string) echo.MiddlewareFunc {
	base, err := url.Parse(baseURL)
	if err != nil {
		base = &url.URL{}
	}
	return echoprometheus.NewMiddlewareWithConfig(echoprometheus.MiddlewareConfig{
		Subsystem:                 "shop",
		Registerer:                registry,
		DoNotUseRequestPathFor404: true,
		LabelFuncs: map[string]echoprometheus.LabelValueFunc{
			"host": func(echo.Context, error) string { return base.Host },
			"method": func(c echo.Context, _ error) string {
				if method := c.Request().Method; slices.Contains(knownMethods, method) {
					return method
				}
				return "other"
			},
		},
	})
}

var knownMethods = []string{
	http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions,
}

// zero makes every series.
func (m *Metrics) zero() {
	for _, reason := range []string{refusedClient, refusedOrder, refusedTotal, refusedStopping} {
		m.streamsRefused.WithLabelValues(reason)
	}
	for _, limit := range []string{string(models.HolderClient), string(models.HolderEmail), string(models.HolderPhone), LimitScarce,
		LimitCorrections} {
		m.OverLimit.WithLabelValues(limit)
	}
	m.Report(nil)
}

// Report takes over an hourly report.
func (m *Metrics) Report(list []models.Mismatch) {
	found := map[models.MismatchKind]float64{}
	for _, line := range list {
		found[line.Kind]++
	}
	for _, kind := range []models.MismatchKind{models.MismatchMoney, models.MismatchPaidThere, models.MismatchOverdue,
		models.MismatchNoCode, models.MismatchStock, models.MismatchNotNotified, models.MismatchUndecided} {
		m.mismatches.WithLabelValues(string(kind)).Set(found[kind])
	}
}

// ServeMetrics serves what was counted, and what is looked up for it.
func (h *App) ServeMetrics(w http.ResponseWriter, r *http.Request) {
	h.refreshMetrics(r.Context())
	promhttp.HandlerFor(h.Metrics.registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
}

const (
	// StatsAge is how old figures from the database may be. They are counted once a minute, however often the metrics
	// are scraped.
	StatsAge     = time.Minute
	statsTimeout = 5 * time.Second
	pingTimeout  = time.Second
)

// refreshMetrics updates the gauges. Those from the database are the same in every process of the shop, and removed
// while it cannot be reached: old ones would say that all is well.
func (h *App) refreshMetrics(ctx context.Context) {
	m := h.Metrics
	if !m.mu.TryLock() {
		return // another scrape is doing it
	}
	defer m.mu.Unlock()
	m.streams.Set(float64(h.Streams.Count()))
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), statsTimeout)
	defer cancel()
	pinging, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	err := h.Store.Ping(pinging)
	if now := h.Now(); err == nil && now.Sub(m.statsAt) >= StatsAge {
		var s models.Stats
		if s, err = h.Store.Stats(ctx); err == nil {
			m.statsAt = now
			m.setStats(s, now)
			err = h.refreshStock(ctx)
		}
	}
	if err != nil {
		h.Log.WarnContext(ctx, "metrics without figures from the database", "error", err)
		m.resetStats()
		return
	}
	m.ready.Set(1)
}

// refreshStock sets the share of each product that unpaid orders hold.
func (h *App) refreshStock(ctx context.Context) error {
	list, err := h.Store.HeldStock(ctx)
	if err != nil {
		return err
	}
	h.Metrics.stockHeld.Reset() // a product may be gone
	for _, p := range list {
		h.Metrics.stockHeld.WithLabelValues(p.SKU).Set(p.Share())
	}
	return nil
}

// setStats sets the gauges of the database.
func (m *Metrics) setStats(s models.Stats, now time.Time) {
	for status, n := range s.Orders {
		m.orders.WithLabelValues(string(status)).Set(float64(n))
	}
	for kind, n := range s.Cases {
		m.cases.WithLabelValues(string(kind)).Set(float64(n))
	}
	m.creating.WithLabelValues().Set(float64(s.Creating))
	m.caseAge.WithLabelValues().Set(age(s.OldestCase, now))
	m.paidAsked.WithLabelValues().Set(float64(s.PaidAsked))
	m.overdue.WithLabelValues().Set(age(s.OldestDue, now))
}

// age is how many seconds ago something was, 0 for never.
func age(t, now time.Time) float64 {
	if t.IsZero() {
		return 0
	}
	return max(0, now.Sub(t).Seconds())
}

func (m *Metrics) resetStats() {
	m.ready.Set(0)
	m.statsAt = time.Time{}
	for _, gauge := range []*prometheus.GaugeVec{m.orders, m.cases, m.creating, m.caseAge, m.paidAsked, m.stockHeld, m.overdue} {
		gauge.Reset()
	}
}

// registerPools registers the statistics of the database's connection pools.
func (m *Metrics) registerPools(store *models.Store) {
	for pool, stats := range store.Pools() {
		labels := prometheus.Labels{"pool": pool}
		m.registry.MustRegister(
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "shop_database_connections_in_use", ConstLabels: labels,
				Help: "Connections to the database in use."},
				func() float64 { return float64(stats().InUse) }),
			prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "shop_database_connections_max", ConstLabels: labels,
				Help: "Connections to the database, at most."},
				func() float64 { return float64(stats().MaxOpenConnections) }),
			prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "shop_database_waits_total", ConstLabels: labels,
				Help: "Waits for a connection to the database."},
				func() float64 { return float64(stats().WaitCount) }),
			prometheus.NewCounterFunc(prometheus.CounterOpts{Name: "shop_database_wait_seconds_total", ConstLabels: labels,
				Help: "Seconds waited for a connection to the database. Its rate is how many wait at a time."},
				func() float64 { return stats().WaitDuration.Seconds() }),
		)
	}
}

// The names, in metrics and the log, of the limits on scarce products and on corrections of an order's email.
const (
	LimitScarce      = "scarce"
	LimitCorrections = "corrections"
)
