package sandbox_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"warungjokul/jokul"
	"warungjokul/jokul/sandbox"
)

// BenchmarkGeneratePaymentCode asks for codes over sockets, with a state file,
// 16 at a time: of an empty gateway, and of one that has issued 50,000. What
// counts is codes/s, and that both are alike.
func BenchmarkGeneratePaymentCode(b *testing.B) {
	for _, before := range []int{0, 50_000} {
		b.Run(fmt.Sprint("after ", before), func(b *testing.B) {
			transport := &http.Transport{MaxIdleConnsPerHost: 32}
			defer transport.CloseIdleConnections()
			c, _, _ := client(b, sandbox.Config{StateFile: filepath.Join(b.TempDir(), "state")}, jokul.WithHTTPClient(&http.Client{Transport: transport}))
			var n atomic.Int64
			issue := func() {
				p, err := c.Prepare(jokul.PaymentCodeRequest{InvoiceNumber: fmt.Sprint("B-", n.Add(1)), Amount: 90_000, CustomerName: "B", Description: "K"})
				if err == nil {
					_, err = c.GeneratePaymentCode(b.Context(), p)
				}
				if err != nil {
					b.Error(err)
				}
			}
			parallel(before, issue)
			b.SetParallelism(8)
			b.ResetTimer()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					issue()
				}
			})
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "codes/s")
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
