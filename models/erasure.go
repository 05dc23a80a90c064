package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// A customer is a name, an email and a phone number. They are erased from everything the shop keeps when an order has
// been over for long enough, or when somebody decides so. Amounts, dates and identifiers stay: the books are the same
// before and after.

// heldIn is how a table keeps something about an order. It is the one list of what is held on a customer: the export
// reads by it and erasing writes by it.
type heldIn struct {
	table string
	of    string // the condition that a row is about the order with that ID, which is each of its parameters
	erase string // what is set in such rows, empty for nothing; columns that hold or may repeat the customer's data
}

// Of an order's payments, by their ID and by their invoice number.
const (
	ofPaymentID = "payment_id IN (SELECT id FROM payments WHERE order_id = @order)"
	ofInvoice   = "invoice_number IN (SELECT invoice_number FROM payments WHERE order_id = @order)"
	ofCall      = ofPaymentID + " OR payment_id IS NULL AND (" + ofInvoice +
		" OR invoice_number IN (SELECT request_id FROM payments WHERE order_id = @order))"
)

// held lists every table with something about an order, in the order in which it is exported. Texts by people and by
// the gateway, such as a reason or an error, may quote a customer: they are erased whole. Rows that are nothing but
// the customer's data are deleted, and notifications and receipts are looked at one by one; see eraseRows.
var held = []heldIn{
	{"orders", "id = @order", "customer_name = '', customer_email = '', customer_phone = '', cancelled_for = ''"},
	{"order_lines", "order_id = @order", ""},
	{"payments", "order_id = @order", "request_body = '', last_error = '', instructions = NULL"},
	{"receipts", ofPaymentID, "refund_method = ''"},
	{"mails", ofPaymentID, "text = '', html = '', last_error = '', leased_until = NULL," +
		" sent_at = COALESCE(sent_at, @now)"},
	{"cases", "order_id = @order", "detail = '', reason = '', refund_method = ''"},
	{"notifications", ofInvoice, ""},
	{"exchanges", ofCall, "request_body = '', response_body = '', problem = ''"},
	{"rejections", ofInvoice, ""},
	{"changes", "order_id = @order", ""},
	{"order_words", "order_id = @order", ""},
	{"order_holders", "order_id = @order", ""}, // keyed hashes, while the order waits
}

// ErasureReason says why a customer's data was erased. There is no text of its own: it might quote the customer.
type ErasureReason string

const (
	ErasureTime      ErasureReason = "time"      // the order has been over for as long as data is kept
	ErasureRequested ErasureReason = "requested" // the customer asked for it
	ErasureWithdrawn ErasureReason = "withdrawn" // the customer withdrew consent
	ErasureUnlawful  ErasureReason = "unlawful"  // the data should not have been kept, such as somebody else's
)

// ErasureReasons returns the reasons a person can give.
func ErasureReasons() []ErasureReason {
	return []ErasureReason{ErasureRequested, ErasureWithdrawn, ErasureUnlawful}
}

// Erasure is who decided to erase, empty for the shop itself, and why.
type Erasure struct {
	By     string
	Reason ErasureReason
}

// actor is who erases.
func (e Erasure) actor() Actor {
	if e.By == "" {
		return Actor{By: ActorShop}
	}
	return Actor{By: ActorStaff}
}

// ErasureBlock says why an order's customer is still needed, empty where that is not so.
type ErasureBlock string

const (
	BlockOpen   ErasureBlock = "open"   // the order waits to be paid, or for its code
	BlockCase   ErasureBlock = "case"   // a person must decide something about it
	BlockMoney  ErasureBlock = "money"  // money came that nobody has decided about
	BlockErased ErasureBlock = "erased" // it was done already
)

// ErasureBlock says why the customer of an order that was loaded whole cannot be erased.
func (o Order) ErasureBlock() ErasureBlock {
	switch {
	case o.ErasedAt != nil:
		return BlockErased
	case o.HasUndecidedMoney():
		return BlockMoney
	case len(o.OpenCases) > 0:
		return BlockCase
	case o.Status == OrderAwaitingPayment:
		return BlockOpen
	}
	for _, p := range o.Payments {
		if p.State == PaymentCreating { // its request may be sent once more
			return BlockOpen
		}
	}
	return ""
}

