package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// What the embedded gateway tells by its control API (docs/protocol.md section
// 12), as far as the panel and the tour need it. Times are on the gateway's clock.
type gatewayAccount struct {
	InvoiceNumber string    `json:"invoice_number"`
	PaymentCode   string    `json:"payment_code"`
	Amount        int64     `json:"amount"`
	Reusable      bool      `json:"reusable"`
	Status        string    `json:"status"`
	ExpiresAt     time.Time `json:"expires_at"`
	Payments      []struct {
		TransactionID string    `json:"transaction_id"`
		Amount        int64     `json:"amount"`
		PaidAt        time.Time `json:"paid_at"`
	} `json:"payments"`
}

type gatewayDelivery struct {
	ID            int              `json:"id"`
	InvoiceNumber string           `json:"invoice_number"`
	Status        string           `json:"transaction_status"`
	State         string           `json:"state"` // waiting, delivered or given_up
	NextAttemptAt *time.Time       `json:"next_attempt_at"`
	Attempts      []gatewayAttempt `json:"attempts"`
}

type gatewayAttempt struct {
	Kind       string    `json:"kind"` // first, retry or resend
	At         time.Time `json:"at"`
	HTTPStatus int       `json:"http_status"`
	Error      string    `json:"error"`
	DurationMS int64     `json:"duration_ms"`
}

type gatewayClock struct {
	Now  time.Time `json:"now"`
	Wall time.Time `json:"wall"`
}

// faults are those of the control API by name. What the panel does not offer is
// put back as it came.
type faults map[string]any

// errNotPossible is the gateway's word that a code or a delivery does not allow
// what was asked for.
var errNotPossible = errors.New("not possible at the gateway")

// maxControl is more than the control API has to say of a demo.
const maxControl = 16 << 20

// control calls the control API of the embedded gateway and reads its answer
// into v, unless that is nil.
func (h *Handler) control(ctx context.Context, method, path string, body, v any) error {
	var text []byte
	if body != nil {
		text, _ = json.Marshal(body) // texts and what was JSON before
	}
	r, err := http.NewRequestWithContext(ctx, method, h.SandboxURL+"/control/"+path, bytes.NewReader(text))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/json")
	if h.ControlKey != "" {
		r.Header.Set("Authorization", "Bearer "+h.ControlKey)
	}
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("gateway: %w", err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(res.Body, maxControl))
	switch {
	case err != nil:
		return fmt.Errorf("gateway: %w", err)
	case res.StatusCode == http.StatusNotFound, res.StatusCode == http.StatusConflict, res.StatusCode == http.StatusBadRequest:
		return fmt.Errorf("%w: %s %s: %s", errNotPossible, method, path, bytes.TrimSpace(answer))
	case res.StatusCode != http.StatusOK:
		return fmt.Errorf("gateway: %s %s: HTTP %d", method, path, res.StatusCode)
	case v == nil:
		return nil
	}
	decoder := json.NewDecoder(bytes.NewReader(answer))
	decoder.UseNumber() // a fault's number goes back as it came
	return decoder.Decode(v)
}

// act makes something happen to a code; notify holds its notification back, or
// leaves it to the faults when empty.
func (h *Handler) act(ctx context.Context, code, action, notify string) error {
	return h.control(ctx, http.MethodPost, "payments", map[string]string{"payment_code": code, "action": action, "notify": notify}, nil)
}

// EraseAtSandbox erases the customers of invoice numbers from the gateway's state.
func (h *Handler) EraseAtSandbox(ctx context.Context, invoices []string) error {
	return h.control(ctx, http.MethodPost, "erase", map[string][]string{"invoice_numbers": invoices}, nil)
}

func (h *Handler) ledger(ctx context.Context) ([]gatewayAccount, error) {
	var answer struct{ Ledger []gatewayAccount }
	return answer.Ledger, h.control(ctx, http.MethodGet, "payments", nil, &answer)
}

// deliveries lists the notifications about an invoice number, all when it is empty.
func (h *Handler) deliveries(ctx context.Context, invoice string) ([]gatewayDelivery, error) {
	var answer struct{ Deliveries []gatewayDelivery }
	return answer.Deliveries, h.control(ctx, http.MethodGet, "deliveries?invoice_number="+url.QueryEscape(invoice), nil, &answer)
}

// GatewayClock returns the gateway's time, and the machine's.
func (h *Handler) GatewayClock(ctx context.Context) (c gatewayClock, err error) {
	return c, h.control(ctx, http.MethodGet, "clock", nil, &c)
}

func (h *Handler) advance(ctx context.Context, d time.Duration) error {
	return h.control(ctx, http.MethodPost, "clock", map[string]string{"advance": d.String()}, nil)
}

func (h *Handler) resend(ctx context.Context, id int) error {
	return h.control(ctx, http.MethodPost, fmt.Sprintf("deliveries/%d/resend", id), nil, nil)
}

func (h *Handler) faults(ctx context.Context) (f faults, err error) {
	return f, h.control(ctx, http.MethodGet, "faults", nil, &f)
}

func (h *Handler) setFaults(ctx context.Context, f faults) error {
	return h.control(ctx, http.MethodPut, "faults", f, nil)
}

func (h *Handler) clearFaults(ctx context.Context) error {
	return h.control(ctx, http.MethodDelete, "faults", nil, nil)
}

// OrderNumber is the order an invoice number is an attempt of.
func OrderNumber(invoice string) string {
	if i := strings.LastIndex(invoice, "-"); i > 0 {
		return invoice[:i]
	}
	return invoice
}
