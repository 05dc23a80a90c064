package sandbox_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
)

// client makes a sandbox and a client of it.
func client(t testing.TB, cfg sandbox.Config, opts ...jokul.Option) (*jokul.Client, *sandbox.Server, string) {
	t.Helper()
	cfg.ClientID, cfg.SecretKey = "MCH-1", "SK-only-for-tests"
	gateway, err := sandbox.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(gateway)
	t.Cleanup(func() { server.Close(); _ = gateway.Close() })
	c, err := jokul.New(cfg.ClientID, cfg.SecretKey, append([]jokul.Option{jokul.WithBaseURL(server.URL)}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	return c, gateway, server.URL
}

var invoices atomic.Int64

func generate(t testing.TB, c *jokul.Client, info jokul.AdditionalInfo) string {
	t.Helper()
	p, err := c.Prepare(jokul.PaymentCodeRequest{InvoiceNumber: fmt.Sprint("SPLIT-", invoices.Add(1)), Amount: 100_001,
		CustomerName: "Budi", Description: "Kopi", AdditionalInfo: info})
	if err != nil {
		t.Fatal(err)
	}
	code, err := c.GeneratePaymentCode(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	return code.Code
}

// The receipt says who gets what: percentages in whole rupiah, the rest to the
// shop, together what was paid.
func TestTheReceiptShowsTheSplit(t *testing.T) {
	c, gateway, base := client(t, sandbox.Config{})
	code := generate(t, c, jokul.AdditionalInfo{AccountID: "SAC-1", Settlement: []jokul.SettlementShare{
		{BankAccountSettlementID: "SBA-A", Type: jokul.SettlementPercentage, Value: 33},
		{BankAccountSettlementID: "SBA-B", Type: jokul.SettlementFix, Value: 25_000},
	}})
	result, err := gateway.Pay(t.Context(), code)
	if err != nil {
		t.Fatal(err)
	}
	for lang, words := range map[string][]string{"id": {"Pembagian dana", "Sisa untuk toko"}, "en": {"Split settlement", "The rest, to the shop"}} {
		page := fetch(t, base+"/simulator?lang="+lang+"&receipt="+result.Payments[0].TransactionID)
		for _, want := range append(words, "SAC-1", "SBA-A", "(33 %)", "Rp\u00a033.000", "SBA-B", "Rp\u00a025.000", "Rp\u00a042.001") {
			if !strings.Contains(page, want) {
				t.Errorf("%s: the receipt lacks %q", lang, want)
			}
		}
	}
	plain, err := gateway.Pay(t.Context(), generate(t, c, jokul.AdditionalInfo{}))
	if err != nil {
		t.Fatal(err)
	}
	if page := fetch(t, base+"/simulator?receipt="+plain.Payments[0].TransactionID); strings.Contains(page, `data-testid="split"`) {
		t.Error("a receipt of no split shows one")
	}
}

func fetch(t *testing.T, address string) string {
	t.Helper()
	answer, err := http.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	var b strings.Builder
	if err := answer.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
