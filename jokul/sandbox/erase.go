package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"strings"
)

// Erase forgets the customers of invoice numbers: their names and emails leave the payment codes, and so do the calls
// and notifications that repeat them. The state file is written anew, so that its bytes hold nothing of them. Amounts,
// dates and payments stay, and so does the answer to a call that is repeated. It returns how many codes it changed;
// invoice numbers that were never used change nothing. It is
// ErrBeingSent while a notification that repeats a customer is on its way.
func (s *Server) Erase(invoiceNumbers ...string) (erased int, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, invoice := range invoiceNumbers {
		p, found, err := s.find(s.state.byInvoice, invoice)
		if err != nil {
			return erased, err
		}
		if !found || p.CustomerName == "" {
			continue
		}
		deliveries, err := s.withoutCustomer(p)
		if err != nil {
			return erased, err
		}
		p.CustomerName, p.CustomerEmail = "", ""
		if err := s.commit(change{Code: &p, Deliveries: deliveries}); err != nil {
			return erased, err
		}
		erased++
	}
	for i, r := range s.requests {
		for _, invoice := range invoiceNumbers {
			if strings.Contains(r.Body, invoice) {
				s.requests[i].Body = ""
			}
		}
	}
	return erased, s.rewriteState()
}

// withoutCustomer returns the deliveries about a code whose bodies repeat its customer, without those bodies. It is
// ErrBeingSent while one of them is on its way. s.mu is held.
func (s *Server) withoutCustomer(p paymentCode) (changed []Delivery, err error) {
	for _, d := range s.state.deliveriesInOrder() {
		if d.InvoiceNumber != p.InvoiceNumber {
			continue
		}
		repeats := p.isRepeatedIn(d.Body)
		if repeats {
			d.Body = nil
		}
		d.Attempts = append([]Attempt{}, d.Attempts...)
		for i := range d.Attempts {
			if p.isRepeatedIn(d.Attempts[i].Body) {
				d.Attempts[i].Body, repeats = nil, true
			}
		}
		if repeats && s.sending[d.ID] {
			return nil, ErrBeingSent
		}
		if repeats {
			d.NextAttemptAt = nil
			if d.State == DeliveryWaiting {
				d.State = DeliveryGivenUp
			}
			changed = append(changed, d)
		}
	}
	return changed, nil
}

// isRepeatedIn reports whether a body has the customer of a code in it.
func (p paymentCode) isRepeatedIn(body []byte) bool {
	for _, detail := range []string{p.CustomerName, p.CustomerEmail} {
		text, _ := json.Marshal(detail) // texts always encode
		if detail != "" && bytes.Contains(body, bytes.Trim(text, `"`)) {
			return true
		}
	}
	return false
}

// rewriteState puts a file that tells the state as it is now in the place of the state file. s.mu is held.
func (s *Server) rewriteState() error {
	j := s.journal
	if j == nil {
		return nil
	}
	temporary := j.path + ".new"
	size, after, err := rewrite(temporary, s.state.changes(j))
	if err != nil {
		return fmt.Errorf("sandbox: rewrite state: %w", err)
	}
	// Some systems do not rename over a file that is open.
	err = errors.Join(j.file.Close(), os.Rename(temporary, j.path))
	file, openErr := os.OpenFile(j.path, os.O_RDWR, 0o600)
	if openErr != nil {
		return fmt.Errorf("sandbox: rewrite state: %w", errors.Join(err, openErr))
	}
	j.file = file
	if err != nil {
		return fmt.Errorf("sandbox: rewrite state: %w", err)
	}
	j.size, s.state = size, after
	return nil
}

func (s *Server) controlErase(w http.ResponseWriter, r *http.Request) (any, error) {
	var asked struct {
		InvoiceNumbers []string `json:"invoice_numbers"`
	}
	if err := readControl(w, r, &asked); err != nil {
		return nil, err
	}
	if len(asked.InvoiceNumbers) == 0 {
		return nil, badRequest(errors.New(`invoice_numbers is required, for example {"invoice_numbers":["INV-1"]}`))
	}
	erased, err := s.Erase(asked.InvoiceNumbers...)
	return map[string]int{"erased": erased}, err
}
