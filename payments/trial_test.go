package payments

import (
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"warungjokul/models"
)

// Only the set-up check can mark a forgery as its own: a mark that is made up, of another body, or old is none.
func TestOnlyTheSetupCheckMarksTrials(t *testing.T) {
	e := newEnv(t)
	body := []byte(`{"order":{"invoice_number":"` + models.TrialInvoice + `","amount":1},"transaction":{"status":"PENDING"}}`)
	marked := http.Header{}
	e.MarkTrial(marked, body)
	signed := maps.Clone(marked)
	signed.Set(trialHeader, e.clock.Now().UTC().Format(time.RFC3339)+" HMACSHA256=bm90aGluZw==")
	for name, tt := range map[string]struct {
		header http.Header
		body   string
		after  time.Duration
		want   bool
	}{
		"its own":      {marked, string(body), 0, true},
		"no mark":      {http.Header{}, string(body), 0, false},
		"made up":      {signed, string(body), 0, false},
		"another body": {marked, strings.Replace(string(body), "1}", "2}", 1), 0, false},
		"old":          {marked, string(body), trialAge + time.Second, false},
		"of tomorrow":  {marked, string(body), -trialAge - time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			d := Delivery{Header: tt.header, Body: []byte(tt.body), ReceivedAt: e.clock.Now().Add(tt.after)}
			if got := e.isTrial(d); got != tt.want {
				t.Errorf("trial: %v, want %v", got, tt.want)
			}
		})
	}
}
