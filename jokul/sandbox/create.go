package sandbox

import (
	"net/http"
	"strings"
	"time"

	"warungjokul/jokul"
)

// create answers "generate payment code" (docs/protocol.md sections 4 and 5).
func (s *Server) create(c *call) reply {
	leave, err := s.enter(c.request.Context(), c.requestID)
	if err != nil {
		return s.failed(err)
	}
	defer leave()
	issued, rep := s.issue(c)
	if issued != nil && c.faults.Notify == NotifyBeforeReply {
		if _, err := s.Pay(c.request.Context(), issued.Code); err != nil {
			return s.failed(err)
		}
	}
	return rep
}

// issue gives out a code and keeps it together with the answer. It returns no
// code when the call is a repeat or refused.
func (s *Server) issue(c *call) (*paymentCode, reply) {
	s.mu.Lock()
	defer s.mu.Unlock()
	rep, repeat, err := s.repeated(c)
	switch {
	case err != nil:
		return nil, s.failed(err)
	case repeat:
		return nil, rep
	}
	order, err := s.readOrder(c)
	if err != nil {
		return nil, refuse(http.StatusBadRequest, codeInvalidRequest, err.Error())
	}
	if _, taken := s.state.byInvoice[order.InvoiceNumber]; taken && c.faults.DuplicateInvoice == "reject" {
		return nil, refuse(http.StatusBadRequest, jokul.CodeDuplicateInvoice, "order.invoice_number already exists")
	}
	issued, err := s.newPaymentCode(order, c)
	if err != nil {
		return nil, s.failed(err)
	}
	if err := s.commit(change{Code: &issued}); err != nil {
		return nil, s.failed(err)
	}
	s.nextExpiry = earlier(s.nextExpiry, issued.ExpiresAt)
	if c.faults.PushExpired {
		s.wakeRun() // its expiry may be the next thing to tell
	}
	s.log.Info("payment code issued", "invoice_number", issued.InvoiceNumber, "request_id", issued.RequestID)
	return &issued, ok(issued.answer())
}

// newPaymentCode makes the code an order asked for. s.mu is held.
func (s *Server) newPaymentCode(o order, c *call) (paymentCode, error) {
	code, err := s.newCode(c.faults)
	if err != nil {
		return paymentCode{}, err
	}
	token, err := s.newToken()
	if err != nil {
		return paymentCode{}, err
	}
	created := s.now().Truncate(time.Second) // what the dates of the answer can say
	p := o.paymentCode
	p.Number = len(s.state.codes) + 1
	p.Code, p.Token = code, token
	p.ClientID, p.RequestID, p.Digest, p.Base = s.cfg.ClientID, c.requestID, c.component.Digest, s.publicURL(c.request)
	p.CreatedAt = created
	p.ExpiresAt = created.Add(time.Duration(o.minutes) * time.Minute)
	p.Promised = p.ExpiresAt
	return p, nil
}

type invoice struct {
	InvoiceNumber string `json:"invoice_number"`
}

type paymentCodeInfo struct {
	PaymentCode    string `json:"payment_code"`
	HowToPayPage   string `json:"how_to_pay_page"`
	HowToPayAPI    string `json:"how_to_pay_api"`
	CreatedDate    string `json:"created_date"`
	CreatedDateUTC string `json:"created_date_utc"`
	ExpiredDate    string `json:"expired_date"`
	ExpiredDateUTC string `json:"expired_date_utc"`
}

type paymentCodeReply struct {
	Order               invoice         `json:"order"`
	OnlineToOfflineInfo paymentCodeInfo `json:"online_to_offline_info"`
}

// answer is what the call that made the code was told.
func (p paymentCode) answer() []byte {
	return marshal(paymentCodeReply{
		Order: invoice{p.InvoiceNumber},
		OnlineToOfflineInfo: paymentCodeInfo{
			PaymentCode:    p.Code,
			HowToPayPage:   p.Base + howToPayPagePath + p.Code + "/" + p.Token,
			HowToPayAPI:    p.Base + howToPayAPIPath + p.Code + "/" + p.Token,
			CreatedDate:    compactWIB(p.CreatedAt),
			CreatedDateUTC: dateUTC(p.CreatedAt),
			ExpiredDate:    compactWIB(p.Promised),
			ExpiredDateUTC: dateUTC(p.Promised),
		},
	})
}

func (s *Server) publicURL(r *http.Request) string {
	switch {
	case s.cfg.PublicURL != "":
		return strings.TrimSuffix(s.cfg.PublicURL, "/")
	case r.TLS != nil:
		return "https://" + r.Host
	}
	return "http://" + r.Host
}
