package models

import (
	"cmp"
	"context"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"
)

// DailyStats are the figures of a day, or of several.
type DailyStats struct {
	Placed       int64 // orders
	PlacedAmount int64 // whole rupiah
	Converted    int64 // of the orders placed, paid since
	Paid         int64 // orders, whenever placed
	Received     int64 // whole rupiah, applied to orders, by the day the shop learnt of them
	Unapplied    int64 // whole rupiah that came and pay no order, whether or not they were given back; by that day, too
	Undecided    int64 // of the unapplied: a case asks a person
	Refunded     int64 // whole rupiah, by the day of the refund
	Expired      int64 // orders

	waits []wait // from placed to paid, the shortest first
}

// wait is how many customers took so long: whole seconds below ten minutes, whole
// minutes above. A million orders of a month make a few thousand of them.
type wait struct {
	lasted time.Duration
	orders int64
}

func (w wait) compare(other wait) int { return cmp.Compare(w.lasted, other.lasted) }

func waitOf(lasted time.Duration) time.Duration {
	if lasted < 10*time.Minute {
		return max(0, lasted.Truncate(time.Second)) // the till's clock may be behind ours
	}
	return lasted.Truncate(time.Minute)
}

// Median is the time from placing to paying that half the customers stay under,
// zero when nobody has paid.
func (f DailyStats) Median() time.Duration {
	var all, under int64
	for _, w := range f.waits {
		all += w.orders
	}
	for _, w := range f.waits {
		if under += w.orders; under > all/2 {
			return w.lasted
		}
	}
	return 0
}

// Day is the figures of one day.
type Day struct {
	Start time.Time
	DailyStats
}

// Sum is the figures of several days as one.
func Sum(days []Day) (sum DailyStats) {
	for _, d := range days {
		sum.Placed += d.Placed
		sum.PlacedAmount += d.PlacedAmount
		sum.Converted += d.Converted
		sum.Paid += d.Paid
		sum.Received += d.Received
		sum.Unapplied += d.Unapplied
		sum.Undecided += d.Undecided
		sum.Refunded += d.Refunded
		sum.Expired += d.Expired
		sum.waits = append(sum.waits, d.waits...)
	}
	slices.SortFunc(sum.waits, wait.compare)
	return sum
}

const (
	oneDay = 24 * time.Hour

	// A day is counted once and kept for a while: a short while when it is not
	// over, or its last orders may still be paid; a long one when hardly
	// anything changes any more.
	freshDay = 10 * time.Second
	oldDay   = 3 * time.Hour
)

// dayCache keeps days that were counted. One caller counts at a time, so that
// who comes together counts once.
type dayCache struct {
	mu   sync.Mutex
	days map[time.Time]countedDay
}

type countedDay struct {
	Day
	until time.Time
}

// Days returns the figures of n days, the last of which begins at last, the
// earliest first. Whose days they are is the caller's: a day is 24 hours.
func (s *Store) Days(ctx context.Context, last time.Time, n int) ([]Day, error) {
	return s.countDays(ctx, last.UTC(), n, false)
}

// RefreshDays counts again what Days would return, before anybody asks.
func (s *Store) RefreshDays(ctx context.Context, last time.Time, n int) error {
	_, err := s.countDays(ctx, last.UTC(), n, true)
	return err
}

func (s *Store) countDays(ctx context.Context, last time.Time, n int, anew bool) ([]Day, error) {
	days := make([]Day, n)
	for i := range days {
		var err error
		if days[i], err = s.day(ctx, last.Add(time.Duration(i-n+1)*oneDay), anew); err != nil {
			return nil, err
		}
	}
	return days, nil
}

func (s *Store) day(ctx context.Context, start time.Time, anew bool) (Day, error) {
	s.counted.mu.Lock()
	defer s.counted.mu.Unlock()
	now := s.now()
	if d, ok := s.counted.days[start]; ok && now.Before(d.until) && !anew {
		return d.Day, nil
	}
	figures, err := s.count(ctx, start, start.Add(oneDay))
	if err != nil {
		return Day{}, err
	}
	lasts := oldDay
	if now.Sub(start) < 2*oneDay {
		lasts = freshDay
	}
	for kept := range s.counted.days {
		if now.Sub(kept) > 400*oneDay {
			delete(s.counted.days, kept)
		}
	}
	if s.counted.days == nil {
		s.counted.days = map[time.Time]countedDay{}
	}
	d := Day{start, figures}
	s.counted.days[start] = countedDay{d, now.Add(lasts)}
	return d, nil
}

func (s *Store) count(ctx context.Context, from, to time.Time) (f DailyStats, err error) {
	db := s.read.WithContext(ctx)
	waits := map[time.Duration]int64{}
	rows, err := db.Model(&Order{}).Select("total", "placed_at", "paid_at").Where("placed_at >= ? AND placed_at < ? AND "+isReal, from, to).Rows()
	if err != nil {
		return f, err
	}
	defer rows.Close()
	for rows.Next() {
		var o Order
		if err := rows.Scan(&o.Total, &o.PlacedAt, &o.PaidAt); err != nil {
			return f, err
		}
		f.Placed++
		f.PlacedAmount += o.Total
		if o.PaidAt != nil {
			f.Converted++
			waits[waitOf(o.PaidAt.Sub(o.PlacedAt))]++
		}
	}
	if err := rows.Err(); err != nil {
		return f, err
	}
	for lasted, orders := range waits {
		f.waits = append(f.waits, wait{lasted, orders})
	}
	slices.SortFunc(f.waits, wait.compare)
	if err := db.Model(&Order{}).Where("paid_at >= ? AND paid_at < ? AND "+isReal, from, to).Count(&f.Paid).Error; err != nil {
		return f, err
	}
	if err := db.Model(&Order{}).Where("expired_at >= ? AND expired_at < ? AND "+isReal, from, to).Count(&f.Expired).Error; err != nil {
		return f, err
	}
	return f, f.countMoney(db, from, to)
}

// countMoney adds up what came, and what was given back. Money counts on the day the shop learnt of it: the gateway's
// date may lie ahead or be of long ago, and no receipt is to be missing from the days.
func (f *DailyStats) countMoney(db *gorm.DB, from, to time.Time) error {
	const sum = "COALESCE(SUM(CASE WHEN status IN ? THEN amount ELSE 0 END), 0)"
	err := db.Model(&Receipt{}).Where("created_at >= ? AND created_at < ? AND "+isRevenue, from, to).
		Select(sum+" AS received, "+sum+" AS unapplied, "+sum+" AS undecided", []ReceiptStatus{ReceiptApplied},
			[]ReceiptStatus{ReceiptHeld, ReceiptReturned, ReceiptKept}, []ReceiptStatus{ReceiptHeld}).
		Row().Scan(&f.Received, &f.Unapplied, &f.Undecided)
	if err != nil {
		return err
	}
	return db.Model(&Case{}).Select("COALESCE(SUM(cases.refunded), 0)").Joins("JOIN receipts ON receipts.id = cases.receipt_id").
		Where("cases.refunded > 0 AND cases.refunded_on >= ? AND cases.refunded_on < ? AND "+isRevenue, from, to).
		Scan(&f.Refunded).Error
}
