package models

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"

	"warungjokul/models/internal/db"
)

// An order takes its stock before it is paid. The limits below bound what one visitor can hold by that: they count
// the orders that wait to be paid, and their pieces, for each client, each email and each phone number. What is paid,
// expired or cancelled counts nothing.

// HolderKind says by what the holder of an unpaid order is counted.
type HolderKind string

const (
	HolderClient HolderKind = "client" // an IPv4 address or an IPv6 /64 network
	HolderEmail  HolderKind = "email"
	HolderPhone  HolderKind = "phone"
)

// orderHolder says who holds an order that waits to be paid. The holder is a keyed hash, from which nobody reads the
// address, email or phone number. The rows are deleted when the order is not waiting any more.
type orderHolder struct {
	OrderID int64      `gorm:"primaryKey;autoIncrement:false"`
	Kind    HolderKind `gorm:"primaryKey"`
	Holder  string
}

// holding is how many orders, and pieces in them, wait to be paid.
type holding struct {
	Kind           HolderKind
	Orders, Pieces int64
}

// maxHeld is where another order is refused. A family or an office orders several times from one address, and mobile
// networks put many phones behind one; an email or a phone number belongs to few people.
var maxHeld = map[HolderKind]holding{
	HolderClient: {Orders: 20, Pieces: 200},
	HolderEmail:  {Orders: 10, Pieces: 200},
	HolderPhone:  {Orders: 10, Pieces: 200},
}

const (
	// fewOrdersFactor widens the limits of email and phone for a client that has fewOrders at most itself. A stranger
	// who fills orders with somebody's email from one address does not lock that person, or a family, out.
	fewOrdersFactor = 3
	fewOrders       = 4

	// alwaysHeld is how many pieces of a product a client may hold however scarce it is. Of more it may hold half of
	// what is there without it.
	alwaysHeld = 5 // a family orders one piece each
)

// OpenOrdersError refuses an order because of orders that wait to be paid.
type OpenOrdersError struct{ By HolderKind }

func (e *OpenOrdersError) Error() string {
	return "too many unpaid orders of the same " + string(e.By)
}

// ScarceError refuses an order because its client would hold too much of what is left of a product.
type ScarceError struct {
	SKU  string
	Most int64 // pieces that the client could still order
}

func (e *ScarceError) Error() string {
	return fmt.Sprintf("an unpaid order may take %d more of %s", e.Most, e.SKU)
}

// holdersOf returns by whom an order is counted, in the order in which they are locked: nobody where the order names
// no client, which lifts all limits.
func (s *Store) holdersOf(o Order) (list []orderHolder) {
	if o.Client == "" {
		return nil
	}
	for kind, value := range map[HolderKind]string{HolderClient: o.Client, HolderEmail: NormalEmail(o.CustomerEmail), HolderPhone: NormalPhone(o.CustomerPhone)} {
		if value != "" {
			list = append(list, orderHolder{OrderID: o.ID, Kind: kind, Holder: s.keyedHash(string(kind), value)})
		}
	}
	slices.SortFunc(list, func(a, b orderHolder) int { return cmp.Compare(a.Holder, b.Holder) })
	return list
}

// keyedHash returns a name for a value that only this shop can make.
func (s *Store) keyedHash(kind, value string) string {
	mac := hmac.New(sha256.New, s.holderKey)
	fmt.Fprintf(mac, "%q %q", kind, value)
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:16])
}

// mailProvider is a provider that leads several addresses to one mailbox.
type mailProvider struct {
	domains    []string // the first stands for all: they share their names
	separators string   // which it ignores in a name
}

var mailProviders = []mailProvider{
	{[]string{"gmail.com", "googlemail.com"}, "."},
	{[]string{"proton.me", "protonmail.com", "pm.me", "protonmail.ch"}, ".-_"},
}

// allSeparators are what any of mailProviders ignores.
const allSeparators = ".-_"

