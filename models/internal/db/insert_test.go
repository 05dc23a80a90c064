package db

import (
	"context"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/clause"
)

type part struct{ Name string }

type item struct {
	ID        int64
	Name      string                `gorm:"uniqueIndex"`
	Tags      []string              `gorm:"serializer:json"`
	Kind      struct{ Text string } `gorm:"embedded;embeddedPrefix:kind_"`
	Color     string                `gorm:"default:red"`
	Hidden    string                `gorm:"-"`
	Parts     []part                `gorm:"-"`
	Body      []byte
	PaidAt    *time.Time
	CreatedAt time.Time
}

// Rows come out as they went in, whether buildInsert or GORM has built the statement.
func TestInsert(t *testing.T) {
	s := openEntries(t)
	if err := s.write.Migrator().CreateTable(&item{}); err != nil {
		t.Fatal(err)
	}
	doNothing := clause.OnConflict{DoNothing: true}
	paid := time.Date(2026, 11, 28, 8, 0, 0, 0, time.UTC)
	one := item{Name: "one", Tags: []string{"a", "b"}, Hidden: "x", Body: []byte{0, 1}, PaidAt: &paid}
	one.Kind.Text = "tool"
	again, chosen := item{Name: "one"}, item{ID: 7, Name: "chosen"}
	several := []item{{Name: "two"}, {Name: "three", CreatedAt: paid}}
	for name, create := range map[string]func(db *gorm.DB) *gorm.DB{
		"1 one":     func(db *gorm.DB) *gorm.DB { return db.Omit(clause.Associations).Create(&one) },
		"2 again":   func(db *gorm.DB) *gorm.DB { return db.Clauses(doNothing).Create(&again) },
		"3 several": func(db *gorm.DB) *gorm.DB { return db.Create(&several) },
		"4 chosen":  func(db *gorm.DB) *gorm.DB { return db.Create(&chosen) },
		"5 some":    func(db *gorm.DB) *gorm.DB { return db.Select("name").Create(&item{Name: "some", PaidAt: &paid}) },
	} {
		t.Run(name, func(t *testing.T) {
			dry := create(s.write.Session(&gorm.Session{DryRun: true})).Statement
			if built := strings.Contains(dry.SQL.String(), `("`); built != (name < "4") {
				t.Errorf("built by buildInsert: %v\n%s", built, dry.SQL.String())
			}
		})
	}
	again.CreatedAt = time.Time{}
	ctx := context.Background()
	if err := s.write.WithContext(ctx).Omit(clause.Associations).Create(&one).Error; err != nil || one.ID != 1 || one.CreatedAt.IsZero() {
		t.Fatalf("%+v, %v", one, err)
	}
	if res := s.write.Clauses(doNothing).Create(&again); res.Error != nil || res.RowsAffected != 0 || again.ID != 0 {
		t.Errorf("a conflict: %+v, %v", again, res.Error)
	}
	if err := s.write.Create(&several).Error; err != nil || !several[1].CreatedAt.Equal(paid) {
		t.Errorf("several rows: %+v, %v", several, err)
	}
	for _, row := range several {
		if got, err := gorm.G[item](s.read).Where("name = ?", row.Name).Take(ctx); err != nil || got.ID != row.ID || row.ID == 0 {
			t.Errorf("%s has the ID %d, and got %d, %v", row.Name, got.ID, row.ID, err)
		}
	}
	if err := s.write.Create(&chosen).Error; err != nil {
		t.Error(err)
	}
	got, err := gorm.G[item](s.read).Where("name = ?", "one").Take(ctx)
	if err != nil || got.Kind.Text != "tool" || len(got.Tags) != 2 || len(got.Body) != 2 || !got.PaidAt.Equal(paid) || got.Hidden != "" || got.Color != "red" {
		t.Errorf("got %+v, %v", got, err)
	}
	if n, err := gorm.G[item](s.read).Where("id = 7").Count(ctx, "*"); err != nil || n != 1 {
		t.Errorf("the row with an ID of its own: %d, %v", n, err)
	}
	if err := s.write.Create(&[]item{}).Error; err == nil {
		t.Error("no rows were created")
	}
}
