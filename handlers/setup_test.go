package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"html"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"warungjokul/handlers/web"
	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
	"warungjokul/models"
	"warungjokul/payments/testgateway"
	"warungjokul/views"
)

// setUp is a shop as it was set up, rightly or not, on real sockets and by the
// real clock.
type setUp struct {
	config  web.Config
	client  func(gateway string) (*jokul.Client, error)
	gateway sandbox.Config
	toShop  func(http.Handler) http.Handler // what stands before the shop
	toDOKU  func(http.Handler) http.Handler // and before the gateway

	handler *Handler
}

func newSetUp(t *testing.T, change func(*setUp)) *setUp {
	t.Helper()
	same := func(next http.Handler) http.Handler { return next }
	s := &setUp{
		config: web.Config{NotificationPath: "/payments/notifications", PaymentExpiry: time.Hour, RateLimit: true, Now: time.Now, Log: slog.New(slog.DiscardHandler)},
		client: func(gateway string) (*jokul.Client, error) {
			return jokul.New(testgateway.ClientID, testgateway.SecretKey, jokul.WithBaseURL(gateway))
		},
		gateway: sandbox.Config{ClientID: testgateway.ClientID, SecretKey: testgateway.SecretKey},
		toShop:  same, toDOKU: same,
	}
	s.config.Setup = web.Setup{Environment: web.Embedded, Database: "sqlite"}
	change(s)
	bank, err := sandbox.Open(s.gateway)
	if err != nil {
		t.Fatal(err)
	}
	doku := httptest.NewServer(s.toDOKU(bank))
	t.Cleanup(doku.Close)
	shop := httptest.NewServer(s.toShop(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) })))
	t.Cleanup(shop.Close)
	if s.config.BaseURL == "" {
		s.config.BaseURL = shop.URL
	}
	s.config.SandboxURL, s.config.Setup.GatewayURL = doku.URL, doku.URL
	if s.config.Store, err = models.Open(context.Background(), "sqlite:"+filepath.Join(t.TempDir(), "shop.db"), s.config.Now, s.config.Log); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.config.Store.Close() })
	if s.config.Gateway, err = s.client(doku.URL); err != nil {
		t.Fatal(err)
	}
	if s.handler, err = New(context.Background(), s.config); err != nil {
		t.Fatal(err)
	}
	return s
}

var finding = regexp.MustCompile(`(?s)data-item="([a-z]+)" data-verdict="([a-z]+)">.*?</h3><p>(.*?)</p>(.*?)</li>`)

// check is the set-up check's page: a verdict and a text for each item.
func (s *setUp) check(t *testing.T) map[string][2]string {
	t.Helper()
	staff := atHome
	rec := staff.get(&env{t: t, Handler: s.handler}, "/console/setup?lang=en")
	page := rec.Body.String()
	if rec.Code != http.StatusOK {
		t.Fatalf("HTTP %d", rec.Code)
	}
	if strings.Contains(page, testgateway.SecretKey) || strings.Contains(page, "HMACSHA256=") {
		t.Error("the page holds the Secret Key or a signature")
	}
	list := map[string][2]string{}
	for _, f := range finding.FindAllStringSubmatch(page, -1) {
		list[f[1]] = [2]string{f[2], html.UnescapeString(f[3])}
		if hasFix := strings.Contains(f[4], `class="fix"`); hasFix != (f[2] != string(views.Good)) {
			t.Errorf("%s is %s; it says what to do: %v", f[1], f[2], hasFix)
		}
	}
	if len(list) != 15 {
		t.Errorf("%d findings, want 15: %v", len(list), list)
	}
	return list
}

// wants holds some items against what they must say; all others must be good.
func wants(t *testing.T, got map[string][2]string, want map[string][2]string) {
	t.Helper()
	for item, f := range got {
		w, special := want[item]
		if !special {
			w[0] = string(views.Good)
		}
		if f[0] != w[0] || !strings.Contains(f[1], w[1]) {
			t.Errorf("%s is %s: %q; want %s: %q", item, f[0], f[1], w[0], w[1])
		}
	}
	for item := range want {
		if _, found := got[item]; !found {
			t.Errorf("nothing is said of %s", item)
		}
	}
}

