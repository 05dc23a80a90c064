package handlers

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

// What did not verify anybody may have sent, as much as they like. It is counted
// in memory, and now and then a sample is put aside; once a second all that is
// written down. A flood costs the disk one small write a second and, as old
// samples give way, no room.
const (
	samplesAtOnce    = 10 // of a reason
	samplesASecond   = 2
	rejectionsPause  = time.Second
	maxKeptHeader    = 512 // of one header, in bytes
	maxKeptName      = 64  // of an invoice number somebody claims
	rejectedMissing  = "missing"
	rejectedMerchant = "merchant"
	rejectedUnsigned = "signature"
)

type rejections struct {
	mu      sync.Mutex
	counts  map[string]int64
	samples []models.Rejection
	limits  map[string]*rate.Limiter
	wake    chan struct{}

	writing sync.Mutex // whoever asks for them waits for what is being written
}

func newRejections() *rejections {
	r := &rejections{counts: map[string]int64{}, limits: map[string]*rate.Limiter{}, wake: make(chan struct{}, 1)}
	for _, reason := range []string{rejectedMissing, rejectedMerchant, rejectedUnsigned} {
		r.limits[reason] = rate.NewLimiter(samplesASecond, samplesAtOnce)
	}
	return r
}

// reasonOf names why a notification was rejected.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, jokul.ErrMissingHeader):
		return rejectedMissing
	case errors.Is(err, jokul.ErrWrongClientID):
		return rejectedMerchant
	}
	return rejectedUnsigned
}

// add counts a delivery that did not verify, and may put it aside.
func (r *rejections) add(err error, header http.Header, body []byte, sender string, received time.Time) {
	reason := reasonOf(err)
	r.mu.Lock()
	defer r.mu.Unlock()
	r.counts[reason]++
	if r.limits[reason].Allow() {
		r.samples = append(r.samples, models.Rejection{
			Reason: reason, InvoiceNumber: claimedInvoice(body), Sender: sender, Header: headerJSON(telling(header)),
			Body: bytes.Clone(body[:min(len(body), models.MaxRejectedBody)]), Size: int64(len(body)), ReceivedAt: received.UTC(),
		})
	}
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

func (r *rejections) take() (map[string]int64, []models.Rejection) {
	r.mu.Lock()
	defer r.mu.Unlock()
	counts, samples := r.counts, r.samples
	r.counts, r.samples = map[string]int64{}, nil
	return counts, samples
}

// giveBack keeps the counts of what could not be written down; samples come
// again.
func (r *rejections) giveBack(counts map[string]int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for reason, n := range counts {
		r.counts[reason] += n
	}
}

// claimedInvoice is the invoice number somebody writes about.
func claimedInvoice(body []byte) string {
	var message struct {
		Order struct {
			InvoiceNumber string `json:"invoice_number"`
		}
	}
	_ = json.Unmarshal(body, &message) // what cannot be read claims nothing
	return clipped(message.Order.InvoiceNumber, maxKeptName)
}

func clipped(s string, size int) string {
	return strings.ToValidUTF8(s[:min(len(s), size)], "")
}

// tellingHeaders explain a signature that does not fit: what it stands on, and
// what proxies say of what they changed.
var tellingHeaders = []string{jokul.HeaderClientID, jokul.HeaderRequestID, jokul.HeaderRequestTimestamp, jokul.HeaderSignature,
	"Content-Type", "Content-Encoding", "User-Agent", "Via", "X-Forwarded-Prefix", "X-Script-Name", "X-Forwarded-Uri", "X-Forwarded-Path",
	"X-Original-Uri", "X-Original-Url", "X-Original-Path", "X-Rewrite-Url", "X-Envoy-Original-Path", "X-Replaced-Path"}

// telling keeps the headers that tell something, two of each at most.
func telling(header http.Header) http.Header {
	kept := http.Header{}
	for _, name := range tellingHeaders {
		values := header.Values(name)
		for _, value := range values[:min(len(values), 2)] {
			kept.Add(name, clipped(value, maxKeptHeader))
		}
	}
	return kept
}

// workRejections writes down what did not verify, once a second at most.
func (h *Handler) workRejections(ctx context.Context) {
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
		case <-h.rejections.wake:
		}
		h.keepRejections(context.WithoutCancel(ctx))
		select {
		case <-ctx.Done():
		case <-time.After(rejectionsPause):
		}
	}
}

// keepRejections writes down what did not verify since the last time, and tells
// the pages about what it claims to be about.
func (h *Handler) keepRejections(ctx context.Context) {
	h.rejections.writing.Lock()
	defer h.rejections.writing.Unlock()
	counts, samples := h.rejections.take()
	if len(counts) == 0 {
		return
	}
	keeping, cancel := toKeep(ctx)
	defer cancel()
	if err := h.Store.KeepRejections(keeping, counts, samples); err != nil {
		h.rejections.giveBack(counts)
		h.Log.ErrorContext(keeping, "keep rejections", "error", err)
		return
	}
	for _, r := range samples {
		if r.InvoiceNumber != "" {
			h.changed(keeping, models.Payment{InvoiceNumber: r.InvoiceNumber})
		}
	}
}
