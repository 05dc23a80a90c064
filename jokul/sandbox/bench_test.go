package sandbox_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
)

// A caller asks for codes, each for an invoice of its own, and how to pay them, as
// a shop does: through a client of defaults, over sockets, of a gateway that keeps
// its state in a file.
type caller struct {
	testing.TB
	*jokul.Client
	invoices atomic.Int64
}

func newCaller(b *testing.B) *caller {
	c, _, _ := client(b, sandbox.Config{StateFile: filepath.Join(b.TempDir(), "state")})
	return &caller{TB: b, Client: c}
}

func (c *caller) generate() jokul.PaymentCode {
	p, err := c.Prepare(jokul.PaymentCodeRequest{
		InvoiceNumber: fmt.Sprint("WJ-", c.invoices.Add(1)), Amount: 90_000, ExpiresIn: time.Hour,
		CustomerName: "Budi Santoso", CustomerEmail: "budi@example.com", Info: "Warung Jokul", Description: "Kopi Gayo 250 g", FooterMessage: "Terima kasih",
	})
	if err != nil {
		c.Error(err)
		return jokul.PaymentCode{}
	}
	code, err := c.GeneratePaymentCode(c.Context(), p)
	if err != nil {
		c.Error(err)
	}
	return code
}

// oneByOneAndMany measures f alone, and 32 at a time.
func oneByOneAndMany(b *testing.B, f func()) {
	b.Run("one by one", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			f()
		}
	})
	b.Run("32 at a time", func(b *testing.B) {
		b.ReportAllocs()
		b.SetParallelism(max(1, 32/runtime.GOMAXPROCS(0)))
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				f()
			}
		})
	})
}

func BenchmarkGenerate(b *testing.B) {
	c := newCaller(b)
	oneByOneAndMany(b, func() { c.generate() })
}

func BenchmarkHowToPay(b *testing.B) {
	c := newCaller(b)
	code := c.generate()
	oneByOneAndMany(b, func() {
		if list, err := c.HowToPay(b.Context(), code.HowToPayAPI); err != nil || len(list) != 2 {
			b.Errorf("%d instructions, %v", len(list), err)
		}
	})
}

// BenchmarkGenerateAmongMany is BenchmarkGenerate after so many codes: what counts
// is that all are alike.
func BenchmarkGenerateAmongMany(b *testing.B) {
	for _, before := range []int{0, 10_000, 50_000} {
		b.Run(fmt.Sprint("after ", before), func(b *testing.B) {
			c := newCaller(b)
			parallel(before, func() { c.generate() })
			oneByOneAndMany(b, func() { c.generate() })
		})
	}
}

// parallel does f n times, 16 at a time.
func parallel(n int, f func()) {
	var left atomic.Int64
	left.Store(int64(n))
	done := make(chan struct{})
	for range 16 {
		go func() {
			for left.Add(-1) >= 0 {
				f()
			}
			done <- struct{}{}
		}()
	}
	for range 16 {
		<-done
	}
}

// A shop that hangs holds up nobody who asks for a code.
func TestAHangingShopHoldsUpNoCodes(t *testing.T) {
	hung, released := make(chan struct{}), make(chan struct{})
	release := sync.OnceFunc(func() { close(released) })
	shop := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
		close(hung)
		<-released
	}))
	defer shop.Close()
	defer release() // before Close, which waits for it
	c, gateway, _ := client(t, sandbox.Config{NotificationURL: shop.URL})
	code := generate(t, c, jokul.AdditionalInfo{})
	paid := make(chan error, 1)
	go func() {
		_, err := gateway.Pay(t.Context(), code)
		paid <- err
	}()
	<-hung
	for range 50 {
		generate(t, c, jokul.AdditionalInfo{})
	}
	select {
	case err := <-paid:
		t.Errorf("the shop had answered already: %v", err)
	default:
	}
	release()
	if err := <-paid; err != nil {
		t.Error(err)
	}
}