// NormalEmail returns the same for addresses that lead to one mailbox: without capitals and without what follows a
// plus sign, and without what its provider ignores. Elsewhere dots tell mailboxes apart.
func NormalEmail(email string) string {
	name, domain, _ := strings.Cut(strings.ToLower(strings.TrimSpace(email)), "@")
	name, _, _ = strings.Cut(name, "+")
	for _, p := range mailProviders {
		if slices.Contains(p.domains, domain) {
			name, domain = without(name, p.separators), p.domains[0]
		}
	}
	if domain == "" {
		return name
	}
	return name + "@" + domain
}

// without is a text without some characters.
func without(text, characters string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(characters, r) {
			return -1
		}
		return r
	}, text)
}

// NormalPhone returns the digits of a phone number with its country: 0812, 812, +62 812, 0062 812 and +62 0812 are one.
func NormalPhone(phone string) string {
	digits := digitsOf(phone)
	abroad := strings.HasPrefix(strings.TrimSpace(phone), "+") || strings.HasPrefix(digits, "00")
	digits = strings.TrimPrefix(digits, "00")
	local, indonesian := strings.CutPrefix(digits, "62")
	if !indonesian && !abroad && digits != "" {
		local, indonesian = digits, digits[0] == '0' || digits[0] == '8'
	}
	if indonesian {
		return "62" + strings.TrimPrefix(local, "0")
	}
	return digits
}

// checkBefore refuses an order that would be over a limit, before a transaction is begun for it: a flood of orders
// that are refused costs one query each. The transaction checks again, behind a lock.
func (s *Store) checkBefore(ctx context.Context, o Order) error {
	return checkOpenOrders(s.read.WithContext(ctx), s.holdersOf(o), o.ID)
}

// hold counts an order for its holders, unless one of them holds too much already. Nobody else counts for the same
// holders until the transaction ends. An order that is refused is not kept, or not changed: the error must end the
// transaction.
func (s *Store) hold(tx *transaction, o Order) error {
	list := s.holdersOf(o)
	if len(list) == 0 {
		return nil
	}
	for _, h := range list {
		if err := db.AdvisoryLock(tx.DB, h.Holder); err != nil {
			return err
		}
	}
	if err := checkOpenOrders(tx.DB, list, o.ID); err != nil {
		return err
	}
	return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&list).Error
}

// checkOpenOrders refuses another order of holders of whom one holds too much already, without the order itself.
func checkOpenOrders(db *gorm.DB, list []orderHolder, orderID int64) error {
	if len(list) == 0 {
		return nil
	}
	var holders []string
	for _, h := range list {
		holders = append(holders, h.Holder)
	}
	var found []holding
	err := heldBy(db, holders...).Where("h.order_id <> ?", orderID).Group("h.kind").
		Select("h.kind, COUNT(DISTINCT h.order_id) AS orders, CAST(SUM(l.quantity) AS bigint) AS pieces").Find(&found).Error
	if err != nil {
		return err
	}
	held := map[HolderKind]holding{}
	for _, f := range found {
		held[f.Kind] = f
	}
	for _, kind := range []HolderKind{HolderClient, HolderEmail, HolderPhone} {
		factor := int64(1)
		if kind != HolderClient && held[HolderClient].Orders <= fewOrders {
			factor = fewOrdersFactor
		}
		if most := maxHeld[kind]; held[kind].Orders >= factor*most.Orders || held[kind].Pieces >= factor*most.Pieces {
			return &OpenOrdersError{By: kind}
		}
	}
	return nil
}

// heldBy asks about the lines of unpaid orders that holders have.
func heldBy(db *gorm.DB, holders ...string) *gorm.DB {
	return db.Table("order_holders AS h").
		Joins("JOIN orders o ON o.id = h.order_id AND o.status = ?", OrderAwaitingPayment).
		Joins("JOIN order_lines l ON l.order_id = h.order_id").Where("h.holder IN ?", holders)
}

