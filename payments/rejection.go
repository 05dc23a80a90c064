package payments

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"warungjokul/jokul"
	"warungjokul/models"
)

// Anybody may send messages that do not verify, as many as they like. They are
// counted in memory, a few samples of each reason are taken, and once a second all
// of that is saved. A flood costs the disk one small write a second and, as old
// samples give way to new ones, no room.
const (
	samplesAtOnce     = 10 // of a reason
	samplesPerSecond  = 2
	rejectionInterval = time.Second
	maxSampleHeader   = 512 // bytes of one header
	maxClaimedInvoice = 64  // bytes
)

// Reasons of a rejection.
const (
	RejectedMissing   = "missing"   // a signed header is missing
	RejectedMerchant  = "merchant"  // another merchant's Client-Id
	RejectedSignature = "signature" // the signature does not fit
)

// RejectionReason returns the reason that an error of ReceiveNotification names.
func RejectionReason(err error) string {
	switch {
	case errors.Is(err, jokul.ErrMissingHeader):
		return RejectedMissing
	case errors.Is(err, jokul.ErrWrongClientID):
		return RejectedMerchant
	}
	return RejectedSignature
}

// rejections are the rejected deliveries that are not saved yet.
type rejections struct {
	mu      sync.Mutex
	counts  map[string]int64
	samples []models.Rejection
	limits  map[string]*rate.Limiter
	wake    Wake

	saving sync.Mutex // held while they are saved, so that a reader can wait for that
}

func newRejections() *rejections {
	r := &rejections{counts: map[string]int64{}, limits: map[string]*rate.Limiter{}, wake: NewWake()}
	for _, reason := range []string{RejectedMissing, RejectedMerchant, RejectedSignature} {
		r.limits[reason] = rate.NewLimiter(samplesPerSecond, samplesAtOnce)
	}
	return r
}

// add counts a rejected delivery, and may take it as a sample.
func (r *rejections) add(err error, d Delivery) {
	reason := RejectionReason(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[reason]++
	if r.limits[reason].Allow() {
		r.samples = append(r.samples, models.Rejection{
			Reason: reason, InvoiceNumber: claimedInvoice(d.Body), Sender: d.Sender, Header: headerJSON(sampleHeaders(d.Header)),
			Body: bytes.Clone(d.Body[:min(len(d.Body), models.MaxRejectedBody)]), Size: int64(len(d.Body)), ReceivedAt: d.ReceivedAt.UTC(),
		})
	}
	r.wake.Set()
}

func (r *rejections) take() (map[string]int64, []models.Rejection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts, samples := r.counts, r.samples
	r.counts, r.samples = map[string]int64{}, nil
	return counts, samples
}

// giveBack keeps the counts of what could not be saved. The samples are lost;
// others will come.
func (r *rejections) giveBack(counts map[string]int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for reason, n := range counts {
		r.counts[reason] += n
	}
}

// claimedInvoice returns the invoice number that a message claims to be about.
func claimedInvoice(body []byte) string {
	var message struct {
		Order struct {
			InvoiceNumber string `json:"invoice_number"`
		}
	}
	_ = json.Unmarshal(body, &message) // what cannot be read claims nothing
	return clipped(message.Order.InvoiceNumber, maxClaimedInvoice)
}

// clipped returns the first bytes of a text, without what is not UTF-8.
func clipped(s string, size int) string {
	return strings.ToValidUTF8(s[:min(len(s), size)], "")
}

// sampledHeaders explain a signature that does not fit: the headers that it covers,
// and those in which proxies say what they changed.
var sampledHeaders = []string{jokul.HeaderClientID, jokul.HeaderRequestID, jokul.HeaderRequestTimestamp, jokul.HeaderSignature,
	"Content-Type", "Content-Encoding", "User-Agent", "Via", "X-Forwarded-Prefix", "X-Script-Name", "X-Forwarded-Uri", "X-Forwarded-Path",
	"X-Original-Uri", "X-Original-Url", "X-Original-Path", "X-Rewrite-Url", "X-Envoy-Original-Path", "X-Replaced-Path"}

// sampleHeaders returns the sampled headers, two values of each at most.
func sampleHeaders(header http.Header) http.Header {
	sample := http.Header{}
	for _, name := range sampledHeaders {
		values := header.Values(name)
		for _, value := range values[:min(len(values), 2)] {
			sample.Add(name, clipped(value, maxSampleHeader))
		}
	}
	return sample
}

// runRejections saves rejections until ctx ends, once a second at most.
func (s *Service) runRejections(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-s.rejections.wake:
		}
		s.SaveRejections(context.WithoutCancel(ctx))
		select {
		case <-ctx.Done():
		case <-time.After(rejectionInterval):
		}
	}
}

// SaveRejections saves the rejections that came since the last time, and tells the
// pages of the orders that they claim to be about.
func (s *Service) SaveRejections(ctx context.Context) {
	s.rejections.saving.Lock()
	defer s.rejections.saving.Unlock()
	counts, samples := s.rejections.take()
	if len(counts) == 0 {
		return
	}
	ctx, cancel := Saving(ctx)
	defer cancel()
	if err := s.Store.SaveRejections(ctx, counts, samples); err != nil {
		s.rejections.giveBack(counts)
		s.Log.ErrorContext(ctx, "save rejections", "error", err)
		return
	}
	for _, r := range samples {
		if r.InvoiceNumber != "" {
			s.changed(ctx, models.Payment{InvoiceNumber: r.InvoiceNumber})
		}
	}
}
