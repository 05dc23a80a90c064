package models

import (
	"context"
	"slices"
	"sort"
	"sync"
	"time"
)

// Figures is how the shop did for a while.
type Figures struct {
	Placed       int64 // orders
	PlacedAmount int64 // whole rupiah
	Converted    int64 // of the orders placed, paid since
	Paid         int64 // orders, whenever placed
	Received     int64 // whole rupiah, every receipt
	Expired      int64 // orders

	waits [][]int64 // milliseconds from placed to paid, of each day's orders, sorted
}

// Median is the time from placing to paying that half the customers stay under,
// zero when nobody has paid.
func (f Figures) Median() time.Duration {
	all, most := 0, int64(0)
	for _, day := range f.waits {
		all += len(day)
		if len(day) > 0 {
			most = max(most, day[len(day)-1])
		}
	}
	if all == 0 {
		return 0
	}
	// Days are sorted, a month is not: look for the time that half have stayed under.
	median := sort.Search(int(most), func(ms int) bool {
		under := 0
		for _, day := range f.waits {
			n, _ := slices.BinarySearch(day, int64(ms)+1)
			under += n
		}
		return under > all/2
	})
	return time.Duration(median) * time.Millisecond
}

// Day is the figures of one day.
type Day struct {
	Start time.Time
	Figures
}

// Sum is the figures of several days as one.
func Sum(days []Day) (sum Figures) {
	for _, d := range days {
		sum.Placed += d.Placed
		sum.PlacedAmount += d.PlacedAmount
		sum.Converted += d.Converted
		sum.Paid += d.Paid
		sum.Received += d.Received
		sum.Expired += d.Expired
		sum.waits = append(sum.waits, d.waits...)
	}
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

func (s *Store) count(ctx context.Context, from, to time.Time) (f Figures, err error) {
	db := s.read.WithContext(ctx)
	var orders []struct {
		Total    int64
		PlacedAt time.Time
		PaidAt   *time.Time
	}
	err = db.Model(&Order{}).Select("total, placed_at, paid_at").Where("placed_at >= ? AND placed_at < ?", from, to).Scan(&orders).Error
	if err != nil {
		return f, err
	}
	var waits []int64
	for _, o := range orders {
		f.Placed++
		f.PlacedAmount += o.Total
		if o.PaidAt != nil {
			f.Converted++
			waits = append(waits, max(0, o.PaidAt.Sub(o.PlacedAt).Milliseconds())) // the till's clock may be behind ours
		}
	}
	slices.Sort(waits)
	f.waits = [][]int64{waits}
	if err := db.Model(&Order{}).Where("paid_at >= ? AND paid_at < ?", from, to).Count(&f.Paid).Error; err != nil {
		return f, err
	}
	if err := db.Model(&Order{}).Where("expired_at >= ? AND expired_at < ?", from, to).Count(&f.Expired).Error; err != nil {
		return f, err
	}
	return f, db.Model(&Receipt{}).Select("COALESCE(SUM(amount), 0)").Where("paid_at >= ? AND paid_at < ?", from, to).Scan(&f.Received).Error
}
