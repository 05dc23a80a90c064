package console

import (
	"encoding/csv"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"golang.org/x/text/unicode/norm"

	"warungjokul/handlers/web"
	"warungjokul/models"
	"warungjokul/views"
)

const (
	exportFlush   = 200              // rows
	exportTimeout = 30 * time.Second // with a reader who takes nothing
)

var exportHead = []string{"order_number", "status", "placed_at", "paid_at", "expired_at", "cancelled_at", "total", "received",
	"customer_name", "customer_email", "customer_phone", "language", "items", "attempts", "invoice_number", "payment_code", "needs_attention",
	"test", "not_applied", "refunded"}

// exportOrders streams the orders of a filter as CSV, for spreadsheets and other
// programs: whole rupiah, times in UTC. However many there are, a few are in
// memory at a time.
func (h *Handler) exportOrders(c echo.Context) error {
	w := c.Response()
	w.Header().Set(echo.HeaderContentType, "text/csv; charset=utf-8; header=present")
	w.Header().Set(echo.HeaderContentDisposition, "attachment; filename=orders-"+views.StartOfDay(h.Now()).Format(time.DateOnly)+".csv")
	w.Header().Set(echo.HeaderCacheControl, "no-store")
	if c.Request().Method == http.MethodHead { // nobody reads what would be written
		return c.NoContent(http.StatusOK)
	}
	stream := http.NewResponseController(w)
	rows := csv.NewWriter(w)
	rows.UseCRLF = true // as RFC 4180 has it
	if err := rows.Write(exportHead); err != nil {
		return err
	}
	n := 0
	err := h.Store.EachOrder(c.Request().Context(), readFilter(c).OrderFilter, func(o models.Order) error {
		if n++; n%exportFlush == 0 {
			rows.Flush()
			_ = stream.SetWriteDeadline(time.Now().Add(exportTimeout)) // as long as somebody reads, it may last
			if err := stream.Flush(); err != nil {
				return err
			}
		}
		return rows.Write(exportRow(o))
	})
	rows.Flush()
	if err == nil {
		err = rows.Error()
	}
	if err != nil && w.Committed {
		// Half a file must not pass for a whole one: the connection is cut.
		h.Log.WarnContext(c.Request().Context(), "export ended early", "rows", n, "error", err)
		panic(http.ErrAbortHandler)
	}
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return nil
}

func exportRow(o models.Order) []string {
	var items []string
	for _, l := range o.Lines {
		items = append(items, fmt.Sprintf("%d x %s", l.Quantity, l.SKU))
	}
	money, p := o.Money(), o.Payment()
	row := []string{o.Number, string(o.Status), machine(&o.PlacedAt), machine(o.PaidAt), machine(o.ExpiredAt), machine(o.CancelledAt),
		strconv.FormatInt(o.Total, 10), strconv.FormatInt(money.Applied, 10), o.CustomerName, o.CustomerEmail, o.CustomerPhone, o.Language,
		strings.Join(items, "; "), strconv.Itoa(len(o.Payments)), p.InvoiceNumber, p.Code, openCases(o), strconv.FormatBool(o.Test),
		strconv.FormatInt(money.Unapplied, 10), strconv.FormatInt(money.Refunded, 10)}
	for i := range row {
		row[i] = defuse(row[i])
	}
	return row
}

// openCases names the kinds of an order's open cases.
func openCases(o models.Order) string {
	var kinds []string
	for _, c := range o.OpenCases {
		kinds = append(kinds, string(c.Kind))
	}
	return strings.Join(slices.Compact(kinds), " ")
}

func machine(t *time.Time) string {
	if t == nil {
		return ""
	}
	return views.Machine(*t)
}

// defuse keeps a cell from being run: a spreadsheet takes what begins with a sign
// for a formula, whoever wrote it, also one that is written in full width or behind
// what does not show. An apostrophe makes it text. In Indonesia spreadsheets begin
// another cell at each semicolon.
func defuse(cell string) string {
	var text strings.Builder
	for part := range strings.SplitAfterSeq(cell, ";") {
		if isFormula(part) {
			text.WriteByte('\'')
		}
		text.WriteString(part)
	}
	return text.String()
}

func isFormula(cell string) bool {
	if cell == "" {
		return false
	}
	sign := norm.NFKC.String(web.CutText(web.CleanText(cell), 1)) // in its usual width
	return strings.ContainsRune("\t\r\n", rune(cell[0])) || sign != "" && strings.ContainsAny(sign[:1], "=+-@") || sign == "−"
}
