package web

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/prometheus/client_golang/prometheus"
)

// requests counts requests by route. What a client may make up is not taken for
// a label: neither a path, nor a host, nor a method.
type requests struct {
	host   string
	total  *prometheus.CounterVec
	took   *prometheus.HistogramVec // seconds
	asked  *prometheus.HistogramVec // bytes
	gotten *prometheus.HistogramVec // bytes

	mu   sync.RWMutex
	kind map[kindOfRequest]countedRequests
}

// kindOfRequest is what is counted together. There are not many.
type kindOfRequest struct {
	method, route string
	status        int
}

// countedRequests are the series of a kind, looked up once.
type countedRequests struct {
	total               prometheus.Counter
	took, asked, gotten prometheus.Observer
}

var sizes = []float64{1 << 10, 2 << 10, 5 << 10, 10 << 10, 100 << 10, 500 << 10, 1 << 20, 2.5 * (1 << 20), 5 << 20, 10 << 20}

func newRequests(registry *prometheus.Registry, baseURL string) *requests {
	labels := []string{"code", "method", "host", "url"}
	histogram := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets}, labels)
	}
	q := &requests{
		total: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "shop_requests_total", Help: "What is asked for, and what fails?"}, labels),
		took: histogram("shop_request_duration_seconds", "How fast are requests answered? Of a stream, its first event.",
			prometheus.DefBuckets),
		asked:  histogram("shop_request_size_bytes", "How large are requests, about?", sizes),
		gotten: histogram("shop_response_size_bytes", "How large are answers, as they are sent?", sizes),
		kind:   map[kindOfRequest]countedRequests{},
	}
	if base, err := url.Parse(baseURL); err == nil {
		q.host = base.Host
	}
	registry.MustRegister(q.total, q.took, q.asked, q.gotten)
	return q
}

// count counts a request that was answered.
func (q *requests) count(c echo.Context, took time.Duration) {
	r, w := c.Request(), c.Response()
	counted := q.of(kindOfRequest{r.Method, c.Path(), w.Status})
	counted.total.Inc()
	counted.took.Observe(took.Seconds())
	counted.asked.Observe(float64(sizeOf(r)))
	counted.gotten.Observe(float64(w.Size))
}

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions}

func (q *requests) of(k kindOfRequest) countedRequests {
	if !slices.Contains(methods, k.method) {
		k.method = "other"
	}
	q.mu.RLock()
	counted, ok := q.kind[k]
	q.mu.RUnlock()
	if ok {
		return counted
	}
	labels := []string{strconv.Itoa(k.status), k.method, q.host, k.route}
	counted = countedRequests{q.total.WithLabelValues(labels...), q.took.WithLabelValues(labels...),
		q.asked.WithLabelValues(labels...), q.gotten.WithLabelValues(labels...)}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.kind[k] = counted
	return counted
}

// sizeOf is about how many bytes a request has.
func sizeOf(r *http.Request) int64 {
	size := len(r.Method) + len(r.URL.Path) + len(r.Proto) + len(r.Host)
	for name, values := range r.Header {
		size += len(name)
		for _, value := range values {
			size += len(value)
		}
	}
	return int64(size) + max(r.ContentLength, 0)
}
