package models

import (
	"errors"
	"fmt"

	"gorm.io/gorm"

	"warungjokul/models/migrations"
)

// migrate brings the database to the newest schema and checks it.
func migrate(db *gorm.DB) error {
	if err := migrations.Run(db, migrationRules()); err != nil {
		return err
	}
	return checkSchema(db)
}

// migrationRules are today's rules, for steps that fill new columns and tables.
func migrationRules() migrations.Rules {
	return migrations.Rules{
		Words: func(name, email string, texts ...string) (words [][]byte) {
			list := append(nameWords(name), fold(email))
			for _, text := range texts {
				list = append(list, fold(text))
			}
			for _, row := range wordRows(0, list) {
				words = append(words, row.Word)
			}
			return words
		},
		TillTransaction: func(identifiers string) string { return TillIdentifier(identifiers, tillTransaction) },
	}
}

// tables returns a value of each stored type; each has a table.
func tables() []any {
	return []any{&key{}, &Product{}, &Order{}, &OrderLine{}, &Payment{}, &Receipt{}, &Notification{}, &APICall{}, &Case{}, &Mail{}, &Session{},
		&orderWord{}, &AuditEvent{}, &Rejection{}, &RejectionCount{}, &owner{}, &orderHolder{}, &mailSend{}}
}

// learnSchema has GORM read every type before there are several goroutines. Left
// to itself it reads a type at its first use, and reading one that others refer
// to changes those, which may be in use by then: a data race at each start.
func learnSchema(db *gorm.DB) error {
	for _, table := range tables() {
		if err := (&gorm.Statement{DB: db}).Parse(table); err != nil {
			return err
		}
	}
	return nil
}

// checkSchema looks for every column this version reads or writes.
func checkSchema(db *gorm.DB) error {
	for _, table := range tables() {
		statement := &gorm.Statement{DB: db}
		if err := statement.Parse(table); err != nil {
			return err
		}
		var rows []map[string]any
		err := db.Table(statement.Table).Select(statement.Schema.DBNames).Limit(1).Find(&rows).Error
		if errors.Is(err, ErrUnavailable) {
			return err
		}
		if err != nil {
			return fmt.Errorf("%w (%w)", migrations.ErrHalfMigrated, err)
		}
	}
	return nil
}