// dated is a gateway whose answers carry another Date.
func dated(off time.Duration) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Date", time.Now().Add(off).UTC().Format(http.TimeFormat))
			next.ServeHTTP(w, r)
		})
	}
}

// below is a proxy that serves the shop below a prefix, and cuts it off.
func below(prefix string) func(http.Handler) http.Handler {
	return func(next http.Handler) http.Handler { return http.StripPrefix(prefix, next) }
}

// rewriting is a proxy that decodes JSON and encodes it again.
func rewriting(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		var v any
		if json.Unmarshal(body, &v) == nil {
			body, _ = json.Marshal(v)
		}
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		next.ServeHTTP(w, r)
	})
}

func always(status int, header ...string) func(http.Handler) http.Handler {
	return func(http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
		})
	}
}

const (
	good = string(views.Good)
	warn = string(views.Warn)
	bad  = string(views.Bad)
)

// One thing is broken at a time, and the check names it and nothing else.
func TestSetupCheck(t *testing.T) {
	notTried := map[string][2]string{"forged": {warn, "Not tried"}, "genuine": {warn, "Not tried"}, "bytes": {warn, "Not tried"}}
	unreached := func(says string) map[string][2]string {
		want := map[string][2]string{"reach": {bad, says}}
		for item, f := range notTried {
			want[item] = f
		}
		return want
	}
	for name, tt := range map[string]struct {
		change func(*setUp)
		want   map[string][2]string
	}{
		"nothing": {func(*setUp) {}, nil},
		"another Secret Key": {func(s *setUp) { s.gateway.SecretKey = "SK-of-somebody-else" },
			map[string][2]string{"credentials": {bad, "invalid_signature"}}},
		"another Client-Id": {func(s *setUp) { s.gateway.ClientID = "MCH-0000-99999999999999" },
			map[string][2]string{"credentials": {bad, "does not know the Client-Id " + testgateway.ClientID}}},
		"a clock two hours fast": {func(s *setUp) { s.toDOKU = dated(-2 * time.Hour) },
			map[string][2]string{"clock": {bad, "2 hours ahead of DOKU's"}}},
		"a clock two hours slow": {func(s *setUp) { s.toDOKU = dated(2 * time.Hour) },
			map[string][2]string{"clock": {bad, "2 hours behind DOKU's"}}},
		"a clock two minutes slow": {func(s *setUp) { s.toDOKU = dated(2 * time.Minute) },
			map[string][2]string{"clock": {warn, "2 minutes behind DOKU's"}}},
		"a gateway that refuses our time": {func(s *setUp) { s.gateway.Now = func() time.Time { return time.Now().Add(2 * time.Hour) } },
			map[string][2]string{"credentials": {bad, "request_time_out_of_range"}}},
		"no gateway": {func(s *setUp) { s.toDOKU = always(http.StatusBadGateway) },
			map[string][2]string{"credentials": {bad, "HTTP 502"}}},
		"something else for a gateway": {func(s *setUp) { s.toDOKU = always(http.StatusNotFound) },
			map[string][2]string{"credentials": {bad, "HTTP 404"}}},
		"a prefix that DOKU knows, and a proxy cuts off": {func(s *setUp) {
			s.config.NotificationPath, s.toShop = "/toko/payments/notifications", below("/toko")
		}, unreached("cuts /toko off the path: the shop gets /payments/notifications")},
		"a prefix that DOKU is not told": {func(s *setUp) { s.toShop = below("/toko") }, unreached("No shop of this kind is at")},
		"a path the proxy does not pass on": {func(s *setUp) {
			s.toShop = func(next http.Handler) http.Handler {
				mux := http.NewServeMux()
				mux.Handle("/", next)
				mux.Handle("/payments/", http.NotFoundHandler())
				return mux
			}
		}, unreached("/payments/notifications does not get through")},
		"a redirect": {func(s *setUp) {
			s.toShop = always(http.StatusMovedPermanently, "Location", "https://www.toko.example/")
		}, unreached("https://www.toko.example/")},
		"a login":              {func(s *setUp) { s.toShop = always(http.StatusForbidden) }, unreached("HTTP 403")},
		"a page that says yes": {func(s *setUp) { s.toShop = always(http.StatusOK) }, unreached("HTTP 200")},
		"a proxy on its own":   {func(s *setUp) { s.toShop = always(http.StatusBadGateway) }, unreached("HTTP 502")},
		"nobody at home":       {func(s *setUp) { s.config.BaseURL = "http://127.0.0.1:1" }, unreached("connection refused")},
		"bodies encoded again": {func(s *setUp) { s.toShop = rewriting }, map[string][2]string{"bytes": {bad, "rewrites the JSON"}}},
		"another shop's key there": {func(s *setUp) {
			s.toShop = func(next http.Handler) http.Handler {
				return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					r.Header.Del(jokul.HeaderSignature) // to it, none fits
					next.ServeHTTP(w, r)
				})
			}
		}, map[string][2]string{"genuine": {bad, "401"}, "bytes": {warn, "Not tried"}}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSetUp(t, tt.change)
			wants(t, s.check(t), tt.want)
		})
	}
}