// Erase erases the customer of orders, each in full or not at all, and returns the orders of which it did: those that
// ErasureBlock names a reason for are left out. Mails that were still to be sent are dropped. What the files of the
// database hold of it is removed by Scrub.
func (s *Store) Erase(ctx context.Context, orderIDs []int64, e Erasure) (erased []Order, err error) {
	err = s.transactAs(ctx, e.actor(), func(tx *transaction) error {
		erased = nil
		var customers []Customer
		for _, id := range orderIDs {
			if _, err := lockOrder(tx, id); err != nil {
				return err
			}
			o, err := wholeOrder(tx.DB, "id = ?", id)
			if err != nil {
				return err
			}
			if o.ErasureBlock() != "" {
				continue
			}
			known, err := customersOf(tx, o)
			if err != nil {
				return err
			}
			if err := eraseOrder(tx, o, known, e, s.now()); err != nil {
				return err
			}
			erased, customers = append(erased, o), append(customers, known...)
		}
		if err := errors.Join(eraseSamples(tx, erased, customers), eraseStrays(tx, customers)); err != nil {
			return err
		}
		return wantScrub(tx, len(erased))
	})
	if err != nil {
		return nil, fmt.Errorf("erase customer: %w", err)
	}
	return erased, nil
}

// customersOf returns the customer of an order, and each detail that was corrected as a customer with nothing else.
func customersOf(tx *transaction, o Order) ([]Customer, error) {
	var corrections []AuditEvent
	err := tx.Where("order_id = ? AND kind = ?", o.ID, AuditCustomer).Order("id").Find(&corrections).Error
	list := []Customer{o.Customer()}
	for _, c := range corrections {
		switch c.Subject {
		case "name":
			list = append(list, Customer{Name: c.Was})
		case "email":
			list = append(list, Customer{Email: c.Was})
		case "phone":
			list = append(list, Customer{Phone: c.Was})
		}
	}
	return list, err
}

func eraseOrder(tx *transaction, o Order, customers []Customer, e Erasure, now time.Time) error {
	if err := eraseRows(tx, o, customers, now); err != nil {
		return err
	}
	tx.audit(AuditEvent{OrderID: o.ID, Kind: AuditErased, Subject: o.Number, Became: string(e.Reason)})
	res := tx.Model(&Order{}).Where("id = ? AND erased_at IS NULL", o.ID).
		Updates(map[string]any{"erased_at": now, "erased_by": e.By, "erasure_reason": e.Reason})
	if res.Error == nil && res.RowsAffected == 0 {
		res.Error = errors.New("the order was erased already")
	}
	return res.Error
}

// eraseRows erases what all tables hold on the customer of an order that is locked, as customersOf returns them.
func eraseRows(tx *transaction, o Order, customers []Customer, now time.Time) error {
	values := map[string]any{"order": o.ID, "now": now}
	if err := eraseMessages(tx, o, customers, values); err != nil {
		return err
	}
	for _, h := range held {
		if h.erase == "" {
			continue
		}
		if err := tx.Exec("UPDATE "+h.table+" SET "+h.erase+" WHERE "+h.of, values).Error; err != nil {
			return err
		}
	}
	if err := tx.Where("order_id = ? AND kind = ?", o.ID, AuditCustomer).Delete(&AuditEvent{}).Error; err != nil {
		return err
	}
	return replaceWords(tx, Order{ID: o.ID})
}

// eraseMessages erases the customer from what came from elsewhere. Of a notification the digest stays, and with it the
// proof that it was signed.
func eraseMessages(tx *transaction, o Order, customers []Customer, values map[string]any) error {
	var came []Notification
	if err := tx.Select("id", "body").Where(ofInvoice, values).Find(&came).Error; err != nil {
		return err
	}
	for _, n := range came {
		if isPlain(n.Body, customers...) {
			continue
		}
		if err := tx.Model(&Notification{}).Where("id = ?", n.ID).Update("body", []byte{}).Error; err != nil {
			return err
		}
	}
	for _, p := range o.Payments {
		for _, r := range p.Receipts {
			kept := tx.Model(&Receipt{}).Where("id = ?", r.ID).Update("identifiers", tillIdentifiers(r.Identifiers))
			if err := kept.Error; err != nil {
				return err
			}
		}
	}
	return nil
}

