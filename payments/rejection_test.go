package payments

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"warungjokul/jokul"
	"warungjokul/models"
)

// The reason of a rejection is what the client found first.
func TestRejectionReason(t *testing.T) {
	for err, want := range map[error]string{
		jokul.ErrMissingHeader:    RejectedMissing,
		jokul.ErrWrongClientID:    RejectedMerchant,
		jokul.ErrInvalidSignature: RejectedSignature,
	} {
		if got := RejectionReason(&NotGenuineError{fmt.Errorf("notification: %w", err)}); got != want {
			t.Errorf("%v: %s, want %s", err, got, want)
		}
	}
}

// Of many rejections all are counted and a few are saved, with what they claim and with
// bounded headers. The pages of the orders they claim to be about are told.
func TestSaveRejections(t *testing.T) {
	e := newEnv(t)
	p := e.payment(e.order("MNM-TEH"))
	header := http.Header{"User-Agent": {"curl/8", "another", "a third"}, "Via": {strings.Repeat("v", 2*maxSampleHeader)}, "X-Other": {"left out"}}
	const many = samplesAtOnce + 20
	for range many {
		_, err := e.ReceiveNotification(t.Context(), Delivery{Header: header, Body: []byte(message(p, "SUCCESS")), Sender: "203.0.113.9",
			ReceivedAt: e.clock.Now()})
		var rejected *NotGenuineError
		if !errors.As(err, &rejected) {
			t.Fatal(err)
		}
	}
	select {
	case <-e.rejections.wake:
	default:
		t.Error("nobody is woken to save them")
	}
	changed := e.changed.Load()
	e.SaveRejections(t.Context())
	counts, err := e.Store.RejectionCounts(t.Context())
	if err != nil || len(counts) != 1 || counts[0].Count != many || counts[0].Reason != RejectedMissing {
		t.Errorf("counted %+v, %v", counts, err)
	}
	list, err := e.Store.Rejections(t.Context())
	if err != nil || len(list) < samplesAtOnce || len(list) == many {
		t.Fatalf("%d of %d are saved, %v", len(list), many, err)
	}
	sample := list[0]
	if sample.InvoiceNumber != p.InvoiceNumber || sample.Sender != "203.0.113.9" || string(sample.Body) != message(p, "SUCCESS") {
		t.Errorf("saved %+v", sample)
	}
	if !strings.Contains(sample.Header, "curl/8") || !strings.Contains(sample.Header, "another") || strings.Contains(sample.Header, "a third") ||
		strings.Contains(sample.Header, "left out") || strings.Contains(sample.Header, strings.Repeat("v", maxSampleHeader+1)) {
		t.Errorf("headers %s", sample.Header)
	}
	if n := e.changed.Load() - changed; n != int64(len(list)) {
		t.Errorf("the pages were told %d times, want once for each of %d samples", n, len(list))
	}
}

// What claims to be about nothing tells nobody, and without rejections nothing is written.
func TestRejectionsAboutNothing(t *testing.T) {
	e := newEnv(t)
	e.reject()
	changed, mails := e.changed.Load(), e.mailDue.Load()
	e.SaveRejections(t.Context())
	if e.changed.Load() != changed || e.mailDue.Load() != mails {
		t.Error("somebody is told")
	}
	e.withoutDatabase()
	e.SaveRejections(t.Context())
	if e.logged("save rejections") {
		t.Error("something is written where there is nothing to write")
	}
}

// The worker saves rejections when they come.
func TestRunRejections(t *testing.T) {
	e := newEnv(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan bool)
	go func() { e.runRejections(ctx); close(ended) }()
	e.reject()
	stop() // the worker saves what there is before it ends
	<-ended
	e.SaveRejections(t.Context())
	if counts, err := e.Store.RejectionCounts(t.Context()); err != nil || len(counts) != 1 || counts[0].Count != 1 {
		t.Errorf("counted %+v, %v", counts, err)
	}
}

// A change of a payment whose order is not loaded finds the order; a payment that is
// nobody's is no trouble.
func TestChanged(t *testing.T) {
	e := newEnv(t)
	p := e.payment(e.order("MNM-TEH"))
	told := ""
	e.Changed = func(_ context.Context, token string) { told = token }
	e.changedPayment(t, models.Payment{InvoiceNumber: p.InvoiceNumber}, &told, true)
	e.changedPayment(t, models.Payment{InvoiceNumber: "NOT-OURS"}, &told, false)
	if e.logged("find order of payment") {
		t.Error("the log warns of an invoice number that is nobody's")
	}
	e.withoutDatabase()
	e.changedPayment(t, models.Payment{InvoiceNumber: "x", Order: &models.Order{Token: "loaded"}}, &told, true)
	e.changedPayment(t, models.Payment{InvoiceNumber: p.InvoiceNumber}, &told, false)
	if !e.logged("find order of payment") {
		t.Error("the log does not say that the order was not found")
	}
}

func (e *env) changedPayment(t *testing.T, p models.Payment, told *string, want bool) {
	t.Helper()
	*told = ""
	e.Service.changed(t.Context(), p)
	if (*told != "") != want {
		t.Errorf("%s: told of %q", p.InvoiceNumber, *told)
	}
}
