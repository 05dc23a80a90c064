package models

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// What happens most, each by 32 at a time, beside the bare commit of one row by
// one after the other.
func BenchmarkWrites(b *testing.B) {
	b.Run("bare commit", func(b *testing.B) {
		s, _ := openStore(b)
		db, err := s.write.DB()
		if err != nil {
			b.Fatal(err)
		}
		insert, err := db.Prepare("INSERT INTO rejection_counts (reason, count, last_at) VALUES ($1, 0, 'now')")
		if err != nil {
			b.Fatal(err)
		}
		defer insert.Close()
		for i := 0; b.Loop(); i++ {
			if _, err := insert.Exec(fmt.Sprint("reason ", i)); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("nothing", func(b *testing.B) {
		s, _ := openStore(b)
		crowd(b, func(int64) error {
			return s.transact(context.Background(), func(tx *transaction) error { return nil })
		})
	})
	b.Run("checkout", func(b *testing.B) {
		s, c := openStore(b)
		fillStock(b, s)
		steps := []Instruction{{Language: "id", Steps: []string{strings.Repeat("x", 400)}}, {Language: "en", Steps: []string{strings.Repeat("x", 400)}}}
		crowd(b, func(i int64) error {
			o, _, err := placeAs(context.Background(), s, fmt.Sprint("checkout-", i), "VCR-050", 1)
			if err != nil {
				return err
			}
			p := o.Payment()
			ctx := context.Background()
			call := APICall{PaymentID: &p.ID, Operation: "Generate payment code", InvoiceNumber: p.InvoiceNumber, RequestID: p.RequestID, RequestBody: make([]byte, 359),
				ResponseBody: make([]byte, 553), RequestHeader: strings.Repeat("x", 239), ResponseHeader: strings.Repeat("x", 276), StartedAt: c.now()}
			code := IssuedCode{Code: fmt.Sprintf("88888888%08d", i), IssuedAt: c.now(), ExpiresAt: c.now().Add(time.Hour)}
			if _, err := s.IssueCode(ctx, &call, p.ID, code, c.now().Add(time.Minute)); err != nil {
				return err
			}
			call = APICall{PaymentID: &p.ID, Operation: "How to pay", ResponseBody: make([]byte, 1267), StartedAt: c.now()}
			return s.SetInstructions(ctx, &call, p.ID, steps)
		})
	})
	b.Run("notification", func(b *testing.B) {
		s, c := openStore(b)
		fillStock(b, s)
		orders := make([]Order, b.N)
		for i := range orders {
			orders[i] = withCode(b, s, c, "VCR-050")
		}
		crowd(b, func(i int64) error {
			p := orders[i-1].Payment()
			n, err := s.ApplyNotification(context.Background(), Notification{RequestID: p.RequestID, Header: "{}", Body: make([]byte, 400)}, PaidEvent(paid(p, c.now())), c.now())
			if err == nil && n.Effect != EffectPaid {
				err = fmt.Errorf("%s, %s", n.Verdict, n.Effect)
			}
			return err
		})
	})
	b.Run("the same notification", func(b *testing.B) {
		s, c := openStore(b)
		p := withCode(b, s, c, "VCR-050").Payment()
		crowd(b, func(int64) error {
			_, err := s.ApplyNotification(context.Background(), Notification{RequestID: "the same", Header: "{}", Body: make([]byte, 400)}, PaidEvent(paid(p, c.now())), c.now())
			return err
		})
	})
}

// fillStock makes all products last.
func fillStock(b *testing.B, s *Store) {
	b.Helper()
	if err := s.write.Model(&Product{}).Where("TRUE").Update("stock", MaxStock).Error; err != nil {
		b.Fatal(err)
	}
}

// crowd runs f b.N times by 32 at a time.
func crowd(b *testing.B, f func(i int64) error) {
	b.SetParallelism(16)
	b.ReportAllocs()
	b.ResetTimer()
	var n atomic.Int64
	before := cpuTime(b)
	defer func() { b.ReportMetric(float64((cpuTime(b)-before).Nanoseconds())/float64(b.N), "cpu-ns/op") }()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := f(n.Add(1)); err != nil {
				b.Error(err)
			}
		}
	})
}

func cpuTime(b *testing.B) time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}

// BenchmarkSearch is a search of the catalogue by its length: what a flood of them costs.
func BenchmarkSearch(b *testing.B) {
	s, _ := openStore(b)
	products, err := s.Products(b.Context(), "", "")
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1, 8, 1000, 10_000} {
		query := words(n)
		b.Run(fmt.Sprint(n, " words"), func(b *testing.B) {
			for b.Loop() {
				Matching(products, query, "")
			}
		})
	}
}
