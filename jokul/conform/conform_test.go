package conform_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"warungjokul/jokul"
	"warungjokul/jokul/conform"
)

const (
	clientID = "MCH-0000-00000000000001"
	key      = "SK-only-for-tests"
	path     = "/notifications"
)

func orders() []conform.Order {
	var list []conform.Order
	for n := range conform.OrdersWanted() {
		list = append(list, conform.Order{InvoiceNumber: fmt.Sprint("INV-", n), Amount: 90_000, PaymentCode: fmt.Sprintf("88888888%08d", n)})
	}
	return list
}

// goodShop does what it should, and no more.
type goodShop struct {
	doku   *jokul.Client
	mu     sync.Mutex
	orders map[string]conform.Order
	paid   map[string]int
}

func (g *goodShop) notified(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, jokul.MaxNotificationSize))
	if err != nil {
		w.WriteHeader(http.StatusRequestEntityTooLarge)
		return
	}
	n, err := g.doku.ParseNotification(path, r.Header, body)
	if err != nil && !errors.Is(err, jokul.ErrMalformed) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	o, known := g.orders[n.InvoiceNumber]
	if err == nil && known && n.Status == jokul.TransactionSuccess && n.Amount == o.Amount && n.PaymentCode == o.PaymentCode {
		g.paid[n.InvoiceNumber] = 1
	}
}

func (g *goodShop) show(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	status := "awaiting_payment"
	if g.paid[r.PathValue("invoice")] > 0 {
		status = "paid"
	}
	_ = json.NewEncoder(w).Encode(map[string]any{"order_status": status, "payments": g.paid[r.PathValue("invoice")]})
}

func startGood(t *testing.T) *httptest.Server {
	doku, err := jokul.New(clientID, key)
	if err != nil {
		t.Fatal(err)
	}
	g := &goodShop{doku: doku, orders: map[string]conform.Order{}, paid: map[string]int{}}
	for _, o := range orders() {
		g.orders[o.InvoiceNumber] = o
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST "+path, g.notified)
	mux.HandleFunc("GET /orders/{invoice}", g.show)
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func target(base string) conform.Target {
	return conform.Target{URL: base + path, ClientID: clientID, SecretKey: key, Orders: orders(),
		StatusURL: base + "/orders/{invoice_number}", CountField: "payments"}
}

func TestAGoodEndpointPassesWhole(t *testing.T) {
	report, text := tell(t, target(startGood(t).URL))
	if report.Count(conform.Pass) != len(report.Results) || len(report.Results) < 25 {
		t.Errorf("%s", text)
	}
}

func TestWithTooFewOrders(t *testing.T) {
	to := target(startGood(t).URL)
	to.Orders = to.Orders[:2]
	report, text := tell(t, to)
	if report.Count(conform.Unjudged) != conform.OrdersWanted()-2 || report.Count(conform.Fail) != 0 {
		t.Errorf("%s", text)
	}
}

// Answers can be judged with one order, and the report says that it is answers
// alone.
func TestWithoutStatus(t *testing.T) {
	to := target(startGood(t).URL)
	to.StatusURL, to.Orders = "", to.Orders[:1]
	report, text := tell(t, to)
	if report.Count(conform.Pass) != len(report.Results) || !strings.Contains(text, "Answers only") {
		t.Errorf("%s", text)
	}
}

func tell(t *testing.T, to conform.Target) (conform.Report, string) {
	t.Helper()
	report, err := conform.Run(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := report.WriteText(&text); err != nil {
		t.Fatal(err)
	}
	return report, text.String()
}

func TestRefusesATargetItCannotUse(t *testing.T) {
	for name, change := range map[string]func(*conform.Target){
		"no URL":        func(t *conform.Target) { t.URL = "" },
		"a bare path":   func(t *conform.Target) { t.URL = path },
		"no key":        func(t *conform.Target) { t.SecretKey = "" },
		"no orders":     func(t *conform.Target) { t.Orders = nil },
		"half an order": func(t *conform.Target) { t.Orders[3].PaymentCode = "" },
	} {
		to := target("http://127.0.0.1:1")
		change(&to)
		if _, err := conform.Run(t.Context(), to); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

// Each fault planted in testdata/bad, and the case that finds it.
var planted = map[string]string{
	"any method will do":                    "GET",
	"no limit":                              "a body of 2 MiB",
	"a string is no amount":                 "amount as a string",
	"parsed before it is verified":          "no signature, not JSON",
	"unknown invoices are not acknowledged": "an unknown invoice number",
	"undoes what is paid":                   "EXPIRED and FAILED after SUCCESS",
	"the clock wins over the money":         "SUCCESS after EXPIRED",
	"whatever the amount":                   "less than the amount",
	"whatever the code":                     "another payment code",
	"once per delivery":                     "the same bytes three times",
	"and not once when they race":           "twenty copies at once",
	"a retry comes after hours":             "dated five days ago",
	"no signature, no check":                "no Signature",
	"a body is not a form":                  "plus and percent in the body",
	"the digest of another spelling":        "pretty-printed body",
	"anybody's Client-Id":                   "another Client-Id, rightly signed",
}

func TestABadEndpointIsFoundOut(t *testing.T) {
	dir := t.TempDir()
	program := filepath.Join(dir, "bad")
	if out, err := exec.Command("go", "build", "-o", program, "./testdata/bad").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	raw, err := json.Marshal(orders())
	if err != nil {
		t.Fatal(err)
	}
	list := filepath.Join(dir, "orders.json")
	if err := os.WriteFile(list, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	bad := exec.Command(program, list)
	out, err := bad.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := bad.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = bad.Process.Kill(); _ = bad.Wait() })
	base, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	report, err := conform.Run(t.Context(), target(strings.TrimSpace(base)))
	if err != nil {
		t.Fatal(err)
	}
	verdicts := map[string]conform.Verdict{}
	for _, result := range report.Results {
		verdicts[result.Case] = result.Verdict
	}
	for fault, found := range planted {
		if verdicts[found] != conform.Fail {
			t.Errorf("planted: %s; the case %q says %q", fault, found, verdicts[found])
		}
	}
}
