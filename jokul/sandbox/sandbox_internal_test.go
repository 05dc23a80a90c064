package sandbox

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

func openInternal(t *testing.T, cfg Config) *Server {
	t.Helper()
	cfg.ClientID, cfg.SecretKey = "MCH-1", "SK-1"
	s, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func hold(t *testing.T, s *Server, p paymentCode) {
	t.Helper()
	if err := s.commit(change{Code: &p}); err != nil {
		t.Fatal(err)
	}
}

func TestATakenCodeIsDrawnAgain(t *testing.T) {
	s := openInternal(t, Config{})
	f := DefaultFaults()
	f.CodePrefix, f.CodeLength = "73", 3
	s.random = bytes.NewReader([]byte{5, 5, 5, 6}) // one byte a draw
	for _, want := range []string{"735", "736"} {
		code, err := s.newCode(f)
		if err != nil || code != want {
			t.Fatalf("got %q, %v, want %q", code, err, want)
		}
		hold(t, s, paymentCode{Code: code})
	}
	if _, err := s.newCode(f); err == nil {
		t.Error("no randomness is left, and yet a code was drawn")
	}
}

// What is held in memory of a code is its place in the file and a few names.
func TestCodesTakeLittleMemory(t *testing.T) {
	const codes = 10_000
	s := openInternal(t, Config{StateFile: filepath.Join(t.TempDir(), "state")})
	before := heap()
	for i := range codes {
		hold(t, s, paymentCode{
			Code: fmt.Sprintf("8888%012d", i), InvoiceNumber: fmt.Sprintf("WJ-20261127-%08d", i), RequestID: fmt.Sprintf("0199a3b0-7c1e-7000-8000-%012d", i),
			Token: strings.Repeat("t", 43), Digest: strings.Repeat("d", 44), CustomerName: "Budi Santoso", CustomerEmail: "budi@example.com",
			AdditionalInfo: []byte(`{"override_notification_url":"https://shop.example/payments/notifications"}`),
		})
	}
	if each := (heap() - before) / codes; each > 450 {
		t.Errorf("a code takes %d bytes", each)
	}
	runtime.KeepAlive(s)
}

// Nor do those of a sandbox without a file, however often one is paid.
func TestWhatIsOvertakenIsNotKept(t *testing.T) {
	s := openInternal(t, Config{})
	p := paymentCode{Code: "1", Reusable: true, Amount: 10_000, ExpiresAt: time.Now().Add(time.Hour)}
	before := heap()
	for range 2_000 {
		p, _, _ = s.paid(p, nil, p.Amount)
		hold(t, s, p)
	}
	if grown := heap() - before; grown > 1<<20 {
		t.Errorf("2,000 payments take %d bytes", grown)
	}
	if p, _, _ := s.find(s.state.byCode, "1"); len(p.Payments) != 2_000 {
		t.Errorf("%d payments", len(p.Payments))
	}
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}

func TestEveryCodeTaken(t *testing.T) {
	s := openInternal(t, Config{})
	f := DefaultFaults()
	f.CodePrefix, f.CodeLength = "", 1
	for _, digit := range "0123456789" {
		hold(t, s, paymentCode{Code: string(digit)})
	}
	if code, err := s.newCode(f); err == nil {
		t.Errorf("got %q, want an error", code)
	}
}

// A shop that does not answer is given up on; the sandbox does not wait for it.
func TestAShopThatHangs(t *testing.T) {
	release := make(chan struct{})
	shop := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-release }))
	defer shop.Close()
	defer close(release)
	s := openInternal(t, Config{NotificationURL: shop.URL})
	if s.client.Timeout != 10*time.Second {
		t.Errorf("the shop has %v to answer, want 10 s", s.client.Timeout)
	}
	s.client.Timeout = 20 * time.Millisecond
	hold(t, s, paymentCode{Code: "1", Amount: 10_000, ExpiresAt: time.Now().Add(time.Hour)})
	result, err := s.Pay(context.Background(), "1")
	if err != nil {
		t.Fatal(err)
	}
	if got := result.Delivery.Attempts[0].Error; got != "no answer in time" {
		t.Errorf("got %q", got)
	}
}

func TestEveryTextIsInBothLanguages(t *testing.T) {
	for key, text := range texts {
		if text.ID == "" || text.EN == "" {
			t.Errorf("%s: %+v", key, text)
		}
	}
	for _, action := range actions[1:] {
		if texts[string(action)].ID == "" || texts[string(action)+"-why"].ID == "" {
			t.Errorf("no text for %s", action)
		}
	}
	if _, err := language("").T("nothing"); err == nil {
		t.Error("a missing text goes unnoticed")
	}
}

func TestRupiah(t *testing.T) {
	for amount, want := range map[int64]string{0: "Rp\u00a00", 999: "Rp\u00a0999", 1000: "Rp\u00a01.000", 5_000_000: "Rp\u00a05.000.000"} {
		if got := rupiah(amount); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestLeft(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "", time.Second: "1 menit lagi", 47 * time.Minute: "47 menit lagi", time.Hour: "1 jam lagi",
		90 * time.Minute: "1 jam 30 menit lagi", 47 * time.Hour: "47 jam lagi", 48 * time.Hour: "2 hari lagi",
	} {
		if got := language("").left(d); got != want {
			t.Errorf("%v: got %q, want %q", d, got, want)
		}
	}
}