// checkScarce refuses an order whose stock is taken where its client holds too much of a product by it: more than
// half of what would be there without this client, rounded up.
func (s *Store) checkScarce(tx *transaction, o Order) error {
	if o.Client == "" {
		return nil
	}
	var skus []string
	ordered := map[string]int64{}
	for _, l := range o.Lines {
		skus = append(skus, l.SKU)
		ordered[l.SKU] += l.Quantity
	}
	var found []struct {
		SKU         string
		Held, Stock int64
	}
	err := heldBy(tx.DB, s.keyedHash(string(HolderClient), o.Client)).Where("l.sku IN ?", skus).
		Joins("JOIN products p ON p.sku = l.sku").Group("l.sku, p.stock").Order("l.sku").
		Select("l.sku, CAST(SUM(l.quantity) AS bigint) AS held, p.stock").Find(&found).Error
	if err != nil {
		return err
	}
	for _, f := range found {
		if most := max(alwaysHeld, (f.Held+f.Stock+1)/2); f.Held > most {
			return &ScarceError{SKU: f.SKU, Most: max(0, most-(f.Held-ordered[f.SKU]))}
		}
	}
	return nil
}

// holdAnew counts a waiting order for its customer's email and phone as they are now, if it is counted at all.
func (s *Store) holdAnew(tx *transaction, o Order) error {
	var list []orderHolder
	if err := tx.Where("order_id = ?", o.ID).Find(&list).Error; err != nil || len(list) == 0 {
		return err
	}
	values := map[HolderKind]string{HolderEmail: NormalEmail(o.CustomerEmail), HolderPhone: NormalPhone(o.CustomerPhone)}
	for i, h := range list {
		if value, named := values[h.Kind]; named {
			list[i].Holder = s.keyedHash(string(h.Kind), value)
		}
	}
	slices.SortFunc(list, func(a, b orderHolder) int { return cmp.Compare(a.Holder, b.Holder) })
	for _, h := range list {
		if err := db.AdvisoryLock(tx.DB, h.Holder); err != nil {
			return err
		}
	}
	if err := checkOpenOrders(tx.DB, list, o.ID); err != nil {
		return err
	}
	return tx.Clauses(clause.OnConflict{UpdateAll: true}).Create(&list).Error
}

// letGo stops counting an order that does not wait to be paid any more.
func letGo(tx *transaction, orderID int64) error {
	return tx.Where("order_id = ?", orderID).Delete(&orderHolder{}).Error
}

// DeleteOldHolders deletes what is left of the holders of orders that ended: a shop of the version before ends orders
// without that.
func (s *Store) DeleteOldHolders(ctx context.Context) error {
	return s.transact(ctx, func(tx *transaction) error {
		waiting := tx.Model(&Order{}).Select("id").Where("status = ?", OrderAwaitingPayment)
		return tx.Where("order_id NOT IN (?)", waiting).Delete(&orderHolder{}).Error
	})
}

// CountSameHolder counts the unpaid orders with the same holder as an order has, itself included, by kind.
func (s *Store) CountSameHolder(ctx context.Context, orderID int64) (map[HolderKind]int64, error) {
	own := s.read.WithContext(ctx).Model(&orderHolder{}).Select("holder").Where("order_id = ?", orderID)
	counted := map[HolderKind]int64{}
	return counted, counts(s.read.WithContext(ctx).Model(&orderHolder{}).Where("holder IN (?)", own), "kind", counted)
}

// SameHolder lists the unpaid orders with the same holder of a kind as the order with that number, the latest first.
func (s *Store) SameHolder(ctx context.Context, number string, kind HolderKind, most int) ([]Order, error) {
	db := s.read.WithContext(ctx)
	own := db.Table("order_holders AS h").Select("h.holder").Joins("JOIN orders o ON o.id = h.order_id").Where("o.number = ? AND h.kind = ?", number, kind)
	ids := db.Model(&orderHolder{}).Select("order_id").Where("holder IN (?)", own)
	var list []Order
	return list, db.Where("id IN (?) AND status = ?", ids, OrderAwaitingPayment).Order("id DESC").Limit(most).Find(&list).Error
}

// OrdersByNumber lists orders, without their lines, the latest first; unknown numbers are left out.
func (s *Store) OrdersByNumber(ctx context.Context, numbers []string) ([]Order, error) {
	return gorm.G[Order](s.read).Where("number IN ?", numbers).Order("id DESC").Find(ctx)
}
