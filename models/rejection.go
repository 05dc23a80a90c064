package models

import (
	"context"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

// Rejection is a delivery that did not verify. Anybody can send those, so only
// samples are kept, of each reason the latest.
type Rejection struct {
	ID            int64
	Reason        string
	InvoiceNumber string // as it claims
	Sender        string // the address it came from
	Header        string // JSON; the headers that explain anything
	Body          []byte // at most MaxRejectedBody of it
	Size          int64  // of the whole body
	ReceivedAt    time.Time
}

// Whole reports whether all of the body was kept.
func (r Rejection) Whole() bool { return r.Size == int64(len(r.Body)) }

const (
	// MaxRejectedBody is how much of a rejected body is kept, in bytes.
	MaxRejectedBody = 8 << 10

	// RejectionsKept is how many samples of each reason there are at most. With
	// three reasons that is some two megabytes, however much is sent.
	RejectionsKept = 60
)

// RejectionCount is how many deliveries were rejected for a reason.
type RejectionCount struct {
	Reason string `gorm:"primaryKey"`
	Count  int64
	LastAt time.Time
}

// SaveRejections adds to the counts, by reason, and saves samples in place of the oldest.
func (s *Store) SaveRejections(ctx context.Context, counts map[string]int64, samples []Rejection) error {
	now := s.now()
	return s.transact(ctx, func(tx *transaction) error {
		for reason, n := range counts {
			add := clause.OnConflict{Columns: []clause.Column{{Name: "reason"}},
				DoUpdates: clause.Assignments(map[string]any{"count": gorm.Expr("rejection_counts.count + ?", n), "last_at": now})}
			if err := tx.Clauses(add).Create(&RejectionCount{Reason: reason, Count: n, LastAt: now}).Error; err != nil {
				return err
			}
		}
		if len(samples) > 0 {
			if err := tx.Create(&samples).Error; err != nil {
				return err
			}
		}
		for reason := range counts {
			kept := tx.Model(&Rejection{}).Select("id").Where("reason = ?", reason).Order("id DESC").Limit(RejectionsKept)
			if err := tx.Where("reason = ? AND id NOT IN (?)", reason, kept).Delete(&Rejection{}).Error; err != nil {
				return err
			}
		}
		return nil
	})
}

// Rejections lists the samples, the latest first.
func (s *Store) Rejections(ctx context.Context) ([]Rejection, error) {
	return gorm.G[Rejection](s.read).Order("received_at DESC, id DESC").Find(ctx)
}

// RejectionsAbout lists the samples that claim to be about some invoice numbers,
// in the order in which they came.
func (s *Store) RejectionsAbout(ctx context.Context, invoiceNumbers []string) ([]Rejection, error) {
	return gorm.G[Rejection](s.read).Where("invoice_number IN ?", invoiceNumbers).Order("received_at, id").Find(ctx)
}

// Rejection finds a sample, or says ErrNotFound.
func (s *Store) Rejection(ctx context.Context, id int64) (Rejection, error) {
	return gorm.G[Rejection](s.read).Where("id = ?", id).Take(ctx)
}

// RejectionCounts says how many deliveries were rejected, by reason.
func (s *Store) RejectionCounts(ctx context.Context) ([]RejectionCount, error) {
	return gorm.G[RejectionCount](s.read).Order("reason").Find(ctx)
}

// rejectionAge is how long a sample is kept: anybody may have sent it, with anybody's data in it, and a week is enough
// to look into what went wrong.
const rejectionAge = 7 * 24 * time.Hour

// DeleteOldRejections deletes samples that are older than rejectionAge. The counts stay.
func (s *Store) DeleteOldRejections(ctx context.Context) error {
	return deleteOlder[Rejection](ctx, s, "received_at", rejectionAge)
}
