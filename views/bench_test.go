package views

import (
	"bytes"
	"context"
	"testing"
)

// What drawing a page costs, of those that are drawn most.
func BenchmarkPages(b *testing.B) {
	for _, name := range []string{"home", "product", "order-waiting", "cashier-waiting"} {
		for _, s := range Samples() {
			if s.Name != name {
				continue
			}
			b.Run(name, func(b *testing.B) {
				page := s.Draw(in(Indonesian))
				var out bytes.Buffer
				b.ReportAllocs()
				for b.Loop() {
					out.Reset()
					if err := page.Render(context.Background(), &out); err != nil {
						b.Fatal(err)
					}
				}
				b.SetBytes(int64(out.Len()))
			})
		}
	}
}

func BenchmarkSymbols(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		QR("8888888844445555")
		Barcode("8888888844445555")
	}
}

func BenchmarkRupiah(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		Rupiah(1_500_000)
	}
}