// eraseSamples drops the samples of rejected deliveries that claim to be about the orders or mention the customers.
func eraseSamples(tx *transaction, erased []Order, customers []Customer) error {
	if len(erased) == 0 {
		return nil
	}
	var samples []Rejection
	if err := tx.Select("id", "invoice_number", "header", "body").Find(&samples).Error; err != nil {
		return err
	}
	for _, sample := range samples {
		about := func(o Order) bool { return strings.HasPrefix(sample.InvoiceNumber, o.Number) }
		if !slices.ContainsFunc(erased, about) && !mentions(readable(sample.Header+" "+string(sample.Body)), customers...) {
			continue
		}
		if err := tx.Delete(&Rejection{}, sample.ID).Error; err != nil {
			return err
		}
	}
	return nil
}

// strays is the condition that a notification is genuine and belongs to no order of ours.
const strays = "verdict IN @verdicts AND length(body) > 0" +
	" AND NOT EXISTS (SELECT 1 FROM payments p WHERE p.invoice_number = notifications.invoice_number)"

func ofStrays(tx *transaction) *gorm.DB {
	verdicts := []Verdict{VerdictUnknownInvoice, VerdictUnreadable}
	return tx.Model(&Notification{}).Where(strays, map[string]any{"verdicts": verdicts})
}

// eraseStrays erases notifications that belong to no order and name the customers. They may tell of money that nobody
// has decided about: a name that is only a part of another word does not count.
func eraseStrays(tx *transaction, customers []Customer) error {
	if len(customers) == 0 {
		return nil
	}
	var came []Notification
	if err := ofStrays(tx).Select("id", "body").Find(&came).Error; err != nil {
		return err
	}
	for _, n := range came {
		if !names(readable(string(n.Body)), customers) {
			continue
		}
		if err := tx.Model(&Notification{}).Where("id = ?", n.ID).Update("body", []byte{}).Error; err != nil {
			return err
		}
	}
	return nil
}

// plainMembers are what a notification consists of that tells of money and of nobody.
var plainMembers = []string{"service", "acquirer", "channel", "transaction", "order", "online_to_offline_info",
	"online_to_offline_payment"}

// isPlain reports whether a notification says nothing but what plainMembers do, and mentions none of the customers.
func isPlain(body []byte, customers ...Customer) bool {
	var message map[string]json.RawMessage
	if json.Unmarshal(body, &message) != nil || mentions(readable(string(body)), customers...) {
		return false
	}
	for _, name := range plainMembers {
		delete(message, name)
	}
	return len(message) == 0
}

// IsIn reports whether a text has the customer's name, email or phone number in it.
func (c Customer) IsIn(text string) bool { return mentions(readable(text), c) }

// tillIdentifiers keeps of a list of identifiers those that name a till, a shop of it and a payment there.
func tillIdentifiers(list string) string {
	var given, kept []struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	}
	if json.Unmarshal([]byte(list), &given) != nil {
		return ""
	}
	for _, i := range given {
		switch strings.ToUpper(strings.TrimSpace(i.Name)) {
		case "AGENT_ID", "AGENT_STORE_ID", tillTransaction, "SHA-256":
			kept = append(kept, i)
		}
	}
	if kept == nil {
		return ""
	}
	text, _ := json.Marshal(kept) // texts always encode
	return string(text)
}

// scrubKey is the row of keys that says that Scrub has something to do.
const scrubKey = "scrub"

// wantScrub notes, where anything was erased, that the files still hold it. Each note is another one.
func wantScrub(tx *transaction, erased int) error {
	if erased == 0 {
		return nil
	}
	replace := clause.OnConflict{Columns: []clause.Column{{Name: "name"}},
		DoUpdates: clause.AssignmentColumns([]string{"value"})}
	return tx.Clauses(replace).Create(&key{Name: scrubKey, Value: randomBytes(16)}).Error
}

// Scrub removes from the files of the database what was erased since it last did, and reports whether there was
// anything. It goes on where it was cut off. On SQLite nothing is left; on PostgreSQL the rows are gone, and their
// bytes once the server uses their place again.
func (s *Store) Scrub(ctx context.Context) (bool, error) {
	note, err := gorm.G[key](s.write).Where("name = ?", scrubKey).Take(ctx)
	if err == ErrNotFound {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	var names []string
	for _, h := range held {
		names = append(names, h.table)
	}
	if err := s.database.Scrub(ctx, names); err != nil {
		return false, fmt.Errorf("scrub: %w", err)
	}
	deleted, err := gorm.G[key](s.write).Where("name = ? AND value = ?", scrubKey, note.Value).Delete(ctx)
	return deleted > 0, err
}
