package shop

import (
	"fmt"
	"testing"
)

func TestKeptOrderPagesAreBounded(t *testing.T) {
	var k pageCache
	for i := range 500 {
		k.put(pageKey{token: fmt.Sprint(i % 200)}, cachedOrder{gzipped: make([]byte, i*200)})
		if latest := k.get(pageKey{token: fmt.Sprint(i % 200)}); len(latest.gzipped) != i*200 {
			t.Fatal("the latest page is not kept")
		}
	}
	sum := 0
	for _, p := range k.pages {
		sum += len(p.gzipped)
	}
	if sum != k.bytes || sum > maxOrderPages || sum < maxOrderPages*9/10 {
		t.Errorf("%d bytes are kept, counted as %d", sum, k.bytes)
	}
}