// Looking at the page leaves no case for a person, no rejection, and one row for each spelling of the trial, however
// often.
func TestSetupCheckLeavesNoTrace(t *testing.T) {
	s := newSetUp(t, func(*setUp) {})
	s.check(t)
	s.check(t)
	kept, err := s.config.Store.NotificationsAbout(context.Background(), []string{models.TrialInvoice})
	if err != nil {
		t.Fatal(err)
	}
	open, err := s.config.Store.CountOpenCases(context.Background())
	if err != nil || open != 0 || len(kept) != 2 || kept[0].Deliveries != 2 || kept[0].Verdict != models.VerdictNoted {
		t.Errorf("%d cases, %d notifications, %+v, %v", open, len(kept), kept, err)
	}
	s.handler.Payments.SaveRejections(context.Background())
	rejected, err := s.config.Store.RejectionCounts(context.Background())
	if err != nil || len(rejected) != 0 {
		t.Errorf("rejections: %+v, %v", rejected, err)
	}
	metrics := httptest.NewRecorder()
	s.handler.ServeMetrics(metrics, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, line := range []string{`notifications_total{verdict="rejected"} 0`, `notifications_total{verdict="trial"} 6`} {
		if !strings.Contains(metrics.Body.String(), line) {
			t.Errorf("the metrics lack %s", line)
		}
	}
}

// A gateway that never answers does not keep the page from coming.
func TestSetupCheckAlwaysAnswers(t *testing.T) {
	s := newSetUp(t, func(s *setUp) {
		s.toDOKU = func(http.Handler) http.Handler {
			return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
		}
	})
	got := s.check(t)
	wants(t, got, map[string][2]string{"credentials": {bad, "cannot be reached"}, "clock": {warn, "Nothing to compare with"}})
}

// What only a real shop must have is asked of a real shop.
func TestSetupCheckOutsideOfADemo(t *testing.T) {
	s := newSetUp(t, func(s *setUp) {
		s.config.RateLimit, s.config.Setup.Environment = false, web.Production
	})
	missing := map[string][2]string{"environment": {warn, "not DOKU's"}, "base": {bad, "not https"}, "mail": {warn, "No mail"}, "password": {warn, ""},
		"limit": {warn, "Off"}, "metrics": {warn, "Prometheus cannot read"}}
	wants(t, s.check(t), missing)
}

// A real proxy in between, one that passes things on, changes nothing.
func TestSetupCheckThroughAProxy(t *testing.T) {
	s := newSetUp(t, func(s *setUp) {
		s.toShop = func(next http.Handler) http.Handler {
			behind := httptest.NewServer(next)
			t.Cleanup(behind.Close)
			u, _ := url.Parse(behind.URL) // httptest made it
			return httputil.NewSingleHostReverseProxy(u)
		}
	})
	wants(t, s.check(t), nil)
}

// A demo shows what a Notification URL looks like, and not its own, which DOKU cannot reach. Another shop shows its own.
func TestSetupNotificationURL(t *testing.T) {
	for environment, example := range map[string]bool{web.Embedded: true, web.Production: false} {
		s := newSetUp(t, func(s *setUp) { s.config.Setup.Environment = environment })
		page := atHome.get(&env{t: t, Handler: s.handler}, "/console/setup?lang=en").Body.String()
		want := s.config.BaseURL + "/payments/notifications</code>"
		if example {
			want = "https://your-shop.example/payments/notifications</code>"
		}
		if !strings.Contains(page, want) {
			t.Errorf("%s: the page lacks %s", environment, want)
		}
	}
}
