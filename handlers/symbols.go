package handlers

import (
	"sync"

	"warungjokul/views"
)

// symbols keeps what scanners read of the codes that were shown last: drawing
// them is most of what an order's page would cost, and a code never changes.
type symbols struct {
	mu    sync.Mutex
	drawn map[string]pair
}

type pair struct{ qr, barcode views.Symbol }

// maxSymbols takes about 4 MB.
const maxSymbols = 1000

func (s *symbols) of(code string) (qr, barcode views.Symbol) {
	s.mu.Lock()
	p, ok := s.drawn[code]
	s.mu.Unlock()
	if ok {
		return p.qr, p.barcode
	}
	p = pair{views.QR(code), views.Barcode(code)}
	s.mu.Lock()
	defer s.mu.Unlock()
	for old := range s.drawn {
		if len(s.drawn) < maxSymbols {
			break
		}
		delete(s.drawn, old) // any: it is drawn again when it is asked for
	}
	if s.drawn == nil {
		s.drawn = map[string]pair{}
	}
	s.drawn[code] = p
	return p.qr, p.barcode
}
