package payments

import (
	"net/http"
	"strings"
	"time"

	"warungjokul/jokul"
	"warungjokul/models"
)

// The set-up check sends the shop forgeries, to see them rejected. Each carries a mark, so that it counts as a trial
// and not as a rejection. The mark is a signature with the Secret Key over the body and the time, for a target that no
// address has: a stranger cannot make one, no message of the gateway's is one, and it soon is of no use to anybody.
const (
	trialHeader = "Setup-Check"
	trialTarget = "setup-check"
	trialAge    = time.Minute
)

// MarkTrial marks a forgery with this body as the set-up check's own.
func (s *Service) MarkTrial(header http.Header, body []byte) {
	signed := s.Gateway.SignNotification(trialTarget, models.TrialInvoice, body)
	header.Set(trialHeader, signed.Get(jokul.HeaderRequestTimestamp)+" "+signed.Get(jokul.HeaderSignature))
}

// isTrial reports whether a delivery carries the mark of the set-up check.
func (s *Service) isTrial(d Delivery) bool {
	stamp, signature, _ := strings.Cut(d.Header.Get(trialHeader), " ")
	at, err := time.Parse(jokul.TimestampLayout, stamp)
	if err != nil || d.ReceivedAt.Sub(at).Abs() > trialAge {
		return false
	}
	header := http.Header{}
	header.Set(jokul.HeaderClientID, s.Gateway.ClientID())
	header.Set(jokul.HeaderRequestID, models.TrialInvoice)
	header.Set(jokul.HeaderRequestTimestamp, stamp)
	header.Set(jokul.HeaderSignature, signature)
	_, err = s.Gateway.ParseNotification(trialTarget, header, d.Body)
	return err == nil
}
