package sandbox

import (
	"time"

	"warungjokul/jokul"
)

// Account is one payment code and the money that came for it.
type Account struct {
	InvoiceNumber string                  `json:"invoice_number"`
	PaymentCode   string                  `json:"payment_code"`
	Amount        int64                   `json:"amount"` // what was asked for, in whole rupiah
	Reusable      bool                    `json:"reusable"`
	Status        jokul.TransactionStatus `json:"status"`
	CreatedAt     time.Time               `json:"created_at"` // on the sandbox's clock, as all times here
	ExpiresAt     time.Time               `json:"expires_at"`
	Payments      []Payment               `json:"payments"`
}

// Ledger returns every code issued, in the order of issue, with every payment
// taken: what a merchant's books must agree with to the rupiah.
// It fails when the state file cannot be read.
func (s *Server) Ledger() ([]Account, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	ledger := make([]Account, 0, len(s.state.codes))
	for _, held := range s.state.codes {
		p, err := s.read(held)
		if err != nil {
			return nil, err
		}
		ledger = append(ledger, Account{
			InvoiceNumber: p.InvoiceNumber, PaymentCode: p.Code, Amount: p.Amount, Reusable: p.Reusable,
			Status: p.transactionStatus(s.now(), 0), CreatedAt: p.CreatedAt, ExpiresAt: p.ExpiresAt,
			Payments: append([]Payment{}, p.Payments...),
		})
	}
	return ledger, nil
}
