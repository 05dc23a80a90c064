package sandbox

import (
	"encoding/json"
	"net/http"
	"time"

	"warungjokul/jokul"
)

// statusLag is how long the gateway may keep saying PENDING after a payment
// (docs/protocol.md section 8).
const statusLag = 60 * time.Second

type id struct {
	ID string `json:"id"`
}

type identifier struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type statusTransaction struct {
	Status            jokul.TransactionStatus `json:"status"`
	Date              string                  `json:"date,omitempty"`
	OriginalRequestID string                  `json:"original_request_id"`
}

type statusOrder struct {
	InvoiceNumber string `json:"invoice_number"`
	Amount        int64  `json:"amount"`
}

type statusPayment struct {
	Identifier []identifier `json:"identifier"`
}

type statusInfo struct {
	PaymentCode string `json:"payment_code"`
}

// statusReply resembles a notification; members that say nothing yet are absent.
type statusReply struct {
	Order                  statusOrder       `json:"order"`
	Transaction            statusTransaction `json:"transaction"`
	Service                id                `json:"service"`
	Acquirer               id                `json:"acquirer"`
	Channel                id                `json:"channel"`
	OnlineToOfflineInfo    statusInfo        `json:"online_to_offline_info"`
	OnlineToOfflinePayment *statusPayment    `json:"online_to_offline_payment,omitempty"`
	AdditionalInfo         json.RawMessage   `json:"additional_info,omitempty"`
}

// status answers "check status", by invoice number or by the Request-Id of the
// create call: the way to recover a lost answer.
func (s *Server) status(c *call) reply {
	s.mu.Lock()
	defer s.mu.Unlock()
	p, found, err := s.find(s.state.byInvoice, c.request.PathValue("id"))
	if !found && err == nil {
		p, found, err = s.find(s.state.byRequest, c.request.PathValue("id"))
	}
	if err != nil {
		return s.failed(err)
	}
	if !found {
		return refuse(http.StatusNotFound, jokul.CodeTransactionNotFound, "Transaction not found")
	}
	return ok(marshal(newStatusReply(p, s.now(), c.faults)))
}

func lag(f Faults) time.Duration {
	if f.StatusLag {
		return statusLag
	}
	return 0
}

func newStatusReply(p paymentCode, now time.Time, f Faults) statusReply {
	lag := lag(f)
	r := statusReply{
		Order:               statusOrder{p.InvoiceNumber, p.Amount},
		Transaction:         statusTransaction{Status: p.transactionStatus(now, lag), OriginalRequestID: p.RequestID},
		Service:             id{serviceID},
		Acquirer:            id{acquirerID},
		Channel:             id{channelID},
		OnlineToOfflineInfo: statusInfo{p.Code},
		AdditionalInfo:      p.AdditionalInfo,
	}
	switch r.Transaction.Status {
	case jokul.TransactionSuccess:
		paid := p.settled(now, lag)
		r.Order.Amount = paid.Amount
		r.Transaction.Date = dateUTC(paid.PaidAt)
		if f.retells(RetellStatusDate) {
			r.Transaction.Date = dateUTC(paid.PaidAt.Add(time.Second))
		}
		r.OnlineToOfflinePayment = toldByStatus(*paid, f)
	case jokul.TransactionExpired:
		r.Transaction.Date = dateUTC(p.ExpiresAt)
	}
	return r
}
